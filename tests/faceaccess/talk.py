"""The leak matrix's channels round a photo: comments, likes, tags, searches, albums, notifications.

``this`` is the Scene of test_leaks: a photo, its people by role, and who may see what.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django.urls import reverse

from accounts.models import User
from community import albums
from community import services as community
from photos import services as photo_services
from photos.models import Photo
from tests.faceaccess.conftest import client_of, pixels

if TYPE_CHECKING:
    from tests.faceaccess.test_leaks import Scene


def talk_about(photo: Photo, uploader: User) -> None:
    """The author says something about the photo, likes it, and puts it into an album."""
    photo_services.post_update(post=photo.post, by=uploader, caption="At the #table")
    community.comment_create(post=photo.post, author=uploader, body="Who is who? #table")
    community.like_set(post=photo.post, by=uploader)
    album = albums.album_create(owner=uploader, title="Tables")
    albums.album_add(album=album, by=uploader, photo=photo)


def check_no_talk(this: Scene, client, denied: int) -> None:
    """What was said about a photo one may not see is not there either, under any address."""
    post, comment = this.photo.post, this.photo.post.comments.get()
    album = this.photo.albums.get()
    for address in (f"posts/{post.pk}/comments/", f"posts/{post.pk}/likes/", f"comments/{comment.pk}/"):
        assert client.get(f"/api/v1/{address}").status_code == denied, address
    for address in (f"albums/{album.pk}/", f"albums/{album.pk}/photos/"):
        assert client.get(f"/api/v1/{address}").status_code == denied, address
    assert client.post(f"/api/v1/posts/{post.pk}/comments/", {"body": "x"}).status_code == denied
    for address in ("like", "bookmark"):
        assert client.put(f"/api/v1/posts/{post.pk}/{address}/").status_code == denied
    region = this.photo.regions.get(index=0)
    assert client.get(reverse("face-stand-in", args=[region.pk])).status_code == 404
    if denied == 404:
        for address in ("tags/table/", "posts/", "bookmarks/"):
            assert client.get(f"/api/v1/{address}").json()["results"] == []
        assert client.get("/api/v1/albums/", {"owner": post.author.username}).json().get("results", []) == []
        for name in ("post", "album"):
            there = client.get(reverse(name, args=[post.pk if name == "post" else album.pk]))
            assert there.status_code == 404
    assert (post.comments.count(), post.likes.count(), post.bookmarks.count()) == (1, 1, 0)


def check_talk(this: Scene, name: str) -> None:
    """Lists, searches and albums give the photo as the gate does, and nowhere the name of a face."""
    client, photo = client_of(this.people[name]), this.photo
    album = photo.albums.get()
    post = client.get(f"/api/v1/posts/{photo.post_id}/").json()
    assert post.keys() == {
        *("id", "author", "caption", "audience", "created_at", "photos"),
        *("likes", "comments", "liked", "bookmarked", "circle"),
    }
    assert post["circle"] is None or name == "uploader"
    answers = [
        post,
        client.get("/api/v1/tags/table/").json(),
        client.get(f"/api/v1/posts/{photo.post_id}/comments/").json(),
        client.get(f"/api/v1/posts/{photo.post_id}/likes/").json(),
        client.get(f"/api/v1/albums/{album.pk}/photos/").json(),
        client.get(f"/api/v1/albums/{album.pk}/").json(),
    ]
    assert [found["id"] for found in answers[1]["results"]] == [str(photo.post_id)]
    assert [found["id"] for found in answers[4]] == [str(photo.pk)]
    assert "owner_of_it" not in json.dumps(answers)
    found = client.get("/api/v1/people/", {"q": "owner_of"}).json()["results"]
    assert len(found) == (0 if name in ("owner", "blocked") else 1)
    assert all(person.keys() == {"handle", "name", "bio", "avatar"} for person in found)
    assert all(person["avatar"] is None for person in found), "a person, and no photo of them"
    region = photo.regions.get(index=0)
    response = client.get(reverse("face-stand-in", args=[region.pk]))
    assert response.status_code == (200 if name == "owner" else 404)
    if name == "owner":
        height, width = pixels(response).shape[:2]
        assert tuple(pixels(response)[height // 2, width // 2] // 32) == (4, 4, 4), (
            "the stand-in, not the face"
        )


FACE_KINDS = {"tag", "answer", "claim"}


def check_notifications(this: Scene, model: str, consent: str) -> None:
    """Of a face its owner alone hears, while the photo is theirs to see and the thing stands."""
    for name, user in this.people.items():
        if user is None:
            continue
        told = client_of(user).get("/api/v1/notifications/").json()
        kinds = [batch["kind"] for batch in told if batch["kind"] in FACE_KINDS]
        expected = []
        if name == "owner" and this.may_see(name):
            if model == "authorization" and consent == "silent":
                expected = ["answer"]
            if model == "proxy" and consent == "disclosed":
                expected = ["tag"]
        assert kinds == expected, name
        if not this.may_see(name):
            assert str(this.photo.pk) not in json.dumps(told)
