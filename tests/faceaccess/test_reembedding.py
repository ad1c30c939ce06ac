"""The model pack changes under a site that is in use: nothing is lost, nothing is disclosed that was not before."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import DatabaseError
from django.utils import timezone

from accounts import reembedding as captures
from accounts import templates
from accounts.enrolment import capture_enroll
from accounts.models import READING_ATTEMPTS, FaceCapture, FormerTemplate, User
from accounts.services import enrolment_delete
from faceaccess import claims, decoys, marks, matching, pipeline, reembedding, services, tasks
from faceaccess.checks import everything_is_of_this_pack
from faceaccess.models import (
    Authorization,
    Claim,
    Decoy,
    FaceRegion,
    MatchRejection,
    PhotoAnalysis,
    PhotoOverride,
    Tag,
)
from mfmc_engine.errors import WeightsMissingError
from mfmc_engine.types import Decoy as EngineDecoy
from mfmc_engine.types import DecoyRequest, Worn
from photos.models import Photo
from photos.services import post_delete
from tests.faceaccess.conftest import (
    USERS_OF_THE_ENGINE,
    client_of,
    face_of,
    fetch,
    person,
    pixels,
    posted,
    rematch,
    shown_to,
)
from tests.faceaccess.engine import PALETTE, SquareEngine, box_of, embedding_of, group_photo
from tests.factories import FaceCaptureFactory, PhotoFactory, UserFactory, befriend, file_bytes, upload

pytestmark = pytest.mark.django_db

BEFORE, AFTER = "builtin", "builtin+recognizer=buffalo_s"


class Killed(BaseException):
    """What a SIGKILL is to a test: nothing between here and there gets to tidy up."""


def die() -> None:
    raise Killed


@pytest.fixture
def engines(monkeypatch, settings) -> dict[str, SquareEngine]:
    """Two packs whose embeddings are of different lengths; settings.ENGINE_PACK says which one is in use."""
    engines = {BEFORE: SquareEngine(), AFTER: SquareEngine(space=1)}
    for module in USERS_OF_THE_ENGINE:
        monkeypatch.setattr(f"{module}.get_engine", lambda: engines[settings.ENGINE_PACK])
    return engines


def portrait(face: int) -> np.ndarray:
    image = np.full((60, 60, 3), 255, np.uint8)
    image[10:50, 10:50] = PALETTE[face]
    return image


def enrolled(user: User, face: int) -> FaceCapture:
    picture = ContentFile(file_bytes(portrait(face)), "face.png")
    return FaceCaptureFactory(user=user, embedding=embedding_of(face), picture=picture)


def member(face: int, model: str) -> User:
    user = person(model=model)
    enrolled(user, face)
    return user


class Scene:
    """Four faces: one goes by approval, one by rules, one by proxy, one is nobody's."""

    def __init__(self) -> None:
        self.ada, self.bo, self.cy = member(0, "authorization"), member(1, "rules"), member(2, "proxy")
        self.author, self.stranger = person(), person()
        befriend(self.cy, self.author)
        self.photos = [posted(self.author, 4) for _ in range(3)]
        for photo in self.photos[:2]:
            services.authorization_answer(region=face_of(photo, self.ada), by=self.ada, answer="approved")
            services.tag_create(region=face_of(photo, self.cy), tagger=self.author, owner=self.cy)
        services.authorization_answer(region=face_of(self.photos[2], self.ada), by=self.ada, answer="denied")
        word = {"owner": self.bo, "effect": "show"}
        PhotoOverride.objects.create(region=face_of(self.photos[0], self.bo), **word)

    def seen(self) -> dict[tuple[int, int], set[int]]:
        """(photo, viewer): the faces that the served picture shows."""
        viewers = (self.ada, self.bo, self.cy, self.author, self.stranger)
        return {(i, v.pk): shown_to(v, photo) for i, photo in enumerate(self.photos) for v in viewers}


@pytest.fixture
def scene(engines) -> Scene:
    return Scene()


@pytest.fixture
def switched(scene, settings) -> Scene:
    """The scene after the pack was changed and before anything was done about it; ``scene.before``: what was seen."""
    scene.before = scene.seen()
    settings.ENGINE_PACK = AFTER
    return scene


def run_all() -> int:
    slices = 0
    while reembedding.embed_some(1):
        slices += 1
        assert slices < 50, "it does not come to an end"
    return slices


