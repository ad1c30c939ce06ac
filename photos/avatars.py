"""Profile pictures: a photo like any other, posted to everybody here and kept out of the feeds.

So it goes the way of every photo: its faces are found and replaced, each is decided by its own owner's model, and every
viewer gets it as they may see it. Who may not see the owner's face gets the stand-in, beside the name too.
"""

from __future__ import annotations

from typing import BinaryIO

from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.utils.translation import gettext as _

from accounts.models import User
from photos.models import Audience, Photo, Post
from photos.services import post_create


def avatar_set(*, user: User, upload: BinaryIO) -> Photo:
    """Make the uploaded picture the avatar of ``user``; the one before is deleted. Raises ValidationError."""
    post = post_create(
        author=user,
        uploads=[upload],
        audience=Audience.MEMBERS,
        alt_texts=[_("Profile picture of %(name)s") % {"name": user.name}],
        kind=Post.Kind.AVATAR,
    )
    photo = post.photos.get()
    with transaction.atomic():
        _others(user, post).delete()
        User.objects.filter(pk=user.pk).update(avatar=photo.pk)
    user.avatar = photo.pk
    return photo


@transaction.atomic
def avatar_remove(*, user: User) -> None:
    Post.objects.filter(author=user, kind=Post.Kind.AVATAR).delete()
    user.avatar = None


def _others(user: User, post: Post):
    return Post.objects.filter(author=user, kind=Post.Kind.AVATAR).exclude(pk=post.pk)


@receiver(post_delete, sender=Photo)
def forget_avatar(sender: type[Photo], instance: Photo, **kwargs: object) -> None:
    """However the photo went (its post, its author's account), nobody's page names it any more."""
    User.objects.filter(avatar=instance.pk).update(avatar=None)
