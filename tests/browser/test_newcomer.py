"""A newcomer from the landing page to the effect of a decision, each page offering the next step."""

from __future__ import annotations

import io
import re
import time

import numpy as np
import pytest
from django.core import mail
from PIL import Image
from playwright.sync_api import Page, expect

from faceaccess import pipeline
from photos.models import Photo
from tests.browser.test_first_minutes import CODE, DESKTOP, picture
from tests.faceaccess.conftest import shows
from tests.factories import PASSWORD, UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {"width": 360, "height": 740}
FIVE_MINUTES = 300  # s
ANSWER_THE_FIRST_LATE = """() => {
    const ask = window.fetch;
    window.fetch = (address, { signal, ...rest }) => new Promise((resolve) => {
        window.fetch = ask;
        window.answerTheFirst = async () => {
            resolve(await ask(address, rest));
            await new Promise((resolved) => setTimeout(resolved, 500)); // for what would be drawn
        };
    });
}"""


@pytest.fixture
def _engine_everywhere(engine, monkeypatch):
    """Squares for faces wherever one is looked at; what makes a good capture is tested with real ones."""
    for module in ("accounts.enrolment", "faceaccess.trying"):
        monkeypatch.setattr(f"{module}.get_engine", lambda: engine)
    whole = "accounts.enrolment.good_capture"
    monkeypatch.setattr(whole, lambda image, analysis: (analysis.faces[0], image))


def shows_nora(viewer: Page, photo: Photo) -> bool:
    """What this browser is really served: Nora's own face, or her stand-in."""
    answer = viewer.request.get(f"/photos/{photo.pk}/image/full")
    assert answer.status == 200
    return shows(np.asarray(Image.open(io.BytesIO(answer.body())).convert("RGB")), 0, 3)


@pytest.mark.usefixtures("_engine_everywhere")
def test_from_the_landing_page_to_the_effect_of_a_yes(new_page, engine):
    started = time.monotonic()
    frida = UserFactory(username="frida", display_name="Frida Fern")
    page, hers = new_page(viewport=PHONE), new_page(frida, viewport=DESKTOP)

    # look first: the tour, with the keyboard, and a try
    page.goto("/")
    page.get_by_role("link", name="Take the tour").click()
    page.wait_for_url("**/tour/**")  # keys before the page has loaded go nowhere
    for number in (2, 3, 4, 5):
        page.keyboard.press("ArrowRight")
        page.wait_for_url(f"**/tour/{number}/")
    page.get_by_role("button", name="Try it with a photo of yours").click()
    page.locator("#photo").set_input_files(picture())
    expect(page.get_by_text("Done: 3 stand-ins. Nothing was kept.")).to_be_visible()
    expect(page.get_by_role("link", name="Download")).to_have_attribute("href", re.compile("^blob:"))
    page.get_by_role("slider").focus()
    page.keyboard.press("Home")

    # sign up, with the code from the mail
    page.locator("main").get_by_role("link", name="Create an account").click()
    page.get_by_label("Handle").fill("nora")
    page.get_by_label("E-mail address").fill("nora@mail.example")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
    page.get_by_label("Code").fill(CODE.search(mail.outbox[-1].body)[1])
    page.get_by_role("button", name="Confirm").click()

    # enrol
    page.get_by_role("link", name=re.compile("Enrol your face")).click()
    page.get_by_label("I agree").check()
    page.get_by_label(re.compile("Choose pictures")).set_input_files(picture("me.png", 1))
    page.get_by_role("button", name="Enrol").click()
    expect(page.get_by_text("1 picture is enrolled.")).to_be_visible()

    # befriend
    page.get_by_role("link", name="Find people", exact=True).click()
    page.get_by_label("Search").first.fill("Frida")
    page.keyboard.press("Enter")
    page.locator("#found").get_by_role("button", name=re.compile("^Add friend")).click()
    hers.goto("/people/")
    hers.get_by_role("button", name=re.compile("^Accept")).first.click()

    # post, for friends
    expect(page.get_by_text("Frida Fern has your request.")).to_be_visible()
    page.get_by_role("link", name="Post a photo", exact=True).click()
    page.get_by_label(re.compile("Choose photos")).set_input_files(picture())
    page.get_by_label(re.compile("Caption")).fill("The three of us")
    page.locator("main").get_by_role("button", name="Post").click()
    expect(page.get_by_text("This photo is still being protected.")).to_be_visible()
    photo = Photo.objects.get()
    assert pipeline.protect(photo.pk)
    hers.goto("/")
    expect(hers.get_by_text("The three of us")).to_be_visible()
    assert not shows_nora(hers, photo), "she has not said yes"

    # approve, and see the effect
    page.get_by_role("link", name=re.compile("You are in this photo")).click()
    page.get_by_role("button", name=re.compile("^Show")).first.click()
    expect(page.locator("#your-face")).to_contain_text("approved")
    assert shows_nora(hers, photo)
    page.get_by_label("See it as").select_option("frida")
    page.get_by_role("button", name="See", exact=True).click()
    expect(page.get_by_text("You are seeing your own face as Frida Fern")).to_be_visible()
    page.goto("/tour/2/")
    expect(page.locator(f"main img[src*='{photo.pk}']")).to_be_visible()  # her own photo now
    page.get_by_role("button", name="Skip the tour").click()
    expect(page.get_by_text("The three of us")).to_be_visible()
    assert time.monotonic() - started < FIVE_MINUTES


@pytest.mark.usefixtures("_engine_everywhere")
def test_a_photo_chosen_before_the_script_is_there_is_tried(new_page):
    page = new_page(viewport=PHONE)
    held = []
    page.route("**/js/try*.js", lambda route: held.append(route))
    with page.expect_request("**/js/try*.js"):
        page.goto("/try/", wait_until="commit")
    page.locator("#photo").set_input_files(picture())
    held[0].continue_()
    expect(page.get_by_text("Done: 3 stand-ins. Nothing was kept.")).to_be_visible()

    # Another one chosen before the answer to the first: what comes late is not shown.
    page.evaluate(ANSWER_THE_FIRST_LATE)
    page.locator("#photo").set_input_files(picture())
    page.locator("#photo").set_input_files(picture("me.png", 1))
    expect(page.get_by_text("Done: one stand-in. Nothing was kept.")).to_be_visible()
    page.evaluate("answerTheFirst()")
    page.locator("#photo").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"a"})
    expect(page.get_by_text("a.txt is no picture, and was left out.")).to_be_visible()
    expect(page.get_by_text("Done: one stand-in. Nothing was kept.")).to_be_visible()
    shown = page.locator("[data-result] .after img")
    assert shown.evaluate("image => image.naturalWidth") == 320, "of one face, not of three"
