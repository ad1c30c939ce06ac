"""A request under way while things change shows what was disclosed before or after, and never a mixture of both."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.urls import reverse

from accounts import services as people
from accounts.models import User
from faceaccess import facts, selectors, services
from photos.avatars import avatar_set
from photos.models import Audience, Photo, Post
from photos.services import post_update
from tests.faceaccess.conftest import client_of, face_of, fetch, person, pixels, posted, shown_to, shows
from tests.factories import befriend, picture, upload

pytestmark = pytest.mark.django_db(transaction=True)


def elsewhere(job: Callable[[], object]) -> object:
    """What ``job`` returns in another thread, over a connection of its own."""
    results: list[object] = []

    def run() -> None:
        try:
            results.append(job())
        except Exception as error:
            results.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    return results[0]


def hold_up(monkeypatch, module: object, name: str, meanwhile: Callable[[], None]) -> None:
    """Whoever calls this function next is held up before it, while ``meanwhile`` happens."""
    real = getattr(module, name)

    def held_up(*args, **kwargs):
        monkeypatch.setattr(module, name, real)
        assert elsewhere(meanwhile) is None
        return real(*args, **kwargs)

    monkeypatch.setattr(module, name, held_up)


def test_an_approval_taken_back_before_a_block_was_lifted(engine, monkeypatch):
    vera, xaver, photo = person(0, "authorization"), person(), posted(person())
    region = face_of(photo, vera)
    services.authorization_answer(region=region, by=vera, answer="approved")
    people.block_create(blocker=vera, blocked=xaver)
    assert shown_to(xaver, photo) == set()

    def meanwhile() -> None:
        services.authorization_answer(region=region, by=vera, answer="denied")
        assert not selectors.visible_set(photo, xaver).shown
        people.block_remove(blocker=vera, blocked=xaver)
        assert not selectors.visible_set(photo, xaver).shown

    hold_up(monkeypatch, facts, "relations", meanwhile)
    assert shown_to(xaver, photo) == set()
    assert shown_to(xaver, photo) == set()


def test_a_photo_kept_to_oneself_before_the_face_was_approved(engine, monkeypatch):
    vera, xaver = person(0, "authorization"), person()
    photo = posted(vera)
    assert shown_to(xaver, photo) == set()

    def meanwhile() -> None:
        post_update(post=Post.objects.get(), by=vera, audience=Audience.ONLY_ME)
        services.authorization_answer(region=face_of(photo, vera), by=vera, answer="approved")

    hold_up(monkeypatch, selectors, "visible_set", meanwhile)
    assert not shows(pixels(fetch(xaver, photo)), 0), "as it was when the request came"
    assert fetch(xaver, photo).status_code == 404


def pictures_of(owner: User, photo: Photo, friend: User) -> list[str]:
    region = face_of(photo, owner)
    return [
        reverse("photo-image", args=[photo.pk, "full"]),
        reverse("photo-image-as", args=[photo.pk, friend.username, "full"]),
        reverse("face-crop", args=[region.pk]),
        reverse("face-preview", args=[region.pk]),
        reverse("face-stand-in", args=[region.pk]),
        reverse("avatar", args=[owner.username]),
    ]


def test_every_picture_is_decided_in_one_snapshot(engine, monkeypatch):
    owner, friend = person(0, "authorization"), person()
    befriend(owner, friend)
    photo = posted(owner)
    Photo.objects.filter(pk=avatar_set(user=owner, upload=upload(picture())).pk).update(
        state=Photo.State.READY
    )
    read, real = [], facts.region_facts

    def noted(*args, **kwargs):
        read.append(connection.in_atomic_block)
        return real(*args, **kwargs)

    monkeypatch.setattr(facts, "region_facts", noted)
    for address in pictures_of(owner, photo, friend):
        del read[:]
        assert client_of(owner).get(address).status_code == 200, address
        assert read
        assert all(read), address
    assert not connection.in_atomic_block


def test_no_picture_waits_for_who_writes_and_what_follows_is_as_ever(engine):
    photo, viewer = posted(person()), person()
    assert shown_to(viewer, photo) == set()
    with transaction.atomic():
        Post.objects.update(caption="a long change")
        assert elsewhere(lambda: fetch(viewer, photo).status_code) == 200
    if connection.vendor == "sqlite":
        assert connection.transaction_mode == "IMMEDIATE"
    else:
        assert connection.connection.isolation_level is None
