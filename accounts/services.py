"""Writes about people. Each service checks permission itself and is one transaction.

Two people's relation (friendship, block, circles) is changed under a lock on both of their rows, taken in id order:
a block and an acceptance that race end with the block alone.
"""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import RestrictedError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import signing_up, traces
from accounts.enrolment import EnrolmentRejected, capture_delete, capture_enroll, enrolment_delete
from accounts.leaving import account_delete
from accounts.models import Block, Circle, CircleMembership, Friendship, Mute, User
from accounts.selectors import are_friends, friendship_between, is_blocked_between

__all__ = [
    "EnrolmentRejected",
    "account_delete",
    "block_create",
    "block_remove",
    "capture_delete",
    "capture_enroll",
    "circle_add",
    "circle_create",
    "circle_delete",
    "circle_remove",
    "circle_rename",
    "circle_starters",
    "enrolment_delete",
    "friendship_accept",
    "friendship_decline",
    "friendship_end",
    "friendship_request",
    "mute_create",
    "mute_remove",
    "profile_update",
]


def _lock(*people: User) -> None:
    """Hold the people's rows until the transaction ends. (SQLite locks the whole database at BEGIN instead.)"""
    ids = sorted(person.pk for person in people)
    list(User.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk", flat=True))


# --- friendships ---


@transaction.atomic
def friendship_request(*, requester: User, addressee: User) -> Friendship:
    """Ask for a friendship; if the other one asked already, this accepts it. Asking twice changes nothing."""
    if requester == addressee:
        raise ValidationError(_("You cannot befriend yourself."))
    _lock(requester, addressee)
    if not addressee.is_active or is_blocked_between(requester, addressee):
        raise PermissionDenied(_("You cannot send this person a request."))
    existing = friendship_between(requester, addressee)
    if existing is not None:
        if not existing.is_accepted and existing.addressee_id == requester.pk:
            return friendship_accept(friendship=existing, by=requester)
        return existing
    friendship = Friendship(requester=requester, addressee=addressee)
    friendship.full_clean()
    friendship.save()
    return friendship


@transaction.atomic
def friendship_accept(*, friendship: Friendship, by: User) -> Friendship:
    """Only who was asked may accept."""
    if by.pk != friendship.addressee_id:
        raise PermissionDenied(_("Only the person who was asked can accept."))
    _lock(friendship.requester, friendship.addressee)
    current = friendship_between(friendship.requester, friendship.addressee)
    if current is None or current.pk != friendship.pk:
        raise ValidationError(_("This request was taken back."))
    if is_blocked_between(friendship.requester, friendship.addressee):
        raise PermissionDenied(_("You cannot accept this request."))
    if not current.is_accepted:
        current.accepted_at = timezone.now()
        current.full_clean()
        current.save()
    return current


@transaction.atomic
def friendship_decline(*, friendship: Friendship, by: User) -> None:
    """Decline a request (who was asked) or take it back (who asked). A friendship is ended, not declined."""
    if by.pk not in (friendship.requester_id, friendship.addressee_id):
        raise PermissionDenied(_("This request is between two other people."))
    _lock(friendship.requester, friendship.addressee)
    current = Friendship.objects.filter(pk=friendship.pk).first()
    if current is not None and current.is_accepted:
        raise ValidationError(_("You are friends already. You can end the friendship instead."))
    if current is not None:
        current.delete()


@transaction.atomic
def friendship_end(*, one: User, other: User) -> None:
    """End it for both. ``one`` is who ends it.

    Both stay in each other's circles: who was put into a circle that a rule hides from must not get out of it by
    their own act. Whatever is shown to or posted for a circle asks for the friendship besides.
    """
    _lock(one, other)
    Friendship.objects.between(one, other).accepted().delete()


# --- blocks ---


@transaction.atomic
def block_create(*, blocker: User, blocked: User) -> Block:
    """From now on neither sees the other. Ends friendship and requests; circles stay, as in friendship_end."""
    if blocker == blocked:
        raise ValidationError(_("You cannot block yourself."))
    _lock(blocker, blocked)
    Friendship.objects.between(blocker, blocked).delete()
    block, created = Block.objects.get_or_create(blocker=blocker, blocked=blocked)
    if created:
        block.full_clean()
    return block


@transaction.atomic
def block_remove(*, blocker: User, blocked: User) -> None:
    """Takes back one's own block only; the friendship does not come back with it."""
    Block.objects.filter(blocker=blocker, blocked=blocked).delete()


@transaction.atomic
def mute_create(*, muter: User, muted: User) -> Mute:
    """Keep somebody's posts out of one's own feed. Nothing else changes; they are not told."""
    if muter == muted:
        raise ValidationError(_("You cannot mute yourself."))
    return Mute.objects.get_or_create(muter=muter, muted=muted)[0]


@transaction.atomic
def mute_remove(*, muter: User, muted: User) -> None:
    Mute.objects.filter(muter=muter, muted=muted).delete()


# --- circles ---


def _check_owner(circle: Circle, by: User) -> None:
    if circle.owner_id != by.pk:
        raise PermissionDenied(_("This is not your circle."))


def _save_circle(circle: Circle, name: str) -> Circle:
    circle.name = name.strip()
    taken = Circle.objects.filter(owner=circle.owner_id, name__iexact=circle.name).exclude(pk=circle.pk)
    if taken.exists():
        raise ValidationError({"name": _("You already have a circle with this name.")})
    circle.full_clean()
    circle.save()
    return circle


@transaction.atomic
def circle_create(*, owner: User, name: str) -> Circle:
    _lock(owner)
    return _save_circle(Circle(owner=owner), name)


@transaction.atomic
def circle_rename(*, circle: Circle, by: User, name: str) -> Circle:
    _check_owner(circle, by)
    _lock(by)
    current = Circle.objects.filter(pk=circle.pk).first()
    if current is None:  # saving it would bring it back
        raise ValidationError(_("This circle is gone."))
    return _save_circle(current, name)


@transaction.atomic
def circle_delete(*, circle: Circle, by: User) -> None:
    """What was posted for the circle is then seen by its author only. A circle that a rule names is kept."""
    _check_owner(circle, by)
    _lock(by)
    try:
        circle.delete()
    except RestrictedError as error:
        # With the circle a rule that hides a face from it would go, and silently show the face.
        raise ValidationError(_("One of your rules uses this circle. Change that rule first.")) from error


@transaction.atomic
def circle_add(*, circle: Circle, by: User, person: User) -> CircleMembership:
    """Put a friend into one's circle; the friend is not told. Adding twice changes nothing."""
    _check_owner(circle, by)
    _lock(by, person)
    if not are_friends(by, person):
        raise ValidationError(_("Only friends can be in a circle."))
    return CircleMembership.objects.get_or_create(circle=circle, person=person)[0]


@transaction.atomic
def circle_remove(*, circle: Circle, by: User, person: User) -> None:
    _check_owner(circle, by)
    CircleMembership.objects.filter(circle=circle, person=person).delete()


@transaction.atomic
def circle_starters(*, owner: User) -> None:
    """The two circles everybody starts with, empty, in the language of the moment; they can go like any other."""
    for name in (_("Family"), _("Close friends")):
        if not Circle.objects.filter(owner=owner, name__iexact=name).exists():
            circle_create(owner=owner, name=name)


# --- profile ---


@transaction.atomic
def profile_update(
    *,
    user: User,
    by: User,
    display_name: str | None = None,
    bio: str | None = None,
    username: str | None = None,
) -> User:
    """Change what others read about ``user``. None leaves a field as it is. ``username`` is the handle.

    Writes what is given and nothing else: ``user`` was read before, and the rest may have changed since.
    """
    if user != by:
        raise PermissionDenied(_("This is not your profile."))
    given = {}
    if display_name is not None:
        given["display_name"] = " ".join(display_name.split())
    if bio is not None:
        given["bio"] = bio.strip()
    former = user.username
    if username is not None:
        given["username"] = handle_clean(username, of=user)
    for name, value in given.items():
        setattr(user, name, value)
    user.full_clean(exclude={"password", "last_login"})
    user.save(update_fields=list(given))
    if user.username != former:
        traces.tries_forget(former)  # nobody would know later whose they were
    return user


def handle_clean(handle: str, *, of: User) -> str:
    """The handle in lower case. Raises ValidationError for one that is reserved (the model refuses the rest)."""
    handle = handle.strip().lower()
    signing_up.expired_forget()
    if handle in settings.ACCOUNT_USERNAME_BLACKLIST and handle != of.username:
        raise ValidationError({"username": _("This handle is reserved. Choose another one.")})
    return handle
