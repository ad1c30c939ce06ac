"""Who sees which face: face regions and their decoys, and every statement made about them.

A statement (tag, answer, override) is kept per region *and* owner, and counts only while that owner is the present
one: when a region is matched to somebody else, and perhaps back again, nobody's word is lost or inherited.
"""

from __future__ import annotations

import uuid

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import PACK_LENGTH, Circle, User
from photos.models import Photo


def decoy_path(decoy: Decoy, filename: str) -> str:
    return f"decoys/{decoy.region.photo_id.hex}/{uuid.uuid4().hex}.png"


class AccessModel(models.TextChoices):
    """The three access models, least to most strict data flow."""

    PROXY = "proxy", _("By proxy")
    AUTHORIZATION = "authorization", _("By your approval")
    RULES = "rules", _("By your rules")


class FacePreference(models.Model):
    """What an owner chose: which model (no row, or an empty one: the site's default), and whether to be reminded."""

    owner = models.OneToOneField(User, models.CASCADE, related_name="face_preference")
    model = models.CharField(max_length=15, choices=AccessModel, blank=True)
    reminders = models.BooleanField(default=True)  # of photos that wait for an answer
    reminded_at = models.DateTimeField(null=True, blank=True)  # the last one sent

    def __str__(self) -> str:
        return f"{self.owner_id}: {self.model or 'site default'}"


class FaceRegion(models.Model):
    """One face of one photo, and its owner if it was matched to one."""

    class Match(models.TextChoices):
        MATCHED = "matched", _("Matched")
        AMBIGUOUS = "ambiguous", _("Close to two people")
        UNKNOWN = "unknown", _("Nobody enrolled")

    class Source(models.TextChoices):
        DETECTED = "detected", _("Found")
        MARKED = "marked", _("Marked by a person")

    photo = models.ForeignKey(Photo, models.CASCADE, related_name="regions")
    index = models.PositiveSmallIntegerField()  # place in Analysis.faces
    box = models.JSONField()  # [x0, y0, x1, y1] px of the stored original
    landmarks = models.BinaryField(blank=True)  # (68, 2) float32, px; empty until a marked face is analysed
    score = models.FloatField(validators=[MinValueValidator(0), MaxValueValidator(1)])
    quality = models.FloatField(validators=[MinValueValidator(0), MaxValueValidator(1)])
    sharpness = models.FloatField(default=0)  # the parts of mfmc_engine.types.Quality, kept so that a face
    yaw = models.FloatField(default=0)  # can be matched again without looking at the photo
    embedding = models.BinaryField(blank=True)  # encrypted like a template; empty like the landmarks
    pack = models.CharField(max_length=PACK_LENGTH)
    match = models.CharField(max_length=10, choices=Match, default=Match.UNKNOWN)
    owner = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="face_regions")
    # What a person marked is hidden at once and analysed after.
    source = models.CharField(max_length=10, choices=Source, default=Source.DETECTED)
    marked_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    is_face = models.BooleanField(default=True)  # False: the engine makes out none in the mark; it may be one
    analysis_due = models.DateTimeField(
        null=True, blank=True, db_index=True
    )  # when to ask (again); null: done
    analysis_attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["index"]
        indexes = [models.Index(fields=["pack", "photo"])]  # re-matching walks one pack, photo by photo
        constraints = [
            models.UniqueConstraint(fields=["photo", "index"], name="region_index_once_per_photo"),
            models.UniqueConstraint(
                fields=["photo", "owner"],
                condition=Q(owner__isnull=False),
                name="one_face_per_person_in_a_photo",
            ),
            # An owner is named exactly when the face was matched: nothing else may ever disclose it.
            models.CheckConstraint(
                condition=Q(owner__isnull=True) | Q(match="matched"), name="owned_faces_are_matched_faces"
            ),
        ]

    def __str__(self) -> str:
        return f"face {self.index} of {self.photo_id}"


class ProtectionJob(models.Model):
    """The work still owed to one photo. Gone once the photo is READY; kept, with its error, when it FAILED.

    A worker holds a job by its ``token`` until ``lease_until``, and renews the lease while it lives. One that lost
    its lease can no longer write: the token it knows is not the job's any more.
    """

    photo = models.OneToOneField(Photo, models.CASCADE, related_name="protection")
    token = models.UUIDField(null=True, editable=False)
    lease_until = models.DateTimeField(null=True, db_index=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    queued_at = models.DateTimeField(null=True)  # the last message sent to the workers about it
    error = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"protection of {self.photo_id}"


class PhotoMatching(models.Model):
    """Which gallery a photo's faces were matched against: all that re-matching has to remember, photo by photo."""

    photo = models.OneToOneField(Photo, models.CASCADE, primary_key=True, related_name="matching")
    gallery = models.UUIDField(
        null=True
    )  # accounts.models.GalleryVersion.version; null: nobody was enrolled yet

    class Meta:
        indexes = [models.Index(fields=["gallery", "photo"])]

    def __str__(self) -> str:
        return f"matching of {self.photo_id}"


class Decoy(models.Model):
    """The patch that replaces one face region, with the margins it was verified at."""

    class Kind(models.TextChoices):
        SWAP = "swap", _("Stand-in face")
        REDACTION = "redaction", _("Blurred out")

    region = models.OneToOneField(FaceRegion, models.CASCADE, related_name="decoy")
    kind = models.CharField(max_length=10, choices=Kind)
    patch = models.FileField(upload_to=decoy_path)  # RGBA PNG: colour + alpha
    x = models.IntegerField()  # top-left pixel of the patch
    y = models.IntegerField()
    donor = models.CharField(max_length=40, blank=True)
    attempts = models.PositiveSmallIntegerField()
    distance_to_original = models.FloatField(
        null=True, blank=True
    )  # null where none could be measured (a redaction)
    nearest_gallery = models.FloatField(null=True, blank=True)  # null with an empty gallery
    threshold = models.FloatField()
    views = models.BinaryField(blank=True, default=b"")  # sealed embeddings of the stand-in face
    engine_version = models.CharField(max_length=PACK_LENGTH + 20)  # the pack, and the engine's version

    def __str__(self) -> str:
        return f"{self.kind} for {self.region_id}"


class MatchRejection(models.Model):
    """ "That's not me." Kept, and never matched again."""

    region = models.ForeignKey(FaceRegion, models.CASCADE, related_name="rejections")
    person = models.ForeignKey(User, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "person"], name="rejected_once")]

    def __str__(self) -> str:
        return f"{self.person_id} is not {self.region_id}"


