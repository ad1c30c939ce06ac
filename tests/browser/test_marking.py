"""Marking a missed face with two clicks in the photo."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

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
