"""What happened so far, kept a second time in plain data: the model that the state machine in test_histories compares.

Every method does to sets and lists what the service of like name does to the database, written from DESIGN's words
and with no code of the site; a method returns False where the service has to refuse. Whether a face is shown is left
to ``reference.sees``. People are the numbers in reference.PEOPLE; person n owns the circle n.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.faceaccess import reference
from tests.faceaccess.reference import PEOPLE, Picture, RuleLine, Statement, World, blocked, friends

CLEAR = "clear"  # recognised by itself
NEAR = "near"  # not recognised, but near enough for a claim to be granted at once
FAR = "far"  # not recognised; the uploader's word can still make it theirs
BLURRED = "blurred"  # cannot be compared with anybody: stays nobody's, whatever is said
CLAIMS_EACH = 3


@dataclass
class Tagged:
    by: set[int]
    stands: bool = True


@dataclass(eq=False)
class LedgerFace:
    looks: int | None
    kind: str
    place: int = 0  # in the picture, from the left
    missed: bool = False  # by the detector; not a region until somebody marks it
    analysed: bool = True
    owner: int | None = None
    rejected: set[int] = field(default_factory=set)
    tags: dict[int, Tagged] = field(default_factory=dict)
    answers: dict[int, bool] = field(default_factory=dict)
    words: dict[int, bool] = field(default_factory=dict)  # overrides
    claims: dict[int, str] = field(
        default_factory=dict
    )  # claimant -> open, asked (the uploader), accepted, rejected


@dataclass(eq=False)
class LedgerPhoto:
    author: int
    audience: str
    faces: list[LedgerFace]
    ready: bool = True
    accepted: list[tuple[LedgerFace, int]] = field(default_factory=list)  # claims in the order of their yes

    @property
    def regions(self) -> list[LedgerFace]:
        return [face for face in self.faces if not face.missed]


@dataclass
class Ledger:
    default: str
    pinned: str | None = None
    friends: set[tuple[int, int]] = field(default_factory=set)
    requests: set[tuple[int, int]] = field(default_factory=set)  # who asked, who was asked
    blocks: set[tuple[int, int]] = field(default_factory=set)
    enrolled: set[int] = field(default_factory=set)
    models: dict[int, str] = field(default_factory=dict)
    circles: dict[int, set[int]] = field(default_factory=lambda: {n: set() for n in PEOPLE})
    rules: dict[int, list[tuple[object, RuleLine]]] = field(default_factory=lambda: {n: [] for n in PEOPLE})
    photos: list[LedgerPhoto] = field(default_factory=list)

    # --- questions ---

    def world(self) -> World:
        """Now, as the reference wants it."""
        return World(
            friends=frozenset(self.friends),
            requests=frozenset(self.requests),
            blocks=frozenset(self.blocks),
            enrolled=frozenset(self.enrolled),
            models=dict(self.models),
            circles=tuple((n, frozenset(members)) for n, members in sorted(self.circles.items())),
            rules={owner: tuple(line for _, line in lines) for owner, lines in self.rules.items()},
            pictures=tuple(self._picture(photo) for photo in self.photos),
            pinned=self.pinned,
            default=self.default,
        )

    @staticmethod
    def _picture(photo: LedgerPhoto) -> Picture:
        faces = tuple(
            reference.Face(
                face.owner,
                tuple(
                    Statement(owner, by, tag.stands)
                    for owner, tag in face.tags.items()
                    for by in tag.by or {None}
                ),
                tuple(Statement(owner, None, yes) for owner, yes in face.answers.items()),
                tuple(Statement(owner, None, yes) for owner, yes in face.words.items()),
            )
            for face in photo.regions
        )
        return Picture(photo.author, photo.ready, faces)

    def are_friends(self, one: int, other: int) -> bool:
        return friends(self, one, other)

    def is_blocked(self, one: int, other: int) -> bool:
        return blocked(self, one, other)

    def may_see(self, viewer: int | None, photo: LedgerPhoto) -> bool:
        author = photo.author
        if viewer is None or viewer == author:
            return viewer == author
        if self.is_blocked(viewer, author):
            return False
        near = self.are_friends(viewer, author)
        return {
            "members": True,
            "friends": near,
            "circle": near and viewer in self.circles[author],
            "only_me": False,
        }[photo.audience]

    def may_act(self, viewer: int, photo: LedgerPhoto) -> bool:
        return photo.ready and self.may_see(viewer, photo)

    # --- people ---

    def ask(self, one: int, other: int) -> bool:
        if one == other or self.is_blocked(one, other):
            return False
        if self.are_friends(one, other):
            return True
        if (other, one) in self.requests:
            self._befriend(one, other)
        else:
            self.requests.add((one, other))
        return True

    def _befriend(self, one: int, other: int) -> None:
        self.requests -= {(one, other), (other, one)}
        self.friends.add((min(one, other), max(one, other)))

    def unfriend(self, one: int, other: int) -> None:
        self.friends.discard((min(one, other), max(one, other)))

    def block(self, one: int, other: int) -> bool:
        if one == other:
            return False
        self.unfriend(one, other)
        self.requests -= {(one, other), (other, one)}
        self.blocks.add((one, other))
        return True

    def put_into_circle(self, owner: int, person: int) -> bool:
        if not self.are_friends(owner, person):
            return False
        self.circles[owner].add(person)
        return True

    def leave(self, person: int) -> None:
        self.enrolled.discard(person)
        for photo in self.photos:
            for face in photo.regions:
                if face.owner == person:
                    face.owner = None

    def choose(self, person: int, model: str) -> bool:
        if self.pinned:
            return False
        self.models[person] = model
        return True

    # --- statements ---

    def tag(self, photo: LedgerPhoto, face: LedgerFace, by: int, named: int) -> bool:
        if not self.may_act(by, photo):
            return False
        if named != by and (not self.are_friends(by, named) or self.is_blocked(by, named)):
            return False
        tag = face.tags.setdefault(named, Tagged(set()))
        tag.by.add(by)
        tag.stands = tag.stands or by == named
        return True

    def untag(self, face: LedgerFace, by: int) -> None:
        own = face.tags.get(by)
        if own is not None and own.stands:
            own.stands = False
            return
        for named, tag in list(face.tags.items()):
            if by in tag.by and named != by:
                tag.by.remove(by)
                if tag.stands and not tag.by:
                    del face.tags[named]

    def answer(self, face: LedgerFace, by: int, yes: bool | None) -> bool:
        return self._say(face, face.answers, by, yes)

    def override(self, face: LedgerFace, by: int, show: bool | None) -> bool:
        return self._say(face, face.words, by, show)

    def hide(self, face: LedgerFace, by: int) -> bool:
        model = self.pinned or self.models.get(by) or self.default
        if model == "proxy":
            self.untag(face, by)
            return True
        return self.answer(face, by, False) if model == "authorization" else self.override(face, by, False)

    @staticmethod
    def _say(face: LedgerFace, said: dict[int, bool], by: int, word: bool | None) -> bool:
        if face.owner != by:
            return False
        if word is None:
            said.pop(by, None)
        else:
            said[by] = word
        return True

    # --- whose face ---

    def not_me(self, face: LedgerFace, by: int) -> bool:
        if face.owner != by:
            return False
        face.rejected.add(by)
        face.owner = None
        if face.claims.get(by, "asked") != "asked":
            face.claims[by] = "rejected"
        return True

    def claim(self, photo: LedgerPhoto, face: LedgerFace, by: int) -> bool | None:
        """False: refused. None: said before. True: a new one, to be looked at by the worker."""
        if not self.may_act(by, photo) or by not in self.enrolled or by in face.rejected:
            return False
        if any(other.owner == by for other in photo.regions):
            return False
        if by in face.claims:
            return None
        if sum(by in other.claims for other in photo.regions) >= CLAIMS_EACH:
            return False
        face.claims[by] = "open"
        return True

    def judge(self, photo: LedgerPhoto, face: LedgerFace, claimant: int) -> None:
        if face.claims.get(claimant) != "open" or not face.analysed:
            return
        alike = face.looks == claimant and face.kind in (CLEAR, NEAR)
        free = face.owner in (None, claimant)
        if free and alike and claimant in self.enrolled and claimant not in face.rejected:
            self._accept(photo, face, claimant)
        else:
            face.claims[claimant] = "asked"

    def answer_claim(self, photo: LedgerPhoto, face: LedgerFace, claimant: int, by: int, yes: bool) -> bool:
        asked = (
            photo.ready
            and by == photo.author
            and by != claimant
            and face.claims.get(claimant) == "asked"
            and not self.is_blocked(by, claimant)
        )
        if not asked:
            return False
        if yes:
            self._accept(photo, face, claimant)
        else:
            face.claims[claimant] = "rejected"
        return True

    def _accept(self, photo: LedgerPhoto, face: LedgerFace, claimant: int) -> None:
        face.claims[claimant] = "accepted"
        photo.accepted.append((face, claimant))
        self.match(photo)
        if face.owner != claimant:  # a yes without effect is none, later either
            face.claims[claimant] = "rejected"

    def match(self, photo: LedgerPhoto) -> None:
        """Who is recognised by themselves; then who claimed a face that nobody was recognised in."""
        if not photo.ready:
            return
        before = [face.owner for face in photo.regions]
        for face in photo.regions:
            known = face.analysed and face.kind == CLEAR and face.looks in self.enrolled - face.rejected
            face.owner = face.looks if known else None
            if known:  # what others said about it ends
                over = [
                    who for who, state in face.claims.items() if state == "accepted" and who != face.looks
                ]
                face.claims |= dict.fromkeys(over, "rejected")
        for face, claimant in photo.accepted:
            taken = {other.owner for other in photo.regions}
            standing = face.claims.get(claimant) == "accepted" and claimant in self.enrolled - face.rejected
            possible = face.analysed and face.kind != BLURRED and face.looks == claimant
            if face.owner is None and claimant not in taken and standing and possible:
                face.owner = claimant
        for face, former in zip(photo.regions, before, strict=True):
            if face.owner not in (None, former):
                self._hide_as_before(photo, face, face.owner)

    @staticmethod
    def _hide_as_before(photo: LedgerPhoto, face: LedgerFace, owner: int) -> None:
        """A word to hide is about the photo: it holds for whichever face of it becomes theirs."""
        for other in photo.regions:
            if other.words.get(owner) is False:
                face.words[owner] = False
            if other.answers.get(owner) is False:
                face.answers[owner] = False
            if owner in other.tags and not other.tags[owner].stands:
                by = face.tags[owner].by if owner in face.tags else set()
                face.tags[owner] = Tagged(by, stands=False)
