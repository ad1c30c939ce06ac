"""Albums: own, ordered, and of each photo only what its own audience lets one see."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.urls import reverse

from community import albums, selectors
from community.models import Album
from photos.models import Audience, Photo
from tests.faceaccess.conftest import client_of
from tests.factories import BlockFactory, PhotoFactory, UserFactory, befriend
from tests.pages.html import Page

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    return UserFactory(display_name="Olga Owner")


@pytest.fixture
def friend(owner):
    friend = UserFactory()
    befriend(owner, friend)
    return friend


@pytest.fixture
def album(owner):
    """For everyone, for friends, for nobody; in this order."""
    album = albums.album_create(owner=owner, title="  Lake   days ")
    for audience in (Audience.MEMBERS, Audience.FRIENDS, Audience.ONLY_ME):
        albums.album_add(album=album, by=owner, photo=PhotoFactory(author=owner, audience=audience))
    return album


def seen(album, viewer) -> list[str]:
    return [photo.post.audience for photo in selectors.photos_in(album, viewer)]


def test_each_photo_keeps_its_own_audience(album, owner, friend):
    assert album.title == "Lake days"
    assert seen(album, owner) == ["members", "friends", "only_me"]
    assert seen(album, friend) == ["members", "friends"]
    assert seen(album, UserFactory()) == ["members"]


def test_counts_and_covers_follow_what_the_viewer_sees(album, owner, friend):
    photos = list(selectors.photos_in(album, owner))
    albums.album_move(album=album, by=owner, photo=photos[2], earlier=True)
    albums.album_move(album=album, by=owner, photo=photos[2], earlier=True)  # only_me is the first now
    for viewer, number, cover in (
        (owner, 3, photos[2]),
        (friend, 2, photos[0]),
        (UserFactory(), 1, photos[0]),
    ):
        found = selectors.albums_of(owner, viewer).get()
        assert (found.photo_count, found.cover_id) == (number, cover.pk)


def test_an_album_without_a_visible_photo_does_not_exist(owner, friend):
    secret = albums.album_create(owner=owner, title="Surprise for Fred")
    albums.album_add(album=secret, by=owner, photo=PhotoFactory(author=owner, audience=Audience.ONLY_ME))
    waiting = albums.album_create(owner=owner, title="Not yet")
    albums.album_add(album=waiting, by=owner, photo=PhotoFactory(author=owner, state=Photo.State.WAITING))
    for hidden in (secret, waiting):
        assert client_of(friend).get(reverse("album", args=[hidden.pk])).status_code == 404
        assert client_of(friend).get(f"/api/v1/albums/{hidden.pk}/").status_code == 404
        assert client_of(owner).get(reverse("album", args=[hidden.pk])).status_code == 200
    page = Page.of(client_of(friend).get(reverse("albums"), {"of": owner.username}))
    assert "Surprise" not in page.words
    assert client_of(friend).get("/api/v1/albums/", {"owner": owner.username}).json()["results"] == []


def test_a_block_takes_the_album_away(album, owner):
    stranger = UserFactory()
    assert client_of(stranger).get(reverse("album", args=[album.pk])).status_code == 200
    BlockFactory(blocker=owner, blocked=stranger)
    assert client_of(stranger).get(reverse("album", args=[album.pk])).status_code == 404
    assert client_of(stranger).get(reverse("albums"), {"of": owner.username}).status_code == 404


def test_only_own_photos_fit_and_each_once(album, owner, friend):
    with pytest.raises(PermissionDenied):
        albums.album_add(album=album, by=owner, photo=PhotoFactory(author=friend, audience=Audience.MEMBERS))
    first = album.places.first().photo
    albums.album_add(album=album, by=owner, photo=first)
    assert album.places.count() == 3


def test_nobody_else_changes_it(album, friend):
    photo = album.places.first().photo
    for change in (
        lambda: albums.album_rename(album=album, by=friend, title="x"),
        lambda: albums.album_delete(album=album, by=friend),
        lambda: albums.album_add(album=album, by=friend, photo=PhotoFactory(author=friend)),
        lambda: albums.album_remove(album=album, by=friend, photo=photo),
        lambda: albums.album_move(album=album, by=friend, photo=photo, earlier=True),
    ):
        with pytest.raises(PermissionDenied):
            change()


@pytest.mark.parametrize("title", ["", "  ", "x" * 81])
def test_it_needs_a_title(owner, title):
    with pytest.raises(ValidationError):
        albums.album_create(owner=owner, title=title)


def test_moving_at_the_ends_changes_nothing(album, owner):
    photos = [place.photo for place in album.places.all()]
    albums.album_move(album=album, by=owner, photo=photos[0], earlier=True)
    albums.album_move(album=album, by=owner, photo=photos[2], earlier=False)
    assert [place.photo for place in album.places.all()] == photos
    albums.album_move(album=album, by=owner, photo=photos[0], earlier=False)
    assert [place.photo for place in album.places.all()] == [photos[1], photos[0], photos[2]]


def test_a_deleted_album_leaves_its_photos(album, owner):
    albums.album_delete(album=album, by=owner)
    assert Photo.objects.count() == 3
    assert not Album.objects.exists()


def test_the_whole_life_of_an_album_on_its_pages(owner):
    client = client_of(owner)
    photos = [PhotoFactory(author=owner) for _ in range(2)]
    chosen = client.post(reverse("album-create"), {"title": "Sea"}, follow=True)
    (album,) = Album.objects.all()
    assert len(Page.of(chosen).all("img")) == 2
    address = reverse("album-choose", args=[album.pk])
    page = Page.of(client.post(address, {"photo": [photo.pk for photo in photos] + ["x"]}, follow=True))
    assert "2 photos added." in page.words
    client.post(reverse("album-move", args=[album.pk]), {"photo": photos[1].pk, "direction": "earlier"})
    assert [photo.pk for photo in selectors.photos_in(album, owner)] == [photos[1].pk, photos[0].pk]
    client.post(reverse("album-remove", args=[album.pk]), {"photo": photos[1].pk})
    page = Page.of(client.post(reverse("album-rename", args=[album.pk]), {"title": "Lake"}, follow=True))
    assert "Lake" in page.words
    assert len(page.all("img")) == 1
    client.post(reverse("album-delete", args=[album.pk]))
    assert not Album.objects.exists()
