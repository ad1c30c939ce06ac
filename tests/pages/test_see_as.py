"""The photo page seen as somebody else: the picker, the bar, the two pictures."""

from __future__ import annotations

import pytest
from django.urls import reverse

from accounts.models import User
from faceaccess import services
from faceaccess.seeing import STRANGER, VISITOR
from tests.faceaccess.conftest import client_of
from tests.pages.html import Page
from tests.pages.test_every_page import CHECKS, JARGON


def look(network, who: str) -> Page:
    address = reverse("photo", args=[network.photo.pk])
    return Page.of(client_of(network.me).get(address, {"as": who} if who else {}))


def words(page: Page) -> str:
    return " ".join(page.words.split())


def test_the_picker_offers_friends_by_name_a_stranger_and_somebody_without_account(network):
    page = look(network, "")
    offered = [tag["value"] for tag in page.all("option") if tag.inside("select")]
    expected = ["", network.friend.username, network.ruler.username, STRANGER, VISITOR]
    assert offered[: len(expected)] == expected
    (form,) = page.forms_to(reverse("photo", args=[network.photo.pk]))
    assert form["method"] == "get"


@pytest.mark.parametrize("who", ["friend", STRANGER, VISITOR])
def test_the_page_keeps_the_rules_of_every_page(who, network):
    page = look(network, network.friend.username if who == "friend" else who)
    for check in CHECKS:
        check(page)
    assert JARGON.search(page.words) is None


def test_the_bar_says_whose_view_it_is_and_which_faces_it_is_about(network):
    page = look(network, network.friend.username)
    assert (
        "You are seeing your own face as Frida Fern (friend) gets it; other faces are as you see them."
        in words(page)
    )
    assert "Your face is hidden from them. You have not answered for this photo yet." in words(page)
    services.authorization_answer(region=network.my_face, by=network.me, answer="approved")
    assert "Your face is shown to them. You approved this photo." in words(look(network, STRANGER))


def test_the_two_pictures_stand_side_by_side_theirs_and_ones_own(network):
    pictures = [tag["src"].partition("?")[0] for tag in look(network, STRANGER).all("img")]
    assert pictures[:2] == [
        reverse("photo-image-as", args=[network.photo.pk, STRANGER, "feed"]),
        reverse("photo-image", args=[network.photo.pk, "feed"]),
    ]


def test_somebody_without_an_account_gets_no_picture_and_a_sentence_instead(network):
    page = look(network, VISITOR)
    assert "Somebody without an account sees no photo here at all." in words(page)
    assert not [tag for tag in page.all("img") if "/as/" in tag["src"]]


def test_on_somebody_elses_photo_the_page_says_what_it_does_not_tell(network):
    address = reverse("photo", args=[network.theirs.pk])
    response = client_of(network.me).get(address, {"as": network.ruler.username})
    assert "Whether Rosa Ruler may see this photo at all is for Frida Fern to choose" in words(
        Page.of(response)
    )
    assert "may not see" not in words(Page.of(response))


def test_names_are_escaped(network):
    User.objects.filter(pk=network.friend.pk).update(display_name="<b>Frida")
    address = reverse("photo", args=[network.photo.pk])
    html = client_of(network.me).get(address, {"as": network.friend.username}).content.decode()
    assert "<b>Frida" not in html
    assert "&lt;b&gt;Frida (friend) gets it" in html
