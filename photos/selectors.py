"""Reads about posts and photos: always for one viewer."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser

from accounts.models import User
from photos.models import Photo, Post
from photos.querysets import PhotoQuerySet, PostQuerySet


def feed(viewer: User | AnonymousUser) -> PostQuerySet:
    """What the viewer's feed lists, newest first, with author and photos."""
    return posts_visible_to(viewer)


def posts_of(author: User, viewer: User | AnonymousUser) -> PostQuerySet:
    return posts_visible_to(viewer).by(author)


def posts_visible_to(viewer: User | AnonymousUser) -> PostQuerySet:
    """Every post that ``viewer`` may open, with author and photos."""
    return Post.objects.visible_to(viewer).for_display()


def photos_visible_to(viewer: User | AnonymousUser) -> PhotoQuerySet:
    return Photo.objects.visible_to(viewer).for_display()
