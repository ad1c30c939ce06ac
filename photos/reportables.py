"""Photos that somebody reports. What is taken down is the whole post: its author alone sees it from then on."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.moderation import Reportable, hiding
from photos.models import Photo, Post


def _visible(viewer: User, target: str) -> Photo:
    return Photo.objects.visible_to(viewer).select_related("post__author").get(pk=target)


PHOTO = Reportable(
    kind="photo",
    name=_("Photo"),
    model=Photo,
    visible=_visible,
    person=lambda photo: photo.post.author,
    **hiding(lambda photo: Post.objects.filter(pk=photo.post_id)),
    template="photos/parts/reported.html",
)