def test_everything_is_embedded_anew_and_everybody_sees_what_they_saw(
    switched, django_capture_on_commit_callbacks, private_files
):
    rows = {row.pk: (row.photo_id, row.index, row.box, row.owner_id) for row in FaceRegion.objects.all()}
    said = [list(model.objects.values_list("pk", flat=True)) for model in (Tag, Authorization, PhotoOverride)]
    looks = {row.region_id: (row.patch.name, bytes(row.views)) for row in Decoy.objects.all()}
    with django_capture_on_commit_callbacks(execute=True):
        run_all()
    assert switched.seen() == switched.before
    assert {
        row.pk: (row.photo_id, row.index, row.box, row.owner_id) for row in FaceRegion.objects.all()
    } == rows
    assert [list(m.objects.values_list("pk", flat=True)) for m in (Tag, Authorization, PhotoOverride)] == said
    for region in FaceRegion.objects.select_related("decoy"):
        assert region.pack == AFTER
        assert decoys.face_of(region).embedding.shape == (192,)
        assert (region.decoy.patch.name, bytes(region.decoy.views)) != looks[region.pk]
        assert region.decoy.engine_version.startswith(AFTER)
    assert templates.gallery().embeddings.shape == (3, 192)
    assert reembedding.status() == reembedding.Status(0, 0, 0, 0, 0)
    kept = {row.patch.name for row in Decoy.objects.all()}
    assert {name for name in private_files() if name.startswith("decoys/")} == kept, "old decoys are gone"


def test_at_no_moment_is_a_face_shown_that_was_not_shown_before(switched):
    """Looked at after every single step; and whoever was shown stays so, for both templates count meanwhile."""
    assert switched.seen() == switched.before
    while reembedding.embed_some(1):
        assert switched.seen() == switched.before
        one_pack = Photo.objects.exclude(regions__pack=AFTER) | Photo.objects.exclude(regions__pack=BEFORE)
        assert set(one_pack.distinct()) == set(switched.photos), "no photo is half of one pack"
    assert switched.seen() == switched.before


def test_while_the_gallery_is_not_whole_nothing_is_concluded_from_it(switched):
    """Whoever is not embedded yet might be the face's owner, or the second person it resembles."""
    assert reembedding.embed_some(1)  # Ada
    assert captures.gallery_is_partial()
    waiting = PhotoFactory(author=switched.author, image=group_photo(4), state=Photo.State.WAITING)
    assert not pipeline.protect(waiting.pk), "its decoys could not be checked against everybody"
    assert rematch() == 0
    assert not matching.outdated().exists()
    with pytest.raises(ValidationError, match="read again"):
        capture_enroll(user=UserFactory(), upload=upload(portrait(3)), consented=True)
    while captures.gallery_is_partial():
        reembedding.embed_some(1)
    assert pipeline.protect(waiting.pk)
    assert set(waiting.regions.exclude(owner=None).values_list("owner", flat=True)) == {
        switched.ada.pk,
        switched.bo.pk,
        switched.cy.pk,
    }


def test_a_twin_who_is_not_embedded_yet_still_makes_a_face_ambiguous(engines, settings):
    one, twin = member(0, "authorization"), member(0, "authorization")
    photo = posted(person(), 1)
    assert photo.regions.get().match == "ambiguous"
    settings.ENGINE_PACK = AFTER
    assert captures.embed_some(1) == 1
    assert matching.assign(list(photo.regions.all())) == 0
    assert matching.rematch_photo(photo.pk) == 0
    run_all()
    assert photo.regions.get().match == "ambiguous"
    enrolment_delete(user=twin)
    rematch()
    assert photo.regions.get().owner == one


def test_who_enrols_meanwhile_is_not_found_in_photos_that_wait(switched, engines):
    while captures.gallery_is_partial():
        reembedding.embed_some(1)
    late = UserFactory()
    FaceCaptureFactory(user=late, embedding=engines[AFTER].look(1003))
    rematch()
    assert not FaceRegion.objects.filter(owner=late).exists()
    run_all()
    assert FaceRegion.objects.filter(owner=late).count() == 3


def test_who_leaves_meanwhile_is_hidden_at_once_and_stays_so(switched):
    reembedding.embed_some(2)  # Ada is of the new pack, and has a template of the old one
    enrolment_delete(user=switched.ada)
    assert not FormerTemplate.objects.filter(capture__user=switched.ada).exists()
    assert all(0 not in faces for faces in switched.seen().values())
    run_all()
    assert all(0 not in faces for faces in switched.seen().values())
    assert not FaceRegion.objects.filter(owner=switched.ada).exists()


