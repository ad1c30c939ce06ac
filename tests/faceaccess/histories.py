"""Random histories: people befriend, block, tag, approve, rule, enrol, leave, post and delete, in any order.

After every step the decisions of the site (for every photo and face, and who may see the photo at all) are compared
with the slow reference. The worker's messages wait in a queue until the step "work", so that decisions are compared in
between too. Services are the real ones; only the engine is the deterministic one of tests/faceaccess/engine.py.
"""

from __future__ import annotations

import json
from collections import Counter
from unittest import mock

import numpy as np
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.test import TestCase
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from accounts import services as people_services
from accounts.models import Circle, CircleMembership, FaceCapture, Friendship, User
from accounts.selectors import friendship_between
from accounts.signals import enrolment_changed
from accounts.templates import capture_purpose, seal
from faceaccess import claims, decoys, facts, hiding, marks, matching, selectors, services
from faceaccess.models import Authorization, Claim, FacePreference, FaceRegion, PhotoOverride, Rule, Tag
from mfmc_engine.parameters import CLAIM_LIMIT, CLAIM_THRESHOLD, MATCH_THRESHOLD
from mfmc_engine.types import Face, Quality
from photos.models import Audience, Photo, Post
from photos.services import post_delete
from tests.faceaccess import reference
from tests.faceaccess.engine import PALETTE, box_of, embedding_of, group_photo
from tests.faceaccess.ledger import BLURRED, CLEAR, FAR, NEAR, Ledger, LedgerFace, LedgerPhoto, Tagged
from tests.faceaccess.reference import MODELS, PEOPLE, RuleLine
from tests.factories import unit_vector

PHOTOS_AT_MOST = 3
RULES_AT_MOST = 5
VIEWERS = (None, *PEOPLE)
REFUSED = (PermissionDenied, ValidationError)
# Distance of a face of each kind to the template of the person it looks like, in the middle of its band.
DISTANCES = {
    CLEAR: 0.0,
    NEAR: (MATCH_THRESHOLD + CLAIM_THRESHOLD) / 2,
    FAR: (CLAIM_THRESHOLD + CLAIM_LIMIT) / 2,
}

person = st.sampled_from(PEOPLE)
models = st.sampled_from(MODELS)
number = st.integers(0, 11)  # taken modulo what there is
yes_no_nothing = st.sampled_from((True, False, None))


@st.composite
def rule_lines(draw) -> RuleLine:
    subject = draw(st.sampled_from(("everyone", "friends", "friends_of_friends", "circle", "person")))
    uploader = draw(st.sampled_from(("anyone", "anyone", "me", "friends", "circle", "person")))
    return RuleLine(True, draw(st.booleans()), subject, draw(person), uploader, draw(person))


faces = st.lists(
    st.tuples(person, st.sampled_from((CLEAR, CLEAR, CLEAR, NEAR, FAR, BLURRED)), st.integers(0, 3)),
    min_size=1,
    max_size=3,
    unique_by=lambda face: face[0],
)


class People:
    """The accounts all histories share: made once, everything else is rolled back after each history."""

    def __init__(self) -> None:
        self.users = User.objects.bulk_create([User(username=f"person{n}") for n in PEOPLE])
        self.circles = [Circle.objects.create(owner=user, name="circle") for user in self.users]
        self.templates = [
            seal(embedding_of(n), purpose=capture_purpose(user.pk)) for n, user in enumerate(self.users)
        ]


def face_like(looks: int, kind: str, index: int) -> Face:
    """What the engine would say of a face that looks like ``looks`` as much as ``kind`` says."""
    template = embedding_of(looks).astype(np.float64)
    cosine = 1 - DISTANCES.get(kind, 1.2) ** 2 / 2
    side = unit_vector(77 + looks).astype(np.float64)
    side -= side @ template * template
    embedding = cosine * template + np.sqrt(1 - cosine**2) * side / np.linalg.norm(side)
    box = np.array(box_of(index), np.float32)
    points = np.tile((box[:2] + box[2:]) / 2, (68, 1)).astype(np.float32)
    quality = Quality(40.0, 1.0, 0.0, 0.0 if kind == BLURRED else 1.0)
    return Face(box, 0.9, points, embedding.astype(np.float32), quality, source="detected")


