"""Telling people what happened: ``notify`` when it does, ``visible_to`` and ``batches`` when they look.

Everything that was stored is asked again when it is read: see community.notices.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Friendship, User
from accounts.selectors import is_blocked_between, is_muted_by
from community.kinds import KINDS, Batch
from community.models import Comment, Notification, SwitchedOff
from community.querysets import is_known_to
from photos.models import Photo, Post

ROWS_AT_MOST = 300  # read for one page of notifications; more of them are older than anybody scrolls


@transaction.atomic
def notify(
    *,
    recipient: User,
    kind: str,
    key: str,
    actor: User | None = None,
    batch: str = "",
    post: Post | None = None,
    photo: Photo | None = None,
    comment: Comment | None = None,
    friendship: Friendship | None = None,
    thing: int | None = None,
) -> Notification | None:
    """Tell ``recipient`` that ``actor`` did something. The same ``key`` again changes nothing.

    None, and nothing stored, for what one did oneself, across a block, and for a kind the recipient switched off.
    ``batch``: what is told together with it (by default nothing).
    """
    if kind not in KINDS:
        raise ValueError(f"no such kind of notification: {kind}")
    if actor is not None and (actor == recipient or is_blocked_between(actor, recipient)):
        return None
    if kind in switched_off(recipient):
        return None
    key = f"{kind}:{key}"
    about = {"post": post, "photo": photo, "comment": comment, "friendship": friendship, "thing": thing}
    row, _created = Notification.objects.get_or_create(
        recipient=recipient,
        key=key,
        defaults={"kind": kind, "actor": actor, "batch": f"{kind}:{batch}" if batch else key, **about},
    )
    return row


def retract(*, kind: str, key: str, recipient: User | None = None) -> None:
    """Forget what was told under this key. Not needed for what ``holds`` or a cascade notices by itself."""
    rows = Notification.objects.filter(kind=kind, key=f"{kind}:{key}")
    if recipient is not None:
        rows = rows.filter(recipient=recipient)
    rows.delete()


def visible_to(recipient: User, kinds: Iterable[str] = KINDS) -> QuerySet[Notification]:
    """Everything of these kinds that may still be told to ``recipient``, newest first.

    What people they muted do is told nowhere.
    """
    holding = Q(pk__in=[])
    for kind in kinds:
        holding |= Q(kind=kind) & KINDS[kind].holds(recipient)
    heard = is_known_to(recipient, "actor") & ~is_muted_by(recipient, "actor")
    known = Q(actor__isnull=True) | heard
    standing = Q(comment__taken_down_at=None)
    off = SwitchedOff.objects.filter(owner=recipient).values("kind")
    return Notification.objects.filter(known, standing, holding, recipient=recipient).exclude(kind__in=off)


def unseen_count(recipient: User) -> int:
    """How many sentences are new."""
    return unseen(recipient).values("batch").distinct().count()


def unseen(recipient: User) -> QuerySet[Notification]:
    """Without an order, to be counted."""
    return visible_to(recipient).filter(seen_at=None).order_by()


def batches(recipient: User) -> list[Batch]:
    """The newest notifications as sentences. What is new is told apart from what was seen of the same batch.

    Which kinds were stored is asked first: all of KINDS in one statement take long to be put together.
    """
    stored = Notification.objects.filter(recipient=recipient).order_by().values_list("kind", flat=True)
    kinds = KINDS.keys() & set(stored.distinct())
    rows = (
        visible_to(recipient, sorted(kinds))
        .select_related("actor", "post__author", "photo__post__author", "comment", "friendship")
        .prefetch_related("post__photos")[:ROWS_AT_MOST]
    )
    found: dict[tuple[str, bool], list[Notification]] = {}
    for row in rows:
        found.setdefault((row.batch, row.seen_at is None), []).append(row)
    return [Batch(group) for group in found.values()]


@transaction.atomic
def mark_seen(*, recipient: User) -> int:
    """All of them, also those that are not told at present: they would else turn up as news much later."""
    return Notification.objects.filter(recipient=recipient, seen_at=None).update(seen_at=timezone.now())


# --- preferences ---


def switched_off(owner: User) -> set[str]:
    return set(SwitchedOff.objects.filter(owner=owner).values_list("kind", flat=True))


@transaction.atomic
def preferences_set(*, owner: User, by: User, off: Iterable[str]) -> None:
    """The kinds ``owner`` does not want to hear of, all others being on. Raises ValidationError for unknown ones."""
    if owner != by:
        raise PermissionDenied(_("These are not your notifications."))
    off = set(off)
    if unknown := sorted(off - KINDS.keys()):
        raise ValidationError({"off": _("There is no such kind: %s") % ", ".join(unknown)})
    SwitchedOff.objects.filter(owner=owner).exclude(kind__in=off).delete()
    SwitchedOff.objects.bulk_create(
        (SwitchedOff(owner=owner, kind=kind) for kind in sorted(off)), ignore_conflicts=True
    )
