"""The gallery's index: the same outcome as comparing with everybody, always of today, and gone with its captures."""

from __future__ import annotations

import numpy as np
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection, transaction

from accounts import index
from accounts.index.exact import ExactIndex, Templates
from accounts.index.postgres import VectorTable, table_of
from accounts.models import FaceCapture, GalleryVersion
from accounts.services import account_delete
from accounts.templates import capture_purpose, gallery, seal
from faceaccess.benchmarks.gallery import face, photographed, templates
from mfmc_engine.recognition.matching import match
from tests.factories import FaceCaptureFactory, UserFactory, unit_vector

pytestmark = pytest.mark.django_db
THRESHOLD, MARGIN = 0.45, 0.06


@pytest.fixture(params=["exact", "pgvector"])
def built(request, settings):
    """A function: the index over whatever was enrolled until then."""
    settings.FACE_INDEX = request.param
    if request.param == "exact":
        yield index.get_index
        return
    if not has_pgvector():
        pytest.skip("no PostgreSQL with pgvector: see TEST_DATABASE_URL")

    def build():
        if not index.get_index().table.exists():
            call_command("face_index", "build", verbosity=0)
        return index.get_index()

    yield build
    call_command("face_index", "drop")


def has_pgvector() -> bool:
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'")
        return cursor.fetchone()[0] == 1


def people_of(found) -> set[str]:
    return set(found.people)


def test_matching_the_near_ones_comes_to_the_same_as_matching_everybody():
    """Random galleries in which every tenth person has a double."""
    states = set()
    for seed in range(30):
        random = np.random.default_rng(seed)
        rows = templates(2000, seed)
        rows[1800:] = photographed(rows[:200], seed + 200)
        known = Templates.of(np.arange(2000), random.integers(0, 700, 2000), rows)
        probes = np.concatenate([photographed(rows[random.choice(400, 6)], seed), templates(4, seed + 100)])
        faces = [face(probe) for probe in probes]
        exclude = {(0, str(known.people[0])), (1, match(faces, known.gallery)[1].person or "none")}
        near = known.near(probes, THRESHOLD + MARGIN)
        assert 0 < len(near) < len(known.gallery)
        everybody = match(faces, known.gallery, exclude, THRESHOLD)
        among_near = match(faces, near, exclude, THRESHOLD)
        assert [(m.state, m.person) for m in among_near] == [(m.state, m.person) for m in everybody]
        states |= {m.state for m in everybody}
    assert states == {"matched", "ambiguous", "unknown"}


def test_everybody_within_the_radius_is_found_and_nobody_else(built):
    captures = [FaceCaptureFactory(embedding=unit_vector(seed)) for seed in range(30)]
    probe = (unit_vector(3) + 0.2 * unit_vector(99)).astype(np.float32)
    found = built()
    found.refresh()
    assert found.size() == 30
    assert people_of(found.near(probe[None], 0.5)) == {str(captures[3].user_id)}
    assert people_of(found.near(np.stack([probe, unit_vector(7)]), 0.5)) == {
        str(captures[3].user_id),
        str(captures[7].user_id),
    }
    assert len(found.near(unit_vector(500)[None], 0.5)) == 0
    near = found.near(probe[None], 0.5)
    np.testing.assert_array_equal(near.embeddings[0], unit_vector(3))


def test_who_enrols_or_leaves_is_noticed_by_the_next_refresh(built):
    first = FaceCaptureFactory(embedding=unit_vector(1))
    found = built()
    before = found.refresh()
    second = FaceCaptureFactory(embedding=unit_vector(2))
    assert found.refresh() != before
    assert len(found.near(unit_vector(2)[None], 0.1)) == 1
    first.delete()
    found.refresh()
    assert len(found.near(unit_vector(1)[None], 0.1)) == 0
    FaceCapture.objects.filter(pk=second.pk).delete()
    found.refresh()
    assert found.size() == 0


def test_only_what_is_new_is_decrypted(monkeypatch):
    from accounts.index import exact

    opened, open_ = [], exact.open_
    monkeypatch.setattr(
        exact, "open_", lambda blob, purpose: opened.append(purpose) or open_(blob, purpose=purpose)
    )
    FaceCaptureFactory.create_batch(3)
    found = ExactIndex()
    found.refresh(), found.refresh()
    assert len(opened) == 3
    FaceCaptureFactory()
    FaceCapture.objects.first().delete()
    found.refresh()
    assert len(opened) == 4
    assert found.size() == 3


