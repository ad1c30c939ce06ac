"""How allauth and axes see our people: lowercase handles, and one name for every way of signing in."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from accounts.models import User


class AccountAdapter(DefaultAccountAdapter):
    def clean_username(self, username: str, shallow: bool = False) -> str:
        """Whatever the case it is typed in, a handle is lowercase."""
        return super().clean_username(username.strip().lower(), shallow)


def attempted_handle(request: HttpRequest, credentials: dict | None = None) -> str:
    """Whom a sign-in is about, for axes: handle and e-mail address, in any case, count as the same person."""
    given = credentials or {}
    login = (
        given.get("username")
        or given.get("email")
        or request.POST.get("login")
        or request.POST.get("username")
    )
    login = str(login or "").strip().lower()
    if "@" in login:
        return User.objects.filter(email__iexact=login).values_list("username", flat=True).first() or login
    return login