class Histories(RuleBasedStateMachine):
    """One history. ``people`` and ``queue`` (what faceaccess.tasks.enqueue was told) are set by the test."""

    people: People
    queue: list[tuple[str, tuple]]
    counts: Counter[str] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.savepoint = transaction.atomic()
        self.savepoint.__enter__()
        self.queue.clear()
        self.ledger = Ledger(default=settings.FACE_DEFAULT_MODEL)
        self.messages: list[tuple] = []  # what the ledger expects in the queue
        self.rows: dict[object, object] = {}  # ledger photo or face -> row
        self.turn = 0
        self.changed = True  # anything, since the last comparison
        self.regrouped = 0  # more than 0: who may see which photo is to be compared as well

    def teardown(self) -> None:
        try:
            if self.ledger.photos:
                self._compare_for(len(VIEWERS) // 2)
        finally:
            self._undo()

    def _undo(self) -> None:
        settings.FACE_PINNED_MODEL = None
        transaction.set_rollback(True)
        self.savepoint.__exit__(None, None, None)
        self.counts["histories"] += 1
        if self.counts["histories"] % 250 == 0:  # a long run says that it lives
            print(f"HISTORIES {json.dumps(self.counts)}", flush=True)

    def user(self, n: int) -> User:
        return self.people.users[n]

    def do(self, expected: bool, service, **arguments: object) -> object:
        """Call a service; it must refuse exactly when the ledger does. What follows the commit follows at once."""
        self.changed |= expected  # a refusal takes back whatever it had begun
        if expected and not service.__module__.startswith("faceaccess."):
            self.regrouped = len(VIEWERS)  # comparisons until every viewer had their turn
        self.counts["steps"] += 1
        self.counts["refusals"] += not expected
        with TestCase.captureOnCommitCallbacks(execute=True):
            try:
                result = service(**arguments)
            except REFUSED as error:
                if expected:
                    raise AssertionError(f"{service.__name__} refused: {error}") from error
                return None
        assert expected, f"{service.__name__} should have refused"
        return result

    def pick(self, n: int) -> tuple[LedgerPhoto, LedgerFace]:
        photo = self.ledger.photos[n % len(self.ledger.photos)]
        regions = photo.regions
        return photo, regions[n // len(self.ledger.photos) % len(regions)]

    # --- people ---

    @initialize(
        pairs=st.sets(st.tuples(person, person), min_size=4, max_size=9),
        inside=st.sets(st.tuples(person, person), max_size=4),
        away=st.sets(person, max_size=1),
        chosen=st.lists(models, min_size=len(PEOPLE), max_size=len(PEOPLE)),
        author=person,
        found=faces,
        disclosed=st.integers(0, 7),
    )
    def begin(self, pairs, inside, away, chosen, author, found, disclosed) -> None:
        pairs = {(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]}
        inside = {pair for pair in inside if (min(pair), max(pair)) in pairs}
        self.ledger.friends = set(pairs)
        Friendship.objects.bulk_create(
            Friendship(
                requester=self.user(one),
                addressee=self.user(other),
                low=self.user(one),
                high=self.user(other),
                accepted_at=timezone.now(),
            )
            for one, other in pairs
        )
        for owner, member in inside:
            self.ledger.circles[owner].add(member)
        CircleMembership.objects.bulk_create(
            CircleMembership(circle=self.people.circles[owner], person=self.user(member))
            for owner, member in inside
        )
        FaceCapture.objects.bulk_create([self._capture(n) for n in PEOPLE if n not in away])
        self.ledger.enrolled = set(PEOPLE) - away
        FacePreference.objects.bulk_create(
            [FacePreference(owner=self.user(n), model=model) for n, model in enumerate(chosen)]
        )
        self.ledger.models = dict(enumerate(chosen))
        self.turn = author + disclosed  # a different viewer first, the same one when the history is replayed
        self._post(author, "members", found, ready=True)
        for place, face in enumerate(self.ledger.photos[0].regions):
            if face.owner is not None and disclosed >> place & 1:
                self._disclose(face)

    def _disclose(self, face: LedgerFace) -> None:
        """Under every model: so that there is something to take back from the beginning."""
        said = {"region": self.rows[face], "owner": self.user(face.owner)}
        Tag.objects.create(**said, tagger=said["owner"])
        Authorization.objects.create(**said, answer="approved")
        PhotoOverride.objects.create(**said, effect="show")
        face.tags[face.owner] = Tagged({face.owner})
        face.answers[face.owner] = face.words[face.owner] = True

    def _capture(self, n: int) -> FaceCapture:
        user = self.user(n)
        return FaceCapture(
            user=user,
            pack=settings.ENGINE_PACK,
            template=self.people.templates[n],
            consent_version="1",
            consented_at=timezone.now(),
        )

    @rule(one=person, other=person)
    def befriend(self, one: int, other: int) -> None:
        self.do(
            self.ledger.ask(one, other),
            people_services.friendship_request,
            requester=self.user(one),
            addressee=self.user(other),
        )

    @rule(one=person, other=person)
    def unfriend(self, one: int, other: int) -> None:
        self.ledger.unfriend(one, other)
        self.do(True, people_services.friendship_end, one=self.user(one), other=self.user(other))

    @rule(one=person, other=person)
    def decline(self, one: int, other: int) -> None:
        pair = next((p for p in ((one, other), (other, one)) if p in self.ledger.requests), None)
        if pair is None:
            return
        self.ledger.requests.discard(pair)
        row = friendship_between(self.user(one), self.user(other))
        self.do(True, people_services.friendship_decline, friendship=row, by=self.user(one))

    @rule(one=person, other=person)
    def block(self, one: int, other: int) -> None:
        expected = self.ledger.block(one, other)
        self.do(expected, people_services.block_create, blocker=self.user(one), blocked=self.user(other))

    @rule(n=number)
    def unblock(self, n: int) -> None:
        if not self.ledger.blocks:
            return
        one, other = sorted(self.ledger.blocks)[n % len(self.ledger.blocks)]
        self.ledger.blocks.discard((one, other))
        self.do(True, people_services.block_remove, blocker=self.user(one), blocked=self.user(other))

    @rule(owner=person, member=person)
    def fill_circle(self, owner: int, member: int) -> None:
        self.do(
            self.ledger.put_into_circle(owner, member),
            people_services.circle_add,
            circle=self.people.circles[owner],
            by=self.user(owner),
            person=self.user(member),
        )

    @rule(owner=person, member=person)
    def empty_circle(self, owner: int, member: int) -> None:
        self.ledger.circles[owner].discard(member)
        circle, by = self.people.circles[owner], self.user(owner)
        self.do(True, people_services.circle_remove, circle=circle, by=by, person=self.user(member))

    # --- enrolment ---

    @rule(n=person)
    def enrol(self, n: int) -> None:
        if n in self.ledger.enrolled:
            return
        self.ledger.enrolled.add(n)
        self._capture(n).save()
        self.do(True, lambda: enrolment_changed.send(sender=FaceCapture, user=self.user(n)))
        self.messages.append(("all",))

    @rule(n=person)
    def leave(self, n: int) -> None:
        self.ledger.leave(n)
        self.do(True, people_services.enrolment_delete, user=self.user(n))
        self.messages.append(("all",))

    # --- models ---

    @rule(n=person, model=models)
    def choose_model(self, n: int, model: str) -> None:
        self.do(self.ledger.choose(n, model), services.model_choose, owner=self.user(n), model=model)

    @rule(pin=st.sampled_from((None, None, None, *MODELS)))
    def pin_model(self, pin: str | None) -> None:
        self.ledger.pinned = settings.FACE_PINNED_MODEL = pin
        self.changed = True

    # --- posts ---

    @precondition(lambda self: len(self.ledger.photos) < PHOTOS_AT_MOST)
    @rule(
        author=person,
        audience=st.sampled_from(("members", "members", "friends", "circle", "only_me")),
        found=faces,
        ready=st.integers(0, 4),
    )
    def post(self, author: int, audience: str, found, ready: int) -> None:
        self._post(author, audience, found, ready=bool(ready))

    def _post(self, author: int, audience: str, found, ready: bool) -> None:
        # The first face is always found; of the others one in four is missed until somebody marks it.
        ledger = LedgerPhoto(
            author,
            audience,
            [
                LedgerFace(looks, CLEAR if (missed := place and not chance) else kind, place, bool(missed))
                for place, (looks, kind, chance) in enumerate(found)
            ],
            ready=ready,
        )
        circle = self.people.circles[author] if audience == Audience.CIRCLE else None
        post = Post.objects.create(author=self.user(author), audience=audience, circle=circle)
        state = Photo.State.READY if ready else Photo.State.PROTECTING
        photo = Photo.objects.create(post=post, original="none.png", width=200, height=80, state=state)
        # Read by the marks' stand-in for the original: the missed faces are in the picture.
        photo_images[photo.pk] = {face.place: face.looks for face in ledger.faces if face.missed}
        regions = [
            decoys.region_row(photo, index, face_like(face.looks, face.kind, face.place))
            for index, face in enumerate(ledger.regions)
        ]
        FaceRegion.objects.bulk_create(regions)
        self.rows |= {ledger: photo} | dict(zip(ledger.regions, regions, strict=True))
        self.ledger.photos.append(ledger)
        self.ledger.match(ledger)
        matching.rematch_photo(photo.pk)
        self.changed, self.regrouped = True, len(VIEWERS)

    @precondition(lambda self: any(not photo.ready for photo in self.ledger.photos))
    @rule()
    def finish(self) -> None:
        """The worker is through with a photo."""
        ledger = next(photo for photo in self.ledger.photos if not photo.ready)
        ledger.ready = True
        Photo.objects.filter(pk=self.rows[ledger].pk).update(state=Photo.State.READY)
        self.ledger.match(ledger)
        matching.rematch_photo(self.rows[ledger].pk)
        self.changed, self.regrouped = True, len(VIEWERS)

    @precondition(lambda self: len(self.ledger.photos) == PHOTOS_AT_MOST)
    @rule(n=number)
    def delete(self, n: int) -> None:
        ledger = self.ledger.photos.pop(n % PHOTOS_AT_MOST)
        self.do(True, post_delete, post=self.rows[ledger].post, by=self.user(ledger.author))

    # --- statements ---

    has_photo = precondition(lambda self: self.ledger.photos)

    @has_photo
    @rule(n=number, by=person, named=person)
    def tag(self, n: int, by: int, named: int) -> None:
        self._tag(n, by, named)

    @has_photo
    @rule(n=number, by=person)
    def tag_rightly(self, n: int, by: int) -> None:
        """By chance alone the right name would be rare."""
        _photo, face = self.pick(n)
        if face.owner is not None:
            self._tag(n, by, face.owner)

    def _tag(self, n: int, by: int, named: int) -> None:
        photo, face = self.pick(n)
        expected = self.ledger.tag(photo, face, by, named)
        region = self._row(face)
        self.do(expected, services.tag_create, region=region, tagger=self.user(by), owner=self.user(named))

    def _row(self, face: LedgerFace) -> FaceRegion:
        return FaceRegion.objects.get(pk=self.rows[face].pk)

    @has_photo
    @rule(n=number, by=person)
    def untag(self, n: int, by: int) -> None:
        _photo, face = self.pick(n)
        self.ledger.untag(face, by)
        self.do(True, services.tag_withdraw, region=self._row(face), by=self.user(by))

    @has_photo
    @rule(n=number, by=person, as_owner=st.booleans(), word=yes_no_nothing)
    def answer(self, n: int, by: int, as_owner: bool, word: bool | None) -> None:
        face, by = self._speaker(n, by, as_owner)
        arguments = {"region": self._row(face), "by": self.user(by)}
        expected = self.ledger.answer(face, by, word)
        if word is None:
            self.do(expected, services.authorization_clear, **arguments)
        else:
            said = "approved" if word else "denied"
            self.do(expected, services.authorization_answer, answer=said, **arguments)

    @has_photo
    @rule(n=number, by=person, as_owner=st.booleans(), word=yes_no_nothing)
    def override(self, n: int, by: int, as_owner: bool, word: bool | None) -> None:
        face, by = self._speaker(n, by, as_owner)
        arguments = {"region": self._row(face), "by": self.user(by)}
        expected = self.ledger.override(face, by, word)
        if word is None:
            self.do(expected, services.override_clear, **arguments)
        else:
            self.do(expected, services.override_set, effect="show" if word else "hide", **arguments)

    @has_photo
    @rule(n=number, by=person, as_owner=st.booleans())
    def hide(self, n: int, by: int, as_owner: bool) -> None:
        """By the word of the model in force, whether or not the photo is in sight."""
        face, by = self._speaker(n, by, as_owner)
        expected = self.ledger.hide(face, by)
        self.do(expected, hiding.hide, region=self._row(face), by=self.user(by))

    def _speaker(self, n: int, by: int, as_owner: bool) -> tuple[LedgerFace, int]:
        _photo, face = self.pick(n)
        return face, face.owner if as_owner and face.owner is not None else by

    # --- rules ---

    @rule(owner=person, line=rule_lines())
    def add_rule(self, owner: int, line: RuleLine) -> None:
        if len(self.ledger.rules[owner]) >= RULES_AT_MOST:
            return
        parts = self._part("subject", line.subject, line.subject_id, owner)
        parts |= self._part("uploader", line.uploader, line.uploader_id, owner)
        row = self.do(
            True,
            services.rule_create,
            owner=self.user(owner),
            effect="show" if line.show else "hide",
            **parts,
        )
        circle = {f"{who}_id": owner for who in ("subject", "uploader") if getattr(line, who) == "circle"}
        self.ledger.rules[owner].append((row, RuleLine(**{**line.__dict__, **circle})))

    def _part(self, who: str, kind: str, n: int, owner: int) -> dict[str, object]:
        parts: dict[str, object] = {who: kind}
        if kind == "circle":
            parts[f"{who}_circle"] = self.people.circles[owner]
        if kind == "person":
            parts[f"{who}_person"] = self.user(n)
        return parts

    def _some_rule(self, owner: int, n: int) -> int | None:
        lines = self.ledger.rules[owner]
        return n % len(lines) if lines else None

    @rule(owner=person, n=number)
    def switch_rule(self, owner: int, n: int) -> None:
        if (at := self._some_rule(owner, n)) is None:
            return
        row, line = self.ledger.rules[owner][at]
        flipped = RuleLine(**{**line.__dict__, "enabled": not line.enabled})
        self.ledger.rules[owner][at] = row, flipped
        self.do(True, services.rule_update, rule=row, by=self.user(owner), enabled=flipped.enabled)

    @rule(owner=person, n=number, up=st.booleans())
    def move_rule(self, owner: int, n: int, up: bool) -> None:
        if (at := self._some_rule(owner, n)) is None:
            return
        lines = self.ledger.rules[owner]
        to = at - 1 if up else at + 1
        row = lines[at][0]
        if 0 <= to < len(lines):
            lines[at], lines[to] = lines[to], lines[at]
        self.do(True, services.rule_move, rule=row, by=self.user(owner), up=up)

    @rule(owner=person, n=number, place=st.integers(-1, RULES_AT_MOST))
    def place_rule(self, owner: int, n: int, place: int) -> None:
        if (at := self._some_rule(owner, n)) is None:
            return
        lines = self.ledger.rules[owner]
        row, line = lines.pop(at)
        lines.insert(max(0, min(place, len(lines))), (row, line))
        self.do(True, services.rule_place, rule=row, by=self.user(owner), place=place)

    @rule(owner=person, n=number)
    def delete_rule(self, owner: int, n: int) -> None:
        if (at := self._some_rule(owner, n)) is None:
            return
        row, _line = self.ledger.rules[owner].pop(at)
        self.do(True, services.rule_delete, rule=Rule.objects.get(pk=row.pk), by=self.user(owner))

    # --- whose face ---

    @has_photo
    @rule(n=number, by=person, as_owner=st.booleans())
    def not_me(self, n: int, by: int, as_owner: bool) -> None:
        face, by = self._speaker(n, by, as_owner)
        expected = self.ledger.not_me(face, by)
        self.do(expected, services.match_reject, region=self._row(face), by=self.user(by))
        if expected:
            photo = next(photo for photo in self.ledger.photos if face in photo.faces)
            self.messages.append(("photo", photo))

    @has_photo
    @rule(n=number, by=person, rightly=st.booleans())
    def claim(self, n: int, by: int, rightly: bool) -> None:
        photo, face = self.pick(n)
        by = face.looks if rightly else by
        new = self.ledger.claim(photo, face, by)
        self.do(new is not False, claims.claim_create, region=self._row(face), by=self.user(by))
        if new:
            self.messages.append(("claim", photo, face, by))

    @has_photo
    @rule(n=number, by=person, as_uploader=st.booleans(), yes=st.booleans())
    def answer_claim(self, n: int, by: int, as_uploader: bool, yes: bool) -> None:
        photo, face = self.pick(n)
        if not face.claims:
            return
        claimant = sorted(face.claims)[0]
        by = photo.author if as_uploader else by
        row = Claim.objects.get(region=self.rows[face].pk, claimant=self.user(claimant))
        expected = self.ledger.answer_claim(photo, face, claimant, by, yes)
        self.do(expected, claims.claim_answer, claim=row, by=self.user(by), accept=yes)

    @precondition(lambda self: any(f.missed for photo in self.ledger.photos for f in photo.faces))
    @rule(by=person)
    def mark(self, by: int) -> None:
        photo, face = next((p, f) for p in self.ledger.photos for f in p.faces if f.missed)
        expected = self.ledger.may_act(by, photo)
        row = Photo.objects.get(pk=self.rows[photo].pk)
        box = [float(edge) for edge in box_of(face.place)]
        region = self.do(expected, marks.mark_create, photo=row, by=self.user(by), box=box)
        if expected:
            face.missed, face.analysed = False, False
            # Numbered after the ones that were there: so it stands after them here, too.
            photo.faces.remove(face)
            photo.faces.append(face)
            self.rows[face] = region
            self.messages.append(("mark", photo, face))

    # --- the worker ---

    @rule()
    def work(self) -> None:
        """Everything that waits in the queue, in order."""
        sent, self.queue[:] = list(self.queue), []
        self.changed |= bool(sent)
        expected, self.messages = self.messages, []
        names = {
            "all": "faces_rematch",
            "photo": "photo_rematch",
            "claim": "claim_judge",
            "mark": "mark_analyse",
        }
        assert [name for name, _task, _arguments in sent] == [names[message[0]] for message in expected]
        for _name, task, arguments in sent:
            with TestCase.captureOnCommitCallbacks(execute=True):
                task(*arguments)
        for kind, *about in expected:
            self._work_in_the_ledger(kind, *about)

    def _work_in_the_ledger(self, kind: str, *about: object) -> None:
        alive = self.ledger.photos
        if kind == "all":
            for photo in alive:
                self.ledger.match(photo)
        elif about[0] not in alive:
            return
        elif kind == "photo":
            self.ledger.match(about[0])
        elif kind == "claim":
            self.ledger.judge(*about)
        else:
            photo, face = about
            face.analysed = True
            self.ledger.match(photo)

    # --- the comparison ---

    @invariant()
    def decisions_are_the_references(self) -> None:
        """After a step that changed anything: for one viewer, in turn; for half of them when the history ends."""
        if self.changed and self.ledger.photos:
            self._compare_for(1)
            self.changed = False

    def _compare_for(self, number: int) -> None:
        """For the next ``number`` viewers in turn."""
        world = self.ledger.world()
        rows = [self.rows[photo] for photo in self.ledger.photos]
        # What is known about the faces does not depend on the viewer: read once for all of them.
        known = facts.region_facts([row.pk for row in rows])
        with mock.patch.object(facts, "region_facts", return_value=known):
            for _ in range(number):
                self._compare(world, rows, VIEWERS[self.turn % len(VIEWERS)])
                self.turn += 1

    def _compare(self, world: reference.World, rows: list[Photo], viewer: int | None) -> None:
        user = AnonymousUser() if viewer is None else self.user(viewer)
        seen = selectors.visible_sets(rows, user)
        if self.regrouped:
            self.regrouped -= 1
            visible = set(Photo.objects.visible_to(user).values_list("pk", flat=True))
            expected = {
                row.pk
                for photo, row in zip(self.ledger.photos, rows, strict=True)
                if self.ledger.may_see(viewer, photo)
            }
            assert visible == expected, viewer
        for picture, row in zip(world.pictures, rows, strict=True):
            shown = {
                index
                for index, face in enumerate(picture.faces)
                if reference.sees(world, picture, face, viewer)
            }
            assert seen[row.pk].shown == shown, (viewer, seen[row.pk].decisions)
            assert seen[row.pk].hidden == set(range(len(picture.faces))) - shown
            self.counts["decisions"] += len(picture.faces)
            self.counts["shown"] += len(shown)


photo_images: dict[object, dict[int, int]] = {}  # photo -> place of a missed face -> whom it looks like


def missed_faces(photo: Photo):
    """Instead of the stored original: a picture with the faces that were missed, and nothing else."""
    image = group_photo(0)
    image = np.broadcast_to(image[:, :1], (80, 200, 3)).copy()
    for place, looks in photo_images[photo.pk].items():
        x0, y0, x1, y1 = box_of(place)
        image[y0:y1, x0:x1] = PALETTE[looks]
    return image
