"""What all the tags of one face as one person come to together.

Each tagger's word is a row of its own. Were it kept only where nobody had named the face before, the tagger's own list
would tell them that somebody had, or that the person named took it back; and it would be lost with the other's.
"""

from __future__ import annotations

from django.db.models import Case, Exists, F, IntegerChoices, OuterRef, Q, QuerySet, When

from accounts.models import Block, Friendship
from faceaccess.models import Tag
from faceaccess.policies import TagFact


class Weight(IntegerChoices):
    """How much one of the tags has to say; the heaviest speaks for all."""

    NOBODYS = 0  # of who may not speak for the owner now
    FRIENDS = 1
    OWNERS = 2
    WITHDRAWN = 3  # by the owner: it holds whoever else tags


def weighed(tags: QuerySet[Tag]) -> QuerySet[Tag]:
    """The same tags with their ``weight`` as things are now, the heaviest first, then the oldest."""
    by_friend = Q(tagger__is_active=True) & friendship("owner", "tagger") & ~block("owner", "tagger")
    weight = Case(
        When(withdrawn_at__isnull=False, then=Weight.WITHDRAWN.value),
        When(tagger=F("owner"), then=Weight.OWNERS.value),
        When(by_friend, then=Weight.FRIENDS.value),
        default=Weight.NOBODYS.value,
    )
    return tags.annotate(weight=weight).order_by("-weight", "pk")


def fact(weight: int | None) -> TagFact | None:
    """The heaviest weight in the policies' own words; None where nobody tagged."""
    if weight is None:
        return None
    return TagFact(weight == Weight.WITHDRAWN, weight == Weight.OWNERS, weight == Weight.FRIENDS)


def friendship(one: str, other: str) -> Q:
    """Whether the people in two fields of a row are friends: by the unique index of the pair, whichever is lower."""
    accepted = Friendship.objects.accepted()
    pairs = ((one, other), (other, one))
    lower, higher = (Exists(accepted.filter(low=OuterRef(low), high=OuterRef(high))) for low, high in pairs)
    return Q(lower) | Q(higher)


def block(one: str, other: str) -> Q:
    """Whether one of them blocked the other."""
    blocks = Block.objects.all()
    pairs = ((one, other), (other, one))
    mine, theirs = (Exists(blocks.filter(blocker=OuterRef(by), blocked=OuterRef(whom))) for by, whom in pairs)
    return Q(mine) | Q(theirs)
