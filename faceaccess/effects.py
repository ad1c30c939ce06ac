"""What a change of model or of the rules would do, computed before it is made: photos that change, for how many people.

The same ``decide`` as in the image gate, before and after, for the members who may see each photo of the owner's own.
Who may see other people's photos is theirs to tell, and nothing here reads it: were they counted, however roughly, the
owner could find out friendships, circles and blocks of an author by asking about different people and photos at once.
Of others' photos those count in which any member would be decided differently, whoever may see them.

Work is bounded: the newest PHOTOS_AT_MOST photos, and PEOPLE_AT_MOST members; beyond that the figures are a lower
bound and say so. Decisions are taken once for each way people stand to the owner and each kind of photo, not once a
person and photo.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from django.db.models import Q

from accounts.models import Block, CircleMembership, Friendship, User
from accounts.selectors import members
from faceaccess import facts
from faceaccess.models import Rule
from faceaccess.policies import FaceFacts, Model, Person, RuleFact, TagFact, decide
from faceaccess.seeing import NOBODY_REAL
from faceaccess.selectors import effective_model, regions_of
from photos.models import Audience, Post

PHOTOS_AT_MOST = 500  # newest first; all photos of nearly everybody
PEOPLE_AT_MOST = 20_000  # members looked at, lowest id first: 0.1 s of set arithmetic on one core
CHANGES_OF_ONE = ("up", "down", "toggle", "delete")
CHANGES = ("add", *CHANGES_OF_ONE)
WORDS = ("show", "hide", "clear")


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change would do. An owner is told the numbers; who the ``people`` are is for the server."""

    own_photos: int  # posted by the owner, and changed for somebody who may see them
    others_photos: int  # posted by others, and decided differently for somebody, whoever may see them
    people: frozenset[int]  # members who may see an own photo in which the face changes for them
    shows: bool  # to somebody who does not see the face now
    hides: bool
    capped: bool  # there are more photos or people than were looked at: the figures are a lower bound

    @property
    def photos(self) -> int:
        return self.own_photos + self.others_photos


@dataclass(frozen=True, slots=True)
class Scene:
    """The owner's face in their photos, and who may see their own ones: everything an effect is computed from."""

    owner_id: int
    model: Model
    faces: Sequence[tuple[facts.RegionFacts, Post]]
    known: facts.Relations  # of the owner: friends, blocks, circles, rules in force
    people: dict[Person, frozenset[int]]  # members, by how they stand to the owner
    audiences: dict[object, frozenset[int]]  # post of the owner's own -> members who may see it
    capped: bool

    def effect(
        self,
        *,
        model: Model | None = None,
        rules: Iterable[RuleFact] | None = None,
        said: Mapping[int, Mapping[str, object]] | None = None,
    ) -> Effect:
        """Of another model, of another list of rules (enabled ones, in order), or of statements about single faces.

        ``said``: region -> the facts (tag, answer, override) as they would then be.
        """
        own = others = 0
        shows = hides = False
        people: set[int] = set()
        changed_once = cache(self._changed)
        for (before, after, audience), photos in self._kinds(model, rules, said or {}).items():
            opens, closes = changed_once(before, after)
            if audience is not None:
                opens, closes = opens & audience, closes & audience
            if not (opens or closes):
                continue
            if audience is None:
                others += photos
            else:
                own += photos
                people |= opens | closes
            shows, hides = shows or bool(opens), hides or bool(closes)
        return Effect(own, others, frozenset(people), shows, hides, self.capped)

    def _kinds(
        self, model: Model | None, rules: Iterable[RuleFact] | None, said: Mapping[int, Mapping[str, object]]
    ) -> Counter[tuple[FaceFacts, FaceFacts, frozenset[int] | None]]:
        """Photos of which the same is known are looked at once: faces before and after, and who may see an own one."""
        rules_before = self.known.rules.get(self.owner_id, ())
        rules_after = rules_before if rules is None else tuple(rules)
        kinds: Counter[tuple[FaceFacts, FaceFacts, frozenset[int] | None]] = Counter()
        for region, post in self.faces:
            before = replace(facts.face_facts(region, self.known), rules=rules_before)
            statements = said.get(region.region_id, {})
            after = replace(before, model=model or before.model, rules=rules_after, **statements)
            kinds[before, after, self.audiences.get(post.pk)] += 1
        return kinds

    def _changed(self, before: FaceFacts, after: FaceFacts) -> tuple[frozenset[int], frozenset[int]]:
        """Members to whom the face opens, and to whom it closes."""
        opens: set[int] = set()
        closes: set[int] = set()
        for person, alike in self.people.items():
            was, will_be = decide(before, person).shown, decide(after, person).shown
            if was != will_be:
                (opens if will_be else closes).update(alike)
        return frozenset(opens), frozenset(closes)


