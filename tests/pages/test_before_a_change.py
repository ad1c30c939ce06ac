"""What a change would do is said before it is confirmed, and "try it" says who would see and which rule decides."""

from __future__ import annotations

import pytest
from django.urls import reverse

from faceaccess import services
from faceaccess.effects import Effect
from faceaccess.models import FacePreference, Rule
from faceaccess.seeing import STRANGER, VISITOR
from faceaccess.wording import effect_sentence
from tests.faceaccess.conftest import client_of, face_of, shown_to
from tests.pages.conftest import press
from tests.pages.html import Page
from tests.pages.test_every_page import CHECKS, JARGON


@pytest.fixture
def ruled(network):
    """Me, by rules: hidden from the choir, and nothing else said."""
    FacePreference.objects.filter(owner=network.me).update(model="rules")
    return network


def get(user, name: str, *arguments, **query: str) -> Page:
    response = client_of(user).get(reverse(name, args=arguments), query)
    assert response.status_code == 200
    return Page.of(response)


def words(page: Page) -> str:
    return " ".join(page.words.split())


def fields_of(page: Page, address: str) -> dict[str, str]:
    (form,) = page.forms_to(address)
    inputs = [tag for tag in page.all("input") if form in tag.parents and tag.get("name")]
    return {tag["name"]: tag["value"] for tag in inputs if tag["name"] != "csrfmiddlewaretoken"}


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        ({}, "Nothing changes: everybody sees your face where they see it now, and nowhere else."),
        ({"own_photos": 12, "people": 40}, "12 photos would change for 40 people."),
        ({"own_photos": 1, "people": 1}, "1 photo would change for 1 person."),
        (
            {"others_photos": 3},
            "3 photos by others would change, for those it concerns who may see them.",
        ),
        (
            {"own_photos": 1, "others_photos": 1, "people": 13},
            "1 photo by you would change for 13 people. "
            "1 photo by somebody else would change, for those it concerns who may see it.",
        ),
        (
            {"own_photos": 2, "people": 6, "capped": True},
            "Counted among your 500 newest photos and 20000 people here, so at least: 2 photos would change",
        ),
    ],
)
def test_the_effect_in_one_sentence(numbers, sentence):
    told = {"own_photos": 0, "others_photos": 0, "shows": True, "hides": False, "capped": False} | numbers
    told["people"] = frozenset(range(numbers.get("people", 0)))
    assert effect_sentence(Effect(**told)).startswith(sentence)


@pytest.mark.parametrize(
    ("shows", "hides", "sentence"),
    [
        (True, False, "They would see your face where it is hidden from them now."),
        (False, True, "They would no longer see your face there."),
        (True, True, "Some would see your face who do not now, and some would no longer see it."),
    ],
)
def test_the_effect_says_which_way(shows, hides, sentence):
    assert effect_sentence(Effect(1, 0, frozenset({1}), shows, hides, False)).endswith(sentence)


def test_every_card_of_another_way_to_decide_says_what_switching_would_change(network):
    page = get(network.me, "face")
    assert words(page).count("If you switch:") == 2
    assert words(page).count("Nothing changes") == 2  # nobody tagged me, no rule shows me
    services.rule_create(owner=network.me, effect="show", subject="person", subject_person=network.ruler)
    page = get(network.me, "face")
    # My own photo, for everyone, and my friend's: of the latter it is not told who may see it.
    assert "1 photo by you would change for 1 person. 1 photo by somebody else would" in words(page)
    for check in CHECKS:
        check(page)


def test_a_site_with_one_way_for_all_computes_nothing(network, settings):
    settings.FACE_PINNED_MODEL = "proxy"
    assert "If you switch" not in words(get(network.me, "face"))


