"""The facts a decision may look at, read for many photos at once.

Six queries at most for any number of photos, regions, owners and rules: regions with their statements, rules, blocks,
and, where a statement or rule makes them matter, friendships, circles and friends of friends. Nothing here decides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from django.conf import settings
from django.db.models import Exists, F, FilteredRelation, OuterRef, Q

from accounts.models import Block, CircleMembership, FaceCapture, Friendship, User
from faceaccess.models import Authorization, Effect, FaceRegion, Rule
from faceaccess.policies import FaceFacts, Model, Person, RuleFact, TagFact
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
    tagger_id: int | None
    tagged: bool
    withdrawn: bool
    answer: bool | None
    override: bool | None
    version: int  # of the photo, read in the same statement: the numbering of its faces belongs to it


def model_of(choice: str | None) -> Model:
    """The model in force for an owner who chose ``choice``: the site's pin, else the choice, else the default."""
    return Model(settings.FACE_PINNED_MODEL or choice or settings.FACE_DEFAULT_MODEL)


def region_facts(photo_ids: Collection[object], owner: User | None = None) -> list[RegionFacts]:
    """One query: every region of the photos with the statements that its present owner made or received.

    ``owner``: only the regions matched to this person.
    """
    enrolled = FaceCapture.objects.in_force().filter(user=OuterRef("owner"), pack=OuterRef("pack"))
    rows = (
        FaceRegion.objects.filter(photo__in=photo_ids)
        .annotate(
            # An owner is present while enrolled in the region's own embedding space: read here rather than
            # trusted to have been tidied up, so that deleting an enrolment hides the face in the same instant.
            enrolled=Exists(enrolled),
            tag=FilteredRelation("tags", condition=Q(tags__owner=F("owner"))),
            answer=FilteredRelation("authorizations", condition=Q(authorizations__owner=F("owner"))),
            word=FilteredRelation("overrides", condition=Q(overrides__owner=F("owner"))),
        )
        .order_by("index")
        .values_list(
            "pk", "photo", "index", "photo__post__author", "photo__state",
            "match", "owner", "enrolled", "owner__face_preference__model",
            "tag", "tag__tagger", "tag__withdrawn_at", "answer__answer", "word__effect", "photo__version",
        )
    )  # fmt: skip
    if owner is not None:
        rows = rows.filter(owner=owner)
    return [_region_facts(*row) for row in rows]


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
    tagger,
    withdrawn,
    answer,
    effect,
    version,
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
        tagger_id=tagger,
        tagged=tag is not None,
        withdrawn=withdrawn is not None,
        answer=None if answer is None else answer == Authorization.Answer.APPROVED,
        override=None if effect is None else effect == Effect.SHOW,
        version=version,
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


def relations(regions: Iterable[RegionFacts], viewer_id: int | None) -> Relations:
    """Everything the policies may ask about the viewer, the uploaders and the taggers."""
    regions = [region for region in regions if region.owner_id is not None]
    owners = {region.owner_id for region in regions}
    if not owners:
        return Relations()
    uploaders = {region.uploader_id for region in regions}
    people = (uploaders | {viewer_id} | {region.tagger_id for region in regions}) - {None}
    rules = rules_of({region.owner_id for region in regions if region.model is Model.RULES})
    asked = {word for own in rules.values() for rule in own for word in (rule.subject, rule.uploader)}
    friendship_matters = bool(asked & {"friends", "friends_of_friends", "circle"}) or any(
        r.tagged for r in regions
    )
    accepted = Friendship.objects.accepted()
    return Relations(
        friends=_pairs(accepted, "low_id", "high_id", owners, people) if friendship_matters else set(),
        blocks=_pairs(Block.objects.all(), "blocker_id", "blocked_id", owners, people),
        circles=_circles(owners, people) if "circle" in asked else {},
        mutual=_mutual(owners, viewer_id)
        if viewer_id is not None and "friends_of_friends" in asked
        else set(),
        rules=rules,
    )


def face_facts(region: RegionFacts, known: Relations) -> FaceFacts:
    """One region's facts in the policies' own words."""
    owner = region.owner_id
    if owner is None:
        return FaceFacts(None, region.model, Person(region.uploader_id), region.ready)
    tag = None
    if region.tagged:
        tagger = known.person(owner, region.tagger_id)
        tag = TagFact(region.withdrawn, tagger.id == owner, tagger.is_friend and not tagger.blocked)
    return FaceFacts(
        owner_id=owner,
        model=region.model,
        uploader=known.person(owner, region.uploader_id),
        ready=region.ready,
        tag=tag,
        answer=region.answer,
        override=region.override,
        rules=known.rules.get(owner, ()),
    )


def _pairs(rows, one: str, other: str, owners: set[int], people: set[int]) -> set[tuple[int, int]]:
    """The (owner, person) pairs among ``rows``, whichever way round a row names them."""
    within = Q(**{f"{one}__in": owners, f"{other}__in": people}) | Q(
        **{f"{one}__in": people, f"{other}__in": owners}
    )
    found = set(rows.filter(within).values_list(one, other))
    return found | {(b, a) for a, b in found}


def _circles(owners: set[int], people: set[int]) -> dict[tuple[int, int], set[int]]:
    circles: dict[tuple[int, int], set[int]] = defaultdict(set)
    rows = CircleMembership.objects.filter(circle__owner__in=owners, person__in=people)
    for owner, person, circle in rows.values_list("circle__owner", "person", "circle"):
        circles[owner, person].add(circle)
    return circles


def _mutual(owners: set[int], viewer_id: int) -> set[int]:
    """Owners with at least one friend in common with the viewer. The join runs over the viewer's few friends."""
    accepted = Friendship.objects.filter(accepted_at__isnull=False)
    friends = (
        accepted.filter(low=viewer_id).values("high").union(accepted.filter(high=viewer_id).values("low"))
    )
    lower = accepted.filter(low__in=owners, high__in=friends).values_list("low_id")
    higher = accepted.filter(high__in=owners, low__in=friends).values_list("high_id")
    return {owner for (owner,) in lower.union(higher)}


def rules_of(owners: set[int]) -> dict[int, tuple[RuleFact, ...]]:
    """The enabled rules of each owner who has any, in order."""
    lists: dict[int, list[RuleFact]] = defaultdict(list)
    for rule in Rule.objects.filter(owner__in=owners, enabled=True).order_by("owner", "position", "id"):
        lists[rule.owner_id].append(rule_fact(rule))
    return {owner: tuple(rules) for owner, rules in lists.items()}


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
