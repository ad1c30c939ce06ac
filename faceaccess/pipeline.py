"""From a stored original to a READY photo: find the faces, match them, make and verify their decoys, store all at once.

    WAITING -> FINDING -> PROTECTING -> READY      any error: back to WAITING, after three of them FAILED

A photo is worked on by whoever holds its ProtectionJob's token. Everything a run found is written in one transaction
that checks the token, so a photo completes once, whatever was killed, stalled or delivered twice.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import uuid
from collections.abc import Iterator, Sequence
from datetime import timedelta

from django.core.files.storage import default_storage
from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.utils import timezone

from accounts.engine import get_engine
from accounts.index import whole_gallery
from faceaccess import decoys, matching
from faceaccess.models import Decoy, FaceRegion, ProtectionJob
from mfmc_engine import types
from mfmc_engine.batching.users import on_behalf_of
from photos.models import Photo

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)  # a dead worker's photo is taken over after this
HEARTBEAT = 8.0  # s between two renewals: three may fail before the lease is lost
ATTEMPTS = 3  # runs that may fail or die before the photo is given up
BACKOFF = timedelta(seconds=5)  # times the number of failed attempts
UNFINISHED = (Photo.State.WAITING, Photo.State.FINDING, Photo.State.PROTECTING)


class LeaseLostError(Exception):
    """Somebody else has the photo now, or it was deleted: whatever this run found is void."""


class IncompleteError(Exception):
    """The engine returned something other than one decoy per face."""


def protect(photo_id: object) -> bool:
    """Do all the work one photo still needs. False if there was none, or it did not succeed this time."""
    job = claim(photo_id)
    if job is None:
        return False
    try:
        with _heartbeat(job), on_behalf_of(job.photo.post.author_id):
            _run(job)
    except LeaseLostError:
        logger.info("photo %s: given up, another worker has it or it is gone", photo_id)
        return False
    except Exception as error:  # the worker must outlive whatever a photo does to the engine
        logger.exception("photo %s: attempt %d failed", photo_id, job.attempts)
        release(job, error)
        return False
    return True


@transaction.atomic
def claim(photo_id: object) -> ProtectionJob | None:
    """Take the photo under a fresh token, unless it is finished, held by a living worker or out of attempts."""
    photo = Photo.objects.select_for_update().filter(pk=photo_id, state__in=UNFINISHED).first()
    if photo is None:
        return None
    job, _ = ProtectionJob.objects.get_or_create(photo=photo)
    now = timezone.now()
    if job.lease_until is not None and job.lease_until > now:
        return None
    if job.attempts >= ATTEMPTS:
        _give_up(job, job.error or "the worker died every time")
        return None
    job.token, job.lease_until = uuid.uuid4(), now + LEASE
    job.attempts += 1
    job.save()
    Photo.objects.filter(pk=photo_id).update(state=Photo.State.FINDING)
    return job


@transaction.atomic
def release(job: ProtectionJob, error: Exception) -> None:
    """Let go of a photo after a failed run: it waits for another try, or is given up."""
    job.error = f"{type(error).__name__}: {error}"[:300]
    if not _held(job).exists():
        return
    if job.attempts >= ATTEMPTS:
        _give_up(job, job.error)
        return
    pause = timezone.now() + BACKOFF * job.attempts
    _held(job).update(token=None, lease_until=pause, error=job.error)
    Photo.objects.filter(pk=job.photo_id).update(state=Photo.State.WAITING)


def _give_up(job: ProtectionJob, error: str) -> None:
    ProtectionJob.objects.filter(pk=job.pk).update(token=None, lease_until=None, error=error)
    Photo.objects.filter(pk=job.photo_id).update(state=Photo.State.FAILED)


def _held(job: ProtectionJob):
    return ProtectionJob.objects.filter(pk=job.pk, token=job.token)


@contextlib.contextmanager
def _heartbeat(job: ProtectionJob) -> Iterator[None]:
    """Renew the lease from a thread for as long as the block runs, and not a moment longer than the process lives."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(HEARTBEAT):
            try:
                _held(job).update(lease_until=timezone.now() + LEASE)
            except DatabaseError:
                logger.warning("photo %s: lease not renewed", job.photo_id, exc_info=True)
            finally:
                connection.close()

    thread = threading.Thread(target=renew, name=f"lease of {job.photo_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _run(job: ProtectionJob) -> None:
    engine, photo = get_engine(), job.photo
    image = read_original(photo)
    faces = engine.analyze(image).faces
    if not Photo.objects.filter(pk=photo.pk, protection__token=job.token).update(
        state=Photo.State.PROTECTING
    ):
        raise LeaseLostError
    people = whole_gallery().gallery()
    requests = [
        types.DecoyRequest(face, decoys.seed(photo.pk, i), decoys.elsewhere(match.person))
        for i, (face, match) in enumerate(zip(faces, engine.match(faces, people), strict=True))
    ]
    patches = engine.make_decoys(image, requests, people) if requests else []
    if len(patches) != len(faces) or any(patch is None for patch in patches):
        raise IncompleteError(f"{len(faces)} faces, {len(patches)} decoys")
    _store(job, photo, faces, patches)


def read_original(photo: Photo) -> types.Image:
    """The stored original's pixels, (H, W, 3) RGB. Raises OSError or ImageRejectedError."""
    from mfmc_engine.imaging import decode

    with photo.original.open("rb") as file:
        return decode(file.read())


def _store(
    job: ProtectionJob, photo: Photo, faces: Sequence[types.Face], patches: Sequence[types.Decoy]
) -> None:
    """Regions, owners, decoys and READY, together or not at all."""
    regions = [decoys.region_row(photo, index, face) for index, face in enumerate(faces)]
    rows: list[Decoy] = []
    try:
        rows.extend(decoys.decoy_row(region, patch) for region, patch in zip(regions, patches, strict=True))
        with transaction.atomic():
            _write(job, photo, regions, rows)
    except BaseException:
        for row in rows:
            default_storage.delete(row.patch.name)
        raise
    remove_patches(photo.pk, keep={row.patch.name for row in rows})  # what killed runs left behind


def _write(job: ProtectionJob, photo: Photo, regions: list[FaceRegion], rows: list[Decoy]) -> None:
    held = Photo.objects.select_for_update(of=("self",)).filter(pk=photo.pk, protection__token=job.token)
    if held.first() is None:
        raise LeaseLostError
    FaceRegion.objects.bulk_create(regions)
    for row, region in zip(rows, regions, strict=True):
        row.region = region
    Decoy.objects.bulk_create(rows)
    # Against the gallery of this very moment: who left while the faces were looked for is not matched any more.
    matching.assign(regions)
    Photo.objects.filter(pk=photo.pk).update(state=Photo.State.READY, version=F("version") + 1)
    ProtectionJob.objects.filter(pk=job.pk).delete()


def remove_patches(photo_id: uuid.UUID, keep: frozenset[str] | set[str] = frozenset()) -> None:
    """Remove the photo's patches from storage, whether or not a row still names them, except those to keep."""
    folder = f"decoys/{uuid.UUID(str(photo_id)).hex}"
    with contextlib.suppress(FileNotFoundError):
        for name in default_storage.listdir(folder)[1]:
            if f"{folder}/{name}" not in keep:
                default_storage.delete(f"{folder}/{name}")
        if not keep:
            default_storage.delete(folder)
