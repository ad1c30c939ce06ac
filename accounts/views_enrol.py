"""Enrolment: giving, seeing and deleting the pictures one's own face is recognised by."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_POST

from accounts import consent, framing, services
from accounts.forms import EnrolForm
from accounts.models import FaceCapture, User
from accounts.uploads import display_name
from socialnet import limits
from socialnet.answers import action, back, done, signed_in
from socialnet.numbers import number

FRAME_CHECK_S = 15  # after so long a frame that is still looked at no longer holds up the next one


@signed_in()
def enrol(request: HttpRequest) -> HttpResponse:
    """Each picture stands for itself: good ones are kept, the others come back with what to do about them.

    ``?replace=<id>``: the first good one takes the place of that capture, once it counts.
    """
    form = EnrolForm(request.POST or None, request.FILES or None)
    replaces = _replaced(request)
    rejected: list[tuple[str, list[str]]] = []
    status = 200
    if request.method == "POST" and form.is_valid():
        kept, rejected, status = _enrol(request.user, form.cleaned_data, replaces)
        if kept:
            _tell(request, kept)
            replaces = None
        if kept and not rejected:
            return redirect("face")
    page = {
        "form": form,
        "rejected": rejected,
        "consent": consent,
        "replaces": replaces,
        "poses": framing.POSES,
    }
    return render(request, "accounts/enrol.html", page, status=status)


def _replaced(request: HttpRequest) -> FaceCapture | None:
    pk = number(request.GET.get("replace", ""))
    return None if pk is None else get_object_or_404(request.user.captures, pk=pk)


def _enrol(
    user: User, given: dict, replaces: FaceCapture | None
) -> tuple[list[FaceCapture], list[tuple[str, list[str]]], int]:
    """The captures that were kept, the names of the other files with what is wrong with them, and the status."""
    kept: list[FaceCapture] = []
    rejected = []
    for upload in given["uploads"]:
        try:
            kept.append(
                services.capture_enroll(
                    user=user, upload=upload, consented=given["consent"], replaces=None if kept else replaces
                )
            )
        except limits.TooOftenError as error:  # holds for all that follow
            return kept, [*rejected, (display_name(upload), error.messages)], 429
        except ValidationError as error:
            rejected.append((display_name(upload), error.messages))
    return kept, rejected, 422 if rejected else 200


def _tell(request: HttpRequest, kept: list[FaceCapture]) -> None:
    held = sum(capture.is_held for capture in kept)
    if held < len(kept):
        text = ngettext(
            "%(count)d picture is enrolled. Your face is now recognised, and hidden until you say otherwise.",
            "%(count)d pictures are enrolled. Your face is now recognised, and hidden until you say otherwise.",
            len(kept) - held,
        )
        done(request, text % {"count": len(kept) - held})
    if held:
        done(
            request,
            _(
                "Some pictures are looked at by a person before they count, and so is this one. Until then nobody "
                "is recognised by it, and a picture that it is to replace stays. Should a photo show your face "
                "against your will, report the photo."
            ),
        )


@signed_in("face-enrol")
@require_POST
@cache_control(private=True, no_store=True)
def frame_check(request: HttpRequest) -> JsonResponse:
    """One camera frame: good enough for its pose, or what to do. Looked at only after consent, and kept nowhere."""
    if request.POST.get("consent") != "on":
        return JsonResponse({"hint": _("Please agree to the text first.")}, status=403)
    busy = f"frame-check-{request.user.pk}"
    try:
        limits.count("frame_check", request.user.pk)
    except limits.TooOftenError as error:
        return JsonResponse({"hint": error.messages[0]}, status=429)
    if not cache.add(busy, True, FRAME_CHECK_S):  # the camera sends another one soon
        return JsonResponse({"good": False, "hint": ""})
    try:
        frame = request.FILES.get("frame")
        if frame is None:
            raise ValidationError(_("There is no picture."))
        framed = framing.frame_judge(frame=frame, pose=request.POST.get("pose", ""))
    except ValidationError as error:
        return JsonResponse({"hint": error.messages[0]}, status=400)
    finally:
        cache.delete(busy)
    return JsonResponse({"good": framed.good, "hint": framed.hint})


@login_required
@require_GET
@cache_control(private=True, no_store=True)
def capture_picture(request: HttpRequest, pk: int) -> HttpResponse:
    """One's own capture, for the small round crops of "Your face". Nobody else's is ever found here."""
    capture = get_object_or_404(request.user.captures, pk=pk)
    return FileResponse(capture.picture.open(), content_type="image/png")


@action("face")
def capture_delete(request: HttpRequest, pk: int) -> HttpResponse:
    capture = get_object_or_404(FaceCapture, pk=pk)
    services.capture_delete(capture=capture, by=request.user)
    done(request, _("The picture and what was computed from it are deleted."))
    return back(request, "face")


@action("face")
def enrolment_delete(request: HttpRequest) -> HttpResponse:
    services.enrolment_delete(user=request.user)
    done(
        request,
        _("Everything about your face is deleted. It is not recognised any more, and hidden from everybody."),
    )
    return back(request, "face")
