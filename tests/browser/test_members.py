"""Accounts and enrolment in a real browser: with a camera, without one, at phone and desktop size."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core import mail
from django.test import Client
from playwright.sync_api import BrowserType, Page, expect

from accounts import exporting
from accounts.models import DataExport, FaceCapture, User
from faceaccess.models import FaceRegion
from tests.browser.camera import film
from tests.browser.conftest import CHROMIUM, PATIENCE, QUIET
from tests.faceaccess.conftest import person, posted
from tests.faceaccess.engine import group_photo
from tests.factories import PASSWORD, UserFactory, file_bytes

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1280, "height": 800}
CODE = re.compile(r"^([A-Z0-9]{3,}-?[A-Z0-9]{3,})$", re.MULTILINE)


@pytest.fixture
def camera_page(browser_type: BrowserType, live_server, real_engine, six_people: Path, tmp_path: Path):
    """A page of a browser whose camera shows the film, signed in as somebody new. The networks are loaded already."""
    pretend = f"--use-file-for-fake-video-capture={film(six_people, tmp_path / 'face.mjpeg')}"
    devices = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", pretend]
    browser = browser_type.launch(executable_path=CHROMIUM, args=[*QUIET, *devices])
    context = browser.new_context(base_url=live_server.url, viewport=PHONE)
    context.set_default_timeout(4 * PATIENCE)  # the real engine looks at the frames
    complaints: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: complaints.append(message.text) if "Security Policy" in message.text else None,
    )
    sign_in(page, UserFactory(username="nora"))
    yield page
    context.close()
    browser.close()
    assert complaints == []


def sign_in(page: Page, user: User) -> None:
    client = Client()
    client.force_login(user)
    cookie = client.cookies["sessionid"]
    base = page.context._impl_obj._options["baseURL"]
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": base}])


def test_enrolling_with_the_camera_takes_each_pose_as_soon_as_it_is_good(camera_page):
    page = camera_page
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.goto("/face/enrol")
    start = page.get_by_role("button", name="Start the camera")
    expect(start).to_be_disabled()
    page.get_by_label("I agree").check()
    assert sent == [], "nothing leaves the page before the consent"
    start.click()
    hint, steps = page.locator(".camera-hint"), page.locator(".camera-steps li")
    for _ in range(
        2
    ):  # frames were looked at: the film never looks straight, so it stays at this step by itself
        with page.expect_response("**/face/check") as looked:
            pass
        assert looked.value.json().get("good") is not True
    expect(steps.nth(0)).to_have_attribute("aria-current", "step")
    expect(page.locator(".previews img")).to_have_count(0)
    page.get_by_role("button", name="Take it now").click()
    expect(steps.nth(0)).to_have_class(re.compile("taken"))
    # Left and right by themselves: how soon is the engine's business, and this machine's.
    expect(hint).to_have_text("That is all. Look at the pictures, then enrol.", timeout=180_000)
    expect(page.locator(".previews img")).to_have_count(3)
    assert page.evaluate("document.querySelector('video').srcObject") is None, "the camera is off"
    page.get_by_role("button", name="Enrol").click()
    expect(page.get_by_text("3 pictures are enrolled.")).to_be_visible(timeout=180_000)
    assert FaceCapture.objects.in_force().filter(user__username="nora").count() == 3
    assert all(url.endswith(("/face/check", "/face/enrol")) for url in sent), sent


def test_taking_the_consent_back_stops_the_camera(camera_page):
    page = camera_page
    page.goto("/face/enrol")
    page.get_by_label("I agree").check()
    page.get_by_role("button", name="Start the camera").click()
    expect(page.get_by_role("button", name="Stop the camera")).to_be_visible()
    page.get_by_label("I agree").uncheck()
    expect(page.get_by_role("button", name="Start the camera")).to_be_disabled()
    assert page.evaluate("document.querySelector('video').srcObject") is None


def test_without_scripts_there_is_no_camera_and_pictures_can_be_chosen(new_page):
    page = new_page(UserFactory(), viewport=PHONE, java_script_enabled=False)
    page.goto("/face/enrol")
    expect(page.get_by_role("button", name="Start the camera")).to_be_hidden()
    expect(page.get_by_label(re.compile("Choose pictures"))).to_be_visible()
    expect(page.get_by_role("button", name="Enrol")).to_be_enabled()


def test_a_camera_that_is_refused_leaves_choosing_pictures(new_page):
    page = new_page(UserFactory(), viewport=PHONE, permissions=[])
    page.add_init_script("navigator.mediaDevices.getUserMedia = () => Promise.reject(new Error('no'));")
    page.goto("/face/enrol")
    page.get_by_label("I agree").check()
    page.get_by_role("button", name="Start the camera").click()
    expect(page.get_by_text("Choose pictures instead")).to_be_visible()


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_sign_up_confirm_switch_two_factor_on_and_sign_in_with_it(viewport, new_page):
    from tests.accounts.test_two_factor import code_of

    page = new_page(viewport=viewport)
    page.goto("/")
    page.get_by_role("link", name="Create an account").click()
    page.get_by_label("Handle").fill("nora")
    page.get_by_label("E-mail address").fill("nora@mail.example")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    page.get_by_label("Code").fill(CODE.search(mail.outbox[-1].body)[1])
    page.get_by_role("button", name="Confirm").click()

    page.goto("/circles/")
    expect(page.get_by_role("heading", name="Family")).to_be_visible()
    expect(page.get_by_role("heading", name="Close friends")).to_be_visible()

    page.goto("/settings/")
    page.get_by_role("link", name=re.compile("Two-factor")).click()
    page.get_by_role("link", name="Switch on").click()
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("svg.qr")).to_be_visible()
    page.get_by_text("I cannot scan it").click()
    secret = page.locator("#authenticator_secret").text_content()
    page.get_by_label("Authenticator code").fill(code_of(secret))
    page.get_by_role("button", name="Switch on").click()
    expect(page.locator(".codes li")).to_have_count(10)
    code = page.locator(".codes li").first.text_content()

    page.get_by_label("Account menu").click()
    page.get_by_role("button", name="Sign out").click()
    page.goto("/accounts/login/")
    page.get_by_label("Handle or e-mail address").fill("nora")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Sign in").click()
    page.goto("/accounts/sessions/")
    expect(page.get_by_text("This one")).to_be_visible()


def test_a_file_is_asked_for_made_and_fetched(new_page, engine, tmp_path):
    owner = person(0, "authorization")
    posted(owner)
    page = new_page(owner, viewport=PHONE)
    page.goto("/settings/export")
    page.get_by_role("button", name="Put it together").click()
    expect(page.get_by_text("It waits for its turn.")).to_be_visible()
    assert exporting.export_build(DataExport.objects.get().pk)
    link = page.get_by_role("link", name="Download")  # by itself, without a reload
    with page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename.endswith(".zip")


def test_a_profile_picture_a_mute_and_a_report(new_page, engine):
    mara, theo, vera = person(0), person(username="theo", display_name="Theo"), person(is_staff=True)
    photo = posted(theo, image=group_photo(3, scale=4))
    page = new_page(mara, viewport=PHONE)
    page.goto("/settings/picture")
    page.get_by_label("Picture").set_input_files(
        {"name": "me.png", "mimeType": "image/png", "buffer": file_bytes(group_photo(1, scale=4))}
    )
    page.get_by_role("button", name="Use this picture").click()
    expect(page.get_by_text("Your picture is being protected.").first).to_be_visible()
    assert not FaceRegion.objects.filter(photo=User.objects.get(pk=mara.pk).avatar).exists()

    page.goto("/people/theo/")
    page.get_by_label("More about Theo").click()
    page.get_by_role("button", name=re.compile("^Mute")).click()
    expect(page.get_by_text("stay out of your feed. They are not told.")).to_be_visible()
    page.goto(f"/photos/{photo.pk}/")
    page.get_by_role("link", name="Report this photo").click()
    page.get_by_label("It shows a face that should be hidden").check()
    page.get_by_role("button", name="Report").click()
    expect(page.get_by_text("Nobody else is told")).to_be_visible()

    desk = new_page(vera, viewport=DESKTOP)
    desk.goto("/")
    desk.get_by_label("Account menu").click()
    desk.get_by_role("link", name="Moderation").click()
    picture = desk.locator(".case img")
    desk.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=picture.element_handle())
    desk.get_by_role("button", name="Take down").click()
    expect(desk.get_by_text("Taken down. It can be put back from the log.")).to_be_visible()


def test_leaving_asks_for_the_password_and_says_good_bye(new_page):
    owner = UserFactory()
    page = new_page(owner, viewport=PHONE)
    page.goto("/settings/")
    page.get_by_role("link", name=re.compile("Delete your account")).click()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_label(re.compile("Delete my account and everything")).check()
    page.get_by_role("button", name="Delete my account").click()
    expect(page.get_by_text("Good-bye!")).to_be_visible()
    assert not User.objects.exists()
