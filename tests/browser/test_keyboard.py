"""Without a mouse: every page is walked through with Tab, and what people do is done with keys. And it is calm."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.services import block_create
from community.models import Comment
from faceaccess import services
from faceaccess.models import Rule
from photos.models import Photo
from tests.faceaccess.conftest import face_of, person, posted, shown_to
from tests.faceaccess.engine import group_photo
from tests.factories import PASSWORD, befriend
from tests.pages.conftest import Network

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DESK = {"width": 1280, "height": 860}
STOPS_AT_MOST = 150
# The element that has the focus: its words, and what is wrong with how it is seen. A file field may be unseen itself.
FOCUSED = """() => {
    const it = document.activeElement;
    if (it === document.body) return null;
    const seen = it.matches(".drop > input") ? it.parentElement : it;
    const style = getComputedStyle(seen), box = seen.getBoundingClientRect();
    const wrong = [];
    if (it.matches("a.outline")) {
        if (getComputedStyle(it.querySelector("rect")).opacity !== "1") wrong.push("no outline");
    } else if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) wrong.push("no outline");
    if (box.width < 1 || box.height < 1) wrong.push("no size");
    if (box.bottom < 1 || box.top > innerHeight - 1) wrong.push("outside the window");
    return { what: it.outerHTML.slice(0, 120), wrong };
}"""
WALKED = (
    "feed",
    "photo",
    "post-new",
    "people",
    "face",
    "face-inbox",
    "face-rules",
    "face-enrol",
    "settings",
    "circles",
    "notifications",
    "account_email",
)


def tab_to(page: Page, target) -> None:
    """Press Tab until ``target`` has the focus."""
    for _ in range(STOPS_AT_MOST):
        if target.evaluate("it => it === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to {target}")


def test_tab_leads_through_every_page_and_shows_where_it_is(new_page, network: Network):
    page = new_page(network.me, viewport=DESK, reduced_motion="reduce")
    wrong = []
    for name in WALKED:
        page.goto(reverse(name, args=[network.photo.pk] if name == "photo" else []))
        stops = []
        for _ in range(STOPS_AT_MOST):
            page.keyboard.press("Tab")
            stop = page.evaluate(FOCUSED)
            if stop is None or (stops and stop["what"] == stops[0]):
                break
            stops.append(stop["what"])
            wrong += [f"{name}: {each}: {stop['what']}" for each in stop["wrong"]]
        assert "Skip to the page" in page.evaluate("document.querySelector('.skip').textContent")
        assert 'class="skip"' in stops[0], name
        assert 8 < len(stops) < STOPS_AT_MOST, f"{name}: {len(stops)} stops"
    assert "\n".join(wrong) == ""


def test_signing_in_answering_and_talking_with_keys_alone(new_page, engine):
    owner, friend = person(0, "authorization"), person(display_name="Frida Fern")
    befriend(owner, friend)
    photo = posted(friend, 3, image=group_photo(3, scale=4))
    page = new_page(viewport=DESK)
    page.goto("/accounts/login/")
    tab_to(page, page.get_by_label("Handle or e-mail address"))
    page.keyboard.type(owner.username)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/")

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # past the frame, to the page
    tab_to(page, page.get_by_role("button", name="Like", exact=True))
    page.keyboard.press("Enter")
    expect(page.locator(f"#like-{photo.post_id}")).to_have_attribute("aria-pressed", "true")

    menu = page.get_by_label("Account menu")
    tab_to(page, page.get_by_role("link", name="Photos of you 1"))
    tab_to(page, menu)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Settings")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Settings")).to_be_hidden()
    expect(menu).to_be_focused()

    page.goto("/face/inbox")
    tab_to(page, page.get_by_role("button", name="Show", exact=True))
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your face is shown to everyone")).to_be_visible()
    assert shown_to(friend, photo) == {0}
    tab_to(page, page.get_by_role("button", name="Undo"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Show", exact=True)).to_be_visible()
    assert shown_to(friend, photo) == set()

    page.goto(f"/photos/{photo.pk}/")
    tab_to(page, page.get_by_label("Your comment"))
    page.keyboard.type("With keys")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".comment")).to_contain_text("With keys")
    assert Comment.objects.get().author == owner


def test_rules_are_written_and_put_in_order_with_keys_alone(new_page, network: Network):
    page = new_page(network.ruler, viewport=DESK)
    page.goto("/face/rules")
    for who in ("friends", "everyone"):
        tab_to(page, page.get_by_label("shown"))
        tab_to(page, page.get_by_label("to / from"))
        page.keyboard.type(who)
        tab_to(page, page.get_by_role("button", name="See what it would change"))
        page.keyboard.press("Enter")
        tab_to(page, page.locator("main button.primary"))
        page.keyboard.press("Enter")
        page.wait_for_url("**/face/rules")
    rules = Rule.objects.filter(owner=network.ruler).order_by("position")
    assert [rule.subject for rule in rules] == ["friends", "everyone"]
    tab_to(page, page.get_by_role("button", name="Move rule 2 up"))
    page.keyboard.press("Enter")
    tab_to(page, page.locator("main button.primary"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/face/rules")
    assert [rule.subject for rule in rules.all()] == ["everyone", "friends"]


def test_a_photo_is_tagged_with_keys_alone(new_page, network: Network):
    page = new_page(network.me, viewport=DESK)
    page.goto(f"/photos/{network.theirs.pk}/")
    tab_to(page, page.get_by_text("Tag somebody", exact=True))
    page.keyboard.press("Enter")
    tab_to(page, page.locator("#tag input[type=search]"))
    page.keyboard.type(network.friend.name[:3])
    index = face_of(network.theirs, network.friend).index
    tab_to(page, page.locator(f"#tag #face-{index}"))
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"You tagged {network.friend.name}")).to_be_attached()
    assert network.friend.tags.filter(tagger=network.me).exists()


def test_a_face_is_hidden_out_of_sight_with_keys_alone_on_a_narrow_screen(new_page, network: Network):
    away = face_of(posted(network.stranger, 3), network.me)
    services.authorization_answer(region=away, by=network.me, answer="approved")
    block_create(blocker=network.stranger, blocked=network.me)
    page = new_page(network.me, viewport={"width": 320, "height": 640})
    page.goto(reverse("who-could-see"))
    tab_to(page, page.get_by_role("button", name="Hide my face there"))
    page.keyboard.press("Enter")
    told = page.get_by_text("Your face is hidden there.")
    expect(told.locator("..")).to_be_focused()  # a keyboard stays where it was
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    away.refresh_from_db()
    assert [answer.answer for answer in away.authorizations.all()] == ["denied"]


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_who_asked_for_less_motion_sees_none(motion, new_page, network: Network):
    Photo.objects.filter(pk=network.waiting.pk).update(state=Photo.State.FINDING)
    page = new_page(network.me, viewport=DESK, reduced_motion=motion)
    page.goto(reverse("post", args=[network.waiting.post_id]))
    expect(page.locator("li[aria-current=step]")).to_have_text("finding faces")
    moving = page.evaluate("document.getAnimations().length")
    slow = "button => parseFloat(getComputedStyle(button).transitionDuration) > 0"
    lasting = page.evaluate(f"[...document.querySelectorAll('.button')].filter({slow}).length")
    assert (moving > 0, lasting > 0) == ((True, True) if motion == "no-preference" else (False, False))
