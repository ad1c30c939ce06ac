"""A face recognised as one person and named as another: the recognised person is asked, and nobody else hears of it."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from faceaccess import questions, services
from faceaccess.models import Question, Tag
from faceaccess.signals import face_tagged, owner_asked
from tests.faceaccess.conftest import client_of, face_of, person, posted, shown_to
from tests.factories import befriend

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene(engine):
    """(owner, tagger, the one they name, photo)"""
    owner, tagger, named = person(0, "proxy"), person(), person(None, "proxy")
    befriend(tagger, named)
    return owner, tagger, named, posted(person())


@pytest.fixture
def heard():
    told: list[tuple] = []

    def tagged(tag, **_):
        told.append(("tagged", tag.owner))

    def asked(region, owner, **_):
        told.append(("asked", owner))

    face_tagged.connect(tagged)
    owner_asked.connect(asked)
    yield told
    face_tagged.disconnect(tagged)
    owner_asked.disconnect(asked)


def test_a_wrong_name_asks_who_is_recognised(scene, heard, django_capture_on_commit_callbacks):
    owner, tagger, named, photo = scene
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(2):
            services.tag_create(region=face_of(photo, owner), tagger=tagger, owner=named)
    assert heard == [("asked", owner), ("tagged", named)]
    assert [question.region.owner for question in questions.waiting_for(owner)] == [owner]
    assert not questions.waiting_for(named).exists()
    assert shown_to(person(), photo) == set()


def test_a_right_name_or_a_face_nobody_is_recognised_in_asks_nobody(scene):
    owner, tagger, named, photo = scene
    befriend(tagger, owner)
    services.tag_create(region=face_of(photo, owner), tagger=tagger, owner=owner)
    services.tag_create(region=photo.regions.get(index=2), tagger=tagger, owner=named)
    assert not Question.objects.exists()


def test_yes_it_is_me_keeps_everything_and_is_not_asked_again(scene):
    owner, tagger, named, photo = scene
    region = face_of(photo, owner)
    services.tag_create(region=region, tagger=tagger, owner=named)
    client_of(owner).post(reverse("face-is-me", args=[region.pk]))
    services.tag_create(region=region, tagger=tagger, owner=named)
    assert not questions.waiting_for(owner).exists()
    assert face_of(photo, owner) == region
    assert Tag.objects.get().owner == named


def test_not_me_lets_the_face_go_and_still_shows_it_to_nobody(scene):
    owner, tagger, named, photo = scene
    region = face_of(photo, owner)
    services.tag_create(region=region, tagger=tagger, owner=named)
    client_of(owner).post(reverse("face-not-me", args=[region.pk]))
    assert not questions.waiting_for(owner).exists()
    assert not photo.regions.filter(owner=owner).exists()
    assert shown_to(person(), photo) == set()


def test_only_the_owner_answers_and_the_tagger_hears_nothing(scene):
    owner, tagger, named, photo = scene
    region = face_of(photo, owner)
    before = client_of(tagger).get(reverse("photo", args=[photo.pk])).content
    services.tag_create(region=region, tagger=tagger, owner=named)
    asked = client_of(tagger).get(reverse("photo", args=[photo.pk])).content
    assert client_of(tagger).post(reverse("face-is-me", args=[region.pk])).status_code == 403
    services.match_reject(region=region, by=owner)
    assert strip(client_of(tagger).get(reverse("photo", args=[photo.pk])).content) == strip(asked)
    assert strip(before) != strip(asked), "their own tag is in their list"


def test_a_tagger_is_not_told_that_the_tag_was_withdrawn(scene):
    owner, tagger, _named, photo = scene
    befriend(owner, tagger)
    services.model_choose(owner=owner, model="rules")  # so that the picture does not change
    services.tag_create(region=face_of(photo, owner), tagger=tagger, owner=owner)
    tagged = client_of(tagger).get(reverse("photo", args=[photo.pk])).content
    services.tag_withdraw(region=face_of(photo, owner), by=owner)
    assert strip(client_of(tagger).get(reverse("photo", args=[photo.pk])).content) == strip(tagged)


def strip(page: bytes) -> str:
    """Without what differs from one load to the next: the CSRF tokens, and how long ago something was."""
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"|<time [^>]*>[^<]*</time>', "", page.decode())
