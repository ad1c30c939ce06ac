"""Who people are: users, friendships, circles, blocks, mutes, and the captures they enrolled their face with."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

# Of a pack's name (mfmc_engine.packs), the longest mix of recipes included; checked by tests/packs/test_checks.py.
PACK_LENGTH = 200
READING_ATTEMPTS = 3  # of embedding one capture or photo anew, before it is given up in a pack


def capture_path(capture: FaceCapture, filename: str) -> str:
    return f"captures/{capture.user_id}/{uuid.uuid4().hex}.png"


class User(AbstractUser):
    """A person. ``username`` is the handle others see; ``display_name`` is what pages call them."""

    username = models.CharField(
        _("handle"),
        max_length=30,
        unique=True,
        validators=[RegexValidator(r"^[a-z0-9_.]{3,30}$", _("Use 3 to 30 of a–z, 0–9, dot and underscore."))],
        error_messages={"unique": _("Somebody already has this handle.")},
    )
    display_name = models.CharField(_("name"), max_length=60, blank=True)
    bio = models.CharField(_("about you"), max_length=300, blank=True)
    # The photo behind their avatar (photos.Photo; no foreign key, imports point the other way). Its pixels leave
    # through the image gate only, as every viewer may see them.
    avatar = models.UUIDField(null=True, blank=True, editable=False)
    toured_at = models.DateTimeField(
        null=True, blank=True, editable=False
    )  # finished the tour, or left it out
    # Signed up, and the code that was sent is not typed in yet: accounts/signing_up.py. None for everybody else.
    pending_until = models.DateTimeField(null=True, blank=True, editable=False, db_index=True)

    def __str__(self) -> str:
        return self.name

    def check_password(self, raw_password: str) -> bool:
        """No password opens an account before its address is confirmed, or to try it would tell whose address it is."""
        return super().check_password(raw_password) and self.pending_until is None

    @property
    def name(self) -> str:
        return self.display_name or self.username


class FriendshipQuerySet(models.QuerySet["Friendship"]):
    def of(self, user: User) -> FriendshipQuerySet:
        return self.filter(Q(low=user) | Q(high=user))

    def between(self, one: User, other: User) -> FriendshipQuerySet:
        low, high = sorted((one.pk, other.pk))
        return self.filter(low=low, high=high)

    def accepted(self) -> FriendshipQuerySet:
        return self.filter(accepted_at__isnull=False)

    def pending(self) -> FriendshipQuerySet:
        return self.filter(accepted_at__isnull=True)


class Friendship(models.Model):
    """A request that becomes mutual when accepted. One row per pair, whoever asked."""

    requester = models.ForeignKey(User, models.CASCADE, related_name="friendships_asked")
    addressee = models.ForeignKey(User, models.CASCADE, related_name="friendships_received")
    accepted_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    # The pair in id order, so that the database itself refuses a second row for it.
    low = models.ForeignKey(User, models.CASCADE, related_name="+", editable=False)
    high = models.ForeignKey(User, models.CASCADE, related_name="+", editable=False)

    objects = FriendshipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["low", "high"], name="friendship_once_per_pair"),
            models.CheckConstraint(condition=Q(low__lt=F("high")), name="friendship_not_with_oneself"),
        ]
        indexes = [models.Index(fields=["high", "low"])]

    def __str__(self) -> str:
        return f"{self.requester_id}–{self.addressee_id}"

    def save(self, *args, **kwargs) -> None:
        self._order_pair()
        super().save(*args, **kwargs)

    def clean_fields(self, exclude=None) -> None:
        self._order_pair()
        super().clean_fields(exclude)

    def _order_pair(self) -> None:
        self.low_id, self.high_id = sorted((self.requester_id, self.addressee_id))

    @property
    def is_accepted(self) -> bool:
        return self.accepted_at is not None


class Circle(models.Model):
    """A named set of the owner's friends, known only to its owner. Who stops being a friend leaves it."""

    owner = models.ForeignKey(User, models.CASCADE, related_name="circles")
    name = models.CharField(_("name"), max_length=40)
    members = models.ManyToManyField(User, through="CircleMembership", related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="circle_name_once_per_owner")]

    def __str__(self) -> str:
        return self.name


class CircleMembership(models.Model):
    circle = models.ForeignKey(Circle, models.CASCADE, related_name="memberships")
    person = models.ForeignKey(User, models.CASCADE, related_name="circle_memberships")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["circle", "person"], name="in_a_circle_once")]

    def __str__(self) -> str:
        return f"{self.person_id} in {self.circle_id}"

    @property
    def seen(self) -> User | None:
        """The person, out of selectors.circles_with_members: None for one hidden from the owner meanwhile."""
        return getattr(self, "person", None)


