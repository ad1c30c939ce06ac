"""What can be reported, reporting it, and what the staff do about it.

Nothing here gives staff a look at a hidden face: what they see of a reported photo has a stand-in in every place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.db.models.signals import post_delete
from django.http import Http404
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from accounts.models import FaceCapture, User
from accounts.reports import ModerationEntry, Report
from accounts.signals import enrolment_changed


@dataclass(frozen=True)
class Reportable:
    """One kind of thing that can be reported. ``target`` is a primary key as text.

    ``visible`` finds it for a person who may see it, and raises Http404 (or anything that means: no such thing);
    ``take_down`` and ``put_back`` are undone by each other (``hiding`` makes both); ``template`` draws it for staff,
    with ``report`` and ``thing``: it must not show more than every member may see.
    """

    kind: str
    name: str | Promise
    model: type[models.Model]
    visible: Callable[[User, str], Any]
    person: Callable[[Any], User]
    take_down: Callable[[Any], None]
    put_back: Callable[[Any], None]
    template: str

    def find(self, target: str) -> Any | None:
        """The thing itself, for staff; None once it is gone."""
        try:
            return self.model._default_manager.filter(pk=target).first()
        except (ValueError, ValidationError):
            return None


def hiding(rows: Callable[[Any], models.QuerySet]) -> dict[str, Callable[[Any], None]]:
    """``take_down`` and ``put_back`` of things that are hidden by ``taken_down_at`` of the row that ``rows`` finds."""

    def take_down(thing: Any) -> None:
        rows(thing).update(taken_down_at=timezone.now())

    def put_back(thing: Any) -> None:
        rows(thing).update(taken_down_at=None)

    return {"take_down": take_down, "put_back": put_back}


KINDS: dict[str, Reportable] = {}


def register(kind: Reportable) -> None:
    """Called once, from the ready() of the app that owns the kind."""

    def forget(sender: type[models.Model], instance: models.Model, **kwargs: object) -> None:
        Report.objects.filter(kind=kind.kind, target=str(instance.pk)).delete()
        ModerationEntry.objects.filter(kind=kind.kind, target=str(instance.pk)).delete()

    KINDS[kind.kind] = kind
    post_delete.connect(forget, sender=kind.model, weak=False, dispatch_uid=f"reports of {kind.kind}")


def reportable(viewer: User, kind: str, target: str) -> Any:
    """What ``viewer`` is about to report. Raises Http404 for what they may not see, as for what does not exist."""
    if kind not in KINDS:
        raise Http404
    try:
        return KINDS[kind].visible(viewer, target)
    except (models.ObjectDoesNotExist, ValueError, ValidationError) as error:
        raise Http404 from error


@transaction.atomic
def report_create(*, reporter: User, kind: str, target: str, reason: str, note: str = "") -> Report:
    """Tell the staff. Telling again while it is open changes what was told. Nobody else learns of it."""
    thing = reportable(reporter, kind, target)
    about = KINDS[kind].person(thing)
    if about == reporter:
        raise ValidationError(_("This is your own: you can change or delete it yourself."))
    same = Report.objects.filter(reporter=reporter, kind=kind, target=target, state=Report.State.OPEN)
    told = same.select_for_update().first()  # one that is decided at this moment is not opened again
    report = told or Report(reporter=reporter, kind=kind, target=target)
    report.about, report.reason, report.note = about, reason, note.strip()
    report.full_clean()
    report.save()
    return report


# --- for staff ---


def check_staff(user: User) -> None:
    if not (user.is_active and user.is_staff):
        raise PermissionDenied(_("This page is for the people who look after the site."))


def open_reports(moderator: User) -> models.QuerySet[Report]:
    """What waits for a decision, oldest first; nobody judges what is about them, or what they reported.

    What they reported is left out with everything that others say of it: it is decided all at once.
    """
    waiting = Report.objects.filter(state=Report.State.OPEN)
    same = waiting.filter(reporter=moderator, kind=models.OuterRef("kind"), target=models.OuterRef("target"))
    own = models.Q(about=moderator) | models.Exists(same)
    return waiting.exclude(own).order_by("created_at", "id")


def held_captures(moderator: User) -> models.QuerySet[FaceCapture]:
    """Enrolments that wait for a look: whose and since when. Neither the picture nor whom it resembles is told."""
    return FaceCapture.objects.held().exclude(user=moderator).select_related("user").order_by("held_at")


@transaction.atomic
def reports_decide(*, report: Report, by: User, take_down: bool, note: str = "") -> ModerationEntry:
    """Decide all open reports about one thing at once: take it down, or leave it as it is."""
    check_staff(by)
    kind = KINDS[report.kind]
    same = Report.objects.filter(kind=report.kind, target=report.target, state=Report.State.OPEN)
    if by.pk in (report.about_id, report.reporter_id) or same.filter(reporter=by).exists():
        raise PermissionDenied(_("Somebody else has to decide this one."))
    if not same.exists():
        raise ValidationError(_("This was decided already."))
    if take_down:
        thing = kind.find(report.target)
        if thing is None:
            raise ValidationError(_("This is gone already."))
        _check_may_take_down(by, thing)
        kind.take_down(thing)
    state = Report.State.TAKEN_DOWN if take_down else Report.State.DISMISSED
    same.update(state=state, decided_at=timezone.now())
    action = ModerationEntry.Action.TAKEN_DOWN if take_down else ModerationEntry.Action.DISMISSED
    return _log(by, report.about, action, note, kind=report.kind, target=report.target)


@transaction.atomic
def take_down_undo(*, entry: ModerationEntry, by: User, note: str = "") -> ModerationEntry:
    """Put back what was taken down."""
    check_staff(by)
    thing = KINDS[entry.kind].find(entry.target) if entry.kind in KINDS else None
    if entry.action != ModerationEntry.Action.TAKEN_DOWN or thing is None or by.pk == entry.about_id:
        raise ValidationError(_("There is nothing to put back."))
    _check_may_take_down(by, thing)
    KINDS[entry.kind].put_back(thing)
    back = ModerationEntry.Action.PUT_BACK
    return _log(by, entry.about, back, note, kind=entry.kind, target=entry.target)


def may_take_down(by: User, thing: Any) -> bool:
    """One moderator does not shut out another, or who watches over both; nor let them in again."""
    return by.is_superuser or not (isinstance(thing, User) and (thing.is_staff or thing.is_superuser))


def _check_may_take_down(by: User, thing: Any) -> None:
    if not may_take_down(by, thing):
        raise PermissionDenied(_("Accounts of staff are closed and opened by superusers only."))


@transaction.atomic
def capture_decide(*, capture: FaceCapture, by: User, allow: bool, note: str = "") -> ModerationEntry:
    """Let a held enrolment count, or delete it. Where two accounts share a face, it is ambiguous: shown by neither."""
    check_staff(by)
    if by.pk == capture.user_id:
        raise PermissionDenied(_("Somebody else has to decide this one."))
    held = FaceCapture.objects.held().select_for_update().filter(pk=capture.pk).first()
    if held is None:
        raise ValidationError(_("This was decided already, or its owner took it away."))
    owner = held.user
    if allow:
        held.held_at = None
        held.save(update_fields=["held_at"])  # not update(): the gallery's version has to change with it
    else:
        held.delete()
    transaction.on_commit(lambda: enrolment_changed.send_robust(sender=FaceCapture, user=owner), robust=True)
    action = ModerationEntry.Action.ALLOWED if allow else ModerationEntry.Action.REFUSED
    return _log(by, owner, action, note)


def _log(by: User, about: User, action: str, note: str, **target: str) -> ModerationEntry:
    entry = ModerationEntry(moderator=by, about=about, action=action, note=note.strip(), **target)
    entry.full_clean()
    entry.save()
    return entry
