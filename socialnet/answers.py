"""How a view answers a POST: say what was done (with Undo where that is honest) or why not, and go back."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

View = Callable[..., HttpResponse]


def done(request: HttpRequest, text: str, *, undo: str | None = None, **fields: str) -> None:
    """``undo`` is the address an Undo button beside the message posts ``fields`` to."""
    tag = f"undo:{undo}?{urlencode(fields)}" if undo else ""
    messages.success(request, text, extra_tags=tag)


def refused(request: HttpRequest, error: ValidationError) -> None:
    for text in error.messages:
        messages.error(request, text)


def back(request: HttpRequest, fallback: str, *args: object) -> HttpResponseRedirect:
    """To the page the form named as ``next``, if it is one of ours; else to ``fallback``."""
    address = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure()):
        address = resolve_url(fallback, *args)
    return HttpResponseRedirect(address)


def action(fallback: str) -> Callable[[View], View]:
    """A view that only changes something: signed in, POST only, a ValidationError becomes a message.

    PermissionDenied is left to the 403 page: a button that leads there was never shown.
    """

    def decorate(view: View) -> View:
        @login_required
        @require_POST
        @wraps(view)
        def answer(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            try:
                return view(request, *args, **kwargs)
            except ValidationError as error:
                refused(request, error)
                return back(request, fallback)

        return answer

    return decorate
