"""Marking a missed face in the photo: with two clicks, by dragging, with a finger."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.faceaccess.conftest import person, posted
from tests.faceaccess.engine import box_of, group_photo

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SCALE = 4


def test_two_clicks_in_the_photo_fill_in_the_numbers_and_one_press_hides_the_face(new_page, engine):
    engine.missed = {2}
    photo = posted(person(), 3, image=group_photo(3, SCALE))
    page = new_page(person(), viewport={"width": 1280, "height": 800})
    page.goto(f"/photos/{photo.pk}/")
    page.get_by_text("Mark a face").click()
    frame = page.locator(".outlines").bounding_box()
    x0, y0, x1, y1 = (edge * SCALE for edge in box_of(2))
    zoom = frame["width"] / photo.width
    for x, y in ((x1, y1), (x0, y0)):  # any two opposite corners
        page.mouse.click(frame["x"] + x * zoom, frame["y"] + y * zoom)
    assert float(page.get_by_label("From the left").input_value()) == pytest.approx(x0, abs=3)
    assert float(page.get_by_label("Width").input_value()) == pytest.approx(x1 - x0, abs=4)
    page.get_by_role("button", name="Hide this face").click()
    expect(page.get_by_text(re.compile("hidden from everybody, from now on"))).to_be_visible()
    assert photo.regions.get(source="marked").box == pytest.approx([x0, y0, x1, y1], abs=5)


@pytest.mark.parametrize("how", ["mouse", "finger"])
def test_a_box_is_dragged_around_the_face(new_page, engine, how):
    engine.missed = {2}
    photo = posted(person(), 3, image=group_photo(3, SCALE))
    screen = {"mouse": {"width": 1280, "height": 800}, "finger": {"width": 360, "height": 740}}[how]
    page = new_page(person(), viewport=screen, has_touch=how == "finger")
    page.goto(f"/photos/{photo.pk}/")
    page.get_by_text("Mark a face").click()
    expect(page.get_by_text("Drag a box around the head, or click two opposite corners.")).to_be_in_viewport()
    expect(page.locator("[data-canvas]")).to_be_in_viewport(ratio=1)
    page.evaluate("document.querySelector('#mark-x').value = 7")  # by hand, before
    frame = page.locator(".outlines").bounding_box()
    zoom = frame["width"] / photo.width
    x0, y0, x1, y1 = (edge * SCALE for edge in box_of(2))
    pointer = page.mouse if how == "mouse" else Finger(page)

    def move(*place: float) -> None:
        pointer.move(frame["x"] + place[0] * zoom, frame["y"] + place[1] * zoom)

    def numbers() -> list[str]:
        page.evaluate("new Promise(requestAnimationFrame)")  # moves are told once a frame
        return [page.locator(f"#mark-{name}").input_value() for name in ("x", "y", "width", "height")]

    def drag() -> None:
        move(x1, y1)
        pointer.down()
        for place in ((x1 - 20, y1 - 20), (x0 - 40, y0), (x0, y0)):
            move(*place)

    found = pytest.approx([x0, y0, x1 - x0, y1 - y0], abs=5)
    drag()
    assert [float(number) for number in numbers()] == found
    page.keyboard.press("Escape")
    assert numbers() == ["7", "", "", ""]
    pointer.up()
    assert numbers() == ["7", "", "", ""], "where it comes up is no corner"
    drag()
    pointer.up()
    hide = page.get_by_role("button", name="Hide the face in the box")
    expect(hide).to_be_focused()
    expect(hide).to_be_in_viewport()
    expect(page.locator(".mark-box")).to_be_in_viewport(ratio=1)
    move(0, 0)
    assert [float(number) for number in numbers()] == found
    hide.click()
    expect(page.get_by_text(re.compile("hidden from everybody, from now on"))).to_be_visible()
    assert photo.regions.get(source="marked").box == pytest.approx([x0, y0, x1, y1], abs=5)


class Finger:
    """A mouse's ways, on a touch screen."""

    def __init__(self, page: Page) -> None:
        self.session, self.place, self.is_down = page.context.new_cdp_session(page), {}, False

    def _tell(self, kind: str, *places: dict[str, float]) -> None:
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(places)})

    def move(self, x: float, y: float) -> None:
        self.place = {"x": x, "y": y}
        if self.is_down:
            self._tell("touchMove", self.place)

    def down(self) -> None:
        self.is_down = True
        self._tell("touchStart", self.place)

    def up(self) -> None:
        self.is_down = False
        self._tell("touchEnd")
