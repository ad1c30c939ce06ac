"""A photo completes once, whatever dies on the way, and shows nothing before."""

from __future__ import annotations

import threading
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from accounts import templates
from faceaccess import decoys, pipeline, tasks
from faceaccess.models import Decoy, FaceRegion, ProtectionJob
from photos.models import Photo
from photos.services import post_create, post_delete
from photos.signals import photo_stored
from tests.faceaccess.conftest import enrol, fetch, person, posted
from tests.faceaccess.engine import group_photo
from tests.factories import PhotoFactory, UserFactory, upload

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting() -> Photo:
    return PhotoFactory(state=Photo.State.WAITING, image=group_photo(3))


def state_of(photo: Photo) -> str:
    return Photo.objects.get(pk=photo.pk).state


def let_the_lease_run_out() -> None:
    ProtectionJob.objects.update(lease_until=timezone.now() - timedelta(seconds=1))


class Killed(BaseException):
    """What kill -9 looks like from inside: nothing of the program runs any more, no ``except Exception`` either."""


def die() -> None:
    raise Killed


def test_every_face_gets_its_decoy_and_the_photo_is_ready(engine, waiting, private_files):
    owner = enrol(UserFactory(), 1)
    assert pipeline.protect(waiting.pk)
    regions = list(waiting.regions.select_related("decoy"))
    assert [region.index for region in regions] == [0, 1, 2]
    assert [region.owner for region in regions] == [None, owner, None]
    assert [region.match for region in regions] == ["unknown", "matched", "unknown"]
    assert state_of(waiting) == Photo.State.READY
    assert Photo.objects.get(pk=waiting.pk).version == waiting.version + 1
    assert not ProtectionJob.objects.exists()
    assert len([name for name in private_files() if name.startswith("decoys/")]) == 3


def test_a_persons_next_decoy_is_drawn_unlike_the_ones_before_and_a_strangers_is_not(engine):
    enrol(UserFactory(), 1)
    for _ in range(2):
        assert pipeline.protect(PhotoFactory(state=Photo.State.WAITING, image=group_photo(3)).pk)
    first, second = engine.requests
    assert [len(request.apart) for request in first] == [0, 0, 0]
    assert [len(request.apart) for request in second] == [0, 1, 0]
    own = Decoy.objects.filter(region__owner__isnull=False).order_by("pk").first()
    seen = templates.open_(own.views, purpose=decoys.VIEWS)
    assert np.array_equal(second[1].apart, seen)
    assert seen.tobytes() not in bytes(own.views)  # at rest it is sealed


def test_a_decoy_whose_look_does_not_open_is_no_obstacle(engine):
    owner = enrol(UserFactory(), 1)
    assert pipeline.protect(PhotoFactory(state=Photo.State.WAITING, image=group_photo(3)).pk)
    Decoy.objects.update(views=b"\x01 damaged")
    assert decoys.elsewhere(str(owner.pk)).shape == (0, 128)


def test_a_photo_without_faces_is_ready(engine):
    photo = PhotoFactory(state=Photo.State.WAITING, image=group_photo(0))
    assert pipeline.protect(photo.pk)
    assert state_of(photo) == Photo.State.READY
    assert fetch(photo.post.author, photo).status_code == 200
    assert engine.calls["make_decoys"] == 0


def test_the_states_are_passed_in_order(engine, waiting):
    seen = []
    engine.before["analyze"] = engine.before["make_decoys"] = lambda: seen.append(state_of(waiting))
    pipeline.protect(waiting.pk)
    assert [*seen, state_of(waiting)] == ["finding", "protecting", "ready"]


def test_what_is_stored_of_a_face_opens_to_the_same_face(engine, waiting):
    pipeline.protect(waiting.pk)
    found = engine.analyze(group_photo(3)).faces
    for region, face in zip(waiting.regions.all(), found, strict=True):
        again = decoys.face_of(region)
        assert (again.embedding == face.embedding).all()
        assert (again.landmarks == face.landmarks).all()
        assert (again.box == face.box).all()
        assert again.quality == face.quality
        assert face.embedding.tobytes() not in bytes(region.embedding), "embeddings are sealed"


def test_a_decoy_survives_storage_to_the_bit(engine, waiting):
    pipeline.protect(waiting.pk)
    made = engine.make_decoys(
        None, [pipeline.types.DecoyRequest(f, b"1") for f in engine.analyze(group_photo(3)).faces]
    )
    for row, decoy in zip(Decoy.objects.order_by("region__index"), made, strict=True):
        again = decoys.decoy_of(row)
        assert (again.pixels == decoy.pixels).all()
        assert (again.alpha == decoy.alpha).all()
        assert (again.origin, again.kind, again.threshold) == (decoy.origin, decoy.kind, decoy.threshold)
        assert again.nearest_gallery == float("inf")


