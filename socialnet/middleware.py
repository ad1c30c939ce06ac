"""Headers Django has no setting for, addresses that are refused, and words for scripts of who is signed out."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url

from socialnet.answers import SIGNED_OUT, in_words

GetResponse = Callable[[HttpRequest], HttpResponse]


class PermissionsPolicyMiddleware:
    """``Permissions-Policy`` as in settings.PERMISSIONS_POLICY (W3C Permissions Policy, structured header)."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.policy = ", ".join(f"{name}={who}" for name, who in settings.PERMISSIONS_POLICY.items())

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", self.policy)
        return response


class NullsRefusedMiddleware:
    """PostgreSQL has no text with U+0000 in it, and refuses every question that asks for one (400 instead of 500)."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\0" in request.path or "%00" in request.META["QUERY_STRING"]:
            return HttpResponse(
                "An address cannot hold a null character.",
                content_type="text/plain; charset=utf-8",
                status=400,
            )
        return self.get_response(request)


class FreshPagesMiddleware:
    """No browser keeps a page: gone back to, it is asked for anew.

    By then a face in it may be hidden again, or somebody else sit there who signed in, or nobody.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response


class SignedOutMiddleware:
    """A script would put the sign-in page into the middle of another one: it is told in words instead (401)."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.entrance = resolve_url(settings.LOGIN_URL)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == 302 and urlsplit(response["Location"]).path == self.entrance:
            return in_words(request, str(SIGNED_OUT), 401) or response
        return response
