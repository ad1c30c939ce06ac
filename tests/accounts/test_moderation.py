"""Mute, report, and what the staff do: take down, dismiss, put back, look at held enrolments, without seeing a face."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.urls import reverse

from accounts import moderation, services
from accounts.models import FaceCapture, ModerationEntry, Report, User
from faceaccess.services import authorization_answer
from photos.models import Audience, Photo
from photos.selectors import feed
from tests.faceaccess.conftest import client_of, engine, face_of, fetch, person, pixels, posted, shows  # noqa: F401
from tests.factories import FaceCaptureFactory, PhotoFactory, befriend
from tests.pages.html import Page

pytestmark = pytest.mark.django_db


@pytest.fixture
def vera():
    return person(is_staff=True, username="vera")


def told(reporter: User, photo: Photo) -> Report:
    return moderation.report_create(
        reporter=reporter, kind="photo", target=str(photo.pk), reason="face", note="Me!"
    )


# --- mute ---


def test_who_is_muted_is_out_of_the_feed_alone_and_cannot_tell() -> None:
    mara, theo = person(), person(username="theo")
    befriend(mara, theo)
    post = PhotoFactory(author=theo).post
    before = client_of(theo).get(f"/people/{mara.username}/").content
    client_of(mara).post(reverse("mute", args=["theo"]))
    assert post not in feed(mara)
    assert client_of(mara).get(reverse("post", args=[post.pk])).status_code == 200
    assert str(post.pk) in client_of(mara).get("/people/theo/").content.decode()
    after = client_of(theo).get(f"/people/{mara.username}/").content
    assert strip_tokens(before) == strip_tokens(after), "the muted one sees the same page as before"
    client_of(mara).post(reverse("unmute", args=["theo"]))
    assert post in feed(mara)


def strip_tokens(page: bytes) -> str:
    import re

    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", page.decode())


# --- report ---


def test_one_reports_what_one_may_see_and_nothing_else(engine) -> None:  # noqa: F811
    mara, theo = person(), person()
    photo = posted(theo, audience=Audience.ONLY_ME)
    with pytest.raises(Http404):
        told(mara, photo)
    with pytest.raises(Http404):
        moderation.report_create(reporter=mara, kind="post", target="1", reason="face")
    with pytest.raises(Http404):
        moderation.report_create(reporter=mara, kind="photo", target="no uuid", reason="face")
    with pytest.raises(ValidationError, match="your own"):
        told(theo, photo)
    address = reverse("report", args=["photo", photo.pk])
    absent = reverse("report", args=["photo", "00000000-0000-4000-8000-000000000000"])
    assert client_of(mara).get(address).status_code == client_of(mara).get(absent).status_code == 404


def test_telling_twice_is_one_report_and_a_blocked_person_can_be_reported() -> None:
    mara, theo = person(), person()
    services.block_create(blocker=mara, blocked=theo)
    for note in ("first", "second"):
        report = moderation.report_create(
            reporter=mara, kind="person", target=str(theo.pk), reason="harassment", note=note
        )
    assert Report.objects.get() == report
    assert Report.objects.get().note == "second"
    with pytest.raises(Http404):
        moderation.report_create(reporter=theo, kind="person", target=str(mara.pk), reason="other")


# --- the staff ---


def test_the_queue_is_for_staff_alone(engine, vera) -> None:  # noqa: F811
    mara, theo = person(), person()
    report = told(mara, posted(theo))
    for name, arguments in (
        ("moderation", []),
        ("moderation-log", []),
    ):
        assert client_of(mara).get(reverse(name, args=arguments)).status_code == 403
        assert client_of(None).get(reverse(name, args=arguments)).status_code == 302
        assert client_of(vera).get(reverse(name, args=arguments)).status_code == 200
    decide = reverse("moderation-decide", args=[report.pk])
    assert client_of(theo).post(decide, {"decision": "dismiss"}).status_code == 403
    assert client_of(mara).get(reverse("report-image", args=[report.pk])).status_code == 404
    assert client_of(None).get(reverse("report-image", args=[report.pk])).status_code == 404
    with pytest.raises(PermissionDenied):
        moderation.reports_decide(report=report, by=mara, take_down=True)


def test_staff_see_a_reported_photo_with_a_stand_in_for_every_face(engine, vera) -> None:  # noqa: F811
    owner, theo = person(0, "authorization"), person()
    photo = posted(theo, audience=Audience.FRIENDS)
    befriend(owner, theo)
    authorization_answer(region=face_of(photo, owner), by=owner, answer="approved")
    enrolled = person(1, "authorization", is_staff=True)
    report = told(owner, photo)
    for moderator in (vera, enrolled):
        image = pixels(client_of(moderator).get(reverse("report-image", args=[report.pk])))
        assert not any(shows(image, index) for index in range(3)), "not even the moderator's own"
        assert fetch(moderator, photo).status_code == 404, "the report opens nothing else"
    moderation.reports_decide(report=report, by=vera, take_down=False)
    assert client_of(vera).get(reverse("report-image", args=[report.pk])).status_code == 404, (
        "no longer than needed"
    )


def test_what_is_taken_down_only_its_author_sees_until_it_is_put_back(engine, vera) -> None:  # noqa: F811
    mara, ines, theo = person(), person(), person()
    photo = posted(theo)
    first, _second = told(mara, photo), told(ines, photo)
    page = Page.of(client_of(vera).get(reverse("moderation")))
    assert "2 reports" in page.words
    client_of(vera).post(
        reverse("moderation-decide", args=[first.pk]), {"decision": "take_down", "note": "A face"}
    )
    assert not Report.objects.filter(state="open").exists(), "both were about it"
    for viewer in (mara, vera):
        assert fetch(viewer, photo).status_code == 404
    assert fetch(theo, photo).status_code == 200
    assert "Taken down." in Page.of(client_of(theo).get(reverse("photo", args=[photo.pk]))).words
    entry = ModerationEntry.objects.get()
    assert (entry.moderator, entry.action, entry.note) == (vera, "taken_down", "A face")
    client_of(vera).post(reverse("moderation-put-back", args=[entry.pk]))
    assert fetch(mara, photo).status_code == 200
    client_of(vera).get(reverse("moderation-log"))  # says what was done, once
    log = Page.of(client_of(vera).get(reverse("moderation-log")))
    assert log.forms_to(reverse("moderation-put-back", args=[entry.pk])) == []
    assert "put back" in log.words


def test_a_dismissed_report_changes_nothing_and_can_be_made_again(engine, vera) -> None:  # noqa: F811
    mara, photo = person(), posted(person())
    report = told(mara, photo)
    moderation.reports_decide(report=report, by=vera, take_down=False)
    assert fetch(mara, photo).status_code == 200
    with pytest.raises(ValidationError, match="decided already"):
        moderation.reports_decide(report=report, by=vera, take_down=True)
    assert told(mara, photo) != report


def test_nobody_decides_in_their_own_case(engine, vera) -> None:  # noqa: F811
    report = told(person(), posted(vera))
    assert report not in moderation.open_reports(vera)
    with pytest.raises(PermissionDenied):
        moderation.reports_decide(report=report, by=vera, take_down=False)


def test_a_closed_account_is_signed_out_and_gone_for_others(vera) -> None:
    mara, rolf = person(), person(username="rolf")
    assert client_of(rolf).get("/settings/").status_code == 200
    report = moderation.report_create(reporter=mara, kind="person", target=str(rolf.pk), reason="unwanted")
    entry = moderation.reports_decide(report=report, by=vera, take_down=True)
    assert client_of(rolf).get("/settings/").status_code == 302
    assert client_of(mara).get("/people/rolf/").status_code == 404
    moderation.take_down_undo(entry=entry, by=vera)
    assert client_of(mara).get("/people/rolf/").status_code == 200


def test_reports_go_with_what_they_are_about(engine, vera) -> None:  # noqa: F811
    mara, theo = person(), person()
    photo = posted(theo)
    told(mara, photo)
    photo.post.delete()
    assert not Report.objects.exists()


# --- held enrolments ---


def test_staff_allow_or_refuse_a_held_enrolment_without_seeing_it_or_whose_it_resembles(vera) -> None:
    from django.utils import timezone

    other, mara = person(username="the.other"), person(username="mara")
    FaceCaptureFactory(user=other)
    held = FaceCaptureFactory(user=mara, held_at=timezone.now())
    page = client_of(vera).get(reverse("moderation")).content.decode()
    assert "mara" in page
    assert "the.other" not in page
    assert reverse("capture-picture", args=[held.pk]) not in page
    assert client_of(vera).get(reverse("capture-picture", args=[held.pk])).status_code == 404
    assert (
        client_of(mara).post(reverse("capture-decide", args=[held.pk]), {"decision": "allow"}).status_code
        == 403
    )
    client_of(vera).post(reverse("capture-decide", args=[held.pk]), {"decision": "allow"})
    assert held in FaceCapture.objects.in_force()
    again = FaceCaptureFactory(user=mara, held_at=timezone.now())
    client_of(vera).post(reverse("capture-decide", args=[again.pk]), {"decision": "refuse"})
    assert not FaceCapture.objects.filter(pk=again.pk).exists()
    assert [entry.action for entry in ModerationEntry.objects.order_by("pk")] == ["allowed", "refused"]


def test_the_person_is_told_that_it_waits_but_not_why(engine) -> None:  # noqa: F811
    from django.utils import timezone

    mara = person()
    FaceCaptureFactory(user=mara, held_at=timezone.now())
    words = Page.of(client_of(mara).get("/face/")).words
    assert "Waits for a look" in words
    for telling in ("resembl", "another account", "somebody else", "already"):
        assert telling not in words.lower()


# --- who decides ---


def about_person(reporter: User, who: User) -> Report:
    return moderation.report_create(reporter=reporter, kind="person", target=str(who.pk), reason="other")


def test_nobody_decides_by_another_report_what_they_reported_themselves(vera) -> None:
    theo, other = person(username="theo"), person()
    about_person(vera, theo)
    report = about_person(other, theo)
    assert not moderation.open_reports(vera).exists()
    assert "theo" not in Page.of(client_of(vera).get(reverse("moderation"))).words
    for decision in ("take_down", "dismiss"):
        answer = client_of(vera).post(reverse("moderation-decide", args=[report.pk]), {"decision": decision})
        assert answer.status_code == 403
    theo.refresh_from_db()
    report.refresh_from_db()
    assert (theo.is_active, report.state) == (True, Report.State.OPEN)
    colleague = person(is_staff=True)
    assert moderation.open_reports(colleague).count() == 2
    moderation.reports_decide(report=report, by=colleague, take_down=True)
    theo.refresh_from_db()
    assert not theo.is_active


@pytest.mark.parametrize("rights", [{"is_staff": True}, {"is_superuser": True}])
def test_accounts_of_staff_are_closed_and_opened_by_superusers_only(vera, rights) -> None:
    member, root = person(), person(is_staff=True, is_superuser=True)
    colleague = person(username="colleague", **rights)
    report = about_person(member, colleague)
    assert b'value="take_down"' not in client_of(vera).get(reverse("moderation")).content
    close = {"decision": "take_down"}
    assert client_of(vera).post(reverse("moderation-decide", args=[report.pk]), close).status_code == 403
    colleague.refresh_from_db()
    assert colleague.is_active
    assert b'value="take_down"' in client_of(root).get(reverse("moderation")).content
    assert client_of(root).post(reverse("moderation-decide", args=[report.pk]), close).status_code == 302
    colleague.refresh_from_db()
    assert not colleague.is_active
    put_back = reverse("moderation-put-back", args=[ModerationEntry.objects.get().pk])
    assert put_back.encode() not in client_of(vera).get(reverse("moderation-log")).content
    assert client_of(vera).post(put_back).status_code == 403
    assert put_back.encode() in client_of(root).get(reverse("moderation-log")).content
    assert client_of(root).post(put_back).status_code == 302
    colleague.refresh_from_db()
    assert colleague.is_active