class Tag(models.Model):
    """Proxy: one tagger named a face as its owner's. A face has as many of them as people who named it (tags.py).

    All are withdrawn at once, and whatever is said later comes withdrawn into the world, unless the owner tags again.
    """

    region = models.ForeignKey(FaceRegion, models.CASCADE, related_name="tags")
    owner = models.ForeignKey(User, models.CASCADE, related_name="tags")  # who was named
    tagger = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "owner", "tagger"], name="one_tag_per_tagger")
        ]

    def __str__(self) -> str:
        return f"tag of {self.owner_id} on {self.region_id}"


class Authorization(models.Model):
    """Explicit authorization: one owner's answer about one face. No row is silence, and silence hides."""

    class Answer(models.TextChoices):
        APPROVED = "approved", _("Shown")
        DENIED = "denied", _("Kept hidden")

    region = models.ForeignKey(FaceRegion, models.CASCADE, related_name="authorizations")
    owner = models.ForeignKey(User, models.CASCADE, related_name="authorizations")
    answer = models.CharField(max_length=10, choices=Answer)
    answered_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "owner"], name="one_answer_per_owner")]

    def __str__(self) -> str:
        return f"{self.owner_id} {self.answer} {self.region_id}"


class Effect(models.TextChoices):
    SHOW = "show", _("Show to")
    HIDE = "hide", _("Hide from")


class Rule(models.Model):
    """One line of an owner's ordered list; the first that matches a viewer decides."""

    class Subject(models.TextChoices):
        EVERYONE = "everyone", _("everyone")
        FRIENDS = "friends", _("friends")
        FRIENDS_OF_FRIENDS = "friends_of_friends", _("friends of friends")
        CIRCLE = "circle", _("a circle")
        PERSON = "person", _("one person")

    class Uploader(models.TextChoices):
        ANYONE = "anyone", _("anyone")
        ME = "me", _("me")
        FRIENDS = "friends", _("friends")
        CIRCLE = "circle", _("a circle")
        PERSON = "person", _("one person")

    owner = models.ForeignKey(User, models.CASCADE, related_name="rules")
    position = models.PositiveSmallIntegerField()
    enabled = models.BooleanField(default=True)
    effect = models.CharField(max_length=4, choices=Effect)
    subject = models.CharField(max_length=20, choices=Subject)
    # RESTRICT: deleting a circle must not silently delete the rule that hides a face from it.
    subject_circle = models.ForeignKey(Circle, models.RESTRICT, null=True, blank=True, related_name="+")
    subject_person = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="+")
    uploader = models.CharField(max_length=10, choices=Uploader, default=Uploader.ANYONE)
    uploader_circle = models.ForeignKey(Circle, models.RESTRICT, null=True, blank=True, related_name="+")
    uploader_person = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["position", "id"]
        indexes = [models.Index(fields=["owner", "position"])]

    def __str__(self) -> str:
        return f"{self.owner_id}#{self.position}: {self.effect} {self.subject}"

    def clean(self) -> None:
        for who in ("subject", "uploader"):
            kind, circle, person = (getattr(self, who + part) for part in ("", "_circle", "_person"))
            if kind == "circle" and (circle is None or circle.owner_id != self.owner_id):
                raise ValidationError({who + "_circle": _("Choose one of your circles.")})
            if kind == "person" and person is None:
                raise ValidationError({who + "_person": _("Choose a person.")})
            if kind != "circle":
                setattr(self, who + "_circle", None)
            if kind != "person":
                setattr(self, who + "_person", None)


class PhotoOverride(models.Model):
    """Rules model: an owner's word about their face in one photo; beats the rules."""

    region = models.ForeignKey(FaceRegion, models.CASCADE, related_name="overrides")
    owner = models.ForeignKey(User, models.CASCADE, related_name="overrides")
    effect = models.CharField(max_length=4, choices=Effect)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "owner"], name="one_override_per_owner")]

    def __str__(self) -> str:
        return f"{self.owner_id} {self.effect} {self.region_id}"


# One module, one subject: requests and records are in a file of their own, Django looks for them here.
from faceaccess.records import Claim, DecisionLog, Later, PhotoAnalysis, Question, RemovedMark  # noqa: E402, F401
from faceaccess.spans import Exposure, Standing  # noqa: E402, F401
