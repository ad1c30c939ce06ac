"""The tour: five pages that can be left at any time, with one's own photo, and offered once."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from faceaccess.views_tour import STEPS
from tests.faceaccess.conftest import client_of, engine, person, posted  # noqa: F401  a fixture, and helpers
from tests.factories import UserFactory, befriend
from tests.pages.html import Page

pytestmark = pytest.mark.django_db


def pages(client: Client) -> list[Page]:
    """Every step, found by following "Next" from the start."""
    found, address = [], reverse("tour")
    while address:
        found.append(Page.of(client.get(address)))
        onward = [tag for tag in found[-1].all("a") if tag.get("rel") == "next"]
        address = onward[0]["href"] if onward else ""
    return found


def pictures(page: Page) -> list[str]:
    return [tag["src"] for tag in page.all("img") if "/avatar" not in tag["src"]]


def test_it_explains_the_three_models_step_by_step_and_leads_on(db):
    seen = pages(Client())
    assert len(seen) == len(STEPS) == 5
    for page, words in zip(seen[1:4], ("By proxy", "By your approval", "By your rules"), strict=True):
        assert words in page.words
        assert len(pictures(page)) == 2
    for words in ("By proxy", "By your approval", "By your rules"):
        assert words in seen[-1].words
    assert "Create an account" in seen[-1].words
    assert Client().get(reverse("tour-step", args=[6])).status_code == 404
    assert Client().get(reverse("tour-step", args=[0])).status_code == 404


def test_a_visitor_sees_an_example_and_a_member_their_own_photo_and_no_face_but_theirs(engine):  # noqa: F811
    owner, friend = person(0, "authorization"), person(1)
    befriend(owner, friend)
    others, own = posted(friend), posted(owner)
    assert all(address.startswith("/static/tour/") for page in pages(Client()) for address in pictures(page))
    client = client_of(owner)
    addresses = {address for page in pages(client) for address in pictures(page)}
    assert any(str(own.pk) in address for address in addresses), "one's own post comes first"
    assert not any(str(others.pk) in address for address in addresses)
    assert {client.get(address).status_code for address in addresses} == {200}
    stranger = client_of(UserFactory())
    assert all(address.startswith("/static/tour/") for page in pages(stranger) for address in pictures(page))


def test_a_photo_of_oneself_by_somebody_else_will_do(engine):  # noqa: F811
    owner = person(0, "authorization")
    photo = posted(UserFactory())
    assert any(str(photo.pk) in address for page in pages(client_of(owner)) for address in pictures(page))


def test_skipping_is_remembered_for_a_member_and_in_a_visitors_browser():
    member = UserFactory()
    client = client_of(member)
    assert not client.get("/").context["toured"]
    answer = client.post(reverse("tour-done"))
    assert answer.url == reverse("feed")
    assert client.get("/").context["toured"]
    assert User.objects.get(pk=member.pk).toured_at is not None
    visitor = Client()
    assert b"Take the tour: one minute" in visitor.get("/").content
    assert visitor.post(reverse("tour-done"), {"then": "signup"}).url == reverse("account_signup")
    assert b"Take the tour again" in visitor.get("/").content


def test_it_ends_nowhere_else():
    for goal in ("https://evil.example", "//evil.example", "admin:index", ""):
        assert Client().post(reverse("tour-done"), {"then": goal}).url == reverse("feed")


def test_the_demo_opens_on_it():
    import io

    from socialnet.management.commands.demo import Command

    said = io.StringIO()
    Command(stdout=said)._print_welcome(8000)
    assert f"http://127.0.0.1:8000{reverse('tour')}" in said.getvalue()
