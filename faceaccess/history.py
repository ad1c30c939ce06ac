"""The log of the decisions an owner took. Every service that takes one writes its line in the same transaction."""

from __future__ import annotations

from django.dispatch import receiver

from accounts.models import User
from accounts.signals import enrolment_decided
from faceaccess.models import DecisionLog
from photos.models import Photo

Action = DecisionLog.Action


def note(
    owner: User, action: str, *, photo: Photo | None = None, photo_id: object = None, detail: str = ""
) -> None:
    """One more line. Call it inside the transaction that carries the decision out."""
    line = DecisionLog(
        owner=owner, action=action, photo_id=photo.pk if photo else photo_id, detail=detail[:200]
    )
    line.full_clean()
    line.save()


@receiver(enrolment_decided)
def note_enrolment(user: User, action: str, **kwargs: object) -> None:
    note(user, action)
