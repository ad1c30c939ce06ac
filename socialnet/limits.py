"""How often one person may do what costs us, or others, something: settings.RATE_LIMITS.

Counted in the cache, in windows that start with the first try; pages and API count together. Signing in and mail are
limited by allauth and axes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework.exceptions import Throttled
from rest_framework.request import Request

View = Callable[..., HttpResponse]


def allows(name: str, person: int | str) -> bool:
    """Count one more ``name`` of this person (primary key, or what stands for an address); False if one too many."""
    times, seconds = settings.RATE_LIMITS[name]
    key = f"limit-{name}-{person}"
    if cache.add(key, 1, seconds):
        return times >= 1
    try:
        return cache.incr(key) <= times
    except ValueError:  # it ran out in between
        return cache.add(key, 1, seconds)


def limited(name: str, methods: tuple[str, ...] = ("POST",)) -> Callable[[View], View]:
    """A view that answers 429 to who did ``name`` too often. Who is not signed in is left to login_required."""

    def decorate(view: View) -> View:
        @wraps(view)
        def answer(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            counts = request.method in methods and request.user.is_authenticated
            if counts and not allows(name, request.user.pk):
                return render(request, "429.html", status=429)
            return view(request, *args, **kwargs)

        return answer

    return decorate


def check(request: Request, name: str) -> None:
    """The same for the API. Raises Throttled."""
    if not allows(name, request.user.pk):
        raise Throttled(settings.RATE_LIMITS[name][1])