def scene(owner: User, named: Iterable[int] = (), *, only: Collection[int] | None = None) -> Scene:
    """Read everything once, in 10 queries; in 11 where there are more than PEOPLE_AT_MOST members.

    ``named``: people whom a rule that is not saved yet speaks of. ``only``: these regions and no others.
    """
    own = regions_of(owner) if only is None else regions_of(owner).filter(pk__in=only)
    regions = list(own.select_related(None).select_related("photo__post")[: PHOTOS_AT_MOST + 1])
    model = Model(effective_model(owner))
    if not regions:  # nothing can change for anybody
        return Scene(
            owner.pk, model, faces=(), known=facts.Relations(), people={}, audiences={}, capped=False
        )
    posts = {region.photo_id: region.photo.post for region in regions[:PHOTOS_AT_MOST]}
    faces = [row for row in facts.region_facts(list(posts), owner) if row.owner_id == owner.pk]
    known = relations_of(owner)
    told_apart = set(named) | set(
        Rule.objects.filter(owner=owner, subject_person__isnull=False).values_list(
            "subject_person", flat=True
        )
    )
    members, more = _members(told_apart | {person for _owner, person in known.friends})
    return Scene(
        owner_id=owner.pk,
        model=model,
        faces=[(face, posts[face.photo_id]) for face in faces],
        known=known,
        people=_by_standing(owner, members, known, told_apart),
        audiences=_audiences(owner, posts.values(), members, known),
        capped=more or len(regions) > PHOTOS_AT_MOST,
    )


def rules_after(
    rules: Sequence[Rule], change: str, rule: Rule, place: int | None = None
) -> tuple[RuleFact, ...]:
    """The enabled rules, in order, after ``change`` (one of CHANGES) to ``rule``, as the services would have them.

    ``place``: where it is put, from 0, for the change "place".
    ``rules`` is the owner's whole list in order. Nothing is saved, and nothing given is changed.
    """
    order = list(rules)
    at = next((place for place, row in enumerate(order) if row.pk == rule.pk), len(order))
    switched: object = ""  # no key is that, and that of a rule to add is None
    if change == "add":
        order.append(rule)
    elif change == "delete":
        del order[at]
    elif change == "toggle":
        switched = rule.pk
    elif change in ("up", "down"):
        to = at - 1 if change == "up" else at + 1
        if 0 <= to < len(order):
            order[at], order[to] = order[to], order[at]
    elif change == "place" and place is not None:
        order.insert(max(0, min(place, len(order) - 1)), order.pop(at))
    else:
        raise ValueError(f"no such change: {change}")
    return tuple(facts.rule_fact(row) for row in order if row.enabled != (row.pk == switched))


def rule_effect(owner: User, change: str, rule: Rule, place: int | None = None) -> Effect:
    """Of one change (one of CHANGES) to one rule of the owner's list."""
    named = {rule.subject_person_id} - {None}
    after = rules_after(list(Rule.objects.filter(owner=owner)), change, rule, place)
    return scene(owner, named).effect(rules=after)


def statement_effect(owner: User, regions: Collection[int], word: str) -> Effect:
    """Of a word (one of WORDS) about one's own face in these regions, said under the model that is in force."""
    here = scene(owner, only=regions)
    return here.effect(said=dict.fromkeys(regions, said_facts(owner, here.model, word)))


