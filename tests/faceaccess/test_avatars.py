"""A profile picture is a photo: every viewer gets it as they may see it, beside the name as on its own page."""

from __future__ import annotations

import pytest
from django.urls import reverse

from accounts.models import User
from faceaccess import pipeline
from faceaccess.services import authorization_answer, tag_create
from photos import avatars
from photos.models import Photo, Post
from photos.selectors import feed
from tests.faceaccess.conftest import client_of, face_of, person, pixels
from tests.faceaccess.engine import PALETTE, STAND_IN, group_photo
from tests.factories import BlockFactory, befriend, upload

pytestmark = pytest.mark.django_db


def with_avatar(user: User, faces: int = 1) -> Photo:
    photo = avatars.avatar_set(user=user, upload=upload(group_photo(faces, scale=4)))
    assert pipeline.protect(photo.pk)
    photo.refresh_from_db()
    return photo


def avatar(viewer: User | None, user: User, **headers: str):
    return client_of(viewer).get(reverse("avatar", args=[user.username]), headers=headers)


def shown(viewer: User, user: User) -> bool:
    """Whether the middle of the avatar is face 0 itself (else: the stand-in)."""
    image = pixels(avatar(viewer, user))
    assert image.shape[0] == image.shape[1]
    middle = image[image.shape[0] // 2, image.shape[1] // 2].astype(int)
    distances = [abs(middle - colour).max() for colour in (PALETTE[0], STAND_IN)]
    assert min(distances) < 40
    return distances[0] < distances[1]


def test_who_may_not_see_the_owners_face_gets_the_stand_in(engine) -> None:
    owner, friend, stranger = person(0, "authorization"), person(), person(is_staff=True)
    befriend(owner, friend)
    photo = with_avatar(owner)
    for viewer in (friend, stranger):
        assert not shown(viewer, owner)
    assert shown(owner, owner)
    hidden = avatar(friend, owner)
    authorization_answer(region=face_of(photo, owner), by=owner, answer="approved")
    assert shown(friend, owner)
    assert avatar(friend, owner, **{"If-None-Match": hidden["ETag"]}).status_code == 200, (
        "not the file of before"
    )
    authorization_answer(region=face_of(photo, owner), by=owner, answer="denied")
    assert not shown(friend, owner)
    assert avatar(friend, owner)["ETag"] == hidden["ETag"]
    assert avatar(owner, owner)["ETag"] != hidden["ETag"]


def test_somebody_elses_face_in_an_avatar_is_theirs_to_decide(engine) -> None:
    owner, other = person(), person(0, "proxy")
    befriend(owner, other)
    photo = with_avatar(owner)
    assert not shown(owner, owner), "the owner of the avatar has no right to it"
    assert shown(other, owner)
    tag_create(region=face_of(photo, other), tagger=other, owner=other)
    assert shown(owner, owner)


def test_without_enrolment_an_avatar_is_a_stand_in_for_everybody(engine) -> None:
    owner = person()
    with_avatar(owner)
    assert not shown(owner, owner)
    assert not shown(person(), owner)


def test_a_block_a_visitor_and_nobody_get_the_same_nothing(engine) -> None:
    owner, blocked = person(0), person()
    with_avatar(owner)
    BlockFactory(blocker=owner, blocked=blocked)
    nobody = client_of(blocked).get(reverse("avatar", args=["nobody.here"]))
    for answer in (avatar(blocked, owner), avatar(None, owner), nobody):
        assert answer.status_code == 404
        assert "ETag" not in answer
        assert "svg" not in answer["Content-Type"]


def test_until_it_is_protected_everybody_sees_an_outline(engine) -> None:
    owner = person(0)
    avatars.avatar_set(user=owner, upload=upload(group_photo(1)))
    for viewer in (owner, person()):
        answer = avatar(viewer, owner)
        assert (answer.status_code, answer["Content-Type"]) == (503, "image/svg+xml")
        assert answer["Cache-Control"] == "no-store"


def test_an_avatar_is_in_no_feed_but_has_its_own_page(engine) -> None:
    owner, viewer = person(0), person()
    photo = with_avatar(owner)
    assert photo.post not in feed(viewer)
    assert (
        str(photo.pk) not in client_of(viewer).get(reverse("person", args=[owner.username])).content.decode()
    )
    assert client_of(viewer).get(reverse("photo", args=[photo.pk])).status_code == 200
    assert client_of(viewer).get(reverse("post", args=[photo.post_id])).status_code == 200


def test_the_next_picture_and_deleting_it_leave_nothing_of_the_last(
    engine, private_files, settings, django_capture_on_commit_callbacks
) -> None:
    owner = person()
    first = with_avatar(owner)
    avatar(owner, owner)
    with django_capture_on_commit_callbacks(execute=True):
        second = with_avatar(owner)
    assert not Photo.objects.filter(pk=first.pk).exists()
    assert not [name for name in private_files() if first.pk.hex in name]
    assert not [path for path in settings.RENDITION_ROOT.rglob("*.jpg") if first.pk.hex in str(path)]
    assert User.objects.get(pk=owner.pk).avatar == second.pk
    client_of(owner).post(reverse("avatar-remove"))
    assert User.objects.get(pk=owner.pk).avatar is None
    assert not Post.objects.exists()


def test_pages_draw_it_through_the_gate_alone(engine) -> None:
    owner, friend = person(0), person()
    befriend(owner, friend)
    photo = with_avatar(owner)
    page = client_of(friend).get("/people/").content.decode()
    assert reverse("avatar", args=[owner.username]) in page
    assert str(photo.pk) not in page
    assert photo.original.name not in page


def test_a_picture_that_is_none_is_refused_with_a_reason(engine) -> None:
    owner = person()
    from django.core.files.uploadedfile import SimpleUploadedFile

    answer = client_of(owner).post(
        reverse("avatar-edit"), {"picture": SimpleUploadedFile("me.png", b"no picture")}
    )
    assert answer.status_code == 422
    assert "me.png" in answer.content.decode()
    assert not Post.objects.exists()
