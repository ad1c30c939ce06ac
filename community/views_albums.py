"""Albums: the list, one album as this viewer gets it, and what its owner does with it."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.selectors import person_for
from community import albums as services
from community import selectors
from community.models import Album
from faceaccess.views_photos import prepare
from photos.models import Photo
from photos.selectors import photos_visible_to
from socialnet.answers import action, back, done, signed_in

CHOICES_AT_MOST = 120  # photos offered for an album, the newest


@login_required
def albums(request: HttpRequest) -> HttpResponse:
    """One's own, or another's (``?of=``) as far as one may know them."""
    handle = request.GET.get("of", "")
    owner = person_for(request.user, handle) if handle else request.user
    found = list(selectors.albums_of(owner, request.user))
    covers = photos_visible_to(request.user).in_bulk([album.cover_id for album in found if album.cover_id])
    for album in found:
        album.cover = covers.get(album.cover_id)
    page = {"albums": found, "owner": owner, "is_own": owner == request.user}
    return render(request, "community/albums.html", page)


def _album(request: HttpRequest, pk: UUID) -> Album:
    return get_object_or_404(Album.objects.visible_to(request.user).select_related("owner"), pk=pk)


@login_required
def album(request: HttpRequest, pk: UUID) -> HttpResponse:
    album = _album(request, pk)
    photos = list(selectors.photos_in(album, request.user))
    prepare(photos, request.user)
    page = {"album": album, "photos": photos, "is_own": album.owner_id == request.user.pk}
    return render(request, "community/album.html", page)


@action("albums")
def album_create(request: HttpRequest) -> HttpResponse:
    album = services.album_create(owner=request.user, title=request.POST.get("title", ""))
    done(request, _("The album is there. Choose its photos."))
    return redirect("album-choose", album.pk)


@action("albums")
def album_rename(request: HttpRequest, pk: UUID) -> HttpResponse:
    album = services.album_rename(
        album=_album(request, pk), by=request.user, title=request.POST.get("title", "")
    )
    done(request, _("The album is called “%(title)s” now.") % {"title": album.title})
    return redirect("album", pk)


@action("albums")
def album_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    services.album_delete(album=_album(request, pk), by=request.user)
    done(request, _("The album is deleted. Its photos stay where they are."))
    return redirect("albums")


@signed_in()
def album_choose(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Photos of one's own to add; those that are in the album already are not offered."""
    if request.method == "POST":
        return _album_add(request, pk)
    album = _album(request, pk)
    own = photos_visible_to(request.user).filter(post__author=request.user).ready()
    offered = list(own.exclude(album_places__album=album).order_by("-created_at")[:CHOICES_AT_MOST])
    if album.owner_id != request.user.pk:
        return redirect("album", pk)
    return render(request, "community/album_choose.html", {"album": album, "photos": offered})


@action("albums")
def _album_add(request: HttpRequest, pk: UUID) -> HttpResponse:
    album = _album(request, pk)
    wanted = request.POST.getlist("photo")
    photos = photos_visible_to(request.user).filter(pk__in=_ids(wanted)).in_bulk()
    for photo in (photos[pk] for pk in _ids(wanted) if pk in photos):  # in the order of the page
        services.album_add(album=album, by=request.user, photo=photo)
    number = len(photos)
    done(request, ngettext("%d photo added.", "%d photos added.", number) % number)
    return redirect("album", pk)


def _ids(values: list[str]) -> list[UUID]:
    found = []
    for value in values:
        try:
            found.append(UUID(value))
        except ValueError:
            continue
    return found


def _photo(request: HttpRequest) -> Photo:
    ids = _ids([request.POST.get("photo", "")])
    return get_object_or_404(photos_visible_to(request.user), pk=ids[0] if ids else None)


@action("albums")
def album_remove(request: HttpRequest, pk: UUID) -> HttpResponse:
    services.album_remove(album=_album(request, pk), by=request.user, photo=_photo(request))
    done(request, _("Taken out of the album. The photo stays in its post."))
    return back(request, "album", pk)


@action("albums")
def album_move(request: HttpRequest, pk: UUID) -> HttpResponse:
    earlier = request.POST.get("direction") == "earlier"
    services.album_move(album=_album(request, pk), by=request.user, photo=_photo(request), earlier=earlier)
    return back(request, "album", pk)
