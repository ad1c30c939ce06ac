"""An account whose address is not confirmed yet: it keeps its handle for as long as the code works, and no longer.

Whether an address has an account is nobody's business. A sign-up with one that has is therefore answered like any
other, and leaves what any other leaves: a row that keeps the handle, that nobody sees, that no password opens, and that
is gone when the code is. (Of such a row nobody is ever sent a code.)
"""

from __future__ import annotations

from datetime import timedelta

from allauth.account import app_settings as allauth
from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User

GRACE = timedelta(minutes=1)  # a code typed in at the last moment is not overtaken by the sweep
IN_SESSION = "signing_up"


def begin(request: HttpRequest, user: User) -> None:
    """``user`` was just saved; without a code to type in, there is nothing to wait for."""
    if allauth.EMAIL_VERIFICATION != allauth.EmailVerificationMethod.MANDATORY:
        return
    code_works = timedelta(seconds=allauth.EMAIL_VERIFICATION_BY_CODE_TIMEOUT)
    user.pending_until = timezone.now() + code_works + GRACE
    user.save(update_fields=["pending_until"])
    request.session[IN_SESSION] = user.pk


def begin_again(request: HttpRequest) -> None:
    """Whoever signs up anew, say with the address spelt right, gives up what they began in the same browser."""
    began = request.session.pop(IN_SESSION, None)
    User.objects.filter(pk=began, pending_until__isnull=False).delete()


def expired_forget() -> None:
    User.objects.filter(pending_until__lt=timezone.now()).delete()


@receiver(email_confirmed)
def confirmed(email_address: EmailAddress, **kwargs: object) -> None:
    User.objects.filter(pk=email_address.user_id).update(pending_until=None)
