"""Every link of every page, as everybody who may come: none broken, none forbidden, no picture that shows too much."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from accounts import moderation
from faceaccess import pipeline, selectors
from photos import avatars
from photos.models import Photo
from tests.faceaccess.conftest import client_of, engine, person, pixels, posted, shows  # noqa: F401  a fixture, helpers
from tests.faceaccess.engine import group_photo
from tests.factories import UserFactory, upload
from tests.pages.conftest import Network
from tests.pages.crawler import Crawl
from tests.pages.test_every_page import CHECKS

pytestmark = pytest.mark.django_db

# The fewest addresses a crawl must find: one that stops at the first page proves nothing.
ROLES = {"anonymous": 9, "newcomer": 35, "me": 70, "friend": 50, "ruler": 50, "blocked": 30, "staff": 40}
PICTURE = re.compile(r"/photos/([0-9a-f-]{36})/image/full$")


@pytest.fixture
def site(network: Network) -> dict[str, object]:
    """The small network with a profile picture, things reported, and everybody who may come."""
    avatars.avatar_set(user=network.friend, upload=upload(group_photo(1)))
    network.friend.refresh_from_db()
    assert pipeline.protect(network.friend.avatar)
    for kind, target in (("photo", network.theirs), ("comment", network.comment), ("person", network.friend)):
        reporter = network.ruler if kind != "photo" else network.me
        moderation.report_create(reporter=reporter, kind=kind, target=str(target.pk), reason="other")
    return {
        "anonymous": None,
        "newcomer": UserFactory(),
        "me": network.me,
        "friend": network.friend,
        "ruler": network.ruler,
        "blocked": network.blocked,
        "staff": person(is_staff=True),
    }


def check_pictures(crawl: Crawl, viewer) -> int:
    """No picture shows a face that is not disclosed to this viewer; how many were looked at."""
    looked_at = 0
    for address, response in crawl.pictures.items():
        if not (found := PICTURE.search(address)):
            continue
        photo = Photo.objects.get(pk=found[1])
        faces = photo.regions.count()
        disclosed = selectors.visible_sets([photo], viewer)[photo.pk].shown
        image = pixels(response)
        assert {n for n in range(faces) if shows(image, n, faces)} == disclosed, address
        looked_at += 1
    return looked_at


@pytest.mark.parametrize("role", ROLES)
def test_every_link_of_every_page_leads_somewhere_and_every_page_keeps_the_rules(role, site, network):
    """Labels, pictures with dimensions and words, nothing inline: also on pages that nobody listed."""
    viewer = site[role]
    crawl = Crawl(client_of(viewer)).run()
    assert crawl.broken == []
    assert len(crawl.seen) >= ROLES[role], sorted(crawl.seen)
    for page in crawl.pages.values():
        for check in CHECKS:
            check(page)
    if viewer is None:
        assert crawl.pictures == {}
    elif role in ("me", "friend", "ruler", "staff"):
        assert check_pictures(crawl, viewer)
    if role == "blocked":
        check_no_trace(crawl, network)


def check_no_trace(crawl: Crawl, network: Network) -> None:
    """Whoever is blocked finds nothing of whoever blocked them, whatever they press."""
    assert not [address for address in crawl.seen if str(network.photo.pk) in address]
    for address, page in crawl.pages.items():
        assert network.me.username not in page.words, address
        assert network.me.display_name not in page.words, address


def test_the_crawler_notices_what_is_wrong(site, monkeypatch):
    """A crawl that cannot fail proves nothing: one page that is gone, and one that is forbidden."""
    from tests.pages import crawler

    gone, forbidden = reverse("post", args=["0" * 8 + "-0000-4000-8000-" + "0" * 12]), reverse("moderation")
    monkeypatch.setattr(crawler, "addresses", lambda page: [gone, forbidden, "/static/none.css"])
    broken = " ".join(Crawl(client_of(site["newcomer"])).run().broken)
    assert f"404 {gone}" in broken
    assert f"403 {forbidden}" in broken
    assert "missing /static/none.css" in broken