def test_seeds_depend_on_the_secret_the_photo_and_the_face(settings):
    first = decoys.seed("a", 0)
    assert first == decoys.seed("a", 0)
    assert len({first, decoys.seed("a", 1), decoys.seed("b", 0)}) == 3
    settings.FACE_SECRET = "another"
    assert decoys.seed("a", 0) != first


@pytest.mark.parametrize("step", ["analyze", "make_decoys"])
def test_a_killed_workers_photo_is_taken_over_when_its_lease_runs_out_and_completes_once(
    engine, waiting, step
):
    engine.before[step] = die
    with pytest.raises(Killed):
        pipeline.protect(waiting.pk)
    del engine.before[step]
    assert not FaceRegion.objects.exists(), "half a result was kept"
    assert fetch(waiting.post.author, waiting).status_code == 503

    assert not pipeline.protect(waiting.pk), "the lease still runs: the worker might be alive"
    let_the_lease_run_out()
    assert pipeline.protect(waiting.pk)
    assert not pipeline.protect(waiting.pk), "it is done, and done once"
    assert FaceRegion.objects.count() == Decoy.objects.count() == 3


def test_files_of_a_run_killed_before_its_commit_are_removed_by_the_next(
    engine, waiting, monkeypatch, private_files
):
    write = pipeline._write
    monkeypatch.setattr(pipeline, "_write", lambda *_: die())
    monkeypatch.setattr(pipeline.default_storage, "delete", lambda name: None)  # the dead clean up nothing
    with pytest.raises(Killed):
        pipeline.protect(waiting.pk)
    monkeypatch.undo()
    monkeypatch.setattr("faceaccess.pipeline.get_engine", lambda: engine)
    assert pipeline._write is write
    assert len([name for name in private_files() if name.startswith("decoys/")]) == 3
    let_the_lease_run_out()
    assert pipeline.protect(waiting.pk)
    kept = {row.patch.name for row in Decoy.objects.all()}
    assert {name for name in private_files() if name.startswith("decoys/")} == kept


def test_a_worker_that_lost_its_lease_writes_nothing(engine, waiting, private_files):
    """Stalled past its lease; another one finishes meanwhile; then it wakes up."""

    def overtaken() -> None:
        engine.before.clear()
        let_the_lease_run_out()
        assert pipeline.protect(waiting.pk)

    engine.before["make_decoys"] = overtaken
    assert not pipeline.protect(waiting.pk)
    assert FaceRegion.objects.count() == Decoy.objects.count() == 3
    kept = {row.patch.name for row in Decoy.objects.all()}
    assert {name for name in private_files() if name.startswith("decoys/")} == kept
    assert Photo.objects.get(pk=waiting.pk).version == waiting.version + 1


def test_a_photo_deleted_meanwhile_leaves_nothing(
    engine, waiting, private_files, django_capture_on_commit_callbacks
):
    engine.before["make_decoys"] = lambda: post_delete(post=waiting.post, by=waiting.post.author)
    with django_capture_on_commit_callbacks(execute=True):
        assert not pipeline.protect(waiting.pk)
    assert private_files() == []
    assert not ProtectionJob.objects.exists()


def test_three_failures_give_up_and_serve_nothing(engine, waiting):
    def fail() -> None:
        raise RuntimeError("no such luck")

    engine.before["analyze"] = fail
    for attempt in (1, 2, 3):
        assert not pipeline.protect(waiting.pk)
        assert state_of(waiting) == (Photo.State.FAILED if attempt == 3 else Photo.State.WAITING)
        let_the_lease_run_out()
    assert not pipeline.protect(waiting.pk)
    assert engine.calls["analyze"] == 3
    assert "no such luck" in ProtectionJob.objects.get().error
    assert fetch(waiting.post.author, waiting).status_code == 503


def test_a_photo_that_kills_its_workers_is_given_up(engine, waiting):
    engine.before["analyze"] = die
    for _ in range(pipeline.ATTEMPTS):
        with pytest.raises(Killed):
            pipeline.protect(waiting.pk)
        let_the_lease_run_out()
    assert not pipeline.protect(waiting.pk)
    assert state_of(waiting) == Photo.State.FAILED


def test_a_failed_attempt_waits_a_little_before_the_next(engine, waiting):
    engine.skip_decoys = 1
    assert not pipeline.protect(waiting.pk)
    engine.skip_decoys = 0
    assert not pipeline.protect(waiting.pk)
    let_the_lease_run_out()
    assert pipeline.protect(waiting.pk)


def test_fewer_decoys_than_faces_is_a_failure_not_a_ready_photo(engine, waiting, private_files):
    engine.skip_decoys = 1
    assert not pipeline.protect(waiting.pk)
    assert state_of(waiting) == Photo.State.WAITING
    assert not FaceRegion.objects.exists()
    assert not [name for name in private_files() if name.startswith("decoys/")]


