"""Reminders of photos that wait for an answer: one message for all of them, at most every REMINDER_DAYS, if wanted.

The message says how many wait and nothing else: no picture, no name, no photo. Its link needs no signing in, opens
nothing but "later" and "no more reminders", and is signed for one person.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q, QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from faceaccess import selectors, services
from faceaccess.history import Action, note
from faceaccess.models import AccessModel, FacePreference, FaceRegion
from faceaccess.signals import reminder_due

logger = logging.getLogger(__name__)

PATIENCE = timedelta(
    days=1
)  # a photo waits so long before it is reminded of, by choice: most are answered by then
SALT = "faceaccess.reminders"
LINK_AGE = timedelta(days=30)


def are_on(owner: User) -> bool:
    return not FacePreference.objects.filter(owner=owner, reminders=False).exists()


@transaction.atomic
def switch(*, owner: User, on: bool) -> None:
    """Whether to be reminded. Saying it again changes nothing."""
    preference, _created = FacePreference.objects.get_or_create(owner=owner)
    if preference.reminders != on:
        preference.reminders = on
        preference.save(update_fields=["reminders"])
        note(owner, Action.REMINDERS_ON if on else Action.REMINDERS_OFF)


@transaction.atomic
def put_all_off(*, owner: User) -> int:
    """ "Later" for everything that waits now; how many. Silence as before, which hides."""
    waiting = list(selectors.inbox(owner))
    for region in waiting:
        services.authorization_put_off(region=region, by=owner)
    return len(waiting)


def due() -> QuerySet[User]:
    """Who may be reminded now: wants it, decides by approval, has a face found, and was not reminded lately."""
    lately = timezone.now() - timedelta(days=settings.REMINDER_DAYS)
    people = User.objects.filter(
        is_active=True, pk__in=FaceRegion.objects.filter(owner__isnull=False).values("owner")
    ).exclude(face_preference__reminders=False)
    people = people.exclude(face_preference__reminded_at__gt=lately)
    if settings.FACE_PINNED_MODEL or settings.FACE_DEFAULT_MODEL == AccessModel.AUTHORIZATION:
        return people
    return people.filter(Q(face_preference__model=AccessModel.AUTHORIZATION))


def send_due() -> int:
    """One message to everybody who is due and for whom something new waits; how many were sent."""
    return sum(send(owner) for owner in due().iterator())


def send(owner: User) -> bool:
    """Remind one person, if something has waited for PATIENCE that they were not reminded of before."""
    with transaction.atomic():
        User.objects.select_for_update().get(pk=owner.pk)  # two workers, one reminder
        preference, _created = FacePreference.objects.get_or_create(owner=owner)
        waiting = selectors.inbox(owner)
        old = waiting.filter(photo__created_at__lt=timezone.now() - PATIENCE)
        if preference.reminded_at is not None:
            old = old.filter(photo__created_at__gt=preference.reminded_at - PATIENCE)
        number = waiting.count() if preference.reminders and old.exists() else 0
        if not number:
            return False
        preference.reminded_at = timezone.now()
        preference.save(update_fields=["reminded_at"])
        transaction.on_commit(partial(_tell, owner, number), robust=True)
    return True


def _tell(owner: User, number: int) -> None:
    reminder_due.send_robust(sender=FacePreference, owner=owner, waiting=number)
    if owner.email:
        message(owner, number).send()


def message(owner: User, number: int) -> EmailMessage:
    link = settings.SITE_ADDRESS + reverse("reminder", args=[token(owner)])
    subject = ngettext(
        "%(n)d photo waits for your answer", "%(n)d photos wait for your answer", number
    ) % {"n": number}  # fmt: skip
    page = {
        "owner": owner,
        "number": number,
        "link": link,
        "inbox": settings.SITE_ADDRESS + reverse("face-inbox"),
    }
    return EmailMessage(
        subject,
        render_to_string("faceaccess/reminder.txt", page),
        to=[owner.email],
        headers={"List-Unsubscribe": f"<{link}>"},
    )


# --- the link ---


def token(owner: User) -> str:
    return signing.dumps(owner.pk, salt=SALT)


def owner_of(token: str) -> User | None:
    """Whose reminder the token came with; None for a wrong or an old one, or a closed account."""
    try:
        pk = signing.loads(token, salt=SALT, max_age=LINK_AGE)
    except signing.BadSignature:
        return None
    return User.objects.filter(pk=pk, is_active=True).first()


def done_words(*, off: bool, number: int = 0) -> str:
    """What was done, in a sentence."""
    if off:
        return _(
            "You are not reminded any more. Photos still wait in your inbox; until you answer, you are hidden."
        )
    return ngettext(
        "%(n)d photo waits below. Until you answer, your face is hidden there.",
        "%(n)d photos wait below. Until you answer, your face is hidden there.",
        number,
    ) % {"n": number}
