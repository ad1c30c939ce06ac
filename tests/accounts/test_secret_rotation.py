"""Another SECRET_KEY: two-factor secrets are sealed anew, and one that does not open any more is said to be so."""

from __future__ import annotations

import io

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core.management import CommandError, call_command
from django.test import Client

from tests.accounts.test_two_factor import code_of, is_signed_in, signed_in
from tests.factories import PASSWORD, UserFactory
from tests.pages.html import Page

pytestmark = pytest.mark.django_db


@pytest.fixture
def mara():
    return UserFactory(username="mara")


@pytest.fixture
def secret(mara) -> str:
    secret = generate_totp_secret()
    TOTP.activate(mara, secret)
    return secret


@pytest.fixture
def another_key(secret, settings) -> str:
    """The key before is still given; a function would forget it."""
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another"
    return secret


def rotate(*options: str) -> str:
    out = io.StringIO()
    call_command("rotate_secret_key", *options, stdout=out, stderr=out)
    return out.getvalue()


def with_code(user, code: str) -> Client:
    client = Client(raise_request_exception=False)
    client.post("/accounts/login/", {"login": user.username, "password": PASSWORD})
    client.answer = client.post("/accounts/2fa/authenticate/", {"code": code})
    return client


def test_after_the_command_the_old_key_may_go(mara, another_key, settings) -> None:
    codes = RecoveryCodes.activate(mara)
    with pytest.raises(CommandError, match="1 are still sealed"):
        rotate("--check")
    assert "1 sealed anew" in rotate()
    assert "Nothing is left" in rotate("--check")
    settings.SECRET_KEY_FALLBACKS = []
    assert is_signed_in(with_code(mara, code_of(another_key)))
    assert is_signed_in(with_code(mara, codes.get_unused_codes()[0]))


def test_recovery_codes_stay_the_same_and_used_ones_used(mara, secret, settings) -> None:
    codes = RecoveryCodes.activate(mara)
    first, second, *_ = codes.get_unused_codes()
    assert codes.validate_code(first)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another"
    assert "2 sealed anew" in rotate()
    settings.SECRET_KEY_FALLBACKS = []
    assert not is_signed_in(with_code(mara, first))
    assert is_signed_in(with_code(mara, second))


def test_a_secret_that_no_key_opens_is_refused_with_a_reason(mara, another_key, settings) -> None:
    settings.SECRET_KEY_FALLBACKS = []
    client = with_code(mara, code_of(another_key))
    assert client.answer.status_code == 200
    assert "cannot be checked" in Page.of(client.answer).words
    assert not is_signed_in(client)
    login = {"username": "mara", "password": PASSWORD, "code": code_of(another_key)}
    answer = Client(raise_request_exception=False).post("/api/v1/token/", login)
    assert (answer.status_code, list(answer.json())) == (400, ["code"])


def test_the_command_says_whose_secrets_are_lost_and_changes_nothing_of_them(
    mara, another_key, settings
) -> None:
    settings.SECRET_KEY_FALLBACKS = []
    before = Authenticator.objects.get().data
    out = io.StringIO()
    with pytest.raises(CommandError, match="find the missing one"):
        call_command("rotate_secret_key", stdout=out, stderr=out)
    assert "mara" in out.getvalue()
    assert Authenticator.objects.get().data == before
    settings.SECRET_KEY_FALLBACKS = ["only-for-tests"]
    assert is_signed_in(with_code(mara, code_of(another_key)))


def test_with_the_old_key_given_people_get_in_as_before(mara, another_key) -> None:
    client = signed_in(mara)
    client.post("/accounts/2fa/authenticate/", {"code": code_of(another_key)})
    assert is_signed_in(client)
