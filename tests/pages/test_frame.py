"""What every page has: what its frame counts, the prepared statement as the query does, and who may keep it."""

from __future__ import annotations

import pytest
from django.urls import reverse

from accounts.models import User
from socialnet.context_processors import NOBODY, _statement, _waiting, waiting_for
from tests.faceaccess.conftest import client_of
from tests.pages.html import Page

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("pinned", [None, "authorization", "proxy"])
def test_the_prepared_statement_answers_as_the_query_does(network, settings, pinned):
    settings.FACE_PINNED_MODEL = pinned
    answers = []
    for user in User.objects.all():
        plain = waiting_for(user).get()
        assert {name: int(value) for name, value in _waiting(user).items()} == {
            name: int(value) for name, value in plain.items()
        }
        answers.append(tuple(plain.values()))
    assert len(set(answers)) >= 4, "people differ, or this proves nothing"
    assert not User.objects.filter(pk=NOBODY).exists()


def test_it_is_put_together_once(network, django_assert_num_queries):
    _waiting(network.me)
    known = _statement.cache_info().currsize
    with django_assert_num_queries(1):
        _waiting(network.friend)
    assert _statement.cache_info().currsize == known


def test_no_page_is_kept_by_a_browser(network):
    """Not even one that is missing, forbidden, a part, or the answer to a form."""
    client = client_of(network.me)
    answers = [
        client.get("/"),
        client.get("/nowhere/"),
        client.get(reverse("moderation")),
        client.get(reverse("people"), headers={"HX-Request": "true"}),
        client.get(reverse("notifications")),
        client.get(reverse("account_email")),
        client.post(reverse("post-new"), {"caption": "No photo"}),
        client_of(None).get("/"),
        client_of(None).get(reverse("account_login")),
        client_of(None).get("/people/"),
    ]
    assert {answer.status_code for answer in answers} == {200, 302, 403, 404, 422}
    for answer in answers:
        assert {"private", "no-store"} <= set(answer["Cache-Control"].split(", ")), answer.request[
            "PATH_INFO"
        ]
    assert "Cache-Control" not in client.get("/api/v1/posts/").headers  # not a page
    assert client.get(f"/photos/{network.photo.pk}/image/thumb")["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("name", ["people", "export", "bookmarks", "feed"])
def test_going_back_to_an_address_that_also_gives_parts_gives_the_whole_page(name, network):
    client, address = client_of(network.me), reverse(name) + ("?q=frida" if name == "people" else "")
    answers = [
        (client.get(address), True),
        (client.get(address, headers={"HX-Request": "true"}), False),
        (client.get(address, headers={"HX-Request": "true", "HX-Boosted": "true"}), True),
        (client.get(address, headers={"HX-Request": "true", "HX-History-Restore-Request": "true"}), True),
    ]
    for answer, whole in answers:
        assert bool(Page.of(answer).all("main")) is whole
        assert {"HX-Request", "HX-History-Restore-Request"} <= set(answer["Vary"].split(", "))
