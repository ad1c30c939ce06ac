"""A picture that the new model pack cannot read: its owner is told, sees which one, and what to do."""

from __future__ import annotations

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.urls import reverse
from django.utils.html import strip_tags

from accounts import exporting
from accounts import reembedding as captures
from accounts.enrolment import capture_delete
from accounts.models import READING_ATTEMPTS, FaceCapture, User
from community import notifications
from faceaccess import notices
from mfmc_engine.errors import WeightsMissingError
from tests.faceaccess.conftest import client_of, enrol, person
from tests.faceaccess.engine import PALETTE
from tests.factories import FaceCaptureFactory, UserFactory, file_bytes, picture
from tests.pages.html import Page

pytestmark = pytest.mark.django_db

AFTER = "builtin+recognizer=buffalo_s"


def told(owner: User) -> list[str]:
    batches = [b for b in notifications.batches(owner) if b.newest.kind == notices.UNREADABLE]
    return [strip_tags(batch.sentence) for batch in batches]


def face_page(owner: User) -> Page:
    return Page.of(client_of(owner).get(reverse("face")))


def embed_all() -> None:
    for _ in range(20):
        if not captures.embed_some(4):
            return
    raise AssertionError("it does not come to an end")


@pytest.fixture
def owner(engine, settings) -> User:
    """One picture that any pack reads, two that show nothing; the pack has just been changed."""
    owner = person()
    good = picture(60, 60).copy()
    good[10:50, 10:50] = PALETTE[0]
    FaceCaptureFactory(user=owner, picture=ContentFile(file_bytes(good), "face.png"))
    enrol(owner, 0)
    enrol(owner, 0)
    settings.ENGINE_PACK = AFTER
    return owner


def test_the_owner_is_told_once_and_not_before_the_last_try(owner):
    lost = owner.captures.last()
    for number in range(1, READING_ATTEMPTS):
        assert not captures.embed_anew(lost)
        assert told(owner) == [], f"after {number} tries it may still work"
    assert not captures.embed_anew(lost)
    assert told(owner) == [
        "A picture of your face cannot be read since an update. Take a new one in its place."
    ]
    embed_all()
    assert told(owner) == [
        "2 pictures of your face cannot be read since an update. Take new ones in their place."
    ]
    notifications.mark_seen(recipient=owner)
    captures.embed_some(4)
    assert notifications.unseen_count(owner) == 0, "nothing happened since"


def test_it_leads_to_the_pictures_which_are_marked_with_the_next_step_beside(owner):
    embed_all()
    (batch,) = (b for b in notifications.batches(owner) if b.newest.kind == notices.UNREADABLE)
    page = Page.of(client_of(owner).get(batch.address))
    assert batch.address == reverse("face") + "#enrolment"
    assert any(tag.get("id") == "enrolment" for tag in page.tags)
    assert page.words.count("Cannot be read") == 2
    assert "Since an update, 2 of your pictures cannot be read any more" in page.words
    assert "Your other pictures still count." in page.words
    first = owner.captures.unreadable().first()
    address = f"{reverse('face-enrol')}?replace={first.pk}"
    (link,) = [
        tag for tag in page.all("a") if tag.get("href") == address and "button" in tag["class"].split()
    ]
    assert client_of(owner).get(link["href"]).status_code == 200


def test_who_is_left_without_any_is_told_so(owner):
    owner.captures.order_by("pk").first().delete()
    embed_all()
    assert "not recognised in new photos" in face_page(owner).words
    assert "still count" not in face_page(owner).words


def test_a_picture_that_waits_for_a_look_does_not_count(owner):
    first = owner.captures.order_by("pk").first()
    FaceCapture.objects.filter(pk=first.pk).update(held_at=first.created_at)
    embed_all()
    assert "not recognised in new photos" in face_page(owner).words


def test_nothing_is_left_of_it_once_the_picture_was_replaced_or_could_be_read_after_all(owner):
    embed_all()
    capture_delete(capture=owner.captures.unreadable().first(), by=owner)
    assert told(owner) == [
        "A picture of your face cannot be read since an update. Take a new one in its place."
    ]
    good = owner.captures.get(pack=AFTER)
    owner.captures.unreadable().update(picture=good.picture.name)
    call_command("reembed", retry=True)
    assert told(owner) == []
    assert "Cannot be read" not in face_page(owner).words
    assert "Take a new picture" not in face_page(owner).words


def test_a_change_back_takes_it_back_and_the_next_change_tells_anew(owner, settings):
    embed_all()
    notifications.mark_seen(recipient=owner)
    settings.ENGINE_PACK = "builtin"
    assert told(owner) == []
    assert "Cannot be read" not in face_page(owner).words
    settings.ENGINE_PACK = "buffalo_s"
    embed_all()
    assert len(told(owner)) == 1
    assert notifications.unseen_count(owner) == 1, "another pack, another notice"


def test_what_is_not_the_pictures_fault_is_told_to_nobody(owner, engine):
    def missing() -> None:
        raise WeightsMissingError("w600k_mbf.onnx is missing")

    engine.before["analyze"] = missing
    for _ in range(2 * READING_ATTEMPTS):
        with pytest.raises(WeightsMissingError):
            captures.embed_some(1)
    assert told(owner) == []


def test_only_the_owner_hears_of_it_and_the_api_and_the_export_say_which(owner):
    other = FaceCaptureFactory(pack="builtin").user
    captures.embed_some(4)
    assert told(owner) == told(other) == []
    embed_all()
    assert [len(told(person)) for person in (owner, other, UserFactory())] == [1, 1, 0]
    assert "A picture" in told(other)[0], "theirs alone is counted"
    rows = client_of(owner).get("/api/v1/captures/").json()
    assert [row["unreadable"] for row in rows] == [False, True, True]
    files = exporting._data(owner)["enrolled_pictures"]
    assert [file["unreadable"] for file in files] == [False, True, True]
