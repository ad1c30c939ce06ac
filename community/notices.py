"""Models of notifications. Import them from community.models.

A row says that something happened; it never says that it may still be told. That is asked each time rows are read
(community.notifications): a thing that was taken back, and a person or photo that went out of sight, are not there.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import Friendship, User
from photos.models import Photo, Post


class Notification(models.Model):
    """One thing that happened to ``recipient``. ``kind`` is registered in community.kinds."""

    recipient = models.ForeignKey(User, models.CASCADE, related_name="notifications")
    kind = models.CharField(max_length=20)
    actor = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="+")
    # What it is about: at least one of these. With any of them the row goes.
    post = models.ForeignKey(Post, models.CASCADE, null=True, blank=True, related_name="+")
    photo = models.ForeignKey(Photo, models.CASCADE, null=True, blank=True, related_name="+")
    comment = models.ForeignKey("community.Comment", models.CASCADE, null=True, blank=True, related_name="+")
    friendship = models.ForeignKey(Friendship, models.CASCADE, null=True, blank=True, related_name="+")
    # Key of a row of an app that stands above this one (a tag, a face, a claim). Its kind asks whether it holds.
    thing = models.BigIntegerField(null=True, blank=True)
    key = models.CharField(max_length=120)  # the same thing twice is one row
    batch = models.CharField(max_length=80)  # rows with the same one are told in one sentence
    created_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["recipient", "key"], name="notified_once"),
            models.CheckConstraint(
                condition=Q(actor__isnull=True) | ~Q(actor=models.F("recipient")), name="not_about_oneself"
            ),
        ]
        indexes = [
            models.Index(fields=["recipient", "-created_at"]),
            models.Index(fields=["recipient"], name="notification_unseen", condition=Q(seen_at__isnull=True)),
            models.Index(fields=["kind", "thing"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.recipient_id}"


class SwitchedOff(models.Model):
    """A kind of notification that somebody does not want to hear of."""

    owner = models.ForeignKey(User, models.CASCADE, related_name="notifications_off")
    kind = models.CharField(max_length=20)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "kind"], name="switched_off_once")]

    def __str__(self) -> str:
        return f"{self.owner_id}: no {self.kind}"
