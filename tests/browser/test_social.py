"""Clicking through what people do with posts, at a phone's and at a desk's size."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from community import services
from faceaccess import services as faces
from photos.models import Audience, Photo, Post
from tests.faceaccess.conftest import engine, face_of, person, posted, shows  # noqa: F401  a fixture, and helpers
from tests.factories import PhotoFactory, UserFactory, befriend, file_bytes, picture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DROP = """() => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File(["x"], "dropped.png", { type: "image/png" }));
    const event = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
    document.querySelector(".drop > input").dispatchEvent(event);
}"""
LOSE_THE_ANSWER = """() => {
    const open = XMLHttpRequest.prototype.open;
    XMLHttpRequest.prototype.open = function (...where) {
        XMLHttpRequest.prototype.open = open;
        this.addEventListener("load", (event) => {
            event.stopImmediatePropagation();
            this.dispatchEvent(new ProgressEvent("error"));
        });
        open.apply(this, where);
    };
}"""
# What of an open menu a pointer does not reach, because something else lies over it.
COVERED = """menu => {
    menu.scrollIntoView({ block: "center" });
    return [...menu.querySelectorAll(".menu-sheet a, .menu-sheet button")].filter((item) => {
        const box = item.getBoundingClientRect();
        const places = [0.1, 0.5, 0.9].map((share) => [box.x + box.width * share, box.y + box.height / 2]);
        return !places.every(([x, y]) => item.contains(document.elementFromPoint(x, y)));
    }).map((item) => item.textContent);
}"""
SIZES = [{"width": 360, "height": 740}, {"width": 1280, "height": 860}]


@pytest.fixture(params=SIZES, ids=["phone", "desk"])
def screen(request) -> dict[str, int]:
    return request.param


def test_a_like_a_comment_and_what_its_author_hears(new_page, engine, screen):  # noqa: F811
    author = UserFactory(display_name="Anna Author")
    fan = UserFactory(display_name="Fred Fan")
    befriend(author, fan)
    photo = posted(author)
    page = new_page(fan, viewport=screen)
    page.goto("/")
    like = page.get_by_role("button", name="Like", exact=True)
    like.click()
    expect(page.locator(f"#like-{photo.post_id}")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(f"#like-{photo.post_id}")).to_be_focused()  # a keyboard stays where it was
    expect(page.locator(".reaction-count")).to_contain_text("1")
    page.goto(f"/photos/{photo.pk}/")
    page.get_by_label("Your comment").fill("What a #night, @nobody <b>")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".comment")).to_contain_text("What a #night, @nobody <b>")
    expect(page.locator(".comment a.hashtag")).to_have_text("#night")
    expect(page.get_by_label("Your comment")).to_be_focused()
    expect(page.get_by_role("status").filter(has_text="Your comment is there.")).to_be_attached()
    page.keyboard.type("More of it")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".comment")).to_have_count(2)
    menu = page.locator(".comment .menu").first
    menu.locator("summary").click()
    expect(menu.get_by_role("link", name="Edit")).to_be_visible()
    assert menu.evaluate(COVERED) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= screen["width"]

    theirs = new_page(author, viewport=screen)
    theirs.goto("/")
    theirs.get_by_role("link", name=re.compile("^Notifications")).click()
    expect(theirs.locator(".notice")).to_have_count(3)  # the friendship too
    expect(theirs.locator(".notice").first).to_contain_text("Fred Fan commented on your photo.")
    expect(theirs.locator(".bell .badge")).to_have_count(0)


def test_the_lightbox_opens_closes_and_gives_the_focus_back(new_page, engine, screen):  # noqa: F811
    author = person(0, "authorization")
    photo = posted(author)
    page = new_page(author, viewport=screen)
    page.goto(f"/photos/{photo.pk}/")
    opener = page.get_by_role("link", name="Full size")
    opener.focus()
    page.keyboard.press("Enter")
    box = page.get_by_role("dialog")
    expect(box).to_be_visible()
    expect(box.get_by_role("button", name="Close")).to_be_focused()
    expect(box.locator("img")).to_be_visible()
    page.keyboard.press("Escape")
    expect(box).to_have_count(0)
    expect(opener).to_be_focused()
    page.get_by_text("See your stand-in").click()
    slider = page.get_by_role("slider")
    slider.focus()
    page.keyboard.press("Home")
    assert page.locator(".before-after").evaluate("pair => pair.style.getPropertyValue('--at')") == "0%"


def test_arrows_lead_through_the_photos_of_a_post(new_page, engine, screen):  # noqa: F811
    author = UserFactory()
    first = posted(author)
    second = posted(author, post=first.post, position=1)
    page = new_page(author, viewport=screen)
    page.goto(f"/photos/{first.pk}/")
    page.keyboard.press("ArrowRight")
    page.wait_for_url(re.compile(str(second.pk)))
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(re.compile(str(first.pk)))
    page.get_by_role("link", name="Full size").click()
    page.keyboard.press("ArrowRight")  # within the lightbox, not to the next page
    expect(page.get_by_role("dialog").locator("img")).to_have_attribute("src", re.compile(str(second.pk)))
    assert str(first.pk) in page.url


def test_photos_are_dropped_described_sent_and_followed(new_page, screen, db):
    author = UserFactory()
    page = new_page(author, viewport=screen)
    page.goto("/post/new")
    files = [
        {"name": f"{name}.png", "mimeType": "image/png", "buffer": file_bytes(picture(seed=seed))}
        for seed, name in enumerate(("lake", "hill"))
    ]
    page.set_input_files("input[type=file]", files)
    expect(page.locator("[data-list] > li")).to_have_count(2)
    page.evaluate(DROP)
    expect(page.locator("[data-list] > li")).to_have_count(3)
    page.get_by_role("button", name="Leave out: dropped.png").click()
    expect(page.locator("[data-list] > li")).to_have_count(2)
    page.locator("input[name=alt_texts]").first.fill("A lake")
    page.get_by_label("Caption").fill("Two")
    page.evaluate(LOSE_THE_ANSWER)
    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.locator("[data-told]")).to_contain_text("sending again does not post it twice")
    assert Post.objects.exists()
    page.context.clear_cookies(name="messages")  # lost too
    page.get_by_role("button", name="Send again").click()
    page.wait_for_url(re.compile("/posts/"))
    expect(page.locator(".steps")).to_have_count(2)
    menu = page.locator("article .menu")
    menu.locator("summary").click()
    expect(menu.get_by_role("link", name="Delete")).to_be_visible()
    assert menu.evaluate(COVERED) == []
    expect(page.get_by_text("Posted. You will see it as everybody does")).to_be_visible()
    post = Post.objects.get()
    assert [photo.alt_text for photo in post.photos.all()] == ["A lake", ""]


def test_a_refused_photo_can_be_exchanged_and_sent_again(new_page, screen, db, settings):
    settings.PHOTO_MAX_BYTES, settings.PHOTOS_PER_POST = 2**20, 2

    def file(name: str, kind: str = "image/png", content: bytes = b"no picture") -> dict[str, object]:
        return {"name": name, "mimeType": kind, "buffer": content}

    page = new_page(UserFactory(), viewport=screen)
    page.goto("/post/new")
    left_out, chosen = page.locator("[data-left-out]"), page.locator("[data-list] > li")
    unfit = [
        file("a.pdf", "application/pdf"),
        file("b.png", content=b""),
        file("c.png", content=bytes(2**20 + 1)),
    ]
    page.set_input_files("input[type=file]", [*unfit, file("x.png")])
    said = ["a.pdf is no picture,", "b.png is empty,", "c.png is larger than 1 MB,"]
    for sentence in said:
        expect(left_out).to_contain_text(f"{sentence} and was left out.")
    page.set_input_files("input[type=file]", [file(f"{name}.png") for name in ("y", "z", "w")])
    expect(left_out).to_have_text("At most 2 photos fit in one post. Left out: z.png, w.png.")
    page.get_by_role("button", name="Leave out: y.png").click()
    expect(chosen).to_have_count(1)
    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.locator("[data-told]")).to_contain_text("x.png:")
    expect(page.locator(".upload-step")).to_contain_text("failed")
    expect(page.get_by_role("button", name="Send again")).to_be_enabled()
    assert not Post.objects.exists()


def test_the_feed_goes_on_while_it_is_scrolled(new_page, engine, screen, monkeypatch):  # noqa: F811
    monkeypatch.setattr("faceaccess.views_photos.POSTS_A_PAGE", 3)
    author = UserFactory()
    for _ in range(7):
        services.like_set(post=posted(author, 1, Audience.MEMBERS).post, by=author)
    page = new_page(author, viewport=screen)
    page.goto("/")
    for number in (6, 7):
        page.mouse.wheel(0, 10_000)
        expect(page.locator("article")).to_have_count(number)
    expect(page.get_by_role("link", name="Older posts")).to_have_count(0)
    assert len({article.get_attribute("id") for article in page.locator("article").all()}) == 7


def test_photos_are_put_in_order_with_the_keyboard_or_by_dragging(new_page, screen, db):
    page = new_page(UserFactory(), viewport=screen)
    page.goto("/post/new")
    names = ("lake", "hill", "town")
    files = [
        {"name": f"{name}.png", "mimeType": "image/png", "buffer": file_bytes(picture(seed=seed))}
        for seed, name in enumerate(names)
    ]
    page.set_input_files("input[type=file]", files)
    for name in names:
        page.get_by_label(f"What is on photo {name}.png?").fill(name)
    shown = "[...document.querySelectorAll('.previews img')].map(image => image.alt.split('.')[0])"

    page.get_by_role("button", name="Move down: lake.png").focus()
    page.keyboard.press("Enter")
    assert page.evaluate(shown) == ["hill", "lake", "town"]
    expect(page.get_by_role("status").filter(has_text="lake.png is now photo 2 of 3.")).to_be_attached()
    expect(page.get_by_role("button", name="Move down: lake.png")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate(shown) == ["hill", "town", "lake"]
    expect(page.get_by_role("button", name="Move down: lake.png")).to_be_disabled()
    expect(page.get_by_role("button", name="Move up: lake.png")).to_be_focused()

    page.locator(".previews img").last.scroll_into_view_if_needed()
    start, end = (page.locator(".previews img").nth(at).bounding_box() for at in (2, 0))
    page.mouse.move(start["x"] + 40, start["y"] + 40)
    page.mouse.down()
    page.mouse.move(end["x"] + 40, end["y"] + 10, steps=6)
    page.mouse.up()
    assert page.evaluate(shown) == ["lake", "hill", "town"]

    page.get_by_role("button", name="Move up: town.png").click()
    page.get_by_role("button", name="Post", exact=True).click()
    page.wait_for_url(re.compile("/posts/"))
    assert [photo.alt_text for photo in Post.objects.get().photos.all()] == ["lake", "town", "hill"]


def test_the_feed_goes_on_without_scripts(new_page, engine, screen, monkeypatch):  # noqa: F811
    monkeypatch.setattr("faceaccess.views_photos.POSTS_A_PAGE", 3)
    author = UserFactory()
    for _ in range(7):
        posted(author, 1, Audience.MEMBERS)
    page = new_page(author, viewport=screen, java_script_enabled=False)
    page.goto("/")
    seen = []
    for number in (3, 3, 1):
        expect(page.locator("article")).to_have_count(number)
        seen += [article.get_attribute("id") for article in page.locator("article").all()]
        if len(seen) < 7:
            page.get_by_role("link", name="Older posts").click()
    assert len(set(seen)) == 7
    expect(page.get_by_role("link", name="Older posts")).to_have_count(0)


def test_what_did_not_work_is_said(new_page, engine, settings):  # noqa: F811
    author = UserFactory()
    photo = posted(author)
    page = new_page(author, viewport=SIZES[0], may_complain=True)
    page.goto("/")
    like = page.get_by_role("button", name="Like", exact=True)
    page.context.set_offline(True)
    like.click()
    expect(page.get_by_role("alert")).to_contain_text("That did not work, and nothing was changed.")
    page.context.set_offline(False)
    page.get_by_role("button", name="Bookmark").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"reaction": (0, 600)}
    like.click()
    expect(page.get_by_role("alert")).to_contain_text("Try it again in 10 minutes.")
    expect(page.locator(f"#like-{photo.post_id}")).to_have_attribute("aria-pressed", "false")
    page.goto("/post/new")
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"upload": (0, 600)}
    page.set_input_files("input[type=file]", {"name": "x.png", "mimeType": "image/png", "buffer": b"x"})
    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.locator("[data-told]")).to_contain_text("Try it again in 10 minutes.")

    page.goto(f"/photos/{photo.pk}/")
    page.get_by_label("Your comment").fill("A long thought")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_contain_text("You were signed out, so nothing was changed.")
    expect(page.get_by_label("Your comment")).to_have_value("A long thought")
    expect(page.get_by_role("heading", name="Sign in")).to_have_count(0)


def test_a_page_that_waits_for_a_photo_is_quiet_and_turns_into_that_of_the_photo(new_page, engine):  # noqa: F811
    author = person(0, "authorization")
    ready, gone = posted(author), PhotoFactory(author=author, state=Photo.State.WAITING)
    Photo.objects.filter(pk=ready.pk).update(state=Photo.State.PROTECTING)
    page = new_page(author, viewport=SIZES[1], may_complain=True)
    page.goto(f"/posts/{gone.post_id}/")
    page.context.set_offline(True)
    page.wait_for_event("requestfailed", lambda request: request.url.endswith("/status"))
    page.context.set_offline(False)
    page.wait_for_event("requestfinished", lambda request: request.url.endswith("/status"))
    expect(page.get_by_role("alert")).to_have_count(0)
    gone.delete()
    expect(page.get_by_text("This photo is not there any more.")).to_be_visible()
    expect(page.locator("[hx-trigger^=every]")).to_have_count(0)

    page.goto(f"/photos/{ready.pk}/")
    expect(page.get_by_text("This photo is still being protected.")).to_be_visible()
    page.get_by_label("Your comment").fill("A long thought")
    Photo.objects.filter(pk=ready.pk).update(state=Photo.State.READY)
    page.wait_for_event("requestfinished", lambda request: request.url.endswith("/status"))
    expect(page.get_by_label("Your comment")).to_have_value("A long thought")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="Faces you can act on")).to_be_visible()
    expect(page.locator(".comment")).to_contain_text("A long thought")


def go_back(page, address: str) -> None:
    """Not page.go_back, which waits for a load that a kept page does not have."""
    page.evaluate("setTimeout(() => history.back())")
    page.wait_for_url(f"**{address}", wait_until="commit")


@pytest.mark.parametrize("keeps_pages", [False, True], ids=["asked for", "kept"])
def test_going_back_shows_what_may_be_seen_now_and_a_form_that_works(new_page, engine, keeps_pages):  # noqa: F811
    owner, viewer = person(0, "authorization"), person(display_name="Vera Viewer")
    photo = posted(person())
    region, place = face_of(photo, owner), f"/photos/{photo.pk}/"
    faces.authorization_answer(region=region, by=owner, answer="approved")
    page = new_page(viewer, keeps_pages=keeps_pages, viewport=SIZES[1])
    page.add_init_script(
        "addEventListener('pageshow', (event) => { if (event.persisted) sessionStorage.kept = 1; })"
    )
    shown = page.locator(".canvas > .photo")

    def look() -> bool:
        expect(shown).to_be_visible()
        page.wait_for_function("image => image.complete && image.naturalWidth", arg=shown.element_handle())
        return shows(np.asarray(Image.open(io.BytesIO(shown.screenshot())).convert("RGB")), 0)

    page.goto(place)
    assert look()
    page.goto("/people/")
    page.locator("#q").fill("nobody")
    page.wait_for_url("**/people/?q=nobody")
    go_back(page, "/people/")
    expect(page.locator("#q")).to_have_value("")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    faces.authorization_answer(region=region, by=owner, answer="denied")
    go_back(page, place)
    assert not look()
    assert page.evaluate("'kept' in sessionStorage") is keeps_pages

    page.goto("/post/new")
    for number in (1, 2):
        files = {"name": "x.png", "mimeType": "image/png", "buffer": file_bytes(picture(seed=number))}
        page.set_input_files("input[type=file]", files)
        page.get_by_role("button", name="Post", exact=True).click()
        page.wait_for_url(re.compile("/posts/"))
        assert viewer.posts.count() == number
        go_back(page, "/post/new")
        expect(page.get_by_role("button", name="Post", exact=True)).to_be_enabled()

    page.get_by_label("Account menu").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Create an account")).to_be_visible()
    go_back(page, "/accounts/login/?next=/post/new")
    assert "Vera" not in page.content()
