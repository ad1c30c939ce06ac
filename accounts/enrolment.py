"""Enrolling one's face: from an uploaded picture to an aligned crop and a sealed template.

Only the crop around the one face is kept, never the upload. Every rejection says what to do about it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import consent
from accounts.capture_quality import EnrolmentRejected, good_capture
from accounts.engine import get_engine, space
from accounts.models import FaceCapture, User
from accounts.reembedding import gallery_is_partial
from accounts.signals import enrolment_changed, enrolment_decided
from accounts.templates import capture_purpose, gallery, seal
from accounts.uploads import decode_upload
from mfmc_engine.imaging import encode
from socialnet import limits

if TYPE_CHECKING:
    from mfmc_engine.types import Face, Image


def capture_enroll(
    *, user: User, upload: BinaryIO, consented: bool, replaces: FaceCapture | None = None
) -> FaceCapture:
    """Enrol ``user`` with the one good face of ``upload``; a good one takes the place of ``replaces`` once it counts.

    A face that resembles one of another account is kept back (``is_held``) until staff have looked at it. It counts
    for nothing until then, not even as a doubt: or anybody could hide a face by enrolling a picture of it.
    Raises EnrolmentRejected (a ValidationError) with a reason to act on, TooOftenError for one try too many. Nothing
    is looked at before consent.
    """
    if not user.is_active:
        raise PermissionDenied(_("This account is closed."))
    if not consented:
        raise EnrolmentRejected(
            _("Please read the text and agree to it first. Without that nothing is stored.")
        )
    if replaces is not None and replaces.user_id != user.pk:
        raise PermissionDenied(_("This is not your picture."))
    if gallery_is_partial():  # whom the face resembles could not be told
        raise EnrolmentRejected(
            _("All enrolled pictures are being read again after an update. Please try once more in a while.")
        )
    limits.count("enrol", user.pk)  # it tries a face against everybody's: not a question to ask all day
    image = _open(upload)
    face, crop = good_capture(image, get_engine().analyze(image))
    with transaction.atomic():
        _lock_enrolment()
        _check_room(user, replaces)
        _check_same_person(face, user)
        return _save(user, crop, face, replaces, held=_is_like_another(face, user))


@transaction.atomic
def capture_delete(*, capture: FaceCapture, by: User) -> None:
    """Remove one capture: row, template and, after the commit, the crop's file."""
    if capture.user_id != by.pk:
        raise PermissionDenied(_("This is not your picture."))
    FaceCapture.objects.filter(pk=capture.pk).delete()
    _announce(by, "capture_deleted")


@transaction.atomic
def enrolment_delete(*, user: User) -> None:
    """Remove everything ``user`` enrolled, whatever the pack: nothing of it can be recognised any more."""
    FaceCapture.objects.filter(user=user).delete()
    _announce(user, "erased")


def _open(upload: BinaryIO) -> Image:
    try:
        return decode_upload(upload)
    except ValidationError as error:
        raise EnrolmentRejected(error.messages) from error


def _lock_enrolment() -> None:
    """One enrolment at a time, so that two accounts cannot enrol one face at once. Held until the commit."""
    contenttype = ContentType.objects.get_for_model(FaceCapture)
    ContentType.objects.select_for_update().get(pk=contenttype.pk)


def _check_room(user: User, replaces: FaceCapture | None) -> None:
    others = FaceCapture.objects.filter(user=user).exclude(pk=replaces.pk if replaces else None)
    if others.count() >= settings.CAPTURES_PER_PERSON:
        raise EnrolmentRejected(_("You have enough pictures enrolled. Delete one to add another."))


def _is_like_another(face: Face, user: User) -> bool:
    """Whether the face might be that of another account, in force, held or closed. Whose is asked by nobody."""
    others = gallery(without=user.pk, held_too=True)
    return get_engine().match([face], others)[0].state != "unknown"


def _check_same_person(face: Face, user: User) -> None:
    """All pictures of one account show one person, also those that are held."""
    own = gallery(only=user.pk, held_too=True)
    if len(own) and get_engine().match([face], own)[0].distance > space().same_person:
        raise EnrolmentRejected(
            _(
                "This does not look like the face you enrolled before. Try another picture, or delete the earlier "
                "ones first."
            )
        )


def _save(user: User, crop: Image, face: Face, replaces: FaceCapture | None, *, held: bool) -> FaceCapture:
    now = timezone.now()
    capture = FaceCapture(
        user=user,
        held_at=now if held else None,
        replaces=replaces,
        template=seal(face.embedding, purpose=capture_purpose(user.pk)),
        pack=settings.ENGINE_PACK,
        consent_version=consent.VERSION,
        consented_at=now,
    )
    capture.full_clean(exclude={"picture"})
    capture.picture.save("face.png", ContentFile(encode(crop, ".png")), save=False)
    try:
        with transaction.atomic():
            capture.save()
    except BaseException:  # no file without a row
        capture.picture.storage.delete(capture.picture.name)
        raise
    _announce(user, "enrolled")
    return capture


def _announce(user: User, action: str) -> None:
    enrolment_decided.send(sender=FaceCapture, user=user, action=action)
    send = partial(enrolment_changed.send_robust, sender=FaceCapture, user=user)
    transaction.on_commit(send, robust=True)
