"""The three access models once more: slow, straight from DESIGN's table, on plain data, sharing no code with the site.

A World is small and complete. ``sees`` answers one question at a time by looking through all of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

PEOPLE = range(5)
MODELS = ("proxy", "authorization", "rules")


@dataclass(frozen=True)
class RuleLine:
    enabled: bool
    show: bool
    subject: str
    subject_id: int  # index of a circle or person, where the subject asks for one
    uploader: str
    uploader_id: int


@dataclass(frozen=True)
class Statement:
    """``by`` about ``owner``'s face: a tag (yes: it stands), an answer (yes: approved), an override (yes: show)."""

    owner: int
    by: int | None
    yes: bool


@dataclass(frozen=True)
class Face:
    owner: int | None
    tags: tuple[Statement, ...]
    answers: tuple[Statement, ...]
    overrides: tuple[Statement, ...]


@dataclass(frozen=True)
class Picture:
    author: int
    ready: bool
    faces: tuple[Face, ...]


@dataclass(frozen=True)
class World:
    friends: frozenset[tuple[int, int]]  # smaller number first
    requests: frozenset[tuple[int, int]]  # asked, not accepted
    blocks: frozenset[tuple[int, int]]
    enrolled: frozenset[int]
    models: dict[int, str]
    circles: tuple[tuple[int, frozenset[int]], ...]  # owner, members
    rules: dict[int, tuple[RuleLine, ...]]
    pictures: tuple[Picture, ...]
    pinned: str | None
    default: str


def blocked(world: World, one: int, other: int) -> bool:
    return (one, other) in world.blocks or (other, one) in world.blocks


def friends(world: World, one: int, other: int) -> bool:
    return (min(one, other), max(one, other)) in world.friends and one != other


def sees(world: World, picture: Picture, face: Face, viewer: int | None) -> bool:
    owner = face.owner
    if not picture.ready or owner is None or owner not in world.enrolled:
        return False
    if viewer == owner:
        return True
    if viewer is not None and blocked(world, viewer, owner):
        return False
    model = world.pinned or world.models.get(owner) or world.default
    if model == "proxy":
        return _tagged(world, face)
    if model == "authorization":
        return any(answer.owner == owner and answer.yes for answer in face.answers)
    for word in face.overrides:
        if word.owner == owner:
            return word.yes
    for rule in world.rules.get(owner, ()):
        if (
            rule.enabled
            and _subject(world, rule, owner, viewer)
            and _uploader(world, rule, owner, picture.author)
        ):
            return rule.show
    return False


def _tagged(world: World, face: Face) -> bool:
    own = [tag for tag in face.tags if tag.owner == face.owner]
    if not all(tag.yes for tag in own):
        return False
    for tag in own:
        if tag.by is None:
            continue
        if tag.by == face.owner:
            return True
        if friends(world, tag.by, face.owner) and not blocked(world, tag.by, face.owner):
            return True
    return False


def _subject(world: World, rule: RuleLine, owner: int, viewer: int | None) -> bool:
    if rule.subject == "everyone":
        return True
    if viewer is None:
        return False
    if rule.subject == "friends":
        return friends(world, owner, viewer)
    if rule.subject == "friends_of_friends":
        common = [p for p in PEOPLE if friends(world, owner, p) and friends(world, p, viewer)]
        return friends(world, owner, viewer) or bool(common)
    if rule.subject == "circle":
        # A show rule wants a friend; a hide rule holds whoever was put into the circle, friend or not.
        inside = viewer in world.circles[rule.subject_id][1]
        return inside and (not rule.show or friends(world, owner, viewer))
    return viewer == rule.subject_id


def _uploader(world: World, rule: RuleLine, owner: int, author: int) -> bool:
    return {
        "anyone": True,
        "me": author == owner,
        "friends": friends(world, owner, author),
        "circle": rule.uploader == "circle"
        and author in world.circles[rule.uploader_id][1]
        and (not rule.show or friends(world, owner, author)),
        "person": author == rule.uploader_id,
    }[rule.uploader]


# --- worlds at random ---


@st.composite
def worlds(draw) -> World:
    person = st.sampled_from(PEOPLE)
    pairs = st.sampled_from([(a, b) for a in PEOPLE for b in PEOPLE if a < b])
    blocks = draw(st.frozensets(pairs, max_size=2))
    flipped = frozenset((b, a) if draw(st.booleans()) else (a, b) for a, b in sorted(blocks))
    friendships = draw(st.frozensets(pairs, min_size=3, max_size=8)) - blocks
    requests = draw(st.frozensets(pairs, max_size=3)) - friendships - blocks
    circles = tuple(
        draw(st.lists(st.tuples(person, st.frozensets(person, max_size=4)), min_size=1, max_size=4))
    )
    return World(
        friends=friendships,
        requests=requests,
        blocks=flipped,
        enrolled=frozenset(PEOPLE) - draw(st.frozensets(person, max_size=1)),
        models=draw(st.dictionaries(person, st.sampled_from(("", *MODELS)), max_size=5)),
        circles=circles,
        rules={owner: tuple(draw(st.lists(_rules(owner, circles), max_size=4))) for owner in PEOPLE},
        pictures=tuple(draw(st.lists(_pictures(), min_size=1, max_size=3))),
        pinned=draw(st.sampled_from((None, None, None, *MODELS))),
        default=draw(st.sampled_from(MODELS)),
    )


@st.composite
def _rules(draw, owner: int, circles: tuple) -> RuleLine:
    own = [index for index, (circle_owner, _) in enumerate(circles) if circle_owner == owner]
    circle = ["circle"] if own else []
    subject = draw(st.sampled_from(["everyone", "friends", "friends_of_friends", "person", *circle]))
    uploader = draw(st.sampled_from(["anyone", "anyone", "me", "friends", "person", *circle]))

    def whom(kind: str) -> int:
        return draw(st.sampled_from(own)) if kind == "circle" else draw(st.sampled_from(PEOPLE))

    enabled = draw(st.sampled_from([True, True, True, False]))
    return RuleLine(enabled, draw(st.booleans()), subject, whom(subject), uploader, whom(uploader))


@st.composite
def _pictures(draw) -> Picture:
    owners = draw(st.lists(st.sampled_from(PEOPLE), unique=True, min_size=1, max_size=3))
    faces = [draw(_faces(owner)) for owner in owners]
    if draw(st.booleans()):
        faces.append(draw(_faces(None)))
    return Picture(
        draw(st.sampled_from(PEOPLE)), draw(st.sampled_from([True, True, True, False])), tuple(faces)
    )


@st.composite
def _faces(draw, owner: int | None) -> Face:
    person = st.sampled_from(PEOPLE)

    def said(by: st.SearchStrategy) -> tuple[Statement, ...]:
        owners = draw(st.lists(person, unique=True, max_size=1))
        if owner is not None and owner not in owners and draw(st.sampled_from([True, True, False])):
            owners.append(owner)
        return tuple(
            Statement(owner, draw(by), draw(st.sampled_from([True, True, False]))) for owner in owners
        )

    taggers = st.one_of(st.none(), person, person, person)
    tags = said(taggers) + said(taggers) + said(taggers)
    once = {(tag.owner, tag.by): tag for tag in tags}
    return Face(owner, tuple(once.values()), said(st.none()), said(st.none()))