@pytest.mark.parametrize("step", ["analyze", "make_decoys"])
@pytest.mark.parametrize("done", [0, 2, 4])
def test_a_run_killed_anywhere_is_taken_up_where_it_stood(switched, engines, step, done):
    for _ in range(done):
        reembedding.embed_some(1)
    engines[AFTER].before[step] = die
    with pytest.raises(Killed):
        run_all()
    assert switched.seen() == switched.before
    engines[AFTER].before.clear()
    left = reembedding.status()
    analyses = engines[AFTER].calls["analyze"]
    run_all()
    again = left.captures_left + left.photos_left
    assert engines[AFTER].calls["analyze"] - analyses == again, "what was done is not done again"
    assert switched.seen() == switched.before
    assert reembedding.status().is_done


def test_a_run_killed_within_its_transaction_leaves_the_photo_as_it_was(switched, monkeypatch):
    while captures.gallery_is_partial():
        reembedding.embed_some(1)
    assign = matching.assign
    monkeypatch.setattr(matching, "assign", lambda regions: die() if assign(regions) >= 0 else 0)
    with pytest.raises(Killed):
        reembedding.embed_some(1)
    assert not FaceRegion.objects.filter(pack=AFTER).exists()
    assert switched.seen() == switched.before
    monkeypatch.undo()


def test_of_two_runs_at_one_photo_one_writes(
    switched, engines, private_files, django_capture_on_commit_callbacks
):
    while captures.gallery_is_partial():
        reembedding.embed_some(1)
    photo = switched.photos[0]
    others = []

    def overtaken() -> None:
        engines[AFTER].before.clear()
        others.append(reembedding.embed_anew(photo.pk))

    engines[AFTER].before["make_decoys"] = overtaken
    with django_capture_on_commit_callbacks(execute=True):
        assert not reembedding.embed_anew(photo.pk)
        assert others == [True]
    assert Photo.objects.get(pk=photo.pk).version == photo.version + 1
    kept = {row.patch.name for row in Decoy.objects.all()}
    assert {name for name in private_files() if name.startswith("decoys/")} == kept
    assert switched.seen() == switched.before


def test_of_two_runs_at_one_capture_one_writes(switched, engines):
    capture = FaceCapture.objects.first()
    others = []

    def overtaken() -> None:
        engines[AFTER].before.clear()
        others.append(captures.embed_anew(FaceCapture.objects.get(pk=capture.pk)))

    engines[AFTER].before["analyze"] = overtaken
    assert not captures.embed_anew(capture)
    assert others == [True]
    assert FormerTemplate.objects.get().pack == BEFORE


def test_what_is_deleted_while_it_is_looked_at_leaves_nothing(
    switched, engines, private_files, django_capture_on_commit_callbacks
):
    engines[AFTER].before["analyze"] = lambda: FaceCapture.objects.filter(user=switched.ada).delete()
    assert not captures.embed_anew(FaceCapture.objects.get(user=switched.ada))
    assert not FormerTemplate.objects.exists()
    engines[AFTER].before.clear()
    while captures.gallery_is_partial():
        reembedding.embed_some(1)
    gone = switched.photos.pop()
    engines[AFTER].before["make_decoys"] = lambda: post_delete(post=gone.post, by=switched.author)
    with django_capture_on_commit_callbacks(execute=True):
        assert not reembedding.embed_anew(gone.pk)
    assert not [name for name in private_files() if gone.pk.hex in name]


def test_a_mark_made_while_the_photo_is_looked_at_is_not_lost(switched, engines):
    while captures.gallery_is_partial():
        reembedding.embed_some(1)
    photo = switched.photos[0]
    made = []

    def marked() -> None:
        engines[AFTER].before.clear()
        made.append(marks.mark_create(photo=photo, by=switched.stranger, box=(30, 2, 60, 18)))

    engines[AFTER].before["make_decoys"] = marked
    assert not reembedding.embed_anew(photo.pk), "it is not the photo that was looked at any more"
    assert not marks.analyse(made[0].pk), "a mark in a photo of the other pack comes with its photo"
    assert matching.rematch_photo(photo.pk) == 0
    run_all()
    mark = FaceRegion.objects.get(pk=made[0].pk)
    assert (mark.pack, mark.index, mark.analysis_due, mark.is_face) == (AFTER, 4, None, False)
    assert mark.decoy.kind == Decoy.Kind.REDACTION


