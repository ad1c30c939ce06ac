"""Which comments, likes and albums a viewer may see. Whose posts these are about is decided in photos.querysets."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Exists, OuterRef, Q

from accounts.models import User
from accounts.selectors import is_hidden_from
from photos.querysets import is_visible_to

Viewer = User | AnonymousUser


def is_known_to(viewer: User, person: str) -> Q:
    """The person in field ``person`` exists for the viewer: an open account, and no block either way."""
    return Q(**{person: viewer}) | (Q(**{f"{person}__is_active": True}) & ~is_hidden_from(viewer, person))


def is_standing_for(viewer: User, comment: str = "") -> Q:
    """The comment at the path ``comment`` was not taken down, or is the viewer's own."""
    return Q(**{f"{comment}taken_down_at": None}) | Q(**{f"{comment}author": viewer})


def _may_look(viewer: Viewer) -> bool:
    return bool(viewer.is_authenticated and viewer.is_active)


class CommentQuerySet(models.QuerySet["Comment"]):
    def visible_to(self, viewer: Viewer) -> CommentQuerySet:
        """Standing comments by people the viewer may know of, on posts the viewer may see."""
        if not _may_look(viewer):
            return self.none()
        shown = is_visible_to(viewer, "post__") & is_known_to(viewer, "author")
        return self.filter(shown & is_standing_for(viewer))

    def for_display(self) -> CommentQuerySet:
        return self.select_related("author", "post")


class LikeQuerySet(models.QuerySet["Like"]):
    def visible_to(self, viewer: Viewer) -> LikeQuerySet:
        if not _may_look(viewer):
            return self.none()
        return self.filter(is_visible_to(viewer, "post__") & is_known_to(viewer, "person"))


class AlbumQuerySet(models.QuerySet["Album"]):
    def visible_to(self, viewer: Viewer) -> AlbumQuerySet:
        """One's own albums, and those in which there is a photo one may see: an album without one does not exist."""
        from community.models import AlbumPhoto

        if not _may_look(viewer):
            return self.none()
        shown = AlbumPhoto.objects.filter(
            is_visible_to(viewer, "photo__post__"), album=OuterRef("pk"), photo__state="ready"
        )
        return self.filter(Q(owner=viewer) | Exists(shown))