class Block(models.Model):
    """Works in both directions: neither sees the other's photos or face.

    ``handle`` and ``name`` are those of the blocked person at that moment, for the blocker's list. What they are called
    since is hidden from the blocker like all else about them.
    """

    blocker = models.ForeignKey(User, models.CASCADE, related_name="blocks_made")
    blocked = models.ForeignKey(User, models.CASCADE, related_name="blocks_received")
    handle = models.CharField(max_length=30, editable=False)
    name = models.CharField(max_length=60, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["blocker", "blocked"], name="block_once"),
            models.CheckConstraint(condition=~Q(blocker=F("blocked")), name="block_not_oneself"),
        ]

    def __str__(self) -> str:
        return f"{self.blocker_id} blocks {self.blocked_id}"

    def save(self, *args, **kwargs) -> None:
        if not self.handle:
            self.handle, self.name = self.blocked.username, self.blocked.name
        super().save(*args, **kwargs)


class Mute(models.Model):
    """One person's posts stay out of another's feed. Nothing else changes, and who is muted is not told."""

    muter = models.ForeignKey(User, models.CASCADE, related_name="mutes_made")
    muted = models.ForeignKey(User, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["muter", "muted"], name="mute_once"),
            models.CheckConstraint(condition=~Q(muter=F("muted")), name="mute_not_oneself"),
        ]

    def __str__(self) -> str:
        return f"{self.muter_id} mutes {self.muted_id}"


class FaceCaptureQuerySet(models.QuerySet["FaceCapture"]):
    def in_force(self) -> FaceCaptureQuerySet:
        """The ones that count. Nobody is recognised, or taken for enrolled, by one that waits for a look.

        Nor by those of a closed account, which nobody can speak for: it may have been closed for its face.
        """
        return self.filter(held_at=None, user__is_active=True)

    def held(self) -> FaceCaptureQuerySet:
        return self.filter(held_at__isnull=False)

    def unreadable(self) -> FaceCaptureQuerySet:
        """Those in which the pack in use finds no face: nobody is recognised by them any more."""
        tried = self.filter(failed_pack=settings.ENGINE_PACK, failures__gte=READING_ATTEMPTS)
        return tried.exclude(pack=settings.ENGINE_PACK)

    def known_in(self, pack: object) -> FaceCaptureQuerySet:
        """Those with a template of ``pack`` (a name, or an OuterRef to one), the present one or one kept."""
        return self.filter(Q(pack=pack) | Q(former__pack=pack))


class FaceCapture(models.Model):
    """One enrolled picture of a person's face, with the consent it was given under.

    ``template`` is the embedding, encrypted at rest (accounts/templates.py); ``pack`` names the embedding space:
    templates of two packs are never compared. After a change of the pack it is made anew (accounts/reembedding.py).
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="captures")
    picture = models.FileField(upload_to=capture_path)
    template = models.BinaryField()
    pack = models.CharField(max_length=PACK_LENGTH)
    # The pack that could not embed the picture anew, and how often it was tried.
    failed_pack = models.CharField(max_length=PACK_LENGTH, blank=True, default="")
    failures = models.PositiveSmallIntegerField(default=0)
    consent_version = models.CharField(max_length=20)
    consented_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)
    held_at = models.DateTimeField(
        null=True, blank=True
    )  # waits for staff: it resembles another account's face
    # Goes as soon as this one counts (accounts/signals.py): until then its owner has no other.
    replaces = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="+")

    objects = FaceCaptureQuerySet.as_manager()

    class Meta:
        ordering = ["created_at"]
        indexes = [models.Index(fields=["pack", "user"])]

    def __str__(self) -> str:
        return f"capture {self.pk} of {self.user_id}"

    @property
    def is_held(self) -> bool:
        return self.held_at is not None

    @property
    def is_unreadable(self) -> bool:
        """Of one row what ``FaceCaptureQuerySet.unreadable`` finds."""
        given_up = self.failed_pack == settings.ENGINE_PACK and self.failures >= READING_ATTEMPTS
        return given_up and self.pack != settings.ENGINE_PACK


class FormerTemplate(models.Model):
    """A capture's template of the pack before: kept until every photo has been embedded anew, and no longer.

    By it a person still counts as enrolled in the faces that were matched in that pack. Nothing new is matched with it.
    """

    capture = models.ForeignKey(FaceCapture, models.CASCADE, related_name="former")
    pack = models.CharField(max_length=PACK_LENGTH)
    template = models.BinaryField()  # sealed for the same purpose as the capture's own

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["capture", "pack"], name="one_former_template_per_pack")
        ]

    def __str__(self) -> str:
        return f"template of {self.capture_id} in {self.pack}"


class GalleryVersion(models.Model):
    """Another value after every change to the captures of a pack, written in the same transaction.

    Random rather than counted: a change that was rolled back, or a restored database, never looks like one seen before.
    """

    pack = models.CharField(max_length=PACK_LENGTH, primary_key=True)
    version = models.UUIDField(default=uuid.uuid4)

    def __str__(self) -> str:
        return f"{self.pack}: {self.version}"


# One module, one subject: these are in files of their own, Django looks for them here.
from accounts.exports import DataExport  # noqa: E402, F401
from accounts.reports import ModerationEntry, Report  # noqa: E402, F401
