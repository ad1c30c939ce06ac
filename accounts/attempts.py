"""Wrong passwords are counted (by axes) under the name they were tried with."""

from __future__ import annotations

import axes.utils
from allauth.account.models import EmailAddress
from axes.helpers import get_client_ip_address
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.models import User

LOGIN_LENGTH = 255  # of the column in which axes keeps it


def attempted_login(request: HttpRequest, credentials: dict | None = None) -> str:
    """What a sign-in was tried with, in any case.

    It is not looked up: counted together, a handle and an address would tell whether they are one person's.
    """
    given = credentials or {}
    login = (
        given.get("username")
        or given.get("email")
        or request.POST.get("login")
        or request.POST.get("username")
    )
    return str(login or "").strip().lower()[:LOGIN_LENGTH]


@receiver(user_logged_in)
def count_starts_again(request: HttpRequest, user: User, **kwargs: object) -> None:
    """Also that of their addresses, from the place they signed in at; axes forgets that of the handle by itself."""
    for address in EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True):
        axes.utils.reset(ip=get_client_ip_address(request), username=address.lower())
