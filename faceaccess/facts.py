"""The facts a decision may look at, read for many photos at once.

Seven queries at most for any number of photos, regions, owners and rules: regions with their statements, blocks, and,
where somebody goes by rules, the viewer's friends, circles, the rules, friends of friends. Nothing here decides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from django.conf import settings
from django.db.models import Exists, F, FilteredRelation, OuterRef, Q, QuerySet, Subquery

from accounts.models import Block, CircleMembership, FaceCapture, Friendship, User
from faceaccess import tags
from faceaccess.models import Authorization, Effect, FaceRegion, Rule, Tag
from faceaccess.policies import FaceFacts, Model, Person, RuleFact, TagFact
from faceaccess.prepared import PreparedQuery
from photos.models import Photo


@dataclass(frozen=True, slots=True)
class RegionFacts:
    """What is known about one region before anybody looks at it."""

    region_id: int
    photo_id: object
    index: int
    uploader_id: int
    ready: bool
    owner_id: int | None  # None unless matched and still enrolled
    model: Model
    tag: TagFact | None  # what all the tags of its owner come to
    answer: bool | None
    override: bool | None
    version: int  # of the photo, read in the same statement: the numbering of its faces belongs to it
    uploader_is_friend: bool = False  # of the owner


def model_of(choice: str | None) -> Model:
    """The model in force for an owner who chose ``choice``: the site's pin, else the choice, else the default."""
    return Model(settings.FACE_PINNED_MODEL or choice or settings.FACE_DEFAULT_MODEL)


def region_facts(photo_ids: Collection[object], owner: User | None = None) -> list[RegionFacts]:
    """One query: every region of the photos with the statements that its present owner made or received.

    How uploader and taggers stand to the owner is looked up row by row, by index: what is read grows with the faces
    asked about and not with anybody's friends. ``owner``: only the regions matched to this person.
    """
    if not photo_ids:
        return []
    own = None if owner is None else _statements(photo_ids).filter(owner=owner)
    return [_region_facts(*row) for row in (_prepared_statements(photo_ids) if own is None else own)]


def _statements(photo_ids: Collection[object]) -> QuerySet:
    # An owner is present while enrolled in the region's own embedding space: read here rather than trusted to have
    # been tidied up, so that deleting an enrolment, or closing an account, hides the face in the same instant.
    own = FaceCapture.objects.in_force().filter(user=OuterRef("owner"))
    enrolled = own.known_in(OuterRef("pack"))
    named = tags.weighed(Tag.objects.filter(region=OuterRef("pk"), owner=OuterRef("owner")))
    return (
        FaceRegion.objects.filter(photo__in=photo_ids)
        .annotate(
            enrolled=Exists(enrolled),
            tag=Subquery(named.values("weight")[:1]),
            answer=FilteredRelation("authorizations", condition=Q(authorizations__owner=F("owner"))),
            word=FilteredRelation("overrides", condition=Q(overrides__owner=F("owner"))),
            uploader_is_friend=tags.friendship("owner", "photo__post__author"),
        )
        .order_by("index")
        .values_list(
            "pk", "photo", "index", "photo__post__author", "photo__state",
            "match", "owner", "enrolled", "owner__face_preference__model",
            "tag", "answer__answer", "word__effect", "photo__version", "uploader_is_friend",
        )
    )  # fmt: skip


_prepared_statements = PreparedQuery(_statements)


def _region_facts(
    pk,
    photo,
    index,
    uploader,
    state,
    match,
    owner,
    enrolled,
    choice,
    tag,
    answer,
    effect,
    version,
    uploader_is_friend,
) -> RegionFacts:
    present = enrolled and match == FaceRegion.Match.MATCHED
    return RegionFacts(
        region_id=pk,
        photo_id=photo,
        index=index,
        uploader_id=uploader,
        ready=state == Photo.State.READY,
        owner_id=owner if present else None,
        model=model_of(choice),
        tag=tags.fact(tag),
        answer=None if answer is None else answer == Authorization.Answer.APPROVED,
        override=None if effect is None else effect == Effect.SHOW,
        version=version,
        uploader_is_friend=bool(uploader_is_friend),
    )


