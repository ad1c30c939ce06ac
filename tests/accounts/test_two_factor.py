"""Two-factor, password reset, sessions and the API's sign-in over HTTP."""

from __future__ import annotations

import re

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.contrib.sessions.models import Session
from django.test import Client

from tests.factories import PASSWORD, UserFactory
from tests.pages.html import Page

pytestmark = pytest.mark.django_db


def code_of(secret: str) -> str:
    """The code of now: the counters go from the earliest accepted to the latest, and the earliest soon is none."""
    counters = list(yield_hotp_counters_from_time())
    return format_hotp_value(hotp_value(secret, counters[len(counters) // 2]))


def signed_in(user) -> Client:
    client = Client()
    assert client.post("/accounts/login/", {"login": user.username, "password": PASSWORD}).status_code == 302
    return client


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


@pytest.fixture
def mara():
    return UserFactory(username="mara", email="mara@mail.example")


@pytest.fixture
def secret(mara) -> str:
    """Of her authenticator app, already switched on."""
    secret = generate_totp_secret()
    TOTP.activate(mara, secret)
    return secret


def test_two_factor_is_switched_on_with_a_code_and_gives_recovery_codes(mara) -> None:
    client = signed_in(mara)
    assert "reauthenticate" in client.get("/accounts/2fa/totp/activate/").url, (
        "a browser left open is not enough"
    )
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = Page.of(client.get("/accounts/2fa/totp/activate/"))
    (drawing,) = [tag for tag in page.all("svg") if "qr" in (tag.get("class") or "")]
    assert drawing.get("aria-label")
    assert not [image for image in page.all("img") if image["src"].startswith("data:")]
    secret = re.search(
        r'id="authenticator_secret">([A-Z2-7]+)<', client.get("/accounts/2fa/totp/activate/").content.decode()
    )[1]
    assert client.post("/accounts/2fa/totp/activate/", {"code": "000000"}).status_code == 200
    assert not Authenticator.objects.exists()
    answer = client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)}, follow=True)
    assert "Recovery codes" in Page.of(answer).words
    totp = Authenticator.objects.get(type="totp")
    assert secret not in str(totp.data), "the secret is encrypted at rest"
    assert Authenticator.objects.filter(type="recovery_codes").exists()


def test_with_two_factor_the_password_alone_signs_nobody_in(mara, secret) -> None:
    client = signed_in(mara)
    assert not is_signed_in(client)
    assert client.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 200
    assert not is_signed_in(client)
    client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert is_signed_in(client)


def test_guessing_second_factors_is_stopped(mara, secret, settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "3/h/key"}
    client = signed_in(mara)
    for _ in range(3):
        client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert not is_signed_in(client)


def test_neither_the_api_nor_the_admin_is_a_way_round_the_second_factor(mara, secret) -> None:
    client = Client()
    login = {"username": "mara", "password": PASSWORD}
    assert client.post("/api/v1/token/", login).status_code == 400
    assert "code" in client.post("/api/v1/token/", login | {"code": "000000"}).json()
    assert "token" in client.post("/api/v1/token/", login | {"code": code_of(secret)}).json()
    assert client.get("/admin/login/").status_code == 302, "the one door for everybody"


def test_a_recovery_code_signs_in_once_over_the_api(mara, secret) -> None:
    code = RecoveryCodes.activate(mara).get_unused_codes()[0]
    login = {"username": "mara", "password": PASSWORD, "code": code}
    assert Client().post("/api/v1/token/", login).status_code == 200
    assert Client().post("/api/v1/token/", login).status_code == 400


def test_an_unconfirmed_address_gets_neither_a_session_nor_a_token() -> None:
    user = UserFactory(verified=False)
    assert not is_signed_in(signed_in(user))
    answer = Client().post("/api/v1/token/", {"username": user.username, "password": PASSWORD})
    assert (answer.status_code, list(answer.json())) == (400, ["username"])


def test_a_forgotten_password_is_set_anew_by_a_link_that_works_once(client, mara, mailoutbox) -> None:
    assert b"Password forgotten?" in client.get("/accounts/login/").content
    elsewhere = signed_in(mara)
    client.post("/accounts/password/reset/", {"email": "nobody@mail.example"})
    client.post("/accounts/password/reset/", {"email": "mara@mail.example"})
    link = next(
        re.search(r"http://testserver(/\S+)", mail.body)[1]
        for mail in mailoutbox
        if mail.to == ["mara@mail.example"]
    )
    page = client.get(link, follow=True)
    form = {"password1": "a new and better passphrase", "password2": "a new and better passphrase"}
    done = client.post(page.redirect_chain[-1][0], form, follow=True)
    assert "Your password is changed" in Page.of(done).words
    mara.refresh_from_db()
    assert mara.check_password(form["password1"])
    assert elsewhere.get("/settings/").status_code == 302, "other browsers are signed out"
    assert "does not work any more" in Page.of(Client().get(link, follow=True)).words


