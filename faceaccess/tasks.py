"""Work for the Celery worker. Messages carry keys only, never anything about a face."""

from __future__ import annotations

import logging
from datetime import timedelta

from celery import Task, shared_task
from celery.signals import worker_ready
from django.core.cache import cache
from django.db.models import F, Q
from django.utils import timezone

from faceaccess import claims, exposures, leftovers, marks, matching, pipeline, reembedding, reminders
from faceaccess.models import ProtectionJob
from mfmc_engine.errors import EngineError
from photos.models import Photo

logger = logging.getLogger(__name__)

REQUEUE_AFTER = timedelta(
    seconds=60
)  # a message that nobody took for so long may be lost; one too many is harmless
REMATCHING = "rematching"  # cache key: a message is under way, or a worker at it. Only spares double work.
REMATCH_AT_ONCE = 50  # photos, well under a second
REMATCH_LEASE_S = 30  # a worker that did not finish those in this time is taken for dead
REEMBEDDING = "reembedding"  # the same for embedding anew after a change of the pack
REEMBED_AT_ONCE = 4  # captures or photos, some seconds
REEMBED_LEASE_S = 120


@shared_task
def photo_protect(photo_id: str) -> None:
    pipeline.protect(photo_id)


@shared_task
def photo_rematch(photo_id: str) -> None:
    matching.rematch_photo(photo_id)


@shared_task
def faces_rematch() -> None:
    """Match a few outdated photos again and send the next message about the rest: new photos get their turn between."""
    cache.set(REMATCHING, True, REMATCH_LEASE_S)
    done = matching.rematch_outdated(REMATCH_AT_ONCE)
    cache.delete(REMATCHING)
    if done == REMATCH_AT_ONCE:  # there may be more
        send_rematch()


def send_rematch() -> None:
    """Tell the workers that the gallery changed, unless they know. If it gets lost, the sweep sends it again."""
    if cache.add(REMATCHING, True, REQUEUE_AFTER.total_seconds()):
        enqueue(faces_rematch)


@shared_task
def faces_reembed() -> None:
    """Embed a few captures or photos anew and send the next message: new photos get their turn between.

    A pack that lacks its weights is tried again when the lease ran out.
    """
    cache.set(REEMBEDDING, True, REEMBED_LEASE_S)
    try:
        more = reembedding.embed_some(REEMBED_AT_ONCE)
    except EngineError as error:
        logger.error("pictures cannot be embedded anew: %s", error)
        return
    cache.delete(REEMBEDDING)
    if more:
        send_reembed()


def send_reembed() -> None:
    """Tell the workers that the pack is another one, unless they know."""
    if cache.add(REEMBEDDING, True, REQUEUE_AFTER.total_seconds()):
        enqueue(faces_reembed)


@shared_task
def mark_analyse(region_id: int) -> None:
    marks.analyse(region_id)


@shared_task
def claim_judge(claim_id: int) -> None:
    claims.judge(claim_id)


@shared_task
def photos_sweep(restarted: bool = False) -> None:
    """Send again what lost its worker: a killed one takes its message with it, and its lease runs out.

    ``restarted``: also what waits under a message that was sent, for the worker that took it may be the one that died.
    """
    now = timezone.now()
    for photo in Photo.objects.filter(state__in=pipeline.UNFINISHED, protection=None):
        ProtectionJob.objects.get_or_create(photo=photo)
    idle = Q(lease_until=None) | Q(lease_until__lt=now)
    unsent = Q(queued_at=None) | Q(queued_at__lt=now - REQUEUE_AFTER) | Q(queued_at__lt=F("lease_until"))
    jobs = ProtectionJob.objects.filter(idle, photo__state__in=pipeline.UNFINISHED)
    for job in jobs if restarted else jobs.filter(unsent):
        send_photo(job.photo_id)
    if restarted:
        cache.delete(REMATCHING)
        cache.delete(REEMBEDDING)
    if reembedding.is_due():
        send_reembed()
    if matching.outdated().exists():
        send_rematch()
    for region in marks.overdue():
        enqueue(mark_analyse, region.pk)
    for claim in claims.overdue():
        enqueue(claim_judge, claim.pk)


@shared_task
def reminders_send() -> None:
    reminders.send_due()


@shared_task
def exposures_keep() -> None:
    exposures.keep_all()


@shared_task
def files_sweep() -> None:
    leftovers.remove()


def send_photo(photo_id: object) -> None:
    """Tell the workers about a photo."""
    job, _ = ProtectionJob.objects.get_or_create(photo_id=photo_id)
    ProtectionJob.objects.filter(pk=job.pk).update(queued_at=timezone.now())
    enqueue(photo_protect, str(photo_id))


def enqueue(task: Task, *arguments: object) -> None:
    """Send a task. A broker that cannot be reached must not undo what the person did: the sweep sends it later."""
    try:
        task.delay(*arguments)
    except Exception:  # kombu lets every transport's own errors through
        logger.exception("%s was not sent", task.name)


@worker_ready.connect
def sweep_on_start(**kwargs: object) -> None:
    enqueue(photos_sweep, True)
