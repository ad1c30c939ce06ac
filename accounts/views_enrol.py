"""Enrolment: giving, seeing and deleting the pictures one's own face is recognised by."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

from accounts import consent, services
from accounts.forms import EnrolForm
from accounts.models import FaceCapture
from socialnet.answers import action, back, done


@login_required
def enrol(request: HttpRequest) -> HttpResponse:
    """Each picture stands for itself: good ones are kept, the others come back with what to do about them."""
    form = EnrolForm(request.POST or None, request.FILES or None)
    rejected: list[tuple[str, list[str]]] = []
    if request.method == "POST" and form.is_valid():
        kept = 0
        for upload in form.cleaned_data["uploads"]:
            try:
                services.capture_enroll(
                    user=request.user, upload=upload, consented=form.cleaned_data["consent"]
                )
                kept += 1
            except ValidationError as error:
                rejected.append((upload.name, error.messages))
        if kept:
            text = ngettext(
                "%(count)d picture is enrolled. Your face is now recognised, and hidden until you say otherwise.",
                "%(count)d pictures are enrolled. Your face is now recognised, and hidden until you say otherwise.",
                kept,
            )
            done(request, text % {"count": kept})
        if kept and not rejected:
            return redirect("face")
    page = {"form": form, "rejected": rejected, "consent": consent}
    return render(request, "accounts/enrol.html", page, status=422 if rejected else 200)


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
