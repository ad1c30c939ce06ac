"""Whose address counts: the connection's, or behind proxies the one that the nearest trusted proxy wrote down."""

from __future__ import annotations

import pytest
from allauth.account.adapter import get_adapter
from allauth.usersessions.models import UserSession
from axes.models import AccessAttempt
from django.test import Client, RequestFactory
from django.urls import reverse
from rest_framework.throttling import UserRateThrottle

from socialnet.limits import client_address
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
PROXY, CLIENT, CLAIMED = "10.0.0.1", "198.51.100.7", "203.0.113.9"


@pytest.fixture(params=[0, 1, 2])
def proxies(request, settings) -> int:
    behind(settings, request.param)
    return request.param


def behind(settings, number: int) -> None:
    """As TRUSTED_PROXIES sets them; none is the default, and left to prove itself."""
    if number == 0:
        return
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = number
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": number}


def through(*hops: str) -> dict[str, str]:
    return {"REMOTE_ADDR": PROXY, "HTTP_X_FORWARDED_FOR": ", ".join(hops)}


def sign_in(password: str = "wrong", handle: str = "mara", **header: str):
    client = Client(**header)
    client.post(reverse("account_login"), {"login": handle, "password": password})
    return "_auth_user_id" in client.session


def test_all_who_ask_agree(proxies):
    request = RequestFactory().get("/", **through(CLAIMED, CLAIMED, CLIENT))
    seen = {
        client_address(request),
        get_adapter().get_client_ip(request),
        UserRateThrottle().get_ident(request),
    }
    assert seen == {(PROXY, CLIENT, CLAIMED)[proxies]}


def test_who_comes_through_fewer_proxies_is_known_by_the_farthest_of_these(settings):
    behind(settings, 2)
    UserFactory(username="mara")
    assert sign_in(PASSWORD, **through(CLIENT))
    assert UserSession.objects.get().ip == CLIENT
    request = RequestFactory().get("/", **through(CLIENT))
    assert UserRateThrottle().get_ident(request) == client_address(request) == CLIENT


def test_a_stranger_behind_the_same_proxy_locks_nobody_out(settings):
    behind(settings, 1)
    UserFactory(username="mara")
    for _ in range(settings.AXES_FAILURE_LIMIT):
        assert not sign_in(**through(CLAIMED))
    assert AccessAttempt.objects.get().ip_address == CLAIMED
    assert not sign_in(PASSWORD, **through(CLAIMED))
    assert sign_in(PASSWORD, **through(CLIENT))
    assert UserSession.objects.get().ip == CLIENT


def test_failures_at_many_names_stop_only_the_address_they_come_from(settings):
    behind(settings, 1)
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "5/m/ip"}
    UserFactory(username="mara")
    for number in range(6):
        sign_in(handle=f"nobody{number}", **through(f"192.0.2.{number}", CLAIMED))
    assert not sign_in(PASSWORD, **through(CLAIMED))
    assert sign_in(PASSWORD, **through(CLIENT))


@pytest.mark.parametrize("number", [0, 1])
def test_no_header_gets_around_the_limit_of_sign_ins(settings, number):
    """Without a proxy the header is not read; with one, what stands before its own entry is not."""
    behind(settings, number)
    given = {"username": "nobody", "password": "x"}
    for try_ in range(11):
        header = through(f"192.0.2.{try_}", CLIENT) if number else through(f"192.0.2.{try_}")
        answer = Client(**header).post("/api/v1/token/", given)
    assert answer.status_code == 429


@pytest.mark.parametrize("number", [0, 1])
def test_nor_around_that_of_the_page_without_an_account(settings, number):
    behind(settings, number)
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"try": (2, 600)}
    last = [CLIENT] if number else []
    answers = [Client(**through(f"192.0.2.{n}", *last)).post(reverse("try")).status_code for n in range(3)]
    assert answers == [422, 422, 429]
    if number:
        assert Client(**through(CLAIMED)).post(reverse("try")).status_code == 422, (
            "others have their own tries"
        )
