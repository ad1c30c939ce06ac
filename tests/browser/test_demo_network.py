"""Logs in as everybody in the demo network and measures, face by face, what the served pictures show."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from mfmc_engine import imaging
from mfmc_engine.engine import Engine
from mfmc_engine.types import Face
from socialnet import demo_network as demo
from socialnet.management.commands import demo_seed
from tests.browser.demo import SHOWN, RunningDemo, start_demo

pytestmark = pytest.mark.browser

SAME_PIXELS = 6.0  # mean absolute difference of the face's core that JPEG and rescaling explain, of 255
OTHER_PIXELS = 9.0  # ... that only another face explains
SAME_PERSON = 0.35  # dlib distance between a face and its own re-encoded copy
OTHER_PERSON = 0.6


@pytest.fixture(scope="session")
def running_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    running = start_demo(tmp_path_factory.mktemp("demo") / "var")
    yield running
    running.stop()


@pytest.fixture(scope="session")
def engine() -> Engine:
    return Engine()


@pytest.fixture(scope="session")
def posted(engine: Engine) -> dict[str, tuple[np.ndarray, list[Face]]]:
    """Every post's original picture and its faces from the left, made from the same bundled photo."""
    picture = imaging.decode(demo.bundled_photo())
    boxes = demo_seed.boxes_from_left(picture)
    found = {}
    for post in demo.POSTS:
        shown = demo_seed.post_picture(post, picture, boxes)
        faces = sorted(engine.analyze(shown).faces, key=lambda face: face.box[0] + face.box[2])
        assert len(faces) == len(post.faces), f"{post.key}: {len(faces)} faces"
        found[post.key] = (shown, faces)
    return found


def sign_in(browser: Browser, site: RunningDemo, handle: str) -> Page:
    """A window of theirs, on the feed. They sign in once: to look at a password is slow on purpose."""
    page = browser.new_context(base_url=site.url, storage_state=site.signed_in.get(handle)).new_page()
    if handle not in site.signed_in:
        page.goto("/accounts/login/")
        page.locator("input[name=login]").fill(handle)
        page.locator("input[name=password]").fill(demo.PASSWORD)
        page.locator("main button[type=submit]").first.click()
        expect(page.locator("main")).to_be_visible()
        site.signed_in[handle] = page.context.storage_state()
    page.goto("/")
    return page


def picture_of(page: Page, post: demo.DemoPost, size: str) -> np.ndarray | None:
    """The picture of a post as the feed serves it to whoever is signed in; None where the feed has no such post."""
    card = page.locator("article", has_text=post.caption)
    if card.count() == 0:
        return None
    source = card.locator("img[src*='/image/']").first.get_attribute("src")
    assert source is not None
    answer = page.request.get(re.sub(r"/image/\w+", f"/image/{size}", source, count=1))
    assert answer.status == 200
    assert "private" in answer.headers["cache-control"]
    return np.asarray(Image.open(io.BytesIO(answer.body())).convert("RGB"))


def faces_shown(
    engine: Engine, served: np.ndarray, original: np.ndarray, faces: list[Face], names: tuple[int, ...]
):
    """Which of ``names`` the served picture discloses. Anything between disclosed and replaced fails the test."""
    scale = served.shape[1] / original.shape[1]
    if scale != 1:
        served = np.asarray(Image.fromarray(served).resize(original.shape[1::-1], Image.Resampling.BICUBIC))
    shown = set()
    for face, name in zip(faces, names, strict=True):
        core = face.landmarks[17:68]  # brows, eyes, nose, mouth
        (x0, y0), (x1, y1) = core.min(0).astype(int), core.max(0).astype(int)
        difference = np.abs(served[y0:y1, x0:x1].astype(float) - original[y0:y1, x0:x1]).mean()
        distance = float(
            np.linalg.norm(engine.pack.recognizer.embed(served, face.landmarks[None])[0] - face.embedding)
        )
        if difference < SAME_PIXELS and distance < SAME_PERSON:
            shown.add(name)
        else:
            assert difference > OTHER_PIXELS, f"face {name}: neither shown nor replaced ({difference:.1f})"
            assert distance > OTHER_PERSON, f"face {name} would still be recognised ({distance:.2f})"
    return shown


@pytest.mark.parametrize("viewer", [person.handle for person in demo.PEOPLE])
def test_every_viewer_gets_exactly_the_faces_disclosed_to_them(viewer, browser, running_demo, engine, posted):
    page = sign_in(browser, running_demo, viewer)
    for post in demo.POSTS:
        served = picture_of(page, post, "full")
        expected = SHOWN[post.key].get(viewer)
        assert (served is None) == (expected is None), f"{viewer} and the post {post.key!r}"
        if served is not None:
            original, faces = posted[post.key]
            assert faces_shown(engine, served, original, faces, post.faces) == expected, (
                f"{post.key} for {viewer}"
            )


def test_viewers_of_one_photo_see_different_pictures_in_every_size(browser, running_demo):
    everyone = demo.POSTS[-1]
    pages = {viewer: sign_in(browser, running_demo, viewer) for viewer in ("mara", "ines", "clara", "rolf")}
    for size in ("thumb", "feed", "full"):
        pictures = [picture_of(page, everyone, size) for page in pages.values()]
        assert len({picture.tobytes() for picture in pictures}) == len(pictures), size


def test_the_feed_really_draws_the_picture_it_was_served(browser, running_demo):
    page = sign_in(browser, running_demo, "sam")
    image = page.locator("article", has_text=demo.POSTS[-1].caption).locator("img[src*='/image/']").first
    image.scroll_into_view_if_needed()
    page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=image.element_handle())


def test_an_anonymous_visitor_gets_no_photo(browser, running_demo):
    member = sign_in(browser, running_demo, "sam")
    source = member.locator("img[src*='/image/']").first.get_attribute("src")
    visitor = browser.new_context(base_url=running_demo.url).new_page()
    visitor.goto("/")
    assert visitor.locator("img[src*='/photos/']").count() == 0
    answer = visitor.request.get(source, max_redirects=0)
    assert answer.status in (302, 403, 404)
    assert not answer.headers.get("content-type", "").startswith("image/")


def test_taking_an_approval_back_takes_effect_in_the_next_request(browser, running_demo, engine, posted):
    everyone = demo.POSTS[-1]
    original, faces = posted[everyone.key]
    ines, sam = (sign_in(browser, running_demo, viewer) for viewer in ("ines", "sam"))
    assert 1 in faces_shown(engine, picture_of(sam, everyone, "full"), original, faces, everyone.faces)

    ines.locator("article", has_text=everyone.caption).locator("a[href^='/photos/']").first.click()
    ines.get_by_role("button", name="Hide").first.click()
    expect(ines.locator("main")).to_contain_text("hidden")
    assert 1 not in faces_shown(engine, picture_of(sam, everyone, "full"), original, faces, everyone.faces)

    ines.get_by_role("button", name="Show").first.click()
    expect(ines.locator("main")).to_contain_text("shown")
    assert 1 in faces_shown(engine, picture_of(sam, everyone, "full"), original, faces, everyone.faces)