def said_facts(owner: User, model: Model, word: str) -> dict[str, object]:
    """The facts as they would be after ``word``: what the buttons "show", "hide" and "back" say under each model."""
    if model is Model.PROXY:
        return {"tag": TagFact(withdrawn=word != "show", by_owner=True, by_friend=False)}
    yes = {"show": True, "hide": False, "clear": None}[word]
    return {"answer": yes} if model is Model.AUTHORIZATION else {"override": yes}


def relations_of(owner: User) -> facts.Relations:
    """How everybody stands to one owner. Five queries."""
    pairs = Friendship.objects.accepted().of(owner).values_list("low", "high")
    friends = {person for pair in pairs for person in pair} - {owner.pk}
    pairs = Block.objects.filter(Q(blocker=owner) | Q(blocked=owner)).values_list("blocker", "blocked")
    blocked = {person for pair in pairs for person in pair} - {owner.pk}
    circles: dict[int, set[int]] = defaultdict(set)
    for person, circle in CircleMembership.objects.filter(circle__owner=owner).values_list(
        "person", "circle"
    ):
        circles[person].add(circle)
    return facts.Relations(
        friends={(owner.pk, person) for person in friends},
        blocks={(owner.pk, person) for person in blocked},
        circles={(owner.pk, person): frozenset(inside) for person, inside in circles.items()},
        rules=facts.rules_of({owner.pk}),
    )


def friends_of_friends(owner: User) -> set[int]:
    """Everybody who has a friend in common with the owner."""
    accepted = Friendship.objects.accepted()
    friends = accepted.filter(low=owner).values("high").union(accepted.filter(high=owner).values("low"))
    lower = accepted.filter(high__in=friends).values_list("low")
    higher = accepted.filter(low__in=friends).values_list("high")
    return {person for (person,) in lower.union(higher)} - {owner.pk}


def _members(always: set[int]) -> tuple[frozenset[int], bool]:
    """Active members, ``always`` among them; and whether there are more than PEOPLE_AT_MOST."""
    active = members().order_by("pk").values_list("pk", flat=True)
    first = list(active[: PEOPLE_AT_MOST + 1])
    if len(first) <= PEOPLE_AT_MOST:
        return frozenset(first), False
    return frozenset(first[:PEOPLE_AT_MOST]) | frozenset(active.filter(pk__in=always)), True


def _by_standing(
    owner: User, members: frozenset[int], known: facts.Relations, told_apart: set[int]
) -> dict[Person, frozenset[int]]:
    """Members by all that a policy may ask about a viewer. Who is no relation and named nowhere is like any other."""
    mutual = friends_of_friends(owner)
    related = (
        {person for _owner, person in (*known.friends, *known.blocks, *known.circles)} | mutual | told_apart
    )
    standing: dict[Person, set[int]] = defaultdict(set)
    for pk in (related & members) - {owner.pk}:
        person = replace(known.person(owner.pk, pk), is_friend_of_friend=pk in mutual)
        standing[person if pk in told_apart else replace(person, id=NOBODY_REAL)].add(pk)
    standing[Person(NOBODY_REAL)] |= members - related - {owner.pk}
    return {person: frozenset(ids) for person, ids in standing.items()}


def _audiences(
    owner: User, posts: Iterable[Post], members: frozenset[int], known: facts.Relations
) -> dict[object, frozenset[int]]:
    """Who may see each post of the owner's own: Post.objects.visible_to, turned round, for many viewers at once."""
    friends = {person for _owner, person in known.friends}
    seeing = members - {person for _owner, person in known.blocks}

    @cache
    def audience(kind: str, circle: int | None) -> frozenset[int]:
        if kind == Audience.MEMBERS:
            return seeing
        inside = friends if kind in (Audience.FRIENDS, Audience.CIRCLE) else set()
        if kind == Audience.CIRCLE:
            inside = {person for person in inside if circle in known.circles.get((owner.pk, person), ())}
        return seeing & inside

    return {
        post.pk: audience(Audience.ONLY_ME if post.taken_down_at else post.audience, post.circle_id)
        for post in posts
        if post.author_id == owner.pk
    }
