"""HEAD, ranges and conditions on a picture: right, and nothing of it before the permission check."""

from __future__ import annotations

import re

import pytest

from accounts.models import Block
from faceaccess import services
from tests.faceaccess.conftest import client_of, face_of, fetch, person, posted

pytestmark = pytest.mark.django_db


@pytest.fixture
def shot(engine):
    return posted(person())


def part(viewer, photo, wanted: str, **headers: str):
    return fetch(viewer, photo, headers={"Range": wanted, **headers})


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, None),
        ("bytes=-50", -50, None),
        ("bytes=0-0", 0, 1),
        ("bytes=10-9999999", 10, None),
        ("bytes=-9999999", 0, None),
        ("BYTES = 5-6", 5, 7),
    ],
)
def test_a_part_is_that_part_of_the_whole(shot, wanted, start, stop):
    viewer = person()
    whole = fetch(viewer, shot).content
    answer = part(viewer, shot, wanted)
    expected = whole[start:stop]
    assert (answer.status_code, answer.content) == (206, expected)
    first = whole.index(expected) if start else 0
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(expected) - 1}/{len(whole)}"
    assert int(answer.headers["Content-Length"]) == len(expected)
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["Content-Type"] == "image/jpeg"


def test_parts_put_together_are_the_whole(shot):
    viewer = person()
    whole = fetch(viewer, shot).content
    parts = [part(viewer, shot, f"bytes={at}-{at + 699}").content for at in range(0, len(whole), 700)]
    assert b"".join(parts) == whole


@pytest.mark.parametrize("wanted", ["bytes=9999999-", "bytes=-0"])
def test_a_part_that_is_not_there_is_refused_with_the_length(shot, wanted):
    viewer = person()
    answer = part(viewer, shot, wanted)
    length = len(fetch(viewer, shot).content)
    assert (answer.status_code, answer.content) == (416, b"")
    assert answer.headers["Content-Range"] == f"bytes */{length}"


@pytest.mark.parametrize(
    "wanted", ["bytes=5-2", "bytes=a-b", "bytes=0-1,5-6", "lines=0-1", "bytes=-", "bytes", "bytes=١-٢"]
)
def test_what_is_no_single_range_gets_the_whole(shot, wanted):
    viewer = person()
    answer = part(viewer, shot, wanted)
    assert answer.status_code == 200
    assert answer.content == fetch(viewer, shot).content
    assert answer.headers["Accept-Ranges"] == "bytes"


def test_if_range_with_another_picture_gets_the_whole(shot):
    viewer = person()
    etag = fetch(viewer, shot).headers["ETag"]
    assert part(viewer, shot, "bytes=0-9", **{"If-Range": etag}).status_code == 206
    for other in ('"other"', f"W/{etag}", "Tue, 24 Nov 2026 10:00:00 GMT"):
        answer = part(viewer, shot, "bytes=0-9", **{"If-Range": other})
        assert (answer.status_code, answer.content) == (200, fetch(viewer, shot).content)


def test_a_download_that_goes_on_after_a_revocation_starts_anew_with_what_may_be_seen(engine):
    owner, viewer = person(0, "authorization"), person()
    photo = posted(person())
    services.authorization_answer(region=face_of(photo, owner), by=owner, answer="approved")
    etag = fetch(viewer, photo).headers["ETag"]
    services.authorization_answer(region=face_of(photo, owner), by=owner, answer="denied")
    answer = part(viewer, photo, "bytes=100-", **{"If-Range": etag})
    assert answer.status_code == 200
    assert answer.headers["ETag"] != etag


def test_conditions_come_before_ranges(shot):
    viewer = person()
    etag = fetch(viewer, shot).headers["ETag"]
    for held in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        assert part(viewer, shot, "bytes=0-9", **{"If-None-Match": held}).status_code == 304
    assert part(viewer, shot, "bytes=0-9", **{"If-None-Match": '"other"'}).status_code == 206
    assert fetch(viewer, shot, headers={"If-Match": '"other"'}).status_code == 412


