"""What an export says about photos of others: of those out of its owner's sight as little as of deleted ones."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from accounts import exporting
from accounts import services as people
from accounts.models import User
from community import services as community
from faceaccess import services
from photos import services as posting
from photos.models import Audience, Photo, Post
from tests.faceaccess.conftest import client_of, face_of, person, posted
from tests.factories import befriend

pytestmark = pytest.mark.django_db

MODELS = ("proxy", "authorization", "rules")


@dataclass
class Scene:
    """What ``owner`` said about their face in ``photo``, and did around it."""

    owner: User
    photo: Photo

    @property
    def author(self) -> User:
        return self.photo.post.author


@pytest.fixture
def scene(engine) -> Scene:
    owner, author = person(0, "rules"), person()
    photo = posted(author)
    region = face_of(photo, owner)
    services.override_set(region=region, by=owner, effect="hide")
    services.model_choose(owner=owner, model="authorization")
    services.authorization_answer(region=region, by=owner, answer="denied")
    services.model_choose(owner=owner, model="proxy")
    services.tag_create(region=region, tagger=owner, owner=owner)
    services.tag_withdraw(region=region, by=owner)
    community.like_set(post=photo.post, by=owner)
    community.bookmark_set(post=photo.post, by=owner)
    community.comment_create(post=photo.post, author=owner, body="My own words")
    return Scene(owner, photo)


def narrow(this: Scene) -> None:
    posting.post_update(post=this.photo.post, by=this.author, audience=Audience.FRIENDS)


def block(this: Scene) -> None:
    people.block_create(blocker=this.author, blocked=this.owner)


def block_them(this: Scene) -> None:
    people.block_create(blocker=this.owner, blocked=this.author)


def close(this: Scene) -> None:
    User.objects.filter(pk=this.author.pk).update(is_active=False)


def take_down(this: Scene) -> None:
    Post.objects.filter(pk=this.photo.post_id).update(taken_down_at=timezone.now())


def delete(this: Scene) -> None:
    posting.post_delete(post=Post.objects.get(pk=this.photo.post_id), by=this.author)


OUT_OF_SIGHT = (narrow, block, close, take_down)


def export(owner: User) -> dict[str, Any]:
    data = {name: part.data(owner) for name, part in exporting.PARTS.items()}
    return json.loads(json.dumps(data, cls=DjangoJSONEncoder))


def names(data: dict[str, Any], *keys: UUID) -> bool:
    return any(str(key) in json.dumps(data) for key in keys)


def test_what_is_in_sight_is_told_in_full(scene) -> None:
    data, photo, post = export(scene.owner), str(scene.photo.pk), str(scene.photo.post_id)
    for part in ("tags", "answers", "words_on_photos"):
        assert [row["region__photo"] for row in data["face"][part]] == [photo], part
    for part in ("likes", "bookmarks", "comments"):
        assert [row["post"] for row in data["community"][part]] == [post], part
    lines = {line["action"]: line["photo_id"] for line in data["face"]["history"]}
    assert lines == {
        "override_hide": photo, "denied": photo, "tagged": photo, "withdrew": photo, "model": None
    }  # fmt: skip


@pytest.mark.parametrize("way", [*OUT_OF_SIGHT, block_them])
def test_a_photo_out_of_sight_is_not_named(scene, way) -> None:
    way(scene)
    assert client_of(scene.owner).get(f"/api/v1/photos/{scene.photo.pk}/").status_code == 404
    data = export(scene.owner)
    assert not names(data, scene.photo.pk, scene.photo.post_id)
    assert [len(data["face"][part]) for part in ("tags", "answers", "words_on_photos", "history")] == [
        0,
        0,
        0,
        6,
    ]
    (comment,) = data["community"]["comments"]
    assert (comment["post"], comment["body"]) == (None, "My own words")


@pytest.mark.parametrize("way", OUT_OF_SIGHT)
def test_nothing_tells_it_from_a_deleted_one(scene, way) -> None:
    way(scene)
    hidden = export(scene.owner)
    delete(scene)
    deleted = export(scene.owner)
    # One's own words stay one's own while they can be changed: they go with the post, as they do on the site.
    assert hidden["community"].pop("comments")
    assert not deleted["community"].pop("comments")
    assert hidden == deleted


def test_what_comes_into_sight_again_is_told_again(scene) -> None:
    before = export(scene.owner)
    narrow(scene)
    befriend(scene.owner, scene.author)
    after = export(scene.owner)
    assert after.pop("you") != before.pop("you"), "they are friends now"
    assert after == before


def test_a_tag_on_a_photo_one_never_saw_tells_nothing_of_it(engine) -> None:
    owner, friend, author = person(0, "proxy"), person(2, "proxy"), person()
    befriend(owner, friend)
    befriend(author, friend)
    photo = posted(author, audience=Audience.FRIENDS)
    services.tag_create(region=face_of(photo, owner), tagger=friend, owner=owner)
    data = export(owner)
    assert data["face"]["tags"] == []
    assert not names(data, photo.pk, photo.post_id)


def test_ones_own_photos_are_in_it_whatever_became_of_them(engine) -> None:
    owner = person(0, "authorization")
    photo = posted(owner, audience=Audience.ONLY_ME)
    services.authorization_answer(region=face_of(photo, owner), by=owner, answer="denied")
    Post.objects.update(taken_down_at=timezone.now())
    data = export(owner)
    assert data["face"]["answers"][0]["region__photo"] == str(photo.pk)
    assert data["face"]["history"][0]["photo_id"] == str(photo.pk)