def test_rows_put_in_without_a_version_are_found_all_the_same():
    """bulk_create sends no signal, so nothing says that the gallery is another one."""
    capture = FaceCaptureFactory()
    row = FaceCapture.objects.get(pk=capture.pk)
    capture.delete()
    GalleryVersion.objects.all().delete()
    found = ExactIndex()
    found.refresh()
    assert found.size() == 0
    FaceCapture.objects.bulk_create([row])
    assert found.refresh() is None
    assert found.size() == 1


def test_a_key_that_names_another_template_now_is_read_again():
    """As after a restored backup, or a transaction that was rolled back."""
    capture = FaceCaptureFactory(embedding=unit_vector(1))
    found = ExactIndex()
    found.refresh()
    other = FaceCaptureFactory(user=capture.user, embedding=unit_vector(2))
    capture.template, template = other.template, capture.template
    other.delete()
    capture.save()
    found.refresh()
    assert template != capture.template
    assert len(found.near(unit_vector(1)[None], 0.1)) == 0
    assert len(found.near(unit_vector(2)[None], 0.1)) == 1


def test_an_unchanged_gallery_costs_one_query(built, django_assert_num_queries):
    FaceCaptureFactory()
    found = built()
    found.refresh()
    with django_assert_num_queries(1):
        found.refresh()


def test_a_template_that_does_not_open_is_nobodys(built):
    FaceCaptureFactory(embedding=unit_vector(1))
    broken = FaceCaptureFactory(embedding=unit_vector(2))
    FaceCapture.objects.filter(pk=broken.pk).update(template=b"\x01garbage")
    found = built()
    found.refresh()
    assert found.size() == 1


def test_a_capture_of_another_embedding_space_is_not_indexed(built):
    FaceCaptureFactory(embedding=unit_vector(1))
    FaceCaptureFactory(pack="another", embedding=unit_vector(2))
    found = built()
    found.refresh()
    assert found.size() == 1


def test_a_version_that_was_rolled_back_never_comes_again():
    FaceCaptureFactory()
    seen = set()
    for _ in range(3):
        try:
            with transaction.atomic():
                FaceCaptureFactory()
                seen.add(GalleryVersion.objects.get().version)
                raise KeyError
        except KeyError:
            pass
    assert len(seen) == 3
    assert GalleryVersion.objects.get().version not in seen


def test_the_gallery_in_memory_is_the_one_in_the_database():
    FaceCaptureFactory.create_batch(4)
    theirs, ours = gallery(), index.whole_gallery().gallery()
    assert theirs.people == ours.people
    np.testing.assert_array_equal(theirs.embeddings, ours.embeddings)
    assert index.whole_gallery().gallery() is ours


def test_an_unknown_index_is_refused(settings):
    settings.FACE_INDEX = "exat"
    with pytest.raises(ImproperlyConfigured):
        index.get_index()


def test_rows_of_the_vector_table_go_with_their_captures_in_the_same_statement(settings):
    if not has_pgvector():
        pytest.skip("no PostgreSQL with pgvector: see TEST_DATABASE_URL")
    leaver, stayer = UserFactory(), UserFactory()
    for user in (leaver, leaver, stayer):
        FaceCaptureFactory(user=user)
    call_command("face_index", "build", verbosity=0)
    with connection.cursor() as cursor:
        account_delete(user=leaver, by=leaver)
        cursor.execute(f"SELECT person FROM {table_of(settings.ENGINE_PACK)}")
        assert cursor.fetchall() == [(stayer.pk,)]
    call_command("face_index", "drop")


def test_another_pack_has_a_table_of_its_own_however_alike_its_embeddings_are(settings):
    if not has_pgvector():
        pytest.skip("no PostgreSQL with pgvector: see TEST_DATABASE_URL")
    settings.FACE_INDEX = "pgvector"
    capture = FaceCaptureFactory(embedding=unit_vector(1))
    call_command("face_index", "build", verbosity=0)
    settings.ENGINE_PACK = "builtin+detector=buffalo_l"
    index.get_index.cache_clear()
    template = seal(unit_vector(2), purpose=capture_purpose(capture.user_id))
    FaceCapture.objects.filter(pk=capture.pk).update(pack=settings.ENGINE_PACK, template=template)
    found = index.get_index()
    found.prepare(), found.prepare()
    found.refresh()
    assert len(found.near(unit_vector(1)[None], 0.5)) == 0
    assert len(found.near(unit_vector(2)[None], 0.5)) == 1
    found.retire()
    assert not VectorTable(table_of("builtin")).exists()
    assert found.table.exists()
    call_command("face_index", "drop")


def test_pgvector_without_its_table_says_what_to_do(settings):
    if not has_pgvector():
        pytest.skip("no PostgreSQL with pgvector: see TEST_DATABASE_URL")
    settings.FACE_INDEX = "pgvector"
    with pytest.raises(ImproperlyConfigured, match="face_index build"):
        index.get_index().refresh()
