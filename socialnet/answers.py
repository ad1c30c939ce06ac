"""How a view answers a POST: say what was done (with Undo where that is honest) or why not, and go back.

And whom it answers: a person with a page, a script of ours with a part of one, or with words it can show.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _lazy
from django.views.decorators.http import require_POST
from django.views.decorators.vary import vary_on_headers

View = Callable[..., HttpResponse]
SIGNED_OUT = _lazy("You were signed out, so nothing was changed. Sign in and try it again.")

# One address that answers htmx with a part of the page: nobody's cache takes one for the other.
in_parts = vary_on_headers("HX-Request", "HX-History-Restore-Request")


def wants_part(request: HttpRequest) -> bool:
    """Whether htmx puts the answer into a page. When it goes back, or follows a link, it wants a whole one."""
    htmx = getattr(request, "htmx", None)
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def in_words(request: HttpRequest, text: str, status: int) -> HttpResponse | None:
    """One sentence as a script of ours can show it: JSON where it asks for that, plain words for htmx; else None."""
    if request.headers.get("Accept") == "application/json":
        return JsonResponse({"errors": [text]}, status=status)
    if wants_part(request):
        return HttpResponse(text, content_type="text/plain; charset=utf-8", status=status)
    return None


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


def signed_in(fallback: str = "", *names: str) -> Callable[[View], View]:
    """``login_required`` for a view that changes something: whose session ended is told that nothing was changed.

    ``fallback`` is for views that answer POST alone, to which nobody can be led after signing in: who signed in is led
    to the page the form named as ``next``, or else to this address, of the view's arguments ``names``.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def answer(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            if request.user.is_authenticated:
                return view(request, *args, **kwargs)
            if refusal := in_words(request, str(SIGNED_OUT), 401):
                return refusal
            if request.method == "POST":
                messages.error(request, SIGNED_OUT)
            if not fallback:
                return redirect_to_login(request.get_full_path())
            return redirect_to_login(back(request, fallback, *(kwargs[name] for name in names)).url)

        return answer

    return decorate


def action(fallback: str) -> Callable[[View], View]:
    """A view that only changes something: signed in, POST only, a ValidationError becomes a message.

    PermissionDenied is left to the 403 page: a button that leads there was never shown.
    """

    def decorate(view: View) -> View:
        @signed_in(fallback)
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
