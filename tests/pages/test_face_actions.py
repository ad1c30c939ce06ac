"""Every button about one's own face and one's rules: what it changes for others, and what it says afterwards."""

from __future__ import annotations

import pytest
from django.urls import reverse

from faceaccess.models import Authorization, PhotoOverride, Rule, Tag
from faceaccess.selectors import effective_model
from tests.faceaccess.conftest import client_of, face_of, shown_to
from tests.factories import UserFactory, upload
from tests.pages.conftest import press, told
from tests.pages.html import Page

# --- one's face ---


def test_an_approval_from_the_inbox_shows_the_face_and_undo_hides_it(network):
    inbox = Page.of(client_of(network.me).get(reverse("face-inbox")))
    assert len(inbox.forms_to(reverse("face-answer", args=[network.my_face.pk]))) == 1
    response = press(network.me, "face-answer", network.my_face.pk, answer="approved", next="/face/inbox")
    assert response.redirect_chain[-1][0] == "/face/inbox"
    assert 0 in shown_to(network.stranger, network.photo)
    page = Page.of(response)
    (undo,) = [form for form in page.all("form") if form.text.strip() == "Undo"]
    fields = {
        tag["name"]: tag["value"] for tag in page.all("input") if undo in tag.parents and tag.get("name")
    }
    client_of(network.me).post(undo["action"], fields)
    assert 0 not in shown_to(network.stranger, network.photo)
    assert not Authorization.objects.exists()


def test_an_answer_that_is_none_changes_nothing(network):
    assert "Choose" in told(press(network.me, "face-answer", network.my_face.pk, answer="maybe"))
    assert not Authorization.objects.exists()


def test_the_preview_of_the_inbox_shows_a_stand_in_in_ones_own_place_and_nothing_more_than_one_may_see(
    network,
):
    from tests.faceaccess.conftest import pixels, shows

    address = reverse("face-preview", args=[network.my_face.pk])
    image = pixels(client_of(network.me).get(address))
    assert not any(shows(image, index) for index in range(3))  # nobody disclosed anything to me
    assert 0 in shown_to(network.me, network.photo)
    for other in (network.friend, network.stranger, None):
        assert client_of(other).get(address).status_code == 404


def test_not_me_hides_the_face_and_takes_it_off_my_list(network):
    photo = network.photo
    assert "not you" in told(press(network.me, "face-not-me", network.my_face.pk))
    assert not photo.regions.filter(owner=network.me).exists()
    assert 0 not in shown_to(network.me, photo)


def test_tagging_oneself_and_hiding_again_under_the_proxy_model(network):
    face = face_of(network.photo, network.friend)
    press(network.friend, "face-tag", face.pk, person=network.friend.username)
    assert 1 in shown_to(network.stranger, network.photo)
    page = Page.of(client_of(network.friend).get(reverse("photo", args=[network.photo.pk])))
    assert "Shown to everyone who sees the photo" in page.words
    assert "You are tagged here" in page.words
    press(network.friend, "face-untag", face.pk)
    assert 1 not in shown_to(network.stranger, network.photo)


def test_nobody_is_tagged_by_a_stranger(network):
    face = face_of(network.photo, network.friend)
    response = press(network.stranger, "face-tag", face.pk, person=network.friend.username)
    assert response.status_code == 403
    assert not Tag.objects.exists()


def test_an_override_beats_the_rules_and_can_be_taken_back(network):
    face = face_of(network.photo, network.ruler)
    for effect, shown in (("show", True), ("hide", False), ("clear", False)):
        press(network.ruler, "face-override", face.pk, effect=effect)
        assert (2 in shown_to(network.stranger, network.photo)) is shown
    assert not PhotoOverride.objects.exists()


def test_another_way_to_decide_is_one_press_and_one_undo(network):
    response = press(network.me, "face-model", model="rules")
    assert effective_model(network.me) == "rules"
    assert "Undo" in Page.of(response).words
    press(network.me, "face-model", model="no such model")
    assert effective_model(network.me) == "rules"


def test_a_pinned_site_offers_no_other_way(network, settings):
    settings.FACE_PINNED_MODEL = "proxy"
    page = Page.of(client_of(network.me).get(reverse("face")))
    assert page.forms_to(reverse("face-model")) == []
    assert press(network.me, "face-model", model="rules").status_code == 403


def test_nothing_is_enrolled_without_consent(network):
    newcomer = UserFactory()
    response = client_of(newcomer).post(reverse("face-enrol"), {"uploads": upload()})
    assert "Without your agreement nothing is stored" in response.content.decode()
    assert not newcomer.captures.exists()


def test_a_rejected_picture_says_why_and_is_not_kept(network):
    newcomer = UserFactory()
    response = client_of(newcomer).post(
        reverse("face-enrol"), {"uploads": upload(name="wall.png"), "consent": "on"}
    )
    assert response.status_code == 422
    page = Page.of(response)
    assert "Not kept" in page.words
    assert "wall.png" in page.words
    assert not newcomer.captures.exists()


def test_deleting_the_enrolment_empties_the_page(network):
    response = press(network.me, "enrolment-delete")
    assert "Nothing is stored about your face" in Page.of(response).words
    assert not network.me.captures.exists()


# --- rules ---


def test_a_rule_is_added_at_the_end_and_read_as_a_sentence(network):
    fields = {"effect": "show", "subject": f"person:{network.friend.pk}", "uploader": "me"}
    response = press(network.me, "face-rules", **fields)
    rule = Rule.objects.filter(owner=network.me).last()
    assert (rule.effect, rule.subject_person, rule.uploader, rule.position) == (
        "show",
        network.friend,
        "me",
        2,
    )
    words = " ".join(Page.of(response).words.split())
    assert "Hide from everyone in “Choir” always" in words
    assert "Show to Frida Fern when you post" in words
    assert "Everyone else: hidden" in words


@pytest.mark.parametrize("subject", ["circle", "person", "circle:99999", "person:99999", "circle:x", ""])
def test_a_rule_about_nobody_of_mine_is_refused(subject, network):
    press(network.me, "face-rules", effect="show", subject=subject, uploader="anyone")
    assert Rule.objects.filter(owner=network.me).count() == 1


def test_the_order_of_rules_is_changed_by_buttons(network):
    press(network.me, "face-rules", effect="show", subject="everyone", uploader="anyone")
    second = Rule.objects.filter(owner=network.me).last()
    press(network.me, "rule-move", second.pk, direction="up")
    assert Rule.objects.filter(owner=network.me).first() == second
    press(network.me, "rule-move", second.pk, direction="down")
    assert Rule.objects.filter(owner=network.me).last() == second


def test_a_rule_is_switched_off_on_and_deleted(network):
    press(network.me, "rule-toggle", network.rule.pk)
    assert not Rule.objects.get(pk=network.rule.pk).enabled
    press(network.me, "rule-toggle", network.rule.pk)
    assert Rule.objects.get(pk=network.rule.pk).enabled
    press(network.me, "rule-delete", network.rule.pk)
    assert not Rule.objects.filter(owner=network.me).exists()
