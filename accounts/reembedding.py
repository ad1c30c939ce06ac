"""After a change of the model pack (settings.ENGINE_PACK): every enrolled picture is embedded anew.

The template of the pack before is kept beside the new one (FormerTemplate) until the photos, too, were done
(faceaccess/reembedding.py). Each capture is one short transaction that knows what it replaces, so a run can be killed
anywhere, and of two that meet one writes.
"""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import F, Q, QuerySet

from accounts.engine import get_engine
from accounts.models import READING_ATTEMPTS, FaceCapture, FormerTemplate
from accounts.signals import capture_given_up, renew_version
from accounts.templates import capture_purpose, seal
from mfmc_engine.errors import EngineError, ImageRejectedError

logger = logging.getLogger(__name__)


def of_another_pack(field: str = "pack") -> Q:
    """Rows of another pack than the settings'. Two ranges of an index, where "is not" would read every row."""
    return Q(**{f"{field}__lt": settings.ENGINE_PACK}) | Q(**{f"{field}__gt": settings.ENGINE_PACK})


def outdated() -> QuerySet[FaceCapture]:
    """Captures, held ones too, that wait for their template in the pack in use; without those given up."""
    given_up = Q(failed_pack=settings.ENGINE_PACK, failures__gte=READING_ATTEMPTS)
    return FaceCapture.objects.filter(of_another_pack()).exclude(given_up)


def gallery_is_partial() -> bool:
    """Whether somebody enrolled is missing from the pack's gallery for now: nothing may be concluded from it then."""
    return outdated().exists()


def try_again() -> None:
    """Forget what failed."""
    FaceCapture.objects.exclude(failed_pack="").update(failed_pack="", failures=0)


def embed_some(limit: int) -> int:
    """Embed at most ``limit`` captures anew; returns how many were tried. Raises EngineError: the pack cannot work."""
    captures = list(outdated().order_by("failures", "pk")[:limit])
    for capture in captures:
        embed_anew(capture)
    return len(captures)


def embed_anew(capture: FaceCapture) -> bool:
    """Give one capture its template of the pack in use. False if that failed, or it is gone or done meanwhile."""
    from accounts.capture_quality import one_face  # with OpenCV: the web process does without
    from mfmc_engine.imaging import decode

    try:
        with capture.picture.open("rb") as file:
            face = one_face(get_engine().analyze(decode(file.read())))
    except Exception as error:
        if is_not_its_fault(error):
            raise
        logger.exception("capture %s could not be embedded anew", capture.pk)
        _note_failure(capture)
        return False
    return _store(capture, seal(face.embedding, purpose=capture_purpose(capture.user_id)))


def is_not_its_fault(error: Exception) -> bool:
    """Whether an error says nothing about the picture: the database is away, the pack lacks weights or its device."""
    about_the_pack = isinstance(error, EngineError) and not isinstance(error, ImageRejectedError)
    return about_the_pack or isinstance(error, DatabaseError)


@transaction.atomic
def _note_failure(capture: FaceCapture) -> None:
    """Count it; with the last try its owner is told, in the same transaction."""
    row = FaceCapture.objects.filter(pk=capture.pk)
    row.exclude(failed_pack=settings.ENGINE_PACK).update(failed_pack=settings.ENGINE_PACK, failures=0)
    row.update(failures=F("failures") + 1)
    if (lost := row.unreadable().select_related("user").first()) is not None:
        capture_given_up.send(sender=FaceCapture, capture=lost)


@transaction.atomic
def _store(capture: FaceCapture, template: bytes) -> bool:
    """Put the new template in the place of the one that was read, and keep that one."""
    same = FaceCapture.objects.select_for_update().filter(pk=capture.pk, pack=capture.pack)
    row = same.filter(template=bytes(capture.template)).first()
    if row is None:
        return False
    FormerTemplate.objects.filter(capture=row, pack=settings.ENGINE_PACK).delete()
    FormerTemplate.objects.update_or_create(capture=row, pack=row.pack, defaults={"template": row.template})
    former, row.pack, row.template = row.pack, settings.ENGINE_PACK, template
    row.failed_pack, row.failures = "", 0
    row.save(
        update_fields=["pack", "template", "failed_pack", "failures"]
    )  # its signal renews the new gallery's
    renew_version(former)
    return True


def retire() -> None:
    """Drop the templates of earlier packs: whoever has no other is not enrolled any more, as far as photos go."""
    FormerTemplate.objects.all().delete()
