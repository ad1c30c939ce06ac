"""The inbox: later, several at once, who posted and who would see it."""

from __future__ import annotations

import pytest
from django.urls import reverse

from faceaccess import selectors
from faceaccess.models import Authorization
from tests.faceaccess.conftest import client_of, face_of, shown_to
from tests.pages.conftest import press, told
from tests.pages.html import Page


@pytest.fixture
def two(network):
    """Two photos of me that wait for my answer."""
    return [network.my_face, face_of(network.theirs, network.me)]


def inbox(network) -> Page:
    return Page.of(client_of(network.me).get(reverse("face-inbox")))


def section(page: Page, name: str):
    """The ids of the questions in the section whose heading has this id."""
    found = [tag for tag in page.all("section") if tag.get("aria-labelledby") == name]
    return {t["id"] for t in page.all("li") if t.get("id") and found and found[0] in t.parents}


def test_later_moves_a_question_down_and_out_of_the_count_and_shows_nothing(network, two):
    region, other = two
    assert selectors.inbox(network.me).count() == 2
    assert "below" in told(press(network.me, "face-later", region.pk))
    page = inbox(network)
    assert section(page, "put-off") == {f"ask-{region.pk}"}
    assert section(page, "waiting") == {f"ask-{other.pk}"}
    assert selectors.inbox(network.me).count() == 1, "the number beside the menu"
    assert 0 not in shown_to(network.stranger, network.photo)
    press(network.me, "face-later", region.pk, when="now")
    assert section(inbox(network), "put-off") == set()
    press(network.me, "face-later", region.pk)
    press(network.me, "face-answer", region.pk, answer="approved")
    press(network.me, "face-answer", region.pk, answer="clear")
    assert f"ask-{region.pk}" in section(inbox(network), "waiting"), "answered, then asked anew"


def test_nobody_elses_answer_is_put_off(network):
    assert press(network.friend, "face-later", network.my_face.pk).status_code == 403


@pytest.mark.parametrize(("answer", "shown"), [("approved", True), ("denied", False)])
def test_several_are_answered_at_once_without_a_script(network, two, answer, shown):
    page = inbox(network)
    boxes = [tag for tag in page.all("input") if tag.get("type") == "checkbox" and tag.get("name") == "face"]
    assert {int(tag["value"]) for tag in boxes} == {region.pk for region in two}
    (form,) = page.forms_to(reverse("inbox-preview"))
    assert {tag["form"] for tag in boxes} == {form["id"]}
    pressed = [tag["value"] for tag in page.all("button") if form in tag.parents]
    assert pressed == ["approved", "denied", "later"]
    fields = {"answer": answer, "face": [tag["value"] for tag in boxes]}
    asked = Page.of(client_of(network.me).post(form["action"], fields))
    assert not Authorization.objects.exists(), "asked first"
    expected = "would see your face where it is hidden" if shown else "Nothing changes"
    assert expected in asked.words
    (form,) = asked.forms_to(reverse("inbox-answer"))
    faces = [tag["value"] for tag in asked.all("input") if tag.get("name") == "face"]
    response = client_of(network.me).post(form["action"], {"answer": answer, "face": faces}, follow=True)
    assert "2 photos" in told(response)
    assert Authorization.objects.filter(owner=network.me, answer=answer).count() == 2
    assert (0 in shown_to(network.stranger, network.photo)) is shown


def test_several_are_put_off_at_once(network, two):
    press(network.me, "inbox-answer", answer="later", face=[region.pk for region in two])
    assert selectors.inbox(network.me).count() == 0
    assert selectors.inbox_later(network.me).count() == 2


def test_a_selection_of_nothing_or_of_others_faces_changes_nothing(network):
    friends = face_of(network.photo, network.friend)
    for face in ([], [friends.pk], ["x"]):
        assert "Select" in told(press(network.me, "inbox-answer", answer="approved", face=face))
    assert "Choose" in told(press(network.me, "inbox-answer", answer="all", face=[network.my_face.pk]))
    assert not Authorization.objects.exists()


def test_each_question_says_who_posted_and_who_would_see(network, two):
    words = inbox(network).words
    assert network.friend.name in words
    assert "Who would see you:" in words
    assert "Everyone here" in words


def test_the_same_over_the_api(network, two):
    client, (region, other) = client_of(network.me), two
    assert client.post(f"/api/v1/faces/{region.pk}/later/").status_code == 204

    def waiting(query: str) -> list[int]:
        return [face["id"] for face in client.get(f"/api/v1/faces/inbox/{query}").json()["results"]]

    assert (waiting(""), waiting("?later=1")) == ([other.pk], [region.pk])
    assert client.delete(f"/api/v1/faces/{region.pk}/later/").status_code == 204
    assert waiting("?later=1") == []
    given = {"faces": [region.pk, other.pk], "answer": "approved"}
    assert client.post("/api/v1/faces/answers/", given, content_type="application/json").status_code == 204
    assert Authorization.objects.filter(owner=network.me, answer="approved").count() == 2
    given = {"faces": [region.pk, face_of(network.photo, network.friend).pk], "answer": "denied"}
    assert client.post("/api/v1/faces/answers/", given, content_type="application/json").status_code == 404
    assert not Authorization.objects.filter(answer="denied").exists(), "all of them or none"
    assert client_of(network.friend).post(f"/api/v1/faces/{region.pk}/later/").status_code == 404