def test_an_original_that_does_not_open_is_a_failure(engine, waiting):
    waiting.original.storage.delete(waiting.original.name)
    assert not pipeline.protect(waiting.pk)
    assert state_of(waiting) == Photo.State.WAITING


@pytest.mark.django_db(transaction=True)
def test_a_living_worker_renews_its_lease(engine, waiting, monkeypatch):
    monkeypatch.setattr(pipeline, "HEARTBEAT", 0.02)
    renewed = threading.Event()

    def work_long() -> None:
        before = ProtectionJob.objects.get().lease_until
        for _ in range(200):
            if ProtectionJob.objects.get().lease_until > before:
                renewed.set()
                return
            threading.Event().wait(0.02)

    engine.before["analyze"] = work_long
    assert pipeline.protect(waiting.pk)
    assert renewed.is_set()


class TestSweep:
    def sent(self, sent_tasks) -> list[str]:
        return [arguments[0] for name, arguments in sent_tasks if name == "faceaccess.tasks.photo_protect"]

    def test_a_stored_photo_is_sent_to_the_workers(
        self, engine, sent_tasks, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            post = post_create(author=UserFactory(), uploads=[upload()], audience="members")
        assert self.sent(sent_tasks) == [str(post.photos.get().pk)]

    def test_the_post_is_kept_when_the_broker_is_down_and_swept_later(
        self, engine, sent_tasks, monkeypatch, django_capture_on_commit_callbacks
    ):
        def down(*_: object) -> None:
            raise ConnectionError("no broker")

        monkeypatch.setattr(tasks.photo_protect, "delay", down)
        with django_capture_on_commit_callbacks(execute=True):
            post = post_create(author=UserFactory(), uploads=[upload()], audience="members")
        monkeypatch.undo()
        assert post.photos.get().state == Photo.State.WAITING
        tasks.photos_sweep(restarted=True)
        assert self.sent(sent_tasks) == [str(post.photos.get().pk)]

    def test_what_lost_its_worker_is_sent_again_and_only_once_a_minute(self, engine, waiting, sent_tasks):
        photo_stored.send(sender=Photo, photo=waiting)
        pipeline.claim(waiting.pk)
        sent_tasks.clear()
        tasks.photos_sweep()
        assert self.sent(sent_tasks) == [], "its worker is alive"
        let_the_lease_run_out()
        ProtectionJob.objects.update(queued_at=timezone.now() - timedelta(seconds=20))
        tasks.photos_sweep()
        tasks.photos_sweep()
        assert self.sent(sent_tasks) == [str(waiting.pk)]

    def test_a_message_lost_before_it_was_taken_is_sent_again_after_a_minute(
        self, engine, waiting, sent_tasks
    ):
        photo_stored.send(sender=Photo, photo=waiting)
        sent_tasks.clear()
        tasks.photos_sweep()
        assert self.sent(sent_tasks) == []
        ProtectionJob.objects.update(queued_at=timezone.now() - tasks.REQUEUE_AFTER - timedelta(seconds=1))
        tasks.photos_sweep()
        assert self.sent(sent_tasks) == [str(waiting.pk)]

    def test_a_photo_without_job_is_found(self, engine, waiting, sent_tasks):
        tasks.photos_sweep()
        assert self.sent(sent_tasks) == [str(waiting.pk)]

    def test_finished_and_failed_photos_are_left_alone(self, engine, sent_tasks):
        posted(person())
        PhotoFactory(state=Photo.State.FAILED)
        tasks.photos_sweep(restarted=True)
        assert self.sent(sent_tasks) == []

    def test_messages_carry_keys_only(self, engine, sent_tasks, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True):
            post_create(author=UserFactory(), uploads=[upload()], audience="members")
        for _, arguments in sent_tasks:
            assert all(isinstance(argument, str | int) and len(str(argument)) <= 36 for argument in arguments)


def test_deleting_a_photo_removes_decoys_renditions_and_crops(
    engine, private_files, settings, django_capture_on_commit_callbacks
):
    author = person(0, "authorization")
    photo = posted(author)
    fetch(author, photo)
    author.browser.get(f"/faces/{photo.regions.get(index=0).pk}/crop")
    made = [path for path in settings.RENDITION_ROOT.glob("*/*") if path.parent.name != "locks"]
    assert len(made) == 2
    with django_capture_on_commit_callbacks(execute=True):
        post_delete(post=photo.post, by=author)
    assert [name for name in private_files() if not name.startswith("captures/")] == []
    assert [path for path in settings.RENDITION_ROOT.glob("*/*") if path.parent.name != "locks"] == []
    assert not pipeline.default_storage.exists(f"decoys/{photo.pk.hex}")
