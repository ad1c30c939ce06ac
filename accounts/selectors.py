"""Reads about people. Nobody blocked, in either direction, and nobody's e-mail comes out of here."""

from __future__ import annotations

from collections import Counter

from django.contrib.auth.models import AnonymousUser
from django.db.models import Prefetch, Q, QuerySet
from django.http import Http404

from accounts.models import Block, Circle, CircleMembership, Friendship, Mute, User

SUGGESTIONS_AT_MOST = 20


def is_friend_of(user: User | int, field: str = "pk") -> Q:
    """A condition on any query: the person in ``field`` is an accepted friend of ``user``."""
    accepted = Friendship.objects.accepted()
    return Q(**{f"{field}__in": accepted.filter(low=user).values("high")}) | Q(
        **{f"{field}__in": accepted.filter(high=user).values("low")}
    )


def is_hidden_from(user: User | int, field: str = "pk") -> Q:
    """A condition on any query: a block, in either direction, stands between ``user`` and the person in ``field``."""
    return Q(**{f"{field}__in": Block.objects.filter(blocker=user).values("blocked")}) | Q(
        **{f"{field}__in": Block.objects.filter(blocked=user).values("blocker")}
    )


def is_blocked_between(one: User, other: User) -> bool:
    return Block.objects.filter(Q(blocker=one, blocked=other) | Q(blocker=other, blocked=one)).exists()


def blocks_by(user: User) -> QuerySet[Block]:
    """The blocks ``user`` made, for the page on which they are taken back: by their own key, under the name of then.

    Whom they are of is not read: a blocked person may have another handle since, have blocked back, or be gone.
    """
    return Block.objects.filter(blocker=user).order_by("name", "handle", "pk")


def name_told_to(viewer: User, person: User) -> str:
    """What ``viewer`` may call ``person``: of somebody they blocked, the name of then."""
    kept = blocks_by(viewer).filter(blocked=person).values_list("name", flat=True).first()
    return kept or person.name


def is_muted_by(user: User, field: str = "pk") -> Q:
    """A condition on any query: ``user`` muted the person in ``field``."""
    return Q(**{f"{field}__in": Mute.objects.filter(muter=user).values("muted")})


def muted_by(user: User) -> QuerySet[User]:
    """The people ``user`` muted, without those a block stands between."""
    return people_visible_to(user).filter(is_muted_by(user)).order_by("display_name", "username")


def members() -> QuerySet[User]:
    """Everybody who is here: no closed account, and none whose address is not confirmed (accounts/signing_up.py)."""
    return User.objects.filter(is_active=True, pending_until=None)


def people_visible_to(viewer: User | AnonymousUser) -> QuerySet[User]:
    """Everyone whose existence ``viewer`` may know of: members, without those a block stands between."""
    if not viewer.is_authenticated:
        return User.objects.none()
    return _known_to(viewer)


def _known_to(reader: User | int) -> QuerySet[User]:
    return members().exclude(is_hidden_from(reader))


def seen_by(reader: User | int, field: str) -> Prefetch:
    """For prefetch_related: the person in ``field`` of every row, or None for one ``people_visible_to`` leaves out.

    The reader keeps the row, and acts on it by its own key; what its person is called meanwhile is not even read.
    One query however many rows. Of a field that cannot be null, None is Django's DoesNotExist.
    """
    return Prefetch(field, _known_to(reader))


def person_for(viewer: User | AnonymousUser, handle: str) -> User:
    """The person behind ``handle``. Raises Http404 alike for nobody, a closed account and a block."""
    person = people_visible_to(viewer).filter(username=handle.lower()).first()
    if person is None:
        raise Http404("No such person.")
    return person


def friends_of(user: User) -> QuerySet[User]:
    return (
        User.objects.filter(is_friend_of(user), is_active=True)
        .exclude(is_hidden_from(user))
        .order_by("display_name", "username")
    )


def friendship_between(one: User, other: User) -> Friendship | None:
    """Their row, asked or accepted, whoever asked."""
    return Friendship.objects.between(one, other).first()


def are_friends(one: User, other: User) -> bool:
    return Friendship.objects.between(one, other).accepted().exists()


def requests_for(user: User) -> QuerySet[Friendship]:
    """Requests waiting for the answer of ``user``, newest first."""
    return (
        Friendship.objects.pending()
        .filter(addressee=user, requester__is_active=True)
        .exclude(is_hidden_from(user, "requester"))
        .select_related("requester")
        .order_by("-created_at")
    )


def requests_by(user: User) -> QuerySet[Friendship]:
    """Requests ``user`` sent and nobody answered yet, newest first."""
    return (
        Friendship.objects.pending()
        .filter(requester=user, addressee__is_active=True)
        .exclude(is_hidden_from(user, "addressee"))
        .select_related("addressee")
        .order_by("-created_at")
    )


def called(people: QuerySet[User], text: str) -> QuerySet[User]:
    """Those of ``people`` whose handle or name holds ``text``. SQLite refuses to look for very long ones."""
    if len(text) > User._meta.get_field("display_name").max_length:
        return people.none()
    return people.filter(Q(username__icontains=text) | Q(display_name__icontains=text))


def people_search(*, viewer: User, text: str) -> QuerySet[User]:
    """People whose handle or name holds ``text``; never by e-mail address, and nobody for an empty search."""
    text = text.strip().removeprefix("@")
    if not text:
        return User.objects.none()
    others = people_visible_to(viewer).exclude(pk=viewer.pk)
    return called(others, text).order_by("display_name", "username")


def suggestions(viewer: User, at_most: int = SUGGESTIONS_AT_MOST) -> list[User]:
    """Friends of friends, those with the most mutual friends first; each carries ``mutual_friends`` (their number).

    Mutual friends are the only source: faces, photos and tags never suggest anybody.
    """
    friends = set(friends_of(viewer).values_list("pk", flat=True))
    known = set(Friendship.objects.of(viewer).values_list("low", "high"))
    acquainted = {viewer.pk} | {person for pair in known for person in pair}
    mutual: Counter[int] = Counter()
    ties = Friendship.objects.accepted().filter(Q(low__in=friends) | Q(high__in=friends))
    for low, high in ties.values_list("low", "high"):
        mutual.update(other for friend, other in ((low, high), (high, low)) if friend in friends)
    best = [person for person, _ in mutual.most_common() if person not in acquainted]
    people = people_visible_to(viewer).in_bulk(best[: 5 * at_most])  # some may be blocked or gone
    found = [people[person] for person in best if person in people][:at_most]
    for person in found:
        person.mutual_friends = mutual[person.pk]
    return found


def circles_of(user: User) -> QuerySet[Circle]:
    return Circle.objects.filter(owner=user)


def circles_with_members(user: User) -> QuerySet[Circle]:
    """With their ``memberships``, each with the person as ``seen``: None for one hidden from the owner meanwhile."""
    memberships = CircleMembership.objects.order_by("pk").prefetch_related(seen_by(user, "person"))
    return circles_of(user).prefetch_related(Prefetch("memberships", memberships))
