"""A program's token ends with whatever is meant to keep everybody else out, and by a button."""

from __future__ import annotations

import re

import pytest
from django.core.management import call_command
from django.test import Client
from rest_framework.authtoken.models import Token

from accounts.models import User
from tests.accounts.test_two_factor import code_of, signed_in
from tests.factories import PASSWORD, UserFactory
from tests.pages.html import Page

pytestmark = pytest.mark.django_db

NEW = {"password1": "a new and better passphrase", "password2": "a new and better passphrase"}


@pytest.fixture
def mara():
    return UserFactory(username="mara", email="mara@mail.example")


@pytest.fixture
def program(mara):
    """A function: the status that a program of hers gets."""
    login = {"username": "mara", "password": PASSWORD}
    header = {"Authorization": f"Token {Client().post('/api/v1/token/', login).json()['token']}"}
    assert Client().get("/api/v1/me/", headers=header).status_code == 200
    return lambda: Client().get("/api/v1/me/", headers=header).status_code


def test_another_password_ends_it(mara, program) -> None:
    client = signed_in(mara)
    client.post("/accounts/password/change/", {"oldpassword": PASSWORD} | NEW)
    assert program() == 401
    assert client.get("/settings/").status_code == 200


def test_a_forgotten_password_set_anew_ends_it(mara, program, mailoutbox) -> None:
    client = Client()
    client.post("/accounts/password/reset/", {"email": "mara@mail.example"})
    page = client.get(re.search(r"http://testserver(/\S+)", mailoutbox[-1].body)[1], follow=True)
    client.post(page.redirect_chain[-1][0], NEW)
    mara.refresh_from_db()
    assert mara.check_password(NEW["password1"])
    assert program() == 401


def test_a_password_set_by_a_command_ends_it(mara, program, monkeypatch) -> None:
    monkeypatch.setattr("getpass.getpass", lambda *args, **kwargs: NEW["password1"])
    call_command("changepassword", "mara", verbosity=0)
    assert program() == 401


def test_two_factor_switched_on_ends_it(mara, program) -> None:
    client = signed_in(mara)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = client.get("/accounts/2fa/totp/activate/").content.decode()
    secret = re.search(r'id="authenticator_secret">([A-Z2-7]+)<', page)[1]
    client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)})
    assert program() == 401


@pytest.mark.parametrize("browsers", [1, 2])
def test_signing_out_everywhere_else_ends_it(mara, program, browsers) -> None:
    here, *_ = [signed_in(mara) for _ in range(browsers)]
    assert "Sign out everywhere else" in Page.of(here.get("/accounts/sessions/")).words
    here.post("/accounts/sessions/")
    assert program() == 401
    assert here.get("/settings/").status_code == 200


def test_it_is_listed_beside_the_browsers_and_ended_by_a_button(mara, program) -> None:
    client = signed_in(mara)
    page = Page.of(client.get("/accounts/sessions/"))
    assert "Programs" in page.words
    assert Token.objects.get().key not in str(client.get("/accounts/sessions/").content)
    assert client.post("/settings/programs/end").status_code == 302
    assert program() == 401
    assert "Programs" not in Page.of(client.get("/accounts/sessions/", follow=True)).words.replace(
        "Programs have", ""
    )


def test_nobody_ends_somebody_elses(program) -> None:
    theo = signed_in(UserFactory(username="theo"))
    assert "Programs" not in Page.of(theo.get("/accounts/sessions/")).words
    theo.post("/settings/programs/end")
    theo.post("/accounts/sessions/")
    assert program() == 200


def test_what_is_no_new_password_ends_nothing(mara, program, settings) -> None:
    client = signed_in(mara)
    client.post("/settings/", {"display_name": "Mara L", "username": "mara", "bio": ""})
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        *settings.PASSWORD_HASHERS,
    ]
    before = User.objects.get(pk=mara.pk).password
    signed_in(mara)  # hashes the password anew
    assert User.objects.get(pk=mara.pk).password != before
    assert program() == 200
