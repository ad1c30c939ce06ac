"""One file per visible set and size, made once, found again, never half written, bounded."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from django.db import connection

from accounts.models import FaceCapture
from faceaccess import renditions, services
from faceaccess.models import Decoy
from faceaccess.selectors import VisibleSet, visible_set
from photos.models import Photo
from tests.faceaccess.conftest import client_of, face_of, fetch, person, posted
from tests.faceaccess.engine import group_photo

pytestmark = pytest.mark.django_db


def made(settings) -> list[str]:
    return sorted(path.name for path in settings.RENDITION_ROOT.glob("*/*") if path.parent.name != "locks")


@pytest.fixture(autouse=True)
def _no_sources_of_other_tests(monkeypatch):
    monkeypatch.setattr(renditions, "sources", renditions.Sources(renditions.SOURCES_BYTES))


def test_viewers_with_one_visible_set_share_one_file(engine, settings):
    owner, photo = person(0), posted(person())
    assert len({fetch(person(), photo).content for _ in range(3)}) == 1
    assert len(made(settings)) == 1
    fetch(owner, photo)
    assert len(made(settings)) == 2


def test_the_key_holds_all_that_decides_the_pixels(engine, monkeypatch, settings):
    photo = posted(person())
    seen = visible_set(photo, person())
    first = renditions.key(photo, seen, "full")
    other = [renditions.key(photo, seen, "feed"), renditions.key(photo, VisibleSet(), "full")]
    later = replace(
        seen, version=seen.version + 1
    )  # of the faces, not of the photo as it was read before them
    other.append(renditions.key(photo, later, "full"))
    monkeypatch.setattr("mfmc_engine.__version__", "9")
    other.append(renditions.key(photo, seen, "full"))
    settings.FACE_SECRET = "another"
    other.append(renditions.key(photo, seen, "full"))
    assert len({first, *other}) == 6


@pytest.mark.parametrize(
    ("size", "expected"), [("thumb", (480, 192)), ("feed", (1000, 400)), ("full", (1000, 400))]
)
def test_sizes_shrink_and_never_enlarge_and_are_known_beforehand(engine, size, expected):
    photo = posted(person(), image=group_photo(3, scale=5))
    made = renditions.rendition(photo, visible_set(photo, photo.post.author), size)
    assert (made.width, made.height) == renditions.dimensions(photo, size) == expected
    from PIL import Image

    assert Image.open(made.path).size == expected


@pytest.mark.django_db(transaction=True)
def test_a_hundred_first_viewers_at_once_render_once(engine, monkeypatch, settings):
    photo = posted(person())
    seen = visible_set(photo, person())
    render, renders, start = renditions.render, [], threading.Barrier(100)

    def slow(*arguments):
        renders.append(1)
        threading.Event().wait(0.05)
        return render(*arguments)

    def ask(_: int) -> bytes:
        try:
            start.wait(60)
            return renditions.rendition(photo, seen, "full").read()
        finally:
            connection.close()

    monkeypatch.setattr(renditions, "render", slow)
    with ThreadPoolExecutor(100) as threads:
        answers = list(threads.map(ask, range(100)))
    assert len(renders) == 1
    assert len(set(answers)) == 1
    assert len(made(settings)) == 1


def test_a_maker_that_fails_leaves_nothing_and_the_next_one_succeeds(engine, settings, monkeypatch):
    photo, viewer = posted(person()), person()
    monkeypatch.setattr(renditions, "jpeg", lambda _: 1 / 0)
    assert fetch(viewer, photo).status_code == 503
    assert made(settings) == []
    monkeypatch.undo()
    settings.RENDITION_ROOT = settings.PRIVATE_ROOT.parent / "renditions"
    assert fetch(viewer, photo).status_code == 200


@pytest.mark.parametrize("damage", ["row gone", "file gone", "file damaged"])
def test_a_face_whose_decoy_is_missing_stops_the_picture_for_all_who_may_not_see_it(engine, damage):
    owner, photo = person(0, "authorization"), posted(person())
    row = Decoy.objects.get(region=face_of(photo, owner))
    if damage == "row gone":
        row.delete()
    elif damage == "file gone":
        row.patch.storage.delete(row.patch.name)
    else:
        with open(row.patch.path, "wb") as file:
            file.write(b"\x89PNG\r\n\x1a\nnonsense")
    for viewer in (person(), photo.post.author):
        response = fetch(viewer, photo)
        assert response.status_code == 503
        assert response.headers["Content-Type"] == "image/svg+xml"


def test_regions_not_numbered_through_stop_the_picture(engine):
    photo = posted(person())
    photo.regions.filter(index=1).update(index=7)
    assert fetch(person(), photo).status_code == 503


def test_a_photo_deleted_while_its_picture_is_made_leaves_no_file(engine, settings, monkeypatch):
    photo = posted(person())
    render = renditions.render

    def deleted_meanwhile(*arguments):
        data = render(*arguments)
        Photo.objects.filter(pk=photo.pk).delete()
        return data

    monkeypatch.setattr(renditions, "render", deleted_meanwhile)
    with pytest.raises(renditions.UnavailableError):
        renditions.rendition(photo, visible_set(photo, person()), "full")
    assert made(settings) == []


def test_files_are_for_the_sites_own_user_only(engine):
    photo = posted(person())
    path = renditions.rendition(photo, visible_set(photo, person()), "full").path
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_the_cache_is_bounded_and_the_oldest_goes_first(engine, settings):
    photo, viewer = posted(person()), person()
    files = [renditions.rendition(photo, visible_set(photo, viewer), size).path for size in renditions.SIZES]
    for age, path in enumerate(files):
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    renditions.evict(files[0].stat().st_size + files[1].stat().st_size)
    assert [path.exists() for path in files] == [True, True, False]
    assert fetch(viewer, photo).status_code == 200
    assert files[2].exists()


def test_the_cache_stays_within_its_bound_while_it_is_used(engine, settings, monkeypatch):
    viewer, photos = person(), [posted(person()) for _ in range(4)]
    size = renditions.rendition(photos[0], visible_set(photos[0], viewer), "full").path.stat().st_size
    settings.RENDITION_CACHE_BYTES = 3 * size
    monkeypatch.setattr(renditions, "EVICT_EVERY", 1)
    for _ in range(2):
        for photo in photos:
            for size_name in renditions.SIZES:
                assert fetch(viewer, photo, size_name).status_code == 200
                files = list(settings.RENDITION_ROOT.glob("*/*.jpg"))
                assert sum(path.stat().st_size for path in files) <= settings.RENDITION_CACHE_BYTES


def test_decoded_originals_kept_in_memory_are_bounded(engine, monkeypatch):
    monkeypatch.setattr(renditions, "sources", renditions.Sources(limit=1))
    photo = posted(person())
    assert fetch(person(), photo).status_code == 200
    assert renditions.sources.size == 0
    assert not renditions.sources.entries


def test_a_viewer_who_holds_the_picture_gets_304_and_nothing_is_rendered(engine, settings):
    photo, viewer = posted(person()), person()
    first = fetch(viewer, photo)
    again = fetch(viewer, photo, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["Cache-Control"] == "private, no-cache"
    assert again.headers["ETag"] == first.headers["ETag"]


def test_head_answers_what_get_would_without_the_picture(engine):
    photo, viewer = posted(person()), person()
    got = fetch(viewer, photo)
    head = client_of(viewer).head(f"/photos/{photo.pk}/image/full")
    assert head.content == b""
    for name in ("Content-Length", "Content-Type", "ETag", "Cache-Control", "Vary"):
        assert head.headers[name] == got.headers[name]
    assert int(head.headers["Content-Length"]) == len(got.content)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_the_gate_only_reads(engine, method):
    photo, viewer = posted(person()), person()
    assert getattr(client_of(viewer), method)(f"/photos/{photo.pk}/image/full").status_code == 405


def test_serving_pictures_needs_no_torch():
    code = "import django, sys; django.setup(); import socialnet.urls, faceaccess.views; print('torch' in sys.modules)"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_the_enrolment_of_a_viewer_changes_nothing_for_others(engine, settings):
    photo, viewer = posted(person()), person()
    before = fetch(viewer, photo).headers["ETag"]
    services.model_choose(owner=person(1), model="rules")
    FaceCapture.objects.all().delete()
    assert fetch(viewer, photo).headers["ETag"] == before
