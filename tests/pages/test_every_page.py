"""What holds for every page: who gets it, and what its HTML must never or always contain."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse

from tests.faceaccess.conftest import client_of
from tests.pages.conftest import Network
from tests.pages.html import Page

PAGES = {  # name -> arguments out of the network
    "feed": lambda n: [],
    "post": lambda n: [n.photo.post_id],
    "photo": lambda n: [n.photo.pk],
    "post-new": lambda n: [],
    "post-edit": lambda n: [n.photo.post_id],
    "post-delete": lambda n: [n.photo.post_id],
    "people": lambda n: [],
    "person": lambda n: [n.friend.username],
    "circles": lambda n: [],
    "settings": lambda n: [],
    "face": lambda n: [],
    "face-enrol": lambda n: [],
    "face-inbox": lambda n: [],
    "face-rules": lambda n: [],
    "face-history": lambda n: [],
    "likes": lambda n: [n.photo.post_id],
    "bookmarks": lambda n: [],
    "tag": lambda n: ["choir"],
    "notifications": lambda n: [],
    "notification-preferences": lambda n: [],
    "comment-edit": lambda n: [n.comment.pk],
    "albums": lambda n: [],
    "album": lambda n: [n.album.pk],
    "album-choose": lambda n: [n.album.pk],
    "avatar-edit": lambda n: [],
    "export": lambda n: [],
    "account-delete": lambda n: [],
    "report": lambda n: ["photo", n.theirs.pk],
    "mfa_index": lambda n: [],
    "usersessions_list": lambda n: [],
    "account_email": lambda n: [],
    "account_change_password": lambda n: [],
    "account_logout": lambda n: [],
    "try": lambda n: [],
    "tour": lambda n: [],
}
FOR_ALL = {"feed", "account_logout", "try", "tour"}
ENTRANCE = ("feed", "account_login", "account_signup", "account_reset_password", "try", "tour")
JARGON = re.compile(r"embedding|template|rendition|decoy|landmark|\bnone\b|\{\{|\{%", re.IGNORECASE)


def get(user, name: str, arguments: list):
    return client_of(user).get(reverse(name, args=arguments))


@pytest.fixture(params=PAGES)
def page(request, network: Network) -> Page:
    response = get(network.me, request.param, PAGES[request.param](network))
    assert response.status_code == 200
    return Page.of(response)


@pytest.mark.parametrize("name", sorted(PAGES.keys() - FOR_ALL))
def test_a_visitor_without_account_is_sent_to_sign_in(name, network):
    response = get(None, name, PAGES[name](network))
    assert response.status_code == 302
    assert response.url.startswith(reverse("account_login"))


@pytest.mark.parametrize("name", ENTRANCE)
def test_a_visitor_sees_no_photo(name, network):
    page = Page.of(get(None, name, []))
    pictures = [tag.get("src") or tag.get("href") for tag in page.all("img", "image")]
    assert all(address is None or address.startswith("/static/tour/") for address in pictures), pictures
    assert "/photos/" not in " ".join(" ".join(tag.attributes.values()) for tag in page.tags)


def test_the_landing_page_explains_the_three_models_with_a_drawing_each(db):
    page = Page.of(Client().get("/"))
    for words in ("By proxy", "By your approval", "By your rules"):
        assert words in page.words
    assert len([tag for tag in page.all("svg") if "drawing" in (tag.get("class") or "")]) == 5


def check_nothing_inline(page: Page) -> None:
    assert page.all("style") == []
    for tag in page.tags:
        assert "style" not in tag.attributes, tag
        assert not [name for name in tag.attributes if name.startswith(("on", "hx-on"))], tag
        if tag.name == "script":
            assert tag.get("src"), "an inline script"


def check_images(page: Page) -> None:
    for image in page.all("img"):
        assert int(image["width"]) > 0, image
        assert int(image["height"]) > 0, image
        # decoration there: read out once is enough
        beside_the_name = urlsplit(image.get("src") or "").path.endswith("/avatar")
        assert image["alt"].strip() or beside_the_name, image
    for drawing in page.all("svg"):
        assert drawing.get("aria-hidden") == "true" or drawing.get("aria-label"), drawing


GATE = re.compile(r"/(photos|people|faces|moderation)/.+/(image|avatar|crop|stand-in|preview)\b")


def check_pictures(page: Page) -> None:
    """Going back, a browser asks for no picture it has: each has an address that goes with what it shows."""
    for tag in page.all("img", "image", "li", "a"):
        named = [tag.get(name) or "" for name in ("src", "data-src", "href")]
        named += (tag.get("srcset") or "").split(", ")
        for address in filter(GATE.match, named):
            assert re.search(r"\?v=[0-9a-f]{8,12}( \d+w)?$", address) or tag.name == "a", address


def check_labels(page: Page) -> None:
    labelled = {tag["for"] for tag in page.all("label") if tag.get("for")}
    for control in page.all("input", "select", "textarea"):
        if control.get("type") in ("hidden", "submit"):
            continue
        named = control.get("id") in labelled or control.get("aria-label") or control.inside("label")
        assert named, f"no label: {control.attributes}"
    for button in page.all("button", "summary"):
        drawn = [t for t in page.tags if button in t.parents and t.get("aria-label")]
        assert button.text.strip() or button.get("aria-label") or drawn, f"no name: {button.attributes}"


def check_addresses(page: Page) -> None:
    for tag in page.tags:
        for name in ("src", "href", "action", "formaction"):
            address = tag.get(name)
            if address is None:
                continue
            assert address.startswith(("/", "#", "?")), f"{tag.name} leads elsewhere: {address}"
            if address.startswith("/static/"):
                assert finders.find(address.removeprefix("/static/")), address


def check_structure(page: Page) -> None:
    assert len(page.all("h1")) == 1
    assert len(page.all("main")) == 1
    ids = [tag["id"] for tag in page.tags if tag.get("id")]
    assert len(ids) == len(set(ids)), sorted(i for i in ids if ids.count(i) > 1)
    for form in page.all("form"):
        if form.get("method") == "post":
            assert any(
                form in tag.parents and tag.get("name") == "csrfmiddlewaretoken" for tag in page.tags
            ), form.attributes


CHECKS = (check_nothing_inline, check_images, check_pictures, check_labels, check_addresses, check_structure)


def test_every_page_keeps_the_rules_and_speaks_plain_words(page):
    for check in CHECKS:
        check(page)
    found = JARGON.search(page.words)
    assert found is None, page.words[max(0, found.start() - 40) : found.end() + 40]


@pytest.mark.parametrize("name", ENTRANCE)
def test_the_entrance_keeps_the_same_rules(name, db):
    page = Page.of(get(None, name, []))
    for check in CHECKS:
        check(page)


def test_every_page_is_served_under_a_policy_without_inline_script_or_style(network):
    policy = get(network.me, "feed", [])["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_pages_for_nobody_yet_say_what_to_do_next(db):
    from tests.factories import UserFactory

    newcomer = UserFactory()
    for name, words in {
        "feed": "No photos yet",
        "people": "No friends yet",
        "circles": "No circles yet",
        "face": "Nothing is stored about your face",
        "face-inbox": "Your face is not enrolled yet",
        "face-rules": "You have no rules yet",
        "notifications": "Nothing new",
        "bookmarks": "Nothing kept yet",
        "albums": "No albums yet",
    }.items():
        page = Page.of(get(newcomer, name, []))
        assert words in page.words, name
        for check in CHECKS:
            check(page)


def test_every_template_of_ours_compiles():
    from django.conf import settings
    from django.template.loader import get_template

    folder = settings.BASE_DIR / "templates"
    found = [path.relative_to(folder) for kind in ("html", "svg") for path in folder.rglob(f"*.{kind}")]
    assert len(found) > 50
    for path in found:
        get_template(str(path))


@pytest.mark.parametrize("code", [400, 403, 404, 429, 500, "403_csrf", "lockout"])
def test_error_pages_are_drawn_without_request_user_or_database(code):
    from django.template.loader import render_to_string

    class Answer:
        content = render_to_string(f"{code}.html").encode()

    page = Page.of(Answer)
    for check in CHECKS:
        check(page)
    assert "My Face My Choice" in page.words


TRANSLATED = re.compile(
    r"\{%-?\s*(blocktranslate|comment)\b.*?\{%-?\s*end\1\s*-?%\}|\{% block width %\}.*?\{% endblock %\}", re.S
)
SCRIPTED = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<!DOCTYPE[^>]*>", re.S)
READ_OUT = re.compile(r'\b(?:aria-label|alt|title|placeholder|data-[a-z-]+)="([^"]*[A-Za-z]{2,} [a-z][^"]*)"')


def literal_words(source: str) -> list[str]:
    """What a template says without asking for a translation, its own name apart."""
    source = SCRIPTED.sub("\x00", TRANSLATED.sub("\x00", source))
    shown = re.findall(r"[A-Za-z]{2,}[^\x00<]*", re.sub(r"<[^>]*>", "<", source))
    return [
        words.strip() for words in (*shown, *READ_OUT.findall(source)) if "My Face My Choice" not in words
    ]


def test_every_word_of_every_template_can_be_translated():
    from django.conf import settings

    found = {
        path.name: words
        for path in (settings.BASE_DIR / "templates").rglob("*.html")
        if (words := literal_words(path.read_text()))
    }
    assert found == {}
    assert literal_words('<p title="Two words">Plain</p>{% translate "fine" %}') == ["Plain", "Two words"]
