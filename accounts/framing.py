"""Hints while the camera runs: the checks of an enrolment on one frame that is looked at and forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.capture_quality import EnrolmentRejected, good_capture
from accounts.engine import get_engine
from accounts.uploads import decode_upload
from mfmc_engine import parameters as p

POSES = ("front", "left", "right")
FRAME_BYTES = 2 * 2**20  # and no more: a larger upload would touch the disk (FILE_UPLOAD_MAX_MEMORY_SIZE)

# What to do, in the few words one reads beside one's own picture; the codes are those of capture_quality.
HINTS: dict[str, str | Promise] = {
    "none": _("Bring your face into the oval."),
    "several": _("Only you should be in the picture."),
    "cut": _("Move a little back: part of your face is cut off."),
    "tilted": _("Hold your head upright."),
    "small": _("Come closer."),
    "blurred": _("Hold still."),
    "turned": _("That is too far. Turn back a little."),
    "dark": _("More light, from the front."),
    "bright": _("Less light: turn away from the lamp or the sun."),
    "eyes": _("Your eyes cannot be seen. Take off dark glasses."),
    "front": _("Look straight into the camera."),
    "left": _("Turn your head a little to your left."),
    "right": _("Turn your head a little to your right."),
    "good": _("Good."),
}


@dataclass(frozen=True)
class Framing:
    good: bool
    hint: str


def frame_judge(*, frame: BinaryIO, pose: str) -> Framing:
    """Whether one unmirrored camera frame would do as the capture of ``pose`` (one of POSES), else what to do.

    Reads the frame in memory and keeps nothing of it. Raises ValidationError for what is no picture.
    """
    if pose not in POSES:
        raise ValidationError(_("This is no pose."))
    if getattr(frame, "size", FRAME_BYTES + 1) > FRAME_BYTES:
        raise ValidationError(_("This is too large for a camera picture."))
    image = decode_upload(frame)
    try:
        face, _crop = good_capture(image, get_engine().analyze(image))
    except EnrolmentRejected as error:
        return Framing(False, str(HINTS.get(error.code, error.messages[0])))
    word = "good" if _is_in(pose, face.quality.yaw) else pose
    return Framing(word == "good", str(HINTS[word]))


def _is_in(pose: str, yaw: float) -> bool:
    """``yaw`` > 0 looks to the right of an unmirrored picture: to the left of the person who sits for it."""
    if pose == "front":
        return abs(yaw) <= p.ENROLMENT_FRONT_YAW
    return yaw >= p.ENROLMENT_TURNED_YAW if pose == "left" else yaw <= -p.ENROLMENT_TURNED_YAW
