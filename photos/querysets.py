"""Which posts and photos a viewer may see at all. Faces in them are decided separately, in faceaccess."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from accounts.models import CircleMembership, User
from accounts.selectors import is_friend_of, is_hidden_from


def is_visible_to(viewer: User | int, post: str = "") -> Q:
    """The audience rule as a condition; ``viewer`` a person or their key, ``post`` the path to the post: "post__".

    The author always; else nobody across a block, nothing by a closed account, nothing that was taken down, and whom
    the audience names. Staff have no right of their own.
    """
    from photos.models import Audience

    circles = CircleMembership.objects.filter(person=viewer).values("circle")
    inside = Q(**{f"{post}audience": Audience.CIRCLE, f"{post}circle__in": circles})
    among_friends = Q(**{f"{post}audience": Audience.FRIENDS}) | inside
    audience = Q(**{f"{post}audience": Audience.MEMBERS}) | (
        among_friends & is_friend_of(viewer, f"{post}author")
    )
    open_author = Q(**{f"{post}author__is_active": True}) & ~is_hidden_from(viewer, f"{post}author")
    standing = Q(**{f"{post}taken_down_at": None})
    return Q(**{f"{post}author": viewer}) | (standing & open_author & audience)


class PostQuerySet(models.QuerySet["Post"]):
    def visible_to(self, viewer: User | AnonymousUser) -> PostQuerySet:
        if not (viewer.is_authenticated and viewer.is_active):
            return self.none()
        return self.filter(is_visible_to(viewer))

    def by(self, author: User) -> PostQuerySet:
        return self.filter(author=author)

    def listed(self) -> PostQuerySet:
        """What feeds and pages list: a profile picture is seen beside its person's name instead."""
        return self.filter(kind=self.model.Kind.POST)

    def for_display(self) -> PostQuerySet:
        """With author and photos, in two queries whatever the number of posts."""
        return self.select_related("author").prefetch_related("photos")


class PhotoQuerySet(models.QuerySet["Photo"]):
    def visible_to(self, viewer: User | AnonymousUser) -> PhotoQuerySet:
        if not (viewer.is_authenticated and viewer.is_active):
            return self.none()
        return self.filter(is_visible_to(viewer, "post__"))

    def ready(self) -> PhotoQuerySet:
        return self.filter(state=self.model.State.READY)

    def for_display(self) -> PhotoQuerySet:
        return self.select_related("post", "post__author")
