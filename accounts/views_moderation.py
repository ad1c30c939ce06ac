"""Telling the staff about something, and the staff's own page."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from accounts import moderation, selectors
from accounts.forms import ReportForm
from accounts.models import FaceCapture
from accounts.reports import ModerationEntry, Report
from socialnet.answers import action, done, signed_in
from socialnet.limits import limited

ENTRIES_SHOWN = 50


@limited("report")
@signed_in()
def report(request: HttpRequest, kind: str, target: str) -> HttpResponse:
    """Asks what is wrong on GET; tells the staff on POST."""
    thing = moderation.reportable(request.user, kind, target)
    name = selectors.name_told_to(request.user, moderation.KINDS[kind].person(thing))
    form = ReportForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            moderation.report_create(reporter=request.user, kind=kind, target=target, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error.messages)
        else:
            done(
                request,
                _("Thank you. The people who look after the site will look at it. Nobody else is told."),
            )
            return redirect("feed")
    page = {"form": form, "kind": moderation.KINDS[kind], "name": name}
    return render(request, "accounts/report.html", page, status=422 if form.errors else 200)


def for_staff(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @login_required
    @wraps(view)
    def answer(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        moderation.check_staff(request.user)
        return view(request, *args, **kwargs)

    return answer


@for_staff
def queue(request: HttpRequest) -> HttpResponse:
    """What waits for a decision: each reported thing once, with everything that was said about it."""
    cases: dict[tuple[str, str], dict[str, object]] = {}
    for report in moderation.open_reports(request.user).select_related("reporter", "about"):
        case = cases.setdefault((report.kind, report.target), {"report": report, "reports": []})
        case["reports"].append(report)
    for (kind, target), case in cases.items():
        case["kind"] = moderation.KINDS.get(kind)
        thing = case["thing"] = case["kind"].find(target) if case["kind"] else None
        case["may_take_down"] = thing is not None and moderation.may_take_down(request.user, thing)
    page = {"cases": list(cases.values()), "held": moderation.held_captures(request.user)}
    return render(request, "accounts/moderation.html", page)


@for_staff
def log(request: HttpRequest) -> HttpResponse:
    """What was decided, newest first."""
    entries = list(ModerationEntry.objects.select_related("moderator", "about")[:ENTRIES_SHOWN])
    undone: set[tuple[str, str]] = set()
    for entry in entries:  # newest first: what was put back since cannot be put back again
        place = entry.kind, entry.target
        entry.can_be_undone = entry.action == entry.Action.TAKEN_DOWN and place not in undone
        if entry.kind == "person" and not moderation.may_take_down(request.user, entry.about):
            entry.can_be_undone = False
        if entry.action in (entry.Action.TAKEN_DOWN, entry.Action.PUT_BACK):
            undone.add(place)
    return render(request, "accounts/moderation_log.html", {"entries": entries})


@action("moderation")
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """take_down | dismiss."""
    moderation.check_staff(request.user)
    report = get_object_or_404(Report, pk=pk)
    choice = request.POST.get("decision")
    if choice not in ("take_down", "dismiss"):
        raise ValidationError(_("Choose what to do."))
    moderation.reports_decide(
        report=report, by=request.user, take_down=choice == "take_down", note=request.POST.get("note", "")
    )
    taken = _("Taken down. It can be put back from the log.")
    done(request, taken if choice == "take_down" else _("Dismissed. It stays as it is."))
    return redirect("moderation")


@action("moderation-log")
def put_back(request: HttpRequest, pk: int) -> HttpResponse:
    moderation.check_staff(request.user)
    moderation.take_down_undo(entry=get_object_or_404(ModerationEntry, pk=pk), by=request.user)
    done(request, _("Put back."))
    return redirect("moderation-log")


@action("moderation")
def capture_decide(request: HttpRequest, pk: int) -> HttpResponse:
    """allow | refuse."""
    moderation.check_staff(request.user)
    capture = get_object_or_404(FaceCapture.objects.held(), pk=pk)
    choice = request.POST.get("decision")
    if choice not in ("allow", "refuse"):
        raise ValidationError(_("Choose what to do."))
    moderation.capture_decide(
        capture=capture, by=request.user, allow=choice == "allow", note=request.POST.get("note", "")
    )
    done(request, _("Allowed.") if choice == "allow" else _("Refused: the picture is deleted."))
    return redirect("moderation")
