"""A photo of somebody without an account, all faces replaced, and nothing kept: pixels in, pixels out.

The picture stays in the memory of this process: it is never written to a disk, a database, a cache or a queue, and
the answer to the request that brought it is the only way out. What bounds it is here too: bytes, pixels, faces, and
one photo at a time in each process.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.engine import get_engine
from accounts.uploads import decode_upload
from faceaccess.renditions import jpeg
from mfmc_engine.compositing import compose
from mfmc_engine.errors import EngineError
from mfmc_engine.imaging import resize_to_fit
from mfmc_engine.types import DecoyRequest

logger = logging.getLogger(__name__)

SIDE = 1600  # px, longest side of the answer, by choice: enough for a screen, and a bounded time
FACES_AT_MOST = 20  # by choice: about ten seconds of one core
SEED_BYTES = 32

_one_at_a_time = threading.BoundedSemaphore(1)


class BusyError(Exception):
    """Another photo is in work."""


class InMemory(MemoryFileUploadHandler):
    """Uploads up to settings.TRY_MAX_BYTES stay in memory; of a larger one nothing is read into anything."""

    def handle_raw_input(self, input_data, meta, content_length, boundary, encoding=None) -> None:
        self.activated = content_length <= settings.TRY_MAX_BYTES


def megabytes() -> int:
    return settings.TRY_MAX_BYTES // 2**20


@contextmanager
def _turn() -> Iterator[None]:
    if not _one_at_a_time.acquire(blocking=False):
        raise BusyError
    try:
        yield
    finally:
        _one_at_a_time.release()


def everybody_replaced(upload: BinaryIO) -> tuple[bytes, int]:
    """The photo as a JPEG with a stand-in for every face, and how many there are.

    Raises BusyError while another photo is in work, and ValidationError with what to do about this one. If a single
    face has no stand-in, there is no picture.
    """
    with _turn():
        image = resize_to_fit(decode_upload(upload), SIDE)
        engine = get_engine()
        faces = engine.analyze(image).faces
        if not faces:
            raise ValidationError(
                _("No face was found in this photo. Try one in which people look at the camera.")
            )
        if len(faces) > FACES_AT_MOST:
            raise ValidationError(
                ngettext(
                    "At most %(n)d face fits here. Members can post photos with more.",
                    "At most %(n)d faces fit here. Members can post photos with more.",
                    FACES_AT_MOST,
                )
                % {"n": FACES_AT_MOST}
            )
        # Drawn anew at each try, and never written down: the same photo twice has other stand-ins.
        requests = [DecoyRequest(face, secrets.token_bytes(SEED_BYTES)) for face in faces]
        try:
            replaced = compose(image, engine.make_decoys(image, requests), range(len(faces)))
        except EngineError as error:
            logger.warning("a tried photo could not be protected: %s", type(error).__name__)
            raise ValidationError(_("This photo could not be protected, so it is not shown.")) from error
        return jpeg(replaced, replaced=True), len(faces)
