"""The token by which programs use the API in a person's name: when it was given, and what ends it.

Whoever changes their password, switches two-factor on or signs out everywhere else wants nobody else in. A token that
lasted would be the way in that is left.
"""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.db.models.signals import post_save
from django.dispatch import receiver
from rest_framework.authtoken.models import Token

from accounts.models import User


def token_of(user: User) -> Token | None:
    return Token.objects.filter(user=user).first()


def token_end(*, user: User) -> None:
    Token.objects.filter(user=user).delete()


@receiver(post_save, sender=User)
def password_was_set(sender: type[User], instance: User, created: bool, **kwargs: object) -> None:
    """By whichever way: on a page, by a link in a mail, with ``manage.py changepassword``.

    Django keeps the new password in ``_password`` until it is saved; that it only hashes an old one anew is not meant.
    """
    if not created and instance._password is not None:
        token_end(user=instance)


@receiver(post_save, sender=Authenticator)
def second_factor_was_saved(
    sender: type[Authenticator], instance: Authenticator, created: bool, **kwargs: object
) -> None:
    """A first one: the token was had for the password alone. (Recovery codes made anew are no other factor.)"""
    if created and instance.type != Authenticator.Type.RECOVERY_CODES:
        token_end(user=instance.user)