def test_marked_faces_stay_marked_and_hidden(engines, settings):
    engines[BEFORE].missed = {1}
    photo = posted(person(), 2)
    region = marks.mark_create(photo=photo, by=person(), box=box_of(1))
    assert marks.analyse(region.pk)
    owner = member(1, "authorization")
    rematch()
    assert FaceRegion.objects.get(pk=region.pk).owner == owner
    settings.ENGINE_PACK = AFTER
    assert captures.embed_some(1) == 1
    engines[AFTER].missed = {1}
    run_all()
    after = FaceRegion.objects.get(pk=region.pk)
    assert (after.source, after.box, after.owner, after.is_face) == ("marked", region.box, owner, True)
    assert shown_to(person(), photo) == set()


def test_a_decoy_that_the_new_pack_lays_beside_a_face_does_not_take_the_old_ones_place(
    engines, settings, monkeypatch
):
    photo, viewer = posted(person(), 3), person()
    assert shown_to(viewer, photo) == set()
    draw = engines[AFTER]._decoy

    def beside(request: DecoyRequest, worn: Worn) -> EngineDecoy:
        """The face on the left gets its neighbour's decoy."""
        found = draw(request, worn)
        return replace(found, origin=box_of(1)[:2]) if found.origin == box_of(0)[:2] else found

    monkeypatch.setattr(engines[AFTER], "_decoy", beside)
    settings.ENGINE_PACK = AFTER
    run_all()
    regions = photo.regions.order_by("index")
    assert [region.pack for region in regions] == [AFTER] * 3
    assert [region.decoy.kind for region in regions] == ["redaction", "swap", "swap"]
    x0, y0, x1, y1 = box_of(0)
    # a redaction of this one-coloured face keeps its mean colour now and then, but not all over
    off = np.abs(pixels(fetch(viewer, photo))[y0:y1, x0:x1].astype(int) - PALETTE[0])
    assert np.quantile(off, 0.9) > 10
    assert not shown_to(viewer, photo) & {1, 2}


def test_claims_and_rejections_hold_in_the_new_space(engines, settings):
    claimant, denier = member(4, "authorization"), member(0, "authorization")
    photo = posted(person(), 2)
    services.match_reject(region=face_of(photo, denier), by=denier)
    face = photo.regions.get(index=1)
    Claim.objects.create(region=face, claimant=claimant, judge_due=timezone.now())
    settings.ENGINE_PACK = AFTER
    assert not claims.judge(Claim.objects.get().pk), "it cannot be compared yet"
    assert not claims.waiting_for(photo.post.author).exists()
    run_all()
    assert not claims.judge(Claim.objects.get().pk)
    assert claims.waiting_for(photo.post.author).exists()
    assert MatchRejection.objects.get().person == denier
    assert not photo.regions.filter(owner=denier).exists()
    assert Claim.objects.get().state == Claim.State.OPEN


def test_a_face_that_only_the_new_detector_finds_is_hidden(engines, settings):
    engines[BEFORE].missed = {2}
    photo = posted(person(), 3)
    engines[BEFORE].missed = {0, 1, 2}
    nobody = posted(photo.post.author, 3)
    assert not nobody.regions.exists()
    settings.ENGINE_PACK = AFTER
    run_all()
    assert [region.index for region in photo.regions.all()] == [0, 1, 2]
    assert shown_to(person(), photo) == shown_to(person(), nobody) == set()


def test_a_photo_that_cannot_be_done_stops_no_other_and_is_hidden_in_the_end(switched):
    broken = switched.photos[0]
    default_storage.delete(broken.original.name)
    run_all()
    assert reembedding.status() == reembedding.Status(0, 0, 0, 1, 0)
    assert "No such file" in PhotoAnalysis.objects.get(photo=broken).error
    assert not broken.regions.filter(owner__isnull=False).exists()
    assert broken.regions.filter(pack=AFTER).count() == 0
    region = broken.regions.first()
    claim = Claim.objects.create(region=region, claimant=switched.stranger, judge_due=timezone.now())
    assert not claims.judge(claim.pk)
    assert claims.waiting_for(broken.post.author).exists(), "it will never be compared"
    assert rematch() >= 0
    assert not broken.regions.filter(owner__isnull=False).exists()
    whole = switched.photos[1]
    assert shown_to(switched.stranger, whole) == switched.before[1, switched.stranger.pk]


