"""What people do with posts: comment, like, keep, tag, collect in albums. Who may see any of it follows the post."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from community.querysets import AlbumQuerySet, CommentQuerySet, LikeQuerySet
from photos.models import Photo, Post

COMMENT_LENGTH = 1000  # characters


class Comment(models.Model):
    """Said about a post, shown beside each of its photos."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    post = models.ForeignKey(Post, models.CASCADE, related_name="comments")
    author = models.ForeignKey(User, models.CASCADE, related_name="comments")
    body = models.CharField(_("comment"), max_length=COMMENT_LENGTH)
    created_at = models.DateTimeField(auto_now_add=True)
    edited_at = models.DateTimeField(null=True, blank=True)
    taken_down_at = models.DateTimeField(null=True, blank=True)  # by the staff: its author alone sees it then

    objects = CommentQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "id"]
        indexes = [models.Index(fields=["post", "created_at"])]

    def __str__(self) -> str:
        return f"comment {self.pk}"


class Like(models.Model):
    post = models.ForeignKey(Post, models.CASCADE, related_name="likes")
    person = models.ForeignKey(User, models.CASCADE, related_name="likes")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = LikeQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["post", "person"], name="liked_once")]

    def __str__(self) -> str:
        return f"{self.person_id} likes {self.post_id}"


class Bookmark(models.Model):
    """A post somebody keeps for themselves. Nobody else learns of it, its author neither."""

    post = models.ForeignKey(Post, models.CASCADE, related_name="bookmarks")
    person = models.ForeignKey(User, models.CASCADE, related_name="bookmarks")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["post", "person"], name="kept_once")]
        indexes = [models.Index(fields=["person", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.person_id} keeps {self.post_id}"


class TagUse(models.Model):
    """A #tag in a caption, or in its author's own comment: what lists the post on the tag's page.

    A tag in somebody else's comment lists nothing: nobody decides for others where their photos turn up.
    """

    name = models.CharField(max_length=50)  # as community.text.fold writes it
    post = models.ForeignKey(Post, models.CASCADE, related_name="tag_uses")
    comment = models.ForeignKey(Comment, models.CASCADE, null=True, blank=True, related_name="tag_uses")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["name", "post"], condition=Q(comment__isnull=True), name="tag_once_per_caption"
            ),
            models.UniqueConstraint(
                fields=["name", "comment"],
                condition=Q(comment__isnull=False),
                name="tag_once_per_comment",
            ),
        ]
        indexes = [models.Index(fields=["name", "post"])]

    def __str__(self) -> str:
        return f"#{self.name}"


class Album(models.Model):
    """Photos of one's own in an order of one's own. It has no audience: each photo keeps that of its post."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(User, models.CASCADE, related_name="albums")
    title = models.CharField(_("title"), max_length=80)
    photos = models.ManyToManyField(Photo, through="AlbumPhoto", related_name="albums")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AlbumQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"album {self.pk}"  # not the title: staff's pages print this


class AlbumPhoto(models.Model):
    album = models.ForeignKey(Album, models.CASCADE, related_name="places")
    photo = models.ForeignKey(Photo, models.CASCADE, related_name="album_places")
    position = models.PositiveIntegerField()

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["album", "photo"], name="once_in_an_album")]

    def __str__(self) -> str:
        return f"{self.photo_id} in {self.album_id}"


# One module, one subject: notifications are in a file of their own, Django looks for them here.
from community.notices import Notification, SwitchedOff  # noqa: E402, F401