def test_other_sessions_are_listed_and_signed_out(mara) -> None:
    here, elsewhere = signed_in(mara), signed_in(mara)
    other = signed_in(UserFactory())
    page = Page.of(here.get("/accounts/sessions/"))
    assert "Sign out everywhere else" in page.words
    here.post("/accounts/sessions/")
    assert here.get("/settings/").status_code == 200
    assert elsewhere.get("/settings/").status_code == 302
    assert other.get("/settings/").status_code == 200
    assert Session.objects.count() == 2


def test_search_and_friend_requests_have_a_limit_of_their_own(mara, settings) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"people_search": (2, 60), "friend_request": (1, 60)}
    client = signed_in(mara)
    assert [client.get("/people/?q=a").status_code for _ in range(3)] == [200, 200, 429]
    assert client.get("/people/").status_code == 200, "the page without a search is free"
    assert client.get("/api/v1/people/?q=a").status_code == 429, "pages and API count together"
    asked = [client.post(f"/people/{UserFactory().username}/friend/request").status_code for _ in range(2)]
    assert asked == [302, 429]


def test_only_our_own_pages_may_ask_for_the_camera(client) -> None:
    policy = client.get("/accounts/login/")["Permissions-Policy"]
    assert "camera=(self)" in policy
    assert "microphone=()" in policy


# --- a browser left open ---


ADDRESSES = "/accounts/email/"


def change_of_address(client: Client, address: str, mailoutbox) -> None:
    """All that has to be sent to move the account to another address."""
    client.post(ADDRESSES, {"email": address, "action_add": ""})
    codes = [re.search(r"^([A-Z0-9]{3,}-?[A-Z0-9]{3,})$", mail.body, re.M) for mail in mailoutbox]
    client.post("/accounts/confirm-email/", {"code": codes[-1][1] if codes and codes[-1] else "NONE"})
    client.post(ADDRESSES, {"email": address, "action_primary": ""})
    client.post(ADDRESSES, {"email": "mara@mail.example", "action_remove": ""})


def addresses_of(user) -> list[str]:
    return list(EmailAddress.objects.filter(user=user).values_list("email", flat=True))


def test_it_is_not_enough_to_take_the_address_away(mara, mailoutbox) -> None:
    client = signed_in(mara)
    assert client.get(ADDRESSES).status_code == 200, "to look at it asks for nothing"
    change_of_address(client, "thief@mail.example", mailoutbox)
    assert addresses_of(mara) == ["mara@mail.example"]
    assert not [mail for mail in mailoutbox if mail.to == ["thief@mail.example"]]


def test_with_the_password_the_address_is_changed(mara, mailoutbox) -> None:
    client = signed_in(mara)
    asked = client.post(ADDRESSES, {"email": "new@mail.example", "action_add": ""})
    assert asked.url.startswith("/accounts/reauthenticate/")
    answer = client.post(asked.url, {"password": PASSWORD, "next": ADDRESSES})
    assert answer.url == "/accounts/confirm-email/", "what was asked for goes on by itself"
    change_of_address(client, "new@mail.example", mailoutbox)
    assert addresses_of(mara) == ["new@mail.example"]


def test_with_two_factor_a_code_will_do_instead(mara, secret, mailoutbox) -> None:
    client = signed_in(mara)
    codes = RecoveryCodes.activate(mara).get_unused_codes()
    client.post("/accounts/2fa/authenticate/", {"code": codes[0]})
    assert is_signed_in(client)
    assert client.post("/accounts/2fa/reauthenticate/", {"code": codes[1]}).status_code == 302
    change_of_address(client, "new@mail.example", mailoutbox)
    assert addresses_of(mara) == ["new@mail.example"]


def test_the_password_page_asks_for_the_password_itself(mara) -> None:
    client = signed_in(mara)
    new = {"password1": "a new and better passphrase", "password2": "a new and better passphrase"}
    assert client.post("/accounts/password/change/", {"oldpassword": "wrong"} | new).status_code == 200
    assert client.post("/accounts/password/change/", {"oldpassword": PASSWORD} | new).status_code == 302
    mara.refresh_from_db()
    assert mara.check_password(new["password1"])
