"""Signing up tells nobody whether an address has an account: neither at once nor by what is left behind."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.accounts.test_signing_in import SIGN_UP, confirm, is_signed_in, sign_in, sign_up
from tests.faceaccess.conftest import client_of
from tests.factories import PASSWORD, UserFactory
from tests.pages.html import Page

pytestmark = pytest.mark.django_db

USED, FREE = "mara@mail.example", "free@mail.example"
both = pytest.mark.parametrize("address", [USED, FREE])


@pytest.fixture(autouse=True)
def mara():
    return UserFactory(username="mara", email=USED)


def probe(address: str, client: Client | None = None, **changes: str) -> Client:
    client = client or Client()
    answer = sign_up(client, username="probe.1", email=address, **changes)
    assert (answer.status_code, answer.url) == (302, "/accounts/confirm-email/")
    cache.clear()  # as if some minutes had gone by: one address is not sent code after code
    return client


def later() -> None:
    """After the code has ceased to work."""
    User.objects.filter(pending_until__isnull=False).update(
        pending_until=timezone.now() - timedelta(seconds=1)
    )


@both
def test_the_handle_chosen_is_taken_for_everybody_else(address) -> None:
    probe(address)
    assert "username" in sign_up(Client(), username="probe.1", email="x@mail.example").context["form"].errors
    renamed = client_of(UserFactory(username="vera")).post("/settings/", {"username": "probe.1"})
    assert "username" in renamed.context["form"].errors


@both
def test_the_handle_is_free_again_once_the_code_has_ceased_to_work(address) -> None:
    probe(address)
    later()
    assert sign_up(Client(), username="probe.1", email="x@mail.example").status_code == 302


@both
def test_nobody_is_renamed_to_it_meanwhile_and_anybody_afterwards(address) -> None:
    probe(address)
    vera = UserFactory(username="vera")
    later()
    assert client_of(vera).post("/settings/", {"username": "probe.1"}).status_code == 302


@both
def test_the_same_browser_may_begin_again_with_the_same_handle(address) -> None:
    visitor = probe(address)
    visitor.post("/accounts/logout/")  # what "Cancel" does
    assert sign_up(visitor, username="probe.1", email="spelt.right@mail.example").status_code == 302
    assert User.objects.filter(username="probe.1").count() == 1


def words_of(client: Client, address: str) -> str:
    return Page.of(client.get("/accounts/confirm-email/")).words.replace(address, "ADDRESS")


def test_the_page_that_asks_for_the_code_is_the_same() -> None:
    used = words_of(probe(USED), USED)
    later()
    assert used == words_of(probe(FREE), FREE)


@both
def test_the_password_chosen_opens_nothing_before_the_address_is_confirmed(address) -> None:
    probe(address)
    unknown = sign_in(Client(), "nobody.at.all").context["form"].errors
    for login in ("probe.1", FREE):
        client = Client()
        answer = sign_in(client, login)
        assert answer.status_code == 200
        assert answer.context["form"].errors == unknown or "@" in login
        assert not is_signed_in(client)
    token = Client().post("/api/v1/token/", {"username": "probe.1", "password": PASSWORD})
    nobody = Client().post("/api/v1/token/", {"username": "nobody.at.all", "password": PASSWORD})
    assert (token.status_code, token.json()) == (nobody.status_code, nobody.json())


@both
def test_wrong_passwords_for_it_are_counted_as_for_anybody(address, settings) -> None:
    probe(address)
    statuses = [sign_in(Client(), "probe.1").status_code for _ in range(settings.AXES_FAILURE_LIMIT)]
    assert statuses == [200] * (settings.AXES_FAILURE_LIMIT - 1) + [429]


@both
def test_nobody_else_finds_the_account(address) -> None:
    probe(address, display_name="Prudence Probe")
    vera = client_of(UserFactory(username="vera"))
    for page in ("/people/probe.1/", "/api/v1/people/probe.1/"):
        assert vera.get(page).status_code == 404
    for search in ("/people/?q=prudence", "/api/v1/people/?q=probe"):
        found = vera.get(search).content.decode()
        assert "Prudence" not in found
        assert "probe.1" not in found
    assert vera.post("/people/probe.1/friend/request").status_code == 404


def test_who_types_the_code_in_is_there_for_all_to_find_and_stays(mailoutbox) -> None:
    visitor = probe(FREE, display_name="Prudence Probe")
    assert confirm(visitor, mailoutbox[-1]).status_code == 302
    assert is_signed_in(visitor)
    assert visitor.get("/settings/").status_code == 200
    later()
    sign_up(Client(), username="other", email="other@mail.example")  # sweeps
    assert client_of(UserFactory(username="vera")).get("/people/probe.1/").status_code == 200
    assert sign_in(Client(), "probe.1").status_code == 302


def test_a_code_for_an_address_in_use_is_never_sent_nor_accepted(mailoutbox) -> None:
    visitor = probe(USED)
    (mail,) = mailoutbox
    assert mail.to == [USED]
    for code in ("", "000000", "ABCD-EFGH"):
        visitor.post("/accounts/confirm-email/", {"code": code})
        assert not is_signed_in(visitor)
    assert User.objects.get(username="probe.1").email == ""


def test_it_is_swept_away_with_all_it_had_and_nobody_else_is() -> None:
    from accounts.tasks import signups_sweep

    never_here = UserFactory(username="imported", verified=False)
    probe(FREE)
    signups_sweep()
    assert User.objects.filter(username="probe.1").exists(), "the code still works"
    later()
    signups_sweep()
    assert not User.objects.filter(username="probe.1").exists()
    assert User.objects.filter(pk=never_here.pk).exists()


def test_where_no_code_is_asked_for_nothing_waits(client, settings) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "none"
    settings.ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = False
    client.post(SIGN_UP, {"username": "probe.1", "display_name": "", "email": FREE, "password1": PASSWORD})
    assert is_signed_in(client)
    assert User.objects.get(username="probe.1").pending_until is None
