"""axe-core on every page in both themes, without a word on the console; and nothing is wider than the screen."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse

from tests.pages.conftest import Network
from tests.pages.test_every_page import ENTRANCE, PAGES

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE, DESK = {"width": 320, "height": 740}, {"width": 1280, "height": 860}
AT_A_DESK = ("feed", "photo", "face", "face-inbox", "people", "settings", "post-new", "tour", "try", "album")
LEVELS = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
AXE = Axe()


def violations(page, runs: dict[str, object]) -> list[str]:
    found = AXE.run(page, options={"resultTypes": ["violations"], "runOnly": runs}).response["violations"]
    return [f"{rule['id']}: {node['html'][:160]}" for rule in found for node in rule["nodes"]]


def look_at(page, address: str) -> list[str]:
    """What is wrong with one page: in light everything, in dark what the theme can change."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.goto(address)
    wrong = violations(page, LEVELS)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    wrong += [f"dark {each}" for each in violations(page, {"type": "rule", "values": ["color-contrast"]})]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        wrong.append("wider than the screen")
    broken = "[...document.images].filter(i => i.src && i.complete && !i.naturalWidth).map(i => i.src)"
    return [f"{address}: {each}" for each in wrong + page.evaluate(broken)]


def addresses(network: Network, names) -> list[str]:
    return [reverse(name, args=PAGES[name](network)) for name in names]


def test_axe_finds_nothing_on_any_page_of_a_member(new_page, network):
    page = new_page(network.me, viewport=PHONE)
    wrong = [each for address in addresses(network, PAGES) for each in look_at(page, address)]
    page.set_viewport_size(DESK)
    wrong += [each for address in addresses(network, AT_A_DESK) for each in look_at(page, address)]
    assert "\n".join(wrong) == ""


def test_axe_finds_nothing_on_the_pages_of_a_visitor_and_the_staff(new_page, network):
    from accounts import moderation
    from tests.faceaccess.conftest import person

    moderation.report_create(reporter=network.me, kind="photo", target=str(network.theirs.pk), reason="face")
    wrong = []
    page = new_page(viewport=PHONE)
    steps = [reverse("tour-step", args=[n]) for n in (2, 5)]
    for address in [*(reverse(name) for name in ENTRANCE), *steps, "/nothing/here/"]:
        wrong += look_at(page, address)
    page = new_page(person(is_staff=True), viewport=DESK)
    for address in (reverse("moderation"), reverse("moderation-log")):
        wrong += look_at(page, address)
    assert "\n".join(wrong) == ""


def test_axe_would_find_something(new_page, network):
    page = new_page(network.me, viewport=PHONE)
    page.goto("/settings/")
    page.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend', '<button></button><img src=x>')"
    )
    found = " ".join(violations(page, LEVELS))
    assert "button-name" in found
    assert "image-alt" in found
