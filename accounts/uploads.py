"""The one door for pictures that people send: decoded to pixels before anything else looks at them."""

from __future__ import annotations

from pathlib import PurePath
from typing import BinaryIO

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from mfmc_engine.errors import ImageRejectedError
from mfmc_engine.imaging import decode, resize_to_fit
from mfmc_engine.parameters import MIN_SIDE
from mfmc_engine.types import Image

NAME_AT_MOST = 60  # characters of a file's name in a message


def decode_upload(upload: BinaryIO) -> Image:
    """The pixels of an untrusted upload: (H, W, 3) uint8 RGB, upright, longest side <= settings.PHOTO_MAX_SIDE px.

    Raises ValidationError with one sentence that starts with the file's name.
    """
    name = display_name(upload)
    size = getattr(upload, "size", None)
    if size is not None and size > settings.PHOTO_MAX_BYTES:
        limit = {"name": name, "limit": settings.PHOTO_MAX_BYTES // 2**20}
        raise ValidationError(_("%(name)s: larger than %(limit)d MB.") % limit)
    upload.seek(0)  # a form's validation may have read it
    try:
        image = resize_to_fit(decode(upload), settings.PHOTO_MAX_SIDE)
    except ImageRejectedError as error:
        raise ValidationError(f"{name}: {str(error).removeprefix('the picture: ')}.") from error
    if min(image.shape[:2]) < MIN_SIDE:  # of a long strip: the file's own sides were not too short
        raise ValidationError(_("%(name)s: too long and narrow.") % {"name": name})
    return image


def display_name(upload: BinaryIO) -> str:
    """The upload's own name, made fit for a message: no folders, one line, not endless."""
    name = PurePath(getattr(upload, "name", None) or "").name
    name = "".join(character for character in name if character.isprintable())
    if len(name) > NAME_AT_MOST:
        name = name[: NAME_AT_MOST - 1] + "…"
    return name or _("The picture")
