"""Signing up, in and out over HTTP: handles, limits, lockout."""

import re

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.urls import path

from accounts.models import User
from socialnet.urls import urlpatterns as site_urls
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db

SIGN_UP = "/accounts/signup/"
SIGN_IN = "/accounts/login/"


def sign_up(client, **changes):
    form = {"username": "mara", "display_name": "", "email": "mara@mail.example", "password1": PASSWORD}
    return client.post(SIGN_UP, form | changes)


def sign_in(client, login, password=PASSWORD):
    return client.post(SIGN_IN, {"login": login, "password": password})


def is_signed_in(client) -> bool:
    return "_auth_user_id" in client.session


CODE = re.compile(r"^([A-Z0-9]{3,}-?[A-Z0-9]{3,})$", re.MULTILINE)


def confirm(client, mail, code: str | None = None):
    return client.post("/accounts/confirm-email/", {"code": code or CODE.search(mail.body)[1]})


def test_signing_up_makes_a_lowercase_handle_a_name_and_signs_in_once_confirmed(client, mailoutbox) -> None:
    answer = sign_up(client, username=" Mara.L ", display_name="  Mara   Lind ")
    assert answer.status_code == 302
    assert not is_signed_in(client)
    assert client.get("/settings/").status_code == 302
    (mail,) = mailoutbox
    assert mail.to == ["mara@mail.example"]
    assert confirm(client, mail, "WRONG-1").status_code == 200
    assert not is_signed_in(client)
    assert confirm(client, mail).status_code == 302
    user = User.objects.get()
    assert (user.username, user.name, user.email) == ("mara.l", "Mara Lind", "mara@mail.example")
    assert is_signed_in(client)
    assert user.check_password(PASSWORD)


def test_a_name_is_optional(client) -> None:
    sign_up(client)
    assert User.objects.get().name == "mara"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", "MARA.TAKEN"),
        ("username", "ab"),
        ("username", "x" * 31),
        ("username", "mara lind"),
        ("username", "mära"),
        ("username", "../mara"),
        ("username", "Admin"),
        ("username", ""),
        ("display_name", "x" * 61),
        ("email", "no address"),
        ("email", ""),
        ("password1", "12345678"),
        ("password1", "mara@mail.example"),
        ("password1", ""),
    ],
)
def test_what_does_not_fit_is_said_beside_its_field(client, field, value) -> None:
    UserFactory(username="mara.taken")
    answer = sign_up(client, **{field: value})
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    assert User.objects.count() == 1


def test_an_address_in_use_is_not_given_away_where_addresses_are_verified(client, settings) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    first = sign_up(client)
    client.logout()
    cache.clear()  # some minutes later: one address is not sent code after code
    second = sign_up(client, username="other")
    assert (second.status_code, second.url) == (first.status_code, first.url)
    assert second.status_code == 302
    assert User.objects.filter(email="mara@mail.example").count() == 1


@pytest.mark.parametrize("login", ["mara", "Mara", "mara@mail.example", "MARA@mail.example"])
def test_handle_and_address_both_sign_in_in_any_case(client, login, mailoutbox) -> None:
    sign_up(client)
    confirm(client, mailoutbox[0])
    client.logout()
    assert sign_in(client, login).status_code == 302
    assert is_signed_in(client)


def test_a_wrong_password_and_an_unknown_name_are_answered_alike(client) -> None:
    UserFactory(username="mara")
    answers = [sign_in(client, login, "wrong") for login in ("mara", "nobody")]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].context["form"].errors == answers[1].context["form"].errors != {}
    assert not is_signed_in(client)


def test_a_closed_account_does_not_sign_in(client) -> None:
    UserFactory(username="mara", is_active=False)
    sign_in(client, "mara")
    assert not is_signed_in(client)


def test_after_many_wrong_passwords_even_the_right_one_gets_a_page_that_says_why(client, settings) -> None:
    UserFactory(username="mara", email="mara@mail.example")
    other = UserFactory(username="theo")
    for name in ("mara", "mara@mail.example"):
        spellings = (name, name.upper(), f" {name}")
        for attempt in range(settings.AXES_FAILURE_LIMIT - 1):
            answer = sign_in(client, spellings[attempt % 3], "wrong")
            assert answer.status_code == 200, f"attempt {attempt + 1} as {name}"
        assert sign_in(client, name, "wrong").status_code == 429
    for answer in (sign_in(client, "mara"), sign_in(client, "mara@mail.example")):
        assert answer.status_code == 429
        assert "text/html" in answer["Content-Type"]
        assert "15 minutes" in answer.content.decode()
    assert not is_signed_in(client)
    assert sign_in(client, other.username).status_code == 302, "others are not locked out with them"


@pytest.mark.parametrize("address", ["mara@mail.example", "theo@mail.example"])
def test_wrong_passwords_do_not_tell_whose_an_address_is(client, settings, address) -> None:
    UserFactory(username="mara", email="mara@mail.example")
    UserFactory(username="theo", email="theo@mail.example")
    for _ in range(settings.AXES_FAILURE_LIMIT - 1):
        sign_in(client, address, "wrong")
    assert sign_in(client, "mara", "wrong").status_code == 200


@pytest.mark.parametrize("address", ["mara@mail.example", "theo@mail.example"])
def test_nor_do_they_over_the_api(client, settings, address) -> None:
    UserFactory(username="mara", email="mara@mail.example")
    UserFactory(username="theo", email="theo@mail.example")
    for _ in range(settings.AXES_FAILURE_LIMIT - 1):
        client.post("/api/v1/token/", {"username": address, "password": "wrong"})
    assert sign_in(client, "mara", "wrong").status_code == 200


@pytest.mark.parametrize("login", ["mara", "mara@mail.example"])
@pytest.mark.parametrize("wrong", ["mara", "mara@mail.example", "Mara@Mail.example"])
def test_the_right_password_in_time_starts_the_count_again(client, settings, wrong, login) -> None:
    UserFactory(username="mara", email="mara@mail.example")
    for _ in range(2):
        for _ in range(settings.AXES_FAILURE_LIMIT - 1):
            sign_in(client, wrong, "wrong")
        assert sign_in(client, login).status_code == 302
        client.logout()


def test_an_attempt_that_is_kept_holds_nothing_that_opens_an_account(client) -> None:
    UserFactory(username="mara")
    sent = {"username": "mara", "password": "nearly right", "code": "12345678"}
    client.post("/api/v1/token/?code=87654321", sent)
    client.post("/accounts/login/?password=in+the+address", {"login": "mara", "password": "nearly right"})
    for attempt in AccessAttempt.objects.values("get_data", "post_data"):
        kept = str(attempt)
        for secret in ("nearly right", "12345678", "87654321", "in the address"):
            assert secret not in kept


def test_a_name_longer_than_the_column_is_a_wrong_one_like_any(client) -> None:
    assert sign_in(client, "x" * 400).status_code == 200


def test_signing_up_again_and_again_is_stopped(client) -> None:
    statuses = [sign_up(client, username="x").status_code for _ in range(21)]
    assert statuses == [200] * 20 + [429]


def whoami(request):
    from django.http import HttpResponse

    return HttpResponse(request.user.username)


urlpatterns = [*site_urls, path("whoami", whoami)]


@pytest.mark.urls(__name__)
def test_signing_out_ends_the_session(client) -> None:
    client.force_login(UserFactory(username="mara"), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/whoami").content == b"mara"
    client.post("/accounts/logout/")
    assert client.get("/whoami").content.decode() == AnonymousUser().username
