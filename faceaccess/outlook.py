"""Who sees one's own face in one photo, told by kinds of viewer: for the owner's eyes only.

The same pure decision as in the image gate, asked for people who need not exist: "a friend of yours", "somebody
in your circle Family". Under the first two models the answer is the same for everybody who may see the photo.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from faceaccess import facts
from faceaccess.models import FaceRegion, Rule
from faceaccess.policies import Decision, FaceFacts, Model, Person, Reason, decide
from faceaccess.seeing import NOBODY_REAL
from faceaccess.selectors import own_rules
from faceaccess.wording import reason_sentence

NAMED_AT_MOST = 12  # people named in rules who are looked up one by one


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of viewer and what they see."""

    who: str
    shown: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Outlook:
    model: Model
    reason: Reason  # that of everybody without a special relation
    lines: tuple[Line, ...]

    @property
    def shown(self) -> bool:
        """To anybody at all."""
        return any(line.shown for line in self.lines)

    @property
    def summary(self) -> str:
        """The few words of the chip."""
        shown = [line for line in self.lines if line.shown]
        if not shown:
            return _("hidden")
        if len(self.lines) == 1:
            return _("shown to everyone who sees the photo")
        if len(shown) > 2:
            return _("shown to some people")
        return _("shown to %(who)s") % {"who": _(" and ").join(line.who for line in shown)}


def outlook(region: FaceRegion) -> Outlook | None:
    """The outlook for the face's present owner, or None while it has none (not matched, not enrolled any more)."""
    photo_facts = facts.region_facts([region.photo_id])
    own = next((row for row in photo_facts if row.region_id == region.pk), None)
    if own is None or own.owner_id is None:
        return None
    face = facts.face_facts(own, facts.relations([own], None))
    stranger = decide(face, Person(NOBODY_REAL))
    rules = list(own_rules(own.owner_id))
    if face.model is not Model.RULES or face.override is not None:
        everybody = Line(_("everyone who sees the photo"), stranger.shown, reason_sentence(stranger, rules))
        return Outlook(face.model, stranger.reason, (everybody,))
    decided = [*_named(own, face, rules), *_kinds(face, rules, stranger)]
    lines = tuple(Line(who, decision.shown, reason_sentence(decision, rules)) for who, decision in decided)
    return Outlook(face.model, stranger.reason, lines)


def _kinds(face: FaceFacts, rules: list[Rule], stranger: Decision) -> Iterator[tuple[str, Decision]]:
    """Circles that a rule names, friends, friends of friends if a rule names them, and everyone else."""
    circles = {
        rule.subject_circle.pk: rule.subject_circle for rule in rules if rule.enabled and rule.subject_circle
    }
    for circle in circles.values():
        member = Person(NOBODY_REAL, is_friend=True, circles=frozenset({circle.pk}))
        yield f"“{circle.name}”", decide(face, member)
    yield _("friends"), decide(face, Person(NOBODY_REAL, is_friend=True))
    if any(rule.enabled and rule.subject == Rule.Subject.FRIENDS_OF_FRIENDS for rule in rules):
        yield _("friends of friends"), decide(face, Person(NOBODY_REAL, is_friend_of_friend=True))
    yield _("everyone else"), stranger


def _named(own: facts.RegionFacts, face: FaceFacts, rules: list[Rule]) -> Iterator[tuple[str, Decision]]:
    """Nobody across a block and nobody gone is among them: such a person sees no face of the owner anyway."""
    people = {
        rule.subject_person.pk: rule.subject_person for rule in rules if rule.enabled and rule.subject_person
    }
    for person in list(people.values())[:NAMED_AT_MOST]:
        known = facts.relations([own], person.pk)
        yield person.name, decide(face, known.person(own.owner_id, person.pk, is_viewer=True))
