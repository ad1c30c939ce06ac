"""Models for what was so from when to when: who could see a face where, and who was near its owner meanwhile.

Import them from faceaccess.models. For the owner's eyes only; both go with the owner's account.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Circle, User
from photos.models import Photo


class Span(models.Model):
    """From ``since`` until ``until``; null: it still is."""

    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


class Exposure(Span):
    """A kind of viewer to whom an owner's face was disclosed in one photo, and why.

    Who of them may see the photo at all is its author's to decide and to tell, so it is not kept here.
    """

    class Who(models.TextChoices):
        EVERYONE = "everyone", _("everyone who sees the photo")
        FRIENDS = "friends", _("your friends")
        FRIENDS_OF_FRIENDS = "friends_of_friends", _("friends of your friends")
        CIRCLE = "circle", _("a circle")
        PERSON = "person", _("one person")
        OTHERS = "others", _("everyone else")

    owner = models.ForeignKey(User, models.CASCADE, related_name="exposures")
    photo = models.ForeignKey(Photo, models.SET_NULL, null=True, blank=True, related_name="+")
    who = models.CharField(max_length=20, choices=Who)
    circle = models.ForeignKey(Circle, models.SET_NULL, null=True, blank=True, related_name="+")
    person = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="+")
    reason = models.CharField(max_length=24)  # a policies.Reason
    detail = models.CharField(
        max_length=200, blank=True
    )  # the rule's words, or the circle's name; names nobody

    class Meta:
        ordering = ["-since", "-pk"]
        indexes = [
            models.Index(fields=["owner", "-since"]),
            models.Index(fields=["photo"], name="exposure_open", condition=Q(until=None)),
        ]

    def __str__(self) -> str:
        return f"{self.owner_id} shown to {self.who} in {self.photo_id}"


class Standing(Span):
    """Somebody was the owner's friend, or in one of the owner's circles."""

    owner = models.ForeignKey(User, models.CASCADE, related_name="standings")
    person = models.ForeignKey(User, models.CASCADE, related_name="+")
    circle = models.ForeignKey(
        Circle, models.CASCADE, null=True, blank=True, related_name="+"
    )  # null: a friend

    class Meta:
        indexes = [models.Index(fields=["owner", "person"])]

    def __str__(self) -> str:
        return f"{self.person_id} near {self.owner_id}"
