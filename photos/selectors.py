"""Reads about posts and photos: always for one viewer."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser

from accounts.models import User
from accounts.selectors import is_muted_by
from photos.models import Photo, Post
from photos.querysets import PhotoQuerySet, PostQuerySet


def feed(viewer: User | AnonymousUser) -> PostQuerySet:
    """Every post the viewer may see, newest first, with author and photos; without people the viewer muted."""
    posts = posts_visible_to(viewer).listed()
    return posts.exclude(is_muted_by(viewer, "author")) if viewer.is_authenticated else posts


def posts_of(author: User, viewer: User | AnonymousUser) -> PostQuerySet:
    return posts_visible_to(viewer).listed().by(author)


def posts_visible_to(viewer: User | AnonymousUser) -> PostQuerySet:
    """Every post that ``viewer`` may open, profile pictures among them."""
    return Post.objects.visible_to(viewer).for_display()


def photos_visible_to(viewer: User | AnonymousUser) -> PhotoQuerySet:
    return Photo.objects.visible_to(viewer).for_display()