def test_not_modified_and_head_carry_no_picture_and_read_none(shot, monkeypatch):
    from faceaccess.renditions import Rendition

    viewer = person()
    whole = fetch(viewer, shot)
    monkeypatch.setattr(Rendition, "read", lambda self: 1 / 0)
    again = fetch(viewer, shot, headers={"If-None-Match": whole.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = client_of(viewer).head(f"/photos/{shot.pk}/image/full", headers={"Range": "bytes=0-9"})
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["Content-Length"]) == len(whole.content)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"If-None-Match": "*"},
        {"Range": "bytes=0-9"},
        {"Range": "bytes=99999999-"},
        {"If-Match": '"other"'},
    ],
)
@pytest.mark.parametrize("method", ["get", "head"])
def test_who_may_not_see_the_photo_learns_the_same_from_every_question(shot, headers, method):
    blocked = person()
    etag = fetch(blocked, shot).headers["ETag"]
    Block.objects.create(blocker=shot.post.author, blocked=blocked)
    for wanted in (headers, {**headers, "If-None-Match": etag}, {**headers, "If-Range": etag}):
        answer = getattr(client_of(blocked), method)(f"/photos/{shot.pk}/image/full", headers=wanted)
        assert answer.status_code == 404
        assert not {"ETag", "Content-Range", "Accept-Ranges"} & set(answer.headers)


def test_a_photo_still_being_protected_has_no_parts_and_no_validator(engine):
    photo = posted(person())
    photo.state = "waiting"
    photo.save()
    answer = part(photo.post.author, photo, "bytes=0-9", **{"If-None-Match": "*"})
    assert answer.status_code == 503
    assert not {"ETag", "Content-Range"} & set(answer.headers)


# --- the address on a page ---


def looks(viewer, address: str, picture: str = "/photos/.{36}/image/") -> set[str]:
    page = client_of(viewer).get(address).content.decode()
    return set(re.findall(rf"{picture}[^ \"?]*\?v=([0-9a-f]+)", page))


def test_a_page_gives_a_picture_another_address_when_it_shows_something_else_and_only_then(engine):
    owner, viewer, other = person(0, "authorization"), person(), person()
    photo = posted(person())
    region = face_of(photo, owner)
    addresses = ["/", f"/posts/{photo.post_id}/", f"/photos/{photo.pk}/"]

    def look(who) -> str:
        (found,) = set().union(*(looks(who, address) for address in addresses))  # the same on every page
        etag = fetch(who, photo).headers["ETag"]
        asked = client_of(who).get(f"/photos/{photo.pk}/image/full?v=whatever")
        assert asked.headers["ETag"] == etag, "the gate goes by who asks"
        told.setdefault(etag, set()).add(found)
        return found

    told: dict[str, set[str]] = {}
    hidden, own = look(viewer), look(owner)
    services.authorization_answer(region=region, by=owner, answer="approved")
    shown = look(viewer)
    assert look(other) == shown == own != hidden
    services.authorization_answer(region=region, by=owner, answer="denied")
    assert look(viewer) == look(other) == hidden
    assert look(owner) == own
    assert [len(found) for found in told.values()] == [1, 1], "it tells what the ETag tells, and no more"


def test_a_page_that_does_not_know_what_a_picture_shows_never_names_it_twice_alike(engine, monkeypatch):
    owner, author = person(0, "authorization"), person(username="author")
    photo = posted(author)
    author.avatar = photo.pk
    author.save()
    for address, picture in (
        ("/people/author/", "/people/author/avatar"),
        ("/tour/", "/faces/[0-9]+/preview"),
    ):
        first, second = looks(owner, address, picture), looks(owner, address, picture)
        assert len(first) == len(second) == 1, address
        assert first.isdisjoint(second)
