"""One's own data: a copy to take along, and leaving for good."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET

from accounts import exporting, services
from accounts.exports import DataExport
from accounts.forms import DeleteAccountForm
from socialnet.answers import action, done, in_parts, refused, signed_in, wants_part
from socialnet.limits import limited


@login_required
@in_parts
def export(request: HttpRequest) -> HttpResponse:
    """How far the file is; the page asks for its progress part again and again while it is made."""
    page = {"export": DataExport.objects.filter(user=request.user).first()}
    template = "accounts/parts/export.html" if wants_part(request) else "accounts/export.html"
    return render(request, template, page)


@limited("export")
@action("export")
def export_order(request: HttpRequest) -> HttpResponse:
    exporting.export_order(user=request.user)
    return redirect("export")


@action("export")
def export_delete(request: HttpRequest) -> HttpResponse:
    exporting.export_delete(user=request.user)
    done(request, _("The file is deleted."))
    return redirect("export")


@login_required
@require_GET
@cache_control(private=True, no_store=True)
def export_download(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The file, for its owner only; for everybody else there is none."""
    found = get_object_or_404(DataExport, pk=pk, user=request.user)
    try:
        file = exporting.export_open(export=found, by=request.user)
    except ValidationError as error:
        refused(request, error)
        return redirect("export")
    name = f"my-face-my-choice-{found.created_at:%Y-%m-%d}.zip"
    return FileResponse(file, as_attachment=True, filename=name, content_type="application/zip")


@sensitive_post_parameters("password")
@limited("account_delete")
@signed_in()
def account_delete(request: HttpRequest) -> HttpResponse:
    """Asks on GET; deletes on POST, with the password."""
    form = DeleteAccountForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        user = request.user
        logout(request)
        services.account_delete(user=user, by=user)
        done(request, _("Your account and everything in it are deleted. Good-bye!"))
        return redirect("feed")
    status = 422 if form.errors else 200
    return render(request, "accounts/account_delete.html", {"form": form}, status=status)
