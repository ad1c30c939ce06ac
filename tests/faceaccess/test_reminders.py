"""Reminders: one for all that waits, not too often, with nothing about a face in it, and off when switched off."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from faceaccess import reminders, selectors, services, tasks
from faceaccess.models import Authorization, FacePreference
from faceaccess.signals import reminder_due
from photos.models import Photo
from tests.faceaccess.conftest import client_of, face_of, person, posted

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    return person(0, "authorization", display_name="Ines")


def old_photo(days: float = 2) -> Photo:
    photo = posted(person(display_name="Dan"), post__caption="Poker night")
    Photo.objects.filter(pk=photo.pk).update(created_at=timezone.now() - timedelta(days=days))
    return photo


def remind(capture) -> int:
    before = len(mail.outbox)
    with capture(execute=True):
        tasks.reminders_send()
    return len(mail.outbox) - before


def later(owner, days: float) -> None:
    """The last reminder was ``days`` ago."""
    FacePreference.objects.filter(owner=owner).update(reminded_at=timezone.now() - timedelta(days=days))


def test_one_message_for_everything_that_waits(engine, owner, django_capture_on_commit_callbacks):
    old_photo(), old_photo(), old_photo(days=0.1)
    told = []
    listen = lambda owner, waiting, **_: told.append((owner, waiting))  # noqa: E731
    reminder_due.connect(listen)
    assert remind(django_capture_on_commit_callbacks) == 1
    reminder_due.disconnect(listen)
    assert told == [(owner, 3)]
    (message,) = mail.outbox
    assert message.to == [owner.email]
    assert message.subject == "3 photos wait for your answer"


def test_the_message_tells_no_name_no_photo_and_no_picture(engine, owner, django_capture_on_commit_callbacks):
    photo = old_photo()
    remind(django_capture_on_commit_callbacks)
    (message,) = mail.outbox
    whole = message.message().as_string()
    for secret in ("Dan", "Poker", str(photo.pk), photo.pk.hex, "/photos/", "/faces/", "<img"):
        assert secret not in whole
    assert not message.attachments


def test_not_again_before_time_and_not_about_what_was_reminded_of(
    engine, owner, django_capture_on_commit_callbacks
):
    old_photo()
    capture = django_capture_on_commit_callbacks
    assert remind(capture) == 1
    assert remind(capture) == 0
    later(owner, 4)
    Photo.objects.update(created_at=timezone.now() - timedelta(days=6))
    assert remind(capture) == 0, "nothing new waits"
    old_photo(days=2)
    assert remind(capture) == 1


@pytest.mark.parametrize("why", ["young", "answered", "later", "another model", "switched off", "left"])
def test_nobody_is_reminded_of_nothing(engine, owner, django_capture_on_commit_callbacks, why):
    photo = old_photo(days=0.5 if why == "young" else 2)
    region = face_of(photo, owner)
    match why:
        case "answered":
            services.authorization_answer(region=region, by=owner, answer="denied")
        case "later":
            services.authorization_put_off(region=region, by=owner)
        case "another model":
            services.model_choose(owner=owner, model="rules")
        case "switched off":
            reminders.switch(owner=owner, on=False)
        case "left":
            owner.captures.all().delete()
            region.owner = None
            region.match = "unknown"
            region.save()
    assert remind(django_capture_on_commit_callbacks) == 0


def test_the_link_needs_no_signing_in_and_opens_nothing_but_later_and_off(engine, owner):
    old_photo()
    address = reverse("reminder", args=[reminders.token(owner)])
    client = client_of(None)
    page = client.get(address)
    assert page.status_code == 200
    assert "/photos/" not in page.content.decode()
    assert selectors.inbox(owner).count() == 1, "looking changes nothing"
    client.post(address, {"do": "later"})
    assert (selectors.inbox(owner).count(), selectors.inbox_later(owner).count()) == (0, 1)
    assert not Authorization.objects.exists(), "later is no answer"
    client.post(address, {"do": "off"})
    assert not reminders.are_on(owner)
    assert client.get(reverse("face-inbox")).status_code == 302


def test_a_wrong_an_old_or_a_closed_accounts_link_is_not_there(engine, owner, monkeypatch):
    token = reminders.token(owner)
    client = client_of(None)
    assert client.get(reverse("reminder", args=[token[:-1] + "_"])).status_code == 404
    monkeypatch.setattr(reminders, "LINK_AGE", timedelta(seconds=-1))
    assert client.get(reverse("reminder", args=[token])).status_code == 404
    monkeypatch.undo()
    type(owner).objects.filter(pk=owner.pk).update(is_active=False)
    assert client.get(reverse("reminder", args=[token])).status_code == 404


def test_the_switch_on_the_page_and_its_undo(engine, owner):
    old_photo()
    client = client_of(owner)
    client.post(reverse("reminders"), {"on": "no"})
    assert not reminders.are_on(owner)
    assert "Remind me" in client.get(reverse("face-inbox")).content.decode()
    client.post(reverse("reminders"), {"on": "yes"})
    assert reminders.are_on(owner)
    assert [line.action for line in owner.decisions.all()] == ["reminders_on", "reminders_off"]