def test_a_picture_without_a_face_is_given_up_and_recognises_nobody(switched, capsys):
    capture = FaceCapture.objects.get(user=switched.cy)
    FaceCapture.objects.filter(pk=capture.pk).update(picture="captures/none.png")
    run_all()
    assert reembedding.status() == reembedding.Status(0, 1, 0, 0, 0)
    assert not FaceRegion.objects.filter(owner=switched.cy).exists()
    assert all(2 not in faces for faces in switched.seen().values())
    assert all(faces == switched.before[key] - {2} for key, faces in switched.seen().items())
    FaceCapture.objects.filter(pk=capture.pk).update(picture=capture.picture.name)
    call_command("reembed", retry=True)
    assert "Everything is of the pack" in capsys.readouterr().out
    assert rematch() == 3, "the person is found again"


def test_missing_weights_are_nobodys_fault(switched, engines, monkeypatch, sent_tasks):
    def missing() -> None:
        raise WeightsMissingError("w600k_mbf.onnx is missing: python -m mfmc_engine packs download buffalo_s")

    engines[AFTER].before["analyze"] = missing
    for _ in range(2 * READING_ATTEMPTS):
        with pytest.raises(WeightsMissingError):
            reembedding.embed_some(1)
    tasks.faces_reembed()
    assert [name for name, _ in sent_tasks] == [], "it is not tried again at once"
    engines[AFTER].before.clear()
    monkeypatch.setattr(captures, "_store", lambda *_: (_ for _ in ()).throw(DatabaseError()))
    with pytest.raises(DatabaseError):
        reembedding.embed_some(1)
    assert captures.outdated().count() == 3


def test_a_change_of_mind_half_way_leads_back(switched, settings):
    for _ in range(4):
        reembedding.embed_some(1)
    settings.ENGINE_PACK = BEFORE
    while reembedding.embed_some(1):
        assert switched.seen() == switched.before
    assert switched.seen() == switched.before
    assert set(FaceRegion.objects.values_list("pack", flat=True)) == {BEFORE}
    assert templates.gallery().embeddings.shape == (3, 128)


def test_templates_kept_meanwhile_are_sealed_for_a_new_secret_too(switched, settings):
    reembedding.embed_some(1)
    settings.FACE_SECRETS_OLD = [settings.FACE_SECRET]
    settings.FACE_SECRET = "another secret altogether"
    call_command("rotate_face_key")
    settings.FACE_SECRETS_OLD = []
    former = FormerTemplate.objects.get()
    purpose = templates.capture_purpose(former.capture.user_id)
    assert templates.open_(former.template, purpose=purpose).shape == (128,)


def test_the_sweep_starts_it_and_the_check_and_the_command_tell(switched, sent_tasks, capsys):
    (message,) = everything_is_of_this_pack(None, databases=["default"])
    assert message.id == "faceaccess.W003"
    assert message.hint.endswith("manage.py reembed")
    assert everything_is_of_this_pack(None) == []
    tasks.photos_sweep()
    tasks.photos_sweep()
    assert [name for name, _ in sent_tasks].count("faceaccess.tasks.faces_reembed") == 1
    call_command("reembed", status=True)
    assert f"{AFTER}: 3 enrolled pictures and 3 photos to go" in capsys.readouterr().out
    tasks.faces_reembed()
    assert [name for name, _ in sent_tasks].count("faceaccess.tasks.faces_reembed") == 2, "and the rest"
    call_command("reembed")
    assert capsys.readouterr().out == f"Everything is of the pack {AFTER}.\n"
    assert everything_is_of_this_pack(None, databases=["default"]) == []
    assert switched.seen() == switched.before


def test_held_pictures_stay_held(switched):
    held = FaceCapture.objects.get(user=switched.bo)
    FaceCapture.objects.filter(pk=held.pk).update(held_at=held.created_at)
    run_all()
    held.refresh_from_db()
    assert held.pack == AFTER
    assert held.is_held
    assert not FaceRegion.objects.filter(owner=switched.bo).exists()


def test_the_pages_ask_nobody_anew_meanwhile(switched):
    """Every owner's inbox lists the same photos before, during and after."""

    def inboxes() -> list[list[str]]:
        pages = [client_of(user).get("/face/inbox") for user in (switched.ada, switched.bo, switched.cy)]
        assert {page.status_code for page in pages} == {200}
        return [sorted(set(re.findall(r"/photos/[0-9a-f-]{36}", page.content.decode()))) for page in pages]

    Authorization.objects.filter(region__photo=switched.photos[1]).delete()
    before = inboxes()
    assert all(before)
    while reembedding.embed_some(1):
        assert inboxes() == before