@dataclass(frozen=True, slots=True)
class Relations:
    """How people stand to the owners of faces. Pairs are (owner, other person)."""

    friends: set[tuple[int, int]] = field(default_factory=set)
    blocks: set[tuple[int, int]] = field(default_factory=set)
    circles: dict[tuple[int, int], set[int]] = field(default_factory=dict)
    mutual: set[int] = field(default_factory=set)  # owners who share a friend with the viewer
    rules: dict[int, tuple[RuleFact, ...]] = field(default_factory=dict)

    def person(self, owner_id: int, person_id: int | None, *, is_viewer: bool = False) -> Person:
        if person_id is None:
            return Person(None)
        pair = owner_id, person_id
        return Person(
            id=person_id,
            is_friend=pair in self.friends,
            is_friend_of_friend=is_viewer and owner_id in self.mutual,
            circles=self.circles.get(pair, frozenset()),
            blocked=pair in self.blocks,
        )


def relations(
    regions: Iterable[RegionFacts], viewer_id: int | None, *, only_for_viewer: bool = False
) -> Relations:
    """Everything the policies may ask about the viewer and about the circles of the uploaders. Six queries at most.

    All start at the viewer, the owners or the uploaders, so none reads more because there are more people.
    ``only_for_viewer``: leave out rules that no decision about this viewer can meet.
    """
    regions = [region for region in regions if region.owner_id is not None]
    owners = {region.owner_id for region in regions}
    if not owners:
        return Relations()
    ruled = {region.owner_id for region in regions if region.model is Model.RULES}
    friends = _first(_friends_of(viewer_id)) if ruled and viewer_id is not None else set()
    blocked = _first(_blocked_with(viewer_id)) if viewer_id is not None else set()
    people = {region.uploader_id for region in regions if region.owner_id in ruled} | {viewer_id}
    people -= {None}
    circles = _circles(ruled, people) if ruled and people else {}
    rules = rules_of(ruled, Onlooking(viewer_id, friends, circles) if only_for_viewer else None)
    wants_mutual = {
        owner for owner, own in rules.items() if any(rule.subject == "friends_of_friends" for rule in own)
    }
    return Relations(
        friends={(owner, viewer_id) for owner in owners & friends},
        blocks={(owner, viewer_id) for owner in owners & blocked},
        circles=circles,
        mutual=_mutual(wants_mutual - friends, friends) if wants_mutual and friends else set(),
        rules=rules,
    )


def face_facts(region: RegionFacts, known: Relations) -> FaceFacts:
    """One region's facts in the policies' own words."""
    owner, uploader = region.owner_id, region.uploader_id
    if owner is None:
        return FaceFacts(None, region.model, Person(uploader), region.ready)
    circles = known.circles.get((owner, uploader), frozenset())
    return FaceFacts(
        owner_id=owner,
        model=region.model,
        uploader=Person(uploader, region.uploader_is_friend, circles=circles),
        ready=region.ready,
        tag=region.tag,
        answer=region.answer,
        override=region.override,
        rules=known.rules.get(owner, ()),
    )


def _first(rows: Iterable[tuple[int]]) -> set[int]:
    return {value for (value,) in rows}


def _others(rows: QuerySet, one: str, other: str, person: int) -> QuerySet:
    """Everybody whom a row names together with ``person``, whichever way round."""
    there = rows.filter(**{one: person}).values_list(other)
    return there.union(rows.filter(**{other: person}).values_list(one), all=True)


@PreparedQuery
def _friends_of(person: int) -> QuerySet:
    return _others(Friendship.objects.accepted(), "low", "high", person)


@PreparedQuery
def _blocked_with(person: int) -> QuerySet:
    return _others(Block.objects.all(), "blocker", "blocked", person)


