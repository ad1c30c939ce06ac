"""Is this a picture to enrol with? One good face, or a reason that says how to do better."""

from __future__ import annotations

import cv2
import numpy as np
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from mfmc_engine import parameters as p
from mfmc_engine.geometry import FloatArray, index_space, similarity
from mfmc_engine.types import Analysis, Face, Image


class EnrolmentRejected(ValidationError):  # noqa: N818  the pages' word for it
    """The picture did not become a capture; the message says how to do better, ``code`` in one word what is wrong."""


def good_capture(image: Image, analysis: Analysis) -> tuple[Face, Image]:
    """The one face to enrol and its aligned crop. Raises EnrolmentRejected."""
    face = one_face(analysis)
    _check_whole(face, analysis)
    _check_upright(face)
    _check_detail(face)
    crop = aligned_crop(image, face)
    _check_light(crop)
    check_eyes(image, face)
    return face, crop


def one_face(analysis: Analysis) -> Face:
    """The only face that counts: people far in the background do not, nor do the detector's doubtful finds."""
    faces = [face for face in analysis.faces if face.score >= p.ENROLMENT_MIN_SCORE]
    if not faces:
        raise EnrolmentRejected(
            _("No face was found. Use a picture that shows your whole face from the front, in good light."),
            "none",
        )
    largest = max(faces, key=lambda face: face.quality.size)
    close = [face for face in faces if face.quality.size >= p.ENROLMENT_BYSTANDER * largest.quality.size]
    if len(close) > 1:
        raise EnrolmentRejected(
            _("%d faces were found. Use a picture of you alone, or cut the others off.") % len(close),
            "several",
        )
    return largest


def aligned_crop(image: Image, face: Face) -> Image:
    """The face upright in a (CAPTURE_SIDE, CAPTURE_SIDE, 3) picture, with little else around it."""
    points = face.landmarks
    anchors = np.stack(
        [points[36:42].mean(0), points[42:48].mean(0), points[48:68].mean(0)]
    )  # eyes, mouth (iBUG)
    target = p.CAPTURE_SIDE * np.array([*p.CAPTURE_EYES, p.CAPTURE_MOUTH], np.float32)
    scale = _scale(similarity(anchors, target))
    if scale < 0.5:  # a warp that skips pixels would alias: average them first
        height, width = image.shape[:2]
        image = cv2.resize(image, None, fx=2 * scale, fy=2 * scale, interpolation=cv2.INTER_AREA)
        anchors = anchors * (np.array(image.shape[1::-1]) / (width, height))
    matrix = index_space(similarity(anchors, target))
    side = (p.CAPTURE_SIDE, p.CAPTURE_SIDE)
    crop = cv2.warpAffine(image, matrix, side, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8)


def _scale(transform: FloatArray) -> float:
    return float(np.sqrt(abs(np.linalg.det(transform[:, :2]))))


def _check_whole(face: Face, analysis: Analysis) -> None:
    low, high = face.landmarks.min(0), face.landmarks.max(0)
    if (low < 0).any() or (high > (analysis.width, analysis.height)).any():
        raise EnrolmentRejected(_("Part of your face is cut off. Leave some room around it."), "cut")


def _check_upright(face: Face) -> None:
    """Lying and upside-down faces are the ones most often misread, and a misread face would be enrolled for good."""
    left, right = face.landmarks[36:42].mean(0), face.landmarks[42:48].mean(0)
    roll = np.degrees(np.arctan2(*(right - left)[::-1]))
    if abs(roll) > p.ENROLMENT_MAX_ROLL:
        raise EnrolmentRejected(
            _("Your face is not upright in this picture. Turn the picture and try again."), "tilted"
        )


def _check_detail(face: Face) -> None:
    quality = face.quality
    if quality.size < p.ENROLMENT_MIN_SIZE:
        raise EnrolmentRejected(
            _("Your face is too small in this picture. Come closer, or use a larger picture."), "small"
        )
    if quality.sharpness < p.ENROLMENT_MIN_SHARPNESS:
        raise EnrolmentRejected(
            _("The picture is blurred. Hold the camera still, and wipe its lens."), "blurred"
        )
    if abs(quality.yaw) > p.ENROLMENT_MAX_YAW:
        raise EnrolmentRejected(
            _("Your face is turned too far to the side. Look towards the camera."), "turned"
        )


def _check_light(crop: Image) -> None:
    middle = crop[len(crop) // 4 : -len(crop) // 4, len(crop) // 4 : -len(crop) // 4]
    dark, bright = p.ENROLMENT_LIGHT
    level = float(cv2.cvtColor(middle, cv2.COLOR_RGB2GRAY).mean())
    if level < dark:
        raise EnrolmentRejected(_("It is too dark. Use more light, from the front."), "dark")
    if level > bright:
        raise EnrolmentRejected(_("It is too bright. Turn away from the lamp or the sun."), "bright")


def check_eyes(image: Image, face: Face) -> None:
    """At least one eye is there to be seen: lids and iris make contrast, dark glasses, a hand or hair do not."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    contrasts = [_eye_contrast(grey, face.landmarks[start : start + 6]) for start in (36, 42)]  # iBUG
    if max(contrasts) < p.ENROLMENT_EYE_CONTRAST:
        raise EnrolmentRejected(
            _("Your eyes cannot be seen. Take off dark glasses, keep hair aside, and open your eyes."), "eyes"
        )


def _eye_contrast(grey: FloatArray, eye: FloatArray) -> float:
    """Spread of grey over one eye (6, 2), relative to the cheek below. 0 where either lies outside the picture."""
    width = float(np.linalg.norm(eye[3] - eye[0]))
    left, right = int(eye[:, 0].min()), int(eye[:, 0].max()) + 1
    middle = float(eye[:, 1].mean())

    def strip(top: float, bottom: float) -> FloatArray:
        return grey[
            max(0, int(middle + top * width)) : max(0, int(middle + bottom * width) + 1), max(0, left) : right
        ]

    over, cheek = strip(-p.ENROLMENT_EYE_WINDOW, p.ENROLMENT_EYE_WINDOW), strip(*p.ENROLMENT_CHEEK)
    if not over.size or not cheek.size:
        return 0.0
    low, high = np.percentile(over, [5, 95])
    return float((high - low) / max(1.0, float(np.median(cheek))))
