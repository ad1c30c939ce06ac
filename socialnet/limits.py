"""How often one person may do what costs us, or others, something: settings.RATE_LIMITS.

Counted in the cache, in windows that start with the first try; pages and API count together, and both answer 429.
Signing in and mail are limited by allauth and axes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import wraps

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from rest_framework.request import Request

from socialnet.answers import in_words

View = Callable[..., HttpResponse]


class TooOftenError(ValidationError):
    """One try too many. ``wait``: seconds until the next one counts anew."""

    def __init__(self, wait: int) -> None:
        super().__init__(sentence(wait))
        self.wait = wait


def client_address(request: HttpRequest) -> str | None:
    """Of whoever asks, behind settings.TRUSTED_PROXIES: allauth's answer, for axes and our own limits too.

    None for who asks from no address: a request that code made up, a socket of the machine itself.
    """
    try:
        return get_adapter().get_client_ip(request)
    except PermissionDenied:
        return None


def count(name: str, person: int | str) -> None:
    """Count one more ``name`` of this person (primary key, or what stands for an address). Raises TooOftenError."""
    times, seconds = settings.RATE_LIMITS[name]
    window = f"limit-{name}-{person}"
    since = cache.get_or_set(window, time.time, seconds)
    counter = f"{window}-{since}"
    left = max(1, math.ceil(since + seconds - time.time()))
    cache.add(counter, 0, left)
    try:
        number = cache.incr(counter)
    except ValueError:  # it ran out in between
        number = 1
    cache.touch(counter, left)  # a cache of files would keep it for its own default time after each incr
    if number > times:
        raise TooOftenError(left)


def limited(name: str, methods: tuple[str, ...] = ("POST",)) -> Callable[[View], View]:
    """A view that answers 429 to who did ``name`` too often. Who is not signed in is left to signed_in."""

    def decorate(view: View) -> View:
        @wraps(view)
        def answer(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            try:
                if request.method in methods and request.user.is_authenticated:
                    count(name, request.user.pk)
            except TooOftenError as error:
                return refusal(request, error)
            return view(request, *args, **kwargs)

        return answer

    return decorate


def refusal(request: HttpRequest, error: TooOftenError) -> HttpResponse:
    """The one sentence, as whoever asked can show it: a page, JSON for our scripts, plain words for htmx."""
    text = error.messages[0]
    response = in_words(request, text, 429)
    if response is None:
        response = render(request, "429.html", {"sentence": text}, status=429)
    response["Retry-After"] = str(error.wait)
    return response


def check(request: Request, name: str) -> None:
    """The same for the API, whose error handler answers it (socialnet.api.answer_error)."""
    count(name, request.user.pk)


def sentence(wait: int) -> str:
    """``wait`` in seconds, told in minutes."""
    minutes = math.ceil(wait / 60)
    if minutes >= 55:
        hours = math.ceil(wait / 3600)
        when = ngettext("an hour", "%(n)d hours", hours) % {"n": hours}
    else:
        when = ngettext("a minute", "%(n)d minutes", minutes) % {"n": minutes}
    return _("This was tried many times in a short while. Try it again in %(when)s.") % {"when": when}