def _circles(owners: set[int], people: set[int]) -> dict[tuple[int, int], set[int]]:
    """The owners' circles that these people are in, found from the people: few are in many circles."""
    circles: dict[tuple[int, int], set[int]] = defaultdict(set)
    for owner, person, circle in _memberships(people):
        if owner in owners:
            circles[owner, person].add(circle)
    return circles


@PreparedQuery
def _memberships(people: Collection[int]) -> QuerySet:
    rows = CircleMembership.objects.filter(person__in=people)
    return rows.values_list("circle__owner", "person", "circle")


def _mutual(owners: set[int], friends: set[int]) -> set[int]:
    """Those of the owners who have at least one friend among ``friends``."""
    return _first(_friends_among(owners, friends)) if owners and friends else set()


@PreparedQuery
def _friends_among(owners: Collection[int], friends: Collection[int]) -> QuerySet:
    accepted = Friendship.objects.accepted()
    lower = accepted.filter(low__in=friends, high__in=owners).values_list("high_id")
    higher = accepted.filter(high__in=friends, low__in=owners).values_list("low_id")
    return lower.union(higher)


@dataclass(frozen=True, slots=True)
class Onlooking:
    """A viewer for whom rules are read: which subjects can mean them."""

    viewer_id: int | None
    friends: set[int]
    circles: dict[tuple[int, int], set[int]]

    def inside(self) -> set[int]:
        """The circles that the viewer is in."""
        return {
            circle
            for (_, person), all_of in self.circles.items()
            if person == self.viewer_id
            for circle in all_of
        }


def rules_of(owners: set[int], onlooking: Onlooking | None = None) -> dict[int, tuple[RuleFact, ...]]:
    """The enabled rules of each owner who has any, in order; with ``onlooking`` those that may be about that viewer."""
    if not owners:
        return {}
    if onlooking is None:
        rows = _rules(owners)
    else:
        # No key is 0: it stands for nobody, and for no circle.
        befriended, inside = owners & onlooking.friends or {0}, onlooking.inside() or {0}
        rows = _rules_about(owners, onlooking.viewer_id or 0, befriended, inside)
    lists: dict[int, list[RuleFact]] = defaultdict(list)
    for owner, *parts in rows:
        pk, effect, subject, circle, person, uploader, uploader_circle, uploader_person = parts
        show = effect == Effect.SHOW
        lists[owner].append(
            RuleFact(pk, show, subject, circle or person, uploader, uploader_circle or uploader_person)
        )
    return {owner: tuple(rules) for owner, rules in lists.items()}


def _ordered_rules(owners: Collection[int]) -> QuerySet:
    rows = Rule.objects.filter(owner__in=owners, enabled=True).order_by("owner", "position", "id")
    return rows.values_list("owner", *RULE_COLUMNS)


_rules = PreparedQuery(_ordered_rules)


@PreparedQuery
def _rules_about(
    owners: Collection[int], viewer_id: int, befriended: Collection[int], inside: Collection[int]
) -> QuerySet:
    """Without rules whose subject, of a kind known here, is not this viewer. What is not known stays in."""
    return _ordered_rules(owners).exclude(
        (Q(subject=Rule.Subject.PERSON) & ~Q(subject_person=viewer_id))
        | (Q(subject=Rule.Subject.CIRCLE) & ~Q(subject_circle__in=inside))
        | (Q(subject=Rule.Subject.FRIENDS) & ~Q(owner__in=befriended))
    )


RULE_COLUMNS = (
    *("pk", "effect", "subject", "subject_circle", "subject_person"),
    *("uploader", "uploader_circle", "uploader_person"),
)


def rule_fact(rule: Rule) -> RuleFact:
    """A rule, saved or not (``id`` 0), in the policies' own words."""
    return RuleFact(
        id=rule.pk or 0,
        show=rule.effect == Effect.SHOW,
        subject=rule.subject,
        subject_id=rule.subject_circle_id or rule.subject_person_id,
        uploader=rule.uploader,
        uploader_id=rule.uploader_circle_id or rule.uploader_person_id,
    )
