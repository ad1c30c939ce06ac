"""Face templates at rest, and the gallery read back from them.

A sealed template is ``version (1 byte) | nonce (12) | AES-256-GCM(header | values)``. The key is derived from
settings.FACE_SECRET with HKDF-SHA256 (RFC 5869); what an older secret sealed (settings.FACE_SECRETS_OLD) still opens,
until ``manage.py rotate_face_key`` has sealed it anew. ``purpose`` is authenticated with it: a blob copied to another
person's row, or from a face region to a capture, does not open.
"""

from __future__ import annotations

import contextlib
import logging
import os
import struct
from functools import lru_cache

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from accounts.models import FaceCapture
from mfmc_engine.types import Gallery

logger = logging.getLogger(__name__)

VERSION = b"\x01"
NONCE_BYTES = 12  # NIST SP 800-38D: the size GCM is made for


class TemplateError(ValueError):
    """A sealed template does not open: another key, another purpose, or it was changed."""


@lru_cache(maxsize=4)
def _cipher(secret: str) -> AESGCM:
    key = HKDF(SHA256(), length=32, salt=None, info=b"mfmc template v1").derive(secret.encode())
    return AESGCM(key)


def seal(array: np.ndarray, *, purpose: str) -> bytes:
    """Encrypt ``array`` (any shape of at most 255 dimensions, stored as float32) for ``purpose``."""
    values = np.ascontiguousarray(array, dtype="<f4")
    header = struct.pack(f"<B{values.ndim}I", values.ndim, *values.shape)
    nonce = os.urandom(NONCE_BYTES)
    sealed = _cipher(settings.FACE_SECRET).encrypt(nonce, header + values.tobytes(), _context(purpose))
    return VERSION + nonce + sealed


def open_(sealed: bytes | memoryview, *, purpose: str) -> np.ndarray:
    """The float32 array that was sealed for ``purpose``. Raises TemplateError."""
    sealed = bytes(sealed)  # PostgreSQL hands out a memoryview
    nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
    if sealed[:1] != VERSION or len(nonce) != NONCE_BYTES:
        raise TemplateError("not a sealed template of a known version")
    plain = _decrypt(nonce, body, purpose)
    dimensions = plain[0]
    shape = struct.unpack_from(f"<{dimensions}I", plain, 1)
    return np.frombuffer(plain, "<f4", offset=1 + 4 * dimensions).reshape(shape).astype(np.float32)


def is_current(sealed: bytes | memoryview, *, purpose: str) -> bool:
    """Whether the present secret sealed it: False for what an older one did, and for what does not open at all."""
    sealed = bytes(sealed)
    try:
        nonce = sealed[1 : 1 + NONCE_BYTES]
        _cipher(settings.FACE_SECRET).decrypt(nonce, sealed[1 + NONCE_BYTES :], _context(purpose))
    except (InvalidTag, ValueError):
        return False
    return sealed[:1] == VERSION


def _decrypt(nonce: bytes, body: bytes, purpose: str) -> bytes:
    """The plain bytes, by the present secret or an older one. Raises TemplateError."""
    for secret in (settings.FACE_SECRET, *settings.FACE_SECRETS_OLD):
        with contextlib.suppress(InvalidTag):
            return _cipher(secret).decrypt(nonce, body, _context(purpose))
    raise TemplateError("the template does not open with any key known, for this purpose")


def capture_purpose(user_id: int) -> str:
    """Binds the template of a capture to the person who enrolled it."""
    return f"capture of {user_id}"


def gallery(*, only: int | None = None, without: int | None = None, held_too: bool = False) -> Gallery:
    """All templates of the pack in use; ``people`` holds the user's primary key as text, once per capture.

    ``only`` one person, or everybody ``without`` one (primary keys). Captures that are held, and those of closed
    accounts, count only where asked for (``held_too``): to recognise somebody by one is not allowed. A template that
    does not open is left out and reported: its owner is then not recognised, so their face stays hidden.
    """
    captures = FaceCapture.objects.all() if held_too else FaceCapture.objects.in_force()
    rows = captures.filter(pack=settings.ENGINE_PACK)
    if only is not None:
        rows = rows.filter(user=only)
    if without is not None:
        rows = rows.exclude(user=without)
    people, embeddings = [], []
    for pk, user_id, template in rows.order_by("pk").values_list("pk", "user_id", "template").iterator():
        try:
            embeddings.append(open_(template, purpose=capture_purpose(user_id)))
        except TemplateError as error:
            logger.error("capture %s: %s", pk, error)
            continue
        people.append(str(user_id))
    return Gallery(tuple(people), np.stack(embeddings)) if people else Gallery()


def _context(purpose: str) -> bytes:
    return b"mfmc template: " + purpose.encode()
