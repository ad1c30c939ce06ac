"""A newcomer's first minutes in a real browser, and what must hold with and without scripts, small and wide."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from playwright.sync_api import expect

from accounts.models import User
from community.services import comment_create
from faceaccess import pipeline
from photos.models import Photo
from tests.faceaccess.conftest import person, posted
from tests.faceaccess.engine import group_photo
from tests.factories import PASSWORD, file_bytes

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {"width": 320, "height": 640}
DESKTOP = {"width": 1280, "height": 800}
CODE = re.compile(r"^([A-Z0-9]{3,}-?[A-Z0-9]{3,})$", re.MULTILINE)  # in the mail that confirms an address


def picture(name: str = "party.png", faces: int = 3) -> dict[str, object]:
    return {"name": name, "mimeType": "image/png", "buffer": file_bytes(group_photo(faces, scale=4))}


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_sign_up_look_at_enrolment_post_and_see_the_photo_come(viewport, new_page, engine):
    page = new_page(viewport=viewport)
    page.goto("/")
    page.get_by_role("link", name="Create an account").click()
    page.get_by_label("Handle").fill("Nora")
    page.get_by_label("E-mail address").fill("nora@mail.example")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
    page.get_by_label("Code").fill(CODE.search(mail.outbox[-1].body)[1])
    page.get_by_role("button", name="Confirm").click()

    page.get_by_role("link", name=re.compile("Enrol your face")).click()
    enrol = page.get_by_role("button", name="Enrol")
    expect(enrol).to_be_disabled()
    page.get_by_label("I agree").check()
    expect(enrol).to_be_enabled()

    page.goto("/post/new")
    page.get_by_label(re.compile("Choose photos")).set_input_files(
        [picture("one.png"), picture("two.png", 2)]
    )
    previews = page.locator(".previews img")
    expect(previews).to_have_count(2)
    expect(previews.first).to_have_attribute("src", re.compile("^blob:"))
    page.get_by_role("button", name="Leave out: two.png").click()
    page.get_by_label("What is on photo one.png?").fill("Three squares")
    page.get_by_label(re.compile("Caption")).fill("My first")
    page.locator("main").get_by_role("button", name="Post").click()

    expect(page.get_by_text("This photo is still being protected.")).to_be_visible()
    assert page.locator("main img").count() == 0
    photo = Photo.objects.get()
    assert photo.alt_text == "Three squares"
    Photo.objects.update(state=Photo.State.PROTECTING)
    expect(page.locator("li[aria-current=step]")).to_have_text("protecting")  # by itself, without a reload
    Photo.objects.update(state=Photo.State.WAITING)
    assert pipeline.protect(photo.pk)
    image = page.locator("main img")
    expect(image).to_have_attribute("alt", "Three squares")
    page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=image.element_handle())
    expect(page.get_by_text("Some faces are stand-ins.")).to_be_visible()


def test_posting_and_deciding_work_without_scripts(new_page, engine):
    owner = person(0, "authorization")
    photo = posted(person(), 3, image=group_photo(3, scale=4))
    page = new_page(owner, java_script_enabled=False)
    page.goto("/face/inbox")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("Your face is shown to everyone")).to_be_visible()
    page.goto(f"/photos/{photo.pk}/")
    page.get_by_role("button", name="Hide here").click()
    expect(page.locator("#your-face")).to_contain_text("You keep your face hidden")
    page.goto("/post/new")
    page.get_by_label(re.compile("Choose photos")).set_input_files([picture()])
    page.get_by_label("What is on the first photo?").fill("Squares")
    page.locator("main").get_by_role("button", name="Post").click()
    expect(page.get_by_text("This photo is still being protected.")).to_be_visible()
    assert Photo.objects.get(post__author=owner).alt_text == "Squares"


def test_the_chip_stands_by_ones_own_face_on_pointing_and_on_keyboard_focus(new_page, engine):
    owner = person(0, "authorization")
    photo = posted(owner, 3, image=group_photo(3, scale=4))
    page = new_page(owner, viewport=DESKTOP)
    page.goto(f"/photos/{photo.pk}/")
    chip, outline = page.locator("#own-chip"), page.locator(".outline.own")
    expect(chip).to_have_css("opacity", "0")
    expect(outline.locator("rect")).to_have_css("opacity", "0")
    page.locator(".canvas").hover(position={"x": 3, "y": 3})
    expect(outline.locator("rect")).to_have_css("opacity", "0.9")
    expect(chip).to_have_css("opacity", "0")
    outline.hover()
    expect(chip).to_have_css("opacity", "1")
    expect(chip).to_have_text("You — hidden")
    page.mouse.move(5, 5)
    expect(chip).to_have_css("opacity", "0")
    outline.focus()
    expect(chip).to_have_css("opacity", "1")
    frame, placed = page.locator(".canvas").bounding_box(), chip.bounding_box()
    assert frame["x"] <= placed["x"]
    assert placed["x"] + placed["width"] <= frame["x"] + frame["width"]


@pytest.fixture
def member(engine) -> User:
    owner = person(0, "authorization")
    posted(owner, 3, image=group_photo(3, scale=4))
    return owner


PLACES = (
    "/",
    "/people/",
    "/circles/",
    "/settings/",
    "/settings/picture",
    "/settings/export",
    "/settings/delete",
    "/accounts/2fa/",
    "/accounts/sessions/",
    "/face/",
    "/face/enrol",
    "/face/inbox",
    "/face/rules",
    "/post/new",
)


def test_nothing_is_wider_than_a_small_phone_and_everything_is_big_enough_to_press(new_page, member):
    page = new_page(member, viewport=PHONE)
    for place in (*PLACES, f"/photos/{Photo.objects.get().pk}/"):
        page.goto(place)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], place
        small = page.evaluate(
            """() => [...document.querySelectorAll("button, summary, select, input, a.button, nav a")]
                .filter(e => e.checkVisibility() && !e.closest("label, svg"))
                .map(e => [e.outerHTML.slice(0, 80), e.getBoundingClientRect()])
                .filter(([, box]) => box.height < 44 || box.width < 44)
                .map(([html, box]) => `${html} ${box.width}x${box.height}`)"""
        )
        assert small == [], place


def test_no_photo_moves_the_page_when_it_arrives(new_page, member):
    page = new_page(member, viewport=DESKTOP)
    page.add_init_script(
        "window.shift = 0;"
        "new PerformanceObserver(list => list.getEntries().forEach(entry => { window.shift += entry.value; }))"
        ".observe({type: 'layout-shift', buffered: true});"
    )
    page.goto("/")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.shift") < 0.01


def test_every_menu_opens_inside_the_window(new_page, member):
    friend = person(display_name="A Friend")
    photo = Photo.objects.get()
    comment_create(post=photo.post, author=friend, body="Well")
    page = new_page(member, viewport=PHONE)
    opened = 0
    for place in ("/", f"/photos/{photo.pk}/", f"/people/{friend.username}/"):
        page.goto(place)
        for menu in page.locator("details[data-menu] > summary").all():
            menu.click()
            sheet = page.locator("details[data-menu][open] .menu-sheet")
            box = sheet.bounding_box()
            assert box["x"] >= 0, place
            assert box["x"] + box["width"] <= PHONE["width"], place
            page.keyboard.press("Escape")
            opened += 1
    assert opened >= 6
