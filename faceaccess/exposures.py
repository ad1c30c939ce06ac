"""The log of who could see one's face where: kept as spans of time, by kind of viewer, with the reason.

After anything that bears on an owner's faces the present state is computed with the gate's own ``decide`` and compared
with the spans that are open; what is no longer so is closed, what is new is opened. One run per owner and transaction,
after its commit; a daily sweep makes up for a process that died in between, and notices changed settings of the site.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.selectors import people_visible_to
from faceaccess import facts
from faceaccess.effects import friends_of_friends, relations_of
from faceaccess.models import Exposure, FaceRegion, Rule, Standing
from faceaccess.policies import Decision, FaceFacts, Model, Person, decide
from faceaccess.seeing import NOBODY_REAL
from faceaccess.wording import REASONS, rule_words
from photos.models import Photo

logger = logging.getLogger(__name__)

Who = Exposure.Who
Key = tuple[object, str, int | None, int | None, str, str]  # photo, who, circle, person, reason, detail


def touch(*owners: int | None) -> None:
    """Something that bears on these owners' faces changes in this transaction: look again after its commit."""
    for owner in {owner for owner in owners if owner is not None} - _waiting():
        _waiting().add(owner)
        transaction.on_commit(lambda owner=owner: _look_again(owner), robust=True)


_local = threading.local()


def _waiting() -> set[int]:
    """Owners who will be looked at after the running transaction of this thread. Cleared should it be rolled back."""
    connection = transaction.get_connection()
    waiting, pending = getattr(_local, "waiting", (set(), None))
    if pending is not connection.run_on_commit or not connection.run_on_commit:
        waiting = set()
        _local.waiting = waiting, connection.run_on_commit
    return waiting


def _look_again(owner: int) -> None:
    _waiting().discard(owner)
    keep(owner)


@transaction.atomic
def keep(owner_id: int) -> int:
    """Bring one owner's spans up to date; returns how many were opened or closed."""
    owner = User.objects.select_for_update().filter(pk=owner_id).first()
    if owner is None:
        return 0
    now = timezone.now()
    present = set(_present(owner))
    open_spans = {_key_of(span): span for span in Exposure.objects.filter(owner=owner, until=None)}
    closing = [span.pk for key, span in open_spans.items() if key not in present]
    Exposure.objects.filter(pk__in=closing).update(until=now)
    opening = [_span(owner, key, now) for key in present - open_spans.keys()]
    Exposure.objects.bulk_create(opening)
    return len(closing) + len(opening)


def keep_all() -> int:
    """For every owner of a face or of an open span."""
    owners = set(FaceRegion.objects.filter(owner__isnull=False).values_list("owner", flat=True).distinct())
    owners |= set(Exposure.objects.filter(until=None).values_list("owner", flat=True).distinct())
    return sum(keep(owner) for owner in sorted(owners))


def _key_of(span: Exposure) -> Key:
    return span.photo_id, span.who, span.circle_id, span.person_id, span.reason, span.detail


def _span(owner: User, key: Key, now: datetime) -> Exposure:
    photo, who, circle, person, reason, detail = key
    parts = {"photo_id": photo, "circle_id": circle, "person_id": person}
    return Exposure(owner=owner, who=who, reason=reason, detail=detail, since=now, **parts)


def _present(owner: User) -> Iterator[Key]:
    """Every kind of viewer to whom a face of the owner is disclosed now, photo by photo."""
    photos = FaceRegion.objects.filter(owner=owner, photo__state=Photo.State.READY).values_list(
        "photo", flat=True
    )
    rows = [row for row in facts.region_facts(list(photos), owner) if row.owner_id == owner.pk]
    if not rows:
        return
    known = relations_of(owner)
    rules = {rule.pk: rule for rule in Rule.objects.filter(owner=owner).select_related("subject_circle")}
    named = _named(owner, known, rules)
    shown_to = cache(lambda face: tuple(_shown_to(face, named, rules)))
    for row in rows:
        for who, circle, person, decision in shown_to(facts.face_facts(row, known)):
            rule = rules.get(decision.rule) if decision.rule else None
            words = rule_words(rule)[:200] if rule else ""
            yield row.photo_id, str(who), circle, person, str(decision.reason), words


def _named(owner: User, known: facts.Relations, rules: dict[int, Rule]) -> dict[int, Person]:
    """The people whom enabled rules name, as they stand to the owner."""
    enabled = [rule for rule in rules.values() if rule.enabled]
    near = any(rule.subject == Rule.Subject.FRIENDS_OF_FRIENDS for rule in enabled)
    mutual = friends_of_friends(owner) if near else set()
    return {
        pk: replace(known.person(owner.pk, pk), is_friend_of_friend=pk in mutual)
        for pk in {rule.subject_person_id for rule in enabled} - {None}
    }


