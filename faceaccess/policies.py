"""The three access models as pure functions: facts in, shown/hidden and a reason out. No query, no clock.

A region's statements (tag, approval, override) count only when they were made by or for the *present* owner.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Model(StrEnum):
    PROXY = "proxy"
    AUTHORIZATION = "authorization"
    RULES = "rules"


class Reason(StrEnum):
    """Why a face is shown or hidden: the closed list an owner can read."""

    OWN_FACE = "own_face"
    BLOCKED = "blocked"
    NOT_MATCHED = "not_matched"
    NOT_READY = "not_ready"
    TAGGED = "tagged"
    NOT_TAGGED = "not_tagged"
    TAG_WITHDRAWN = "tag_withdrawn"
    TAGGER_MAY_NOT_SPEAK = "tagger_may_not_speak"
    APPROVED = "approved"
    DENIED = "denied"
    NOT_ANSWERED = "not_answered"
    OVERRIDE = "override"
    RULE = "rule"
    NO_RULE = "no_rule"


@dataclass(frozen=True, slots=True)
class Decision:
    shown: bool
    reason: Reason
    rule: int | None = None  # primary key of the deciding rule, for Reason.RULE


@dataclass(frozen=True, slots=True)
class Person:
    """One viewer or uploader, as the owner of the face stands to them. ``id`` None is a visitor without account."""

    id: int | None
    is_friend: bool = False
    is_friend_of_friend: bool = False  # at least one mutual friend
    circles: Collection[int] = frozenset()  # the owner's circles this person is in
    blocked: bool = False  # in either direction


@dataclass(frozen=True, slots=True)
class TagFact:
    """The tag on a face; ``by_owner``/``by_friend`` say what the tagger is to the owner *now*; blocked: neither."""

    withdrawn: bool
    by_owner: bool
    by_friend: bool


class RuleFact(NamedTuple):
    """One rule; the list handed to the policy is ordered and holds enabled rules only. (A feed reads thousands.)"""

    id: int
    show: bool
    subject: str  # everyone | friends | friends_of_friends | circle | person
    subject_id: int | None = None  # circle or person
    uploader: str = "anyone"  # anyone | me | friends | circle | person
    uploader_id: int | None = None


@dataclass(frozen=True, slots=True)
class FaceFacts:
    """Everything about one face region that a decision may look at."""

    owner_id: int | None  # None: unknown, ambiguous, or no longer enrolled
    model: Model
    uploader: Person
    ready: bool  # the photo went through the whole pipeline
    tag: TagFact | None = None
    answer: bool | None = None  # the owner's approval (True), denial (False), silence (None)
    override: bool | None = None  # the owner's word on this photo: show (True), hide (False)
    rules: tuple[RuleFact, ...] = field(default=())


def decide(face: FaceFacts, viewer: Person) -> Decision:
    """Whether ``viewer`` sees this face. What is common to all models comes first; nothing missing discloses."""
    if not face.ready:
        return Decision(False, Reason.NOT_READY)
    if face.owner_id is None:
        return Decision(False, Reason.NOT_MATCHED)
    if viewer.id == face.owner_id:
        return Decision(True, Reason.OWN_FACE)
    if viewer.blocked:
        return Decision(False, Reason.BLOCKED)
    return MODELS[face.model](face, viewer)


def disclose_by_proxy(face: FaceFacts, viewer: Person) -> Decision:
    """A tag by the owner, or by a friend of the owner, shows the face to everyone who may see the photo."""
    if face.tag is None:
        return Decision(False, Reason.NOT_TAGGED)
    if face.tag.withdrawn:
        return Decision(False, Reason.TAG_WITHDRAWN)
    if not (face.tag.by_owner or face.tag.by_friend):
        return Decision(False, Reason.TAGGER_MAY_NOT_SPEAK)
    return Decision(True, Reason.TAGGED)


def disclose_by_authorization(face: FaceFacts, viewer: Person) -> Decision:
    """The owner's approval of this photo shows the face to everyone who may see the photo."""
    if face.answer is None:
        return Decision(False, Reason.NOT_ANSWERED)
    return Decision(True, Reason.APPROVED) if face.answer else Decision(False, Reason.DENIED)


def disclose_by_rules(face: FaceFacts, viewer: Person) -> Decision:
    """The owner's word on this photo, else the first rule that fits viewer and uploader, else hidden."""
    if face.override is not None:
        return Decision(face.override, Reason.OVERRIDE)
    for rule in face.rules:
        if _is_subject(rule, viewer) and _is_uploader(rule, face.uploader, face.owner_id):
            return Decision(rule.show, Reason.RULE, rule.id)
    return Decision(False, Reason.NO_RULE)


MODELS = {
    Model.PROXY: disclose_by_proxy,
    Model.AUTHORIZATION: disclose_by_authorization,
    Model.RULES: disclose_by_rules,
}


def _is_subject(rule: RuleFact, viewer: Person) -> bool:
    match rule.subject:
        case "everyone":
            return True
        case "friends":
            return viewer.is_friend
        case "friends_of_friends":
            return viewer.is_friend or viewer.is_friend_of_friend
        case "circle":
            return _in_circle(rule, rule.subject_id, viewer)
        case "person":
            return viewer.id is not None and viewer.id == rule.subject_id
    return _unknown_condition(rule)


def _is_uploader(rule: RuleFact, uploader: Person, owner_id: int | None) -> bool:
    match rule.uploader:
        case "anyone":
            return True
        case "me":
            return uploader.id == owner_id
        case "friends":
            return uploader.is_friend
        case "circle":
            return _in_circle(rule, rule.uploader_id, uploader)
        case "person":
            return uploader.id == rule.uploader_id
    return _unknown_condition(rule)


def _in_circle(rule: RuleFact, circle: int | None, person: Person) -> bool:
    """Showing asks for friendship besides; hiding does not, or a person could leave the circle by unfriending."""
    return circle in person.circles and (person.is_friend or not rule.show)


def _unknown_condition(rule: RuleFact) -> bool:
    """A condition this code does not know must not disclose: it never lets a show rule match, nor stops a hide rule."""
    return not rule.show
