"""Models for requests about faces, and for what is remembered: claims, "later", removed marks, one's own decisions.

Import them from faceaccess.models.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import PACK_LENGTH, User
from photos.models import Photo


class PhotoAnalysis(models.Model):
    """Which pack looked for faces in a photo, and how often another one tried in vain to do it anew.

    No row: a photo from before this was noted, which its regions' packs speak for.
    """

    photo = models.OneToOneField(Photo, models.CASCADE, primary_key=True, related_name="analysis")
    pack = models.CharField(max_length=PACK_LENGTH, blank=True, db_index=True)
    failed_pack = models.CharField(max_length=PACK_LENGTH, blank=True)
    failures = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"{self.photo_id} by {self.pack or 'a pack before'}"


class Claim(models.Model):
    """ "That's me", said about a face nobody was recognised in. Whose face it is, faceaccess.matching decides."""

    class State(models.TextChoices):
        OPEN = "open", _("Asked")
        ACCEPTED = "accepted", _("Accepted")
        REJECTED = "rejected", _("Rejected")

    region = models.ForeignKey("faceaccess.FaceRegion", models.CASCADE, related_name="claims")
    claimant = models.ForeignKey(User, models.CASCADE, related_name="face_claims")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    created_at = models.DateTimeField(auto_now_add=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    judge_due = models.DateTimeField(
        null=True, blank=True, db_index=True
    )  # when to ask the worker again; null: done, and what is still open is the uploader's to answer

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "claimant"], name="claimed_once")]

    def __str__(self) -> str:
        return f"{self.claimant_id} claims {self.region_id}: {self.state}"


class Later(models.Model):
    """An owner put a question off: it stays in the inbox, further down, and is not counted any more."""

    region = models.ForeignKey("faceaccess.FaceRegion", models.CASCADE, related_name="put_off")
    owner = models.ForeignKey(User, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "owner"], name="put_off_once")]

    def __str__(self) -> str:
        return f"{self.owner_id} answers {self.region_id} later"


class Question(models.Model):
    """A face recognised as its owner's was named as somebody else's: the owner is asked whether it is them.

    Neither who was named nor who did it is kept: that is between those two.
    """

    region = models.ForeignKey("faceaccess.FaceRegion", models.CASCADE, related_name="questions")
    owner = models.ForeignKey(User, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "owner"], name="asked_once")]

    def __str__(self) -> str:
        return f"is {self.region_id} {self.owner_id}?"


class RemovedMark(models.Model):
    """A mark that was taken out again: it still counts toward its maker's limit."""

    photo = models.ForeignKey(Photo, models.CASCADE, related_name="removed_marks")
    box = models.JSONField()  # [x0, y0, x1, y1] px of the stored original
    marked_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    removed_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    reason = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"mark {self.box} of {self.photo_id}, removed"


class AppendOnlyError(TypeError):
    """A line of the log is written once; it goes with its account only."""


class AppendOnlyQuerySet(models.QuerySet):
    def update(self, **kwargs: object) -> int:
        raise AppendOnlyError

    def delete(self) -> tuple[int, dict[str, int]]:
        raise AppendOnlyError


class DecisionLog(models.Model):
    """One decision an owner took about their face. For their own eyes; names nobody else."""

    class Action(models.TextChoices):
        TAGGED = "tagged", _("You showed your face by a tag")
        WITHDREW = "withdrew", _("You took a tag back")
        APPROVED = "approved", _("You showed your face in a photo")
        DENIED = "denied", _("You kept your face hidden in a photo")
        UNANSWERED = "unanswered", _("You took your answer back")
        PUT_OFF = "put_off", _("You put an answer off")
        OVERRIDE_SHOW = "override_show", _("You showed your face in a photo, whatever your rules say")
        OVERRIDE_HIDE = "override_hide", _("You hid your face in a photo, whatever your rules say")
        OVERRIDE_CLEARED = "override_cleared", _("You let your rules decide about a photo again")
        RULE_ADDED = "rule_added", _("You added a rule")
        RULE_CHANGED = "rule_changed", _("You changed a rule")
        RULE_MOVED = "rule_moved", _("You moved a rule")
        RULE_DELETED = "rule_deleted", _("You deleted a rule")
        MODEL = "model", _("You chose who decides")
        ENROLLED = "enrolled", _("You added a picture of your face")
        CAPTURE_DELETED = "capture_deleted", _("You deleted a picture of your face")
        ERASED = "erased", _("You deleted everything about your face")
        NOT_ME = "not_me", _("You said: that is not me")
        CLAIMED = "claimed", _("You said: that is me")
        IS_ME = "is_me", _("You said that a face named as somebody else is you")
        REMINDERS_ON = "reminders_on", _("You switched reminders on")
        REMINDERS_OFF = "reminders_off", _("You switched reminders off")

    owner = models.ForeignKey(User, models.CASCADE, related_name="decisions")
    action = models.CharField(max_length=20, choices=Action)
    photo = models.ForeignKey(Photo, models.SET_NULL, null=True, blank=True, related_name="+")
    detail = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["owner", "-id"])]

    def __str__(self) -> str:
        return f"{self.owner_id}: {self.action}"

    def save(self, *args: object, **kwargs: object) -> None:
        if not self._state.adding:
            raise AppendOnlyError
        super().save(*args, **kwargs)

    def delete(self, *args: object, **kwargs: object) -> tuple[int, dict[str, int]]:
        raise AppendOnlyError