def test_adding_a_rule_asks_first_and_the_button_adds_what_was_asked(ruled):
    ruled.theirs.delete()  # what is left is my own photo
    form = {"effect": "show", "subject": "everyone", "uploader": "anyone"}
    page = Page.of(press(ruled.me, "rules-preview", **form))
    assert "Add this rule? " in words(page)
    # Not the friend, who is in the choir, and not the blocked one.
    three = {ruled.stranger, ruled.ruler, ruled.asking}
    assert "1 photo would change for 3 people." in words(page)
    assert Rule.objects.filter(owner=ruled.me).count() == 1, "nothing is saved by asking"
    assert 0 not in shown_to(ruled.stranger, ruled.photo)
    fields = fields_of(page, reverse("face-rules"))
    assert fields == form
    press(ruled.me, "face-rules", **fields)
    assert {user for user in (*three, ruled.friend) if 0 in shown_to(user, ruled.photo)} == three
    for check in CHECKS:
        check(page)
    assert JARGON.search(page.words) is None


def test_a_rule_about_somebody_a_link_named_survives_the_asking(ruled):
    form = {"effect": "hide", "subject": f"person:{ruled.stranger.pk}", "uploader": "me"}
    page = Page.of(press(ruled.me, "rules-preview", person=ruled.stranger.username, **form))
    press(ruled.me, "face-rules", **fields_of(page, reverse("face-rules")))
    assert Rule.objects.filter(owner=ruled.me).last().subject_person == ruled.stranger


def test_an_impossible_rule_is_refused_where_it_was_written(ruled):
    response = press(ruled.me, "rules-preview", effect="show", subject="circle:99999", uploader="anyone")
    page = Page.of(response)
    assert "Your rules" in words(page)
    assert [tag for tag in page.all("ul") if "errorlist" in (tag.get("class") or "")]


@pytest.mark.parametrize(
    ("change", "question", "effect"),
    [
        ("toggle", "Switch this rule off?", "1 photo would change for 1 person. They would see your face"),
        ("delete", "Delete this rule?", "1 photo would change for 1 person. They would see your face"),
        ("down", "Move this rule down?", "1 photo would change for 1 person. They would see your face"),
        ("up", "Move this rule up?", "Nothing changes"),
    ],
)
def test_every_change_of_a_rule_asks_first_and_its_button_does_it(change, question, effect, ruled):
    ruled.theirs.delete()
    services.rule_create(owner=ruled.me, effect="show", subject="everyone")
    before = list(Rule.objects.filter(owner=ruled.me).values())
    page = get(ruled.me, "rule-preview", ruled.rule.pk, change=change)
    assert question in words(page)
    assert effect in words(page)
    assert list(Rule.objects.filter(owner=ruled.me).values()) == before, "nothing is changed by asking"
    (form,) = [form for form in page.all("form") if reverse("face-rules") in form["action"]]
    client_of(ruled.me).post(form["action"], fields_of(page, form["action"]))
    assert (0 in shown_to(ruled.friend, ruled.photo)) is effect.startswith("1 photo")
    for check in CHECKS:
        check(page)


def test_the_list_of_rules_leads_every_button_to_the_question(ruled):
    page = get(ruled.me, "face-rules")
    form, dragged = page.forms_to(reverse("rule-preview", args=[ruled.rule.pk]))
    assert form["method"] == dragged["method"] == "get"
    assert "hidden" in dragged.attributes, "sent by a script only, when the rule was dragged"
    buttons = [tag["value"] for tag in page.all("button") if form in tag.parents]
    assert buttons == ["up", "down", "toggle", "delete"]
    for name in ("rule-move", "rule-toggle", "rule-delete"):
        assert page.forms_to(reverse(name, args=[ruled.rule.pk])) == []


def test_a_rule_that_was_dragged_is_asked_about_and_then_put_there(ruled):
    second = services.rule_create(owner=ruled.me, effect="hide", subject="everyone")
    address = reverse("rule-place", args=[second.pk])
    page = get(ruled.me, "rule-preview", second.pk, change="place", place=1)
    assert "Move this rule there?" in words(page)
    assert [rule.pk for rule in ruled.me.rules.all()] == [ruled.rule.pk, second.pk], "only asked"
    (form,) = page.forms_to(address)
    assert client_of(ruled.me).post(form["action"], {"place": 1}).status_code == 302
    assert [rule.pk for rule in ruled.me.rules.all()] == [second.pk, ruled.rule.pk]
    client_of(ruled.me).post(address, {"place": 2})  # Undo
    assert [rule.pk for rule in ruled.me.rules.all()] == [ruled.rule.pk, second.pk]
    assert client_of(ruled.friend).post(address, {"place": 1}).status_code == 404
    assert (
        client_of(ruled.me).get(reverse("rule-preview", args=[second.pk]), {"change": "place"}).status_code
        == 404
    )


