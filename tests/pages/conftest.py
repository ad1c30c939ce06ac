"""A small network in which every list of every page has something in it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from django.urls import reverse

from accounts.models import Circle, User
from community import albums
from community import services as community
from community.models import Album, Comment
from faceaccess.models import FaceRegion, Rule
from photos.models import Audience, Photo
from tests.faceaccess.conftest import client_of, engine, face_of, person, posted  # noqa: F401  a fixture, and helpers
from tests.factories import BlockFactory, CircleFactory, FriendshipFactory, PhotoFactory, befriend
from tests.snapshot import Snapshot


@dataclass
class Network:
    me: User  # face 0, by approval
    friend: User  # face 1, by proxy
    ruler: User  # face 2, by rules; a friend
    stranger: User
    asking: User
    blocked: User
    circle: Circle
    rule: Rule
    photo: Photo  # mine, three faces, ready
    theirs: Photo  # the friend's
    waiting: Photo
    failed: Photo
    comment: Comment  # mine, on my photo, which the friend likes and speaks about too
    album: Album  # mine, with my photo in it

    @property
    def my_face(self) -> FaceRegion:
        return face_of(self.photo, self.me)


@pytest.fixture(scope="session")
def kept() -> list[Snapshot]:
    """The network, once it was made."""
    return []


@pytest.fixture
def network(db, engine, private_root, kept) -> Network:  # noqa: F811
    if kept:
        return kept[0].put_back(private_root)
    made = make_network()
    kept.append(Snapshot(made, private_root))
    return made


def make_network() -> Network:
    me = person(0, "authorization", username="me.myself", display_name="Mia Meier")
    friend = person(1, "proxy", display_name="Frida Fern")
    ruler = person(2, "rules", display_name="Rosa Ruler")
    stranger, asking, blocked = person(), person(display_name="Ada Asking"), person()
    befriend(me, friend)
    befriend(me, ruler)
    FriendshipFactory(requester=asking, addressee=me)
    BlockFactory(blocker=me, blocked=blocked)
    circle = CircleFactory(owner=me, name="Choir", members=[friend])
    photo = posted(me, 3)
    comment, album = talk(photo, friend)
    return Network(
        comment=comment,
        album=album,
        me=me,
        friend=friend,
        ruler=ruler,
        stranger=stranger,
        asking=asking,
        blocked=blocked,
        circle=circle,
        rule=Rule.objects.create(
            owner=me, position=1, effect="hide", subject="circle", subject_circle=circle
        ),
        photo=photo,
        theirs=posted(friend, 3, Audience.FRIENDS),
        waiting=PhotoFactory(author=me, state=Photo.State.WAITING),
        failed=PhotoFactory(author=me, state=Photo.State.FAILED),
    )


def talk(photo: Photo, friend: User) -> tuple[Comment, Album]:
    """What is said and done about a photo: by its author, who keeps it too, and by a friend."""
    author, post = photo.post.author, photo.post
    comment = community.comment_create(post=post, author=author, body="We sang #choir")
    community.comment_create(post=post, author=friend, body=f"So did @{author.username}")
    community.like_set(post=post, by=friend)
    community.bookmark_set(post=post, by=author)
    album = albums.album_create(owner=author, title="Songs")
    albums.album_add(album=album, by=author, photo=photo)
    return comment, album


def press(user, action: str, /, *arguments, follow: bool = True, **fields: str):
    return client_of(user).post(reverse(action, args=arguments), fields, follow=follow)


def told(response) -> str:
    return " ".join(str(message) for message in response.context["messages"])
