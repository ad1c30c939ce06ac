"""Writes about albums. Only the owner's own photos can be in one, and only its owner changes it."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from accounts.models import User
from community.models import Album, AlbumPhoto
from photos.models import Photo

ALBUMS_AT_MOST = 200  # of one person
PHOTOS_AT_MOST = 500  # of one album


@transaction.atomic
def album_create(*, owner: User, title: str) -> Album:
    User.objects.select_for_update().get(pk=owner.pk)  # two at once do not both get the last place
    if owner.albums.count() >= ALBUMS_AT_MOST:
        raise ValidationError(_("At most %d albums fit here.") % ALBUMS_AT_MOST)
    return _titled(Album(owner=owner), title)


@transaction.atomic
def album_rename(*, album: Album, by: User, title: str) -> Album:
    return _titled(_own(album, by), title)


def _titled(album: Album, title: str) -> Album:
    album.title = " ".join(title.split())
    album.full_clean()
    album.save()
    return album


@transaction.atomic
def album_delete(*, album: Album, by: User) -> None:
    """The photos stay where they are."""
    _own(album, by).delete()


@transaction.atomic
def album_add(*, album: Album, by: User, photo: Photo) -> AlbumPhoto:
    """Put a photo of one's own at the end. It is seen there by whom its post lets see it, and by nobody else."""
    album = _own(album, by)
    if photo.post.author_id != by.pk:
        raise PermissionDenied(_("Only your own photos can be in your albums."))
    if (there := album.places.filter(photo=photo).first()) is not None:
        return there
    if album.places.count() >= PHOTOS_AT_MOST:
        raise ValidationError(_("At most %d photos fit in one album.") % PHOTOS_AT_MOST)
    last = album.places.aggregate(last=Max("position"))["last"] or 0
    place = AlbumPhoto(album=album, photo=photo, position=last + 1)
    place.full_clean()
    place.save()
    return place


@transaction.atomic
def album_remove(*, album: Album, by: User, photo: Photo) -> None:
    _own(album, by).places.filter(photo=photo).delete()


@transaction.atomic
def album_move(*, album: Album, by: User, photo: Photo, earlier: bool) -> None:
    """Swap a photo with its neighbour; at the end nothing happens."""
    places = list(_own(album, by).places.all())
    at = next((index for index, place in enumerate(places) if place.photo_id == photo.pk), None)
    if at is None:
        raise ValidationError(_("This photo is not in the album."))
    to = at - 1 if earlier else at + 1
    if 0 <= to < len(places):
        places[at], places[to] = places[to], places[at]
    for position, place in enumerate(places, start=1):
        place.position = position
    AlbumPhoto.objects.bulk_update(places, ["position"])


def _own(album: Album, by: User) -> Album:
    """The album as it is now, held. Raises PermissionDenied if it is another's, or gone."""
    current = Album.objects.select_for_update().filter(pk=album.pk, owner=by).first()
    if current is None:
        raise PermissionDenied(_("This is not your album."))
    return current