def _shown_to(
    face: FaceFacts, people: dict[int, Person], rules: dict[int, Rule]
) -> Iterator[tuple[str, int | None, int | None, Decision]]:
    for who, circle, person, viewer in _kinds(face, people, rules):
        decision = decide(face, viewer)
        if decision.shown:
            yield who, circle, person, decision


def _kinds(
    face: FaceFacts, people: dict[int, Person], rules: dict[int, Rule]
) -> Iterator[tuple[str, int | None, int | None, Person]]:
    """The kinds of viewer that can be decided differently: people and circles that a rule names, friends, others."""
    stranger = Person(NOBODY_REAL)
    if face.model is not Model.RULES or face.override is not None:
        yield Who.EVERYONE, None, None, stranger
        return
    named = [rule for rule in rules.values() if rule.enabled]
    for pk, person in people.items():
        yield Who.PERSON, None, pk, person
    for circle in {rule.subject_circle_id for rule in named} - {None}:
        inside = Person(NOBODY_REAL, is_friend=True, circles=frozenset({circle}))
        yield Who.CIRCLE, circle, None, inside
    yield Who.FRIENDS, None, None, Person(NOBODY_REAL, is_friend=True)
    if any(rule.subject == Rule.Subject.FRIENDS_OF_FRIENDS for rule in named):
        yield Who.FRIENDS_OF_FRIENDS, None, None, Person(NOBODY_REAL, is_friend_of_friend=True)
    yield Who.OTHERS, None, None, stranger


# --- who was near the owner meanwhile ---


def note_friendship(one: int, other: int, *, friends: bool) -> None:
    for owner, person in ((one, other), (other, one)):
        _note_standing(owner, person, None, near=friends)


def note_member(owner: int, person: int, circle: int, *, inside: bool) -> None:
    _note_standing(owner, person, circle, near=inside)


def _note_standing(owner: int, person: int, circle: int | None, *, near: bool) -> None:
    spans = Standing.objects.filter(owner=owner, person=person, circle=circle, until=None)
    if not near:
        spans.update(until=timezone.now())
    elif not spans.exists():
        Standing.objects.create(owner_id=owner, person_id=person, circle_id=circle, since=timezone.now())


# --- reading it ---


@dataclass(frozen=True, slots=True)
class Line:
    """One span as the owner reads it; ``people``: their friends or circle's members then, by name.

    Those hidden from the owner now (a block, a closed account) are "somebody", all of them once.
    """

    who: str
    reason: str
    since: datetime
    until: datetime | None
    people: tuple[str, ...]


def lines(owner: User, spans: Iterable[Exposure]) -> dict[int, Line]:
    """By the span's key. Two queries however many spans: names come from the owner's own friends, circles and rules."""
    spans = list(spans)
    standing = list(
        Standing.objects.filter(owner=owner).filter(_overlaps(spans))
    ) if any(span.who in (Who.FRIENDS, Who.CIRCLE) for span in spans) else []  # fmt: skip
    ids = {row.person_id for row in (*standing, *spans)} - {None}
    seen = people_visible_to(owner).filter(pk__in=ids).order_by("display_name", "username")
    names = {person.pk: person.name for person in seen}
    return {span.pk: _line(span, standing, names) for span in spans}


def _overlaps(spans: list[Exposure]) -> Q:
    return Q(until=None) | Q(until__gt=min(span.since for span in spans))


def _line(span: Exposure, standing: list[Standing], names: dict[int, str]) -> Line:
    """``names``: of the people the owner may know of, in order. Others, after a block, are "somebody"."""
    near = {
        row.person_id
        for row in standing
        if span.who in (Who.FRIENDS, Who.CIRCLE)
        and row.circle_id == (span.circle_id if span.who == Who.CIRCLE else None)
        and (span.until is None or row.since < span.until)
        and (row.until is None or row.until > span.since)
    }
    told = [name for pk, name in names.items() if pk in near]
    if near - names.keys():
        told.append(_("somebody"))
    who = str(Who(span.who).label)
    if span.who == Who.PERSON:
        who = names.get(span.person_id, who)
    elif span.who == Who.CIRCLE:
        who = (
            _("your circle “%(name)s”") % {"name": span.circle.name}
            if span.circle
            else _("a circle of yours")
        )
    reason = f"{span.detail}." if span.detail else str(REASONS.get(span.reason, ""))
    return Line(who, reason, span.since, span.until, tuple(dict.fromkeys(told)))
