"""What people post."""

from __future__ import annotations

import uuid

from django.core.exceptions import ValidationError
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import Circle, User
from photos.querysets import PhotoQuerySet, PostQuerySet


def original_path(photo: Photo, filename: str) -> str:
    # The name tells nothing and cannot be guessed; the folder is private (settings.PRIVATE_ROOT).
    return f"originals/{photo.pk.hex}-{uuid.uuid4().hex}.png"


class Audience(models.TextChoices):
    """Who may see a post at all. Faces are decided separately, per viewer, in faceaccess."""

    MEMBERS = "members", _("Everyone here")
    FRIENDS = "friends", _("Friends")
    CIRCLE = "circle", _("A circle")
    ONLY_ME = "only_me", _("Only me")


class Post(models.Model):
    class Kind(models.TextChoices):
        POST = "post", _("Post")
        AVATAR = "avatar", _("Profile picture")  # one photo, in no feed: photos/avatars.py

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.POST, editable=False)
    author = models.ForeignKey(User, models.CASCADE, related_name="posts")
    caption = models.CharField(_("caption"), max_length=500, blank=True)
    audience = models.CharField(
        _("who can see it"), max_length=10, choices=Audience, default=Audience.FRIENDS
    )
    circle = models.ForeignKey(Circle, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    taken_down_at = models.DateTimeField(
        null=True, blank=True, editable=False
    )  # by staff: its author alone sees it
    # Of the form it was sent with, and of its photos: so a form that is sent again makes no second post.
    sent_as = models.UUIDField(null=True, editable=False)

    objects = PostQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["author", "-created_at"])]
        constraints = [models.UniqueConstraint(fields=["author", "sent_as"], name="posted_once")]

    def __str__(self) -> str:
        return f"post {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("post", args=[self.pk])

    def clean(self) -> None:
        if self.audience == Audience.CIRCLE and (
            self.circle is None or self.circle.owner_id != self.author_id
        ):
            raise ValidationError({"circle": _("Choose one of your circles.")})
        if self.audience != Audience.CIRCLE:
            self.circle = None


class Photo(models.Model):
    """One picture of a post. Until ``state`` is READY no pixel of it is served to anybody."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")  # stored, no worker has taken it yet
        FINDING = "finding", _("Finding faces")
        PROTECTING = "protecting", _("Protecting")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Could not be protected")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    post = models.ForeignKey(Post, models.CASCADE, related_name="photos")
    position = models.PositiveSmallIntegerField(default=0)
    original = models.FileField(upload_to=original_path)  # decoded, upright, stripped, re-encoded
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    alt_text = models.CharField(_("description"), max_length=300, blank=True)
    state = models.CharField(max_length=12, choices=State, default=State.WAITING, db_index=True)
    # Raised whenever the face regions or decoys change: part of every rendition's key.
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PhotoQuerySet.as_manager()

    class Meta:
        ordering = ["position", "created_at"]

    def __str__(self) -> str:
        return f"photo {self.pk}"

    @property
    def is_ready(self) -> bool:
        return self.state == self.State.READY