def test_switched_off_is_asked_to_be_switched_on(ruled):
    services.rule_update(rule=ruled.rule, by=ruled.me, enabled=False)
    assert "Switch this rule on?" in words(get(ruled.me, "rule-preview", ruled.rule.pk, change="toggle"))


def test_rules_that_are_not_in_force_say_so_instead_of_numbers(network):
    page = get(network.me, "rule-preview", network.rule.pk, change="delete")
    assert "Your rules are not in force" in words(page)
    assert "would change" not in words(page)


def test_nobody_asks_about_my_rules_but_me(ruled):
    address = reverse("rule-preview", args=[ruled.rule.pk])
    assert client_of(ruled.friend).get(address, {"change": "delete"}).status_code == 404
    assert client_of(ruled.me).get(address, {"change": "explode"}).status_code == 404
    for other in (address, reverse("rules-preview")):
        assert client_of(None).get(other).status_code == 302
    assert client_of(ruled.me).get(reverse("rules-preview")).status_code == 405


# --- try it ---


def test_try_it_tells_the_outcome_and_the_rule_that_decided(ruled):
    services.rule_create(owner=ruled.me, effect="show", subject="everyone")
    face = str(ruled.my_face.pk)
    page = get(ruled.me, "face-rules", face=face, **{"as": ruled.friend.username})
    assert "Hidden from Frida Fern (friend) Your rule 1: hide from everyone in “Choir”." in words(page)
    page = get(ruled.me, "face-rules", face=face, **{"as": STRANGER})
    assert "Shown to a stranger Your rule 2: show to everyone." in words(page)
    for check in CHECKS:
        check(page)
    assert JARGON.search(page.words) is None
    assert "sees no photo here at all" in words(get(ruled.me, "face-rules", face=face, **{"as": VISITOR}))


def test_try_it_tells_what_the_gate_does(ruled):
    services.rule_create(owner=ruled.me, effect="show", subject="friends", uploader="me")
    services.override_set(region=face_of(ruled.theirs, ruled.me), by=ruled.me, effect="hide")
    for photo in (ruled.photo, ruled.theirs):
        for friend in (ruled.friend, ruled.ruler):
            face = str(face_of(photo, ruled.me).pk)
            page = get(ruled.me, "face-rules", face=face, **{"as": friend.username})
            seen = client_of(friend).get(reverse("photo", args=[photo.pk])).status_code == 200
            if seen:
                assert (0 in shown_to(friend, photo)) is ("Shown to" in words(page))


def test_try_it_works_before_the_rules_are_in_force_and_says_that_they_are_not(network):
    page = get(network.me, "face-rules", face=str(network.my_face.pk), **{"as": network.friend.username})
    assert "Your rule 1: hide from everyone in “Choir”." in words(page)
    assert "they are not in force" in words(page)


def test_try_it_offers_ones_own_photos_and_friends_and_nothing_else_is_there(ruled):
    page = get(ruled.me, "face-rules")
    mine = {str(face_of(photo, ruled.me).pk) for photo in (ruled.photo, ruled.theirs)}
    assert {tag["value"] for tag in page.all("option") if tag["value"].isdecimal()} == mine
    theirs = str(face_of(ruled.photo, ruled.friend).pk)
    for query in (
        {"face": theirs, "as": ruled.friend.username},
        {"face": str(ruled.my_face.pk), "as": ruled.stranger.username},
        {"face": str(ruled.my_face.pk), "as": ruled.blocked.username},
    ):
        assert client_of(ruled.me).get(reverse("face-rules"), query).status_code == 404


def test_without_a_photo_there_is_nothing_to_try(ruled):
    assert "Your face is in no photo yet." in words(get(ruled.stranger, "face-rules"))
