"""Opening and writing pictures. Nothing else in the engine touches a file format.

``decode`` is the one door for untrusted files: it looks at sizes before it decodes, accepts a short list of
formats, and hands out nothing but upright 8-bit RGB pixels. ``encode`` writes pixels only, never metadata.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any, BinaryIO, Final

import cv2
import numpy as np
import pi_heif
from PIL import Image as PILImage
from PIL import ImageCms, ImageOps, UnidentifiedImageError, features

from mfmc_engine.errors import ImageRejectedError, InvalidInputError, InvalidTypeError
from mfmc_engine.parameters import JPEG_QUALITY, MAX_FILE_BYTES, MAX_PIXELS, MIN_SIDE, WEBP_QUALITY
from mfmc_engine.types import Image

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO


class _WithoutMetadata:
    """libheif's handle of a picture, but for its metadata: of an item type that is no UTF-8, pi_heif 1.4.0 reads a
    null pointer, and one damaged or malicious byte ends the process. Nothing here needs them."""

    metadata: Final[list[dict[str, Any]]] = []

    def __init__(self, handle: object) -> None:
        self._handle = handle

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handle, name)


class _HeifPixels(pi_heif.HeifImage):
    """A picture of a HEIF file, turned as the file says."""

    def __init__(self, handle: object) -> None:
        super().__init__(_WithoutMetadata(handle))


pi_heif.heif.HeifImage = _HeifPixels  # what its Pillow plugin makes of every picture
# Decodes only (libheif, libde265). The other pictures such a file may hold, a thumbnail or a depth map, are left alone.
pi_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)

READABLE: Final = (
    "JPEG",
    "PNG",
    "WEBP",
    "GIF",
    "BMP",
    "TIFF",
    "HEIF",
    *(("AVIF",) if features.check("avif") else ()),
)
READABLE_SUFFIXES: Final = frozenset(
    {
        ".jpg",
        ".jpeg",
        ".png",
        ".webp",
        ".gif",
        ".bmp",
        ".tif",
        ".tiff",
        ".heic",
        ".heif",
        *((".avif",) if "AVIF" in READABLE else ()),
    }
)
WRITABLE: Final = {  # suffix -> Pillow's format
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
}


def decode(source: Source) -> Image:
    """Open a picture from a path, its bytes or a binary file: (H, W, 3) uint8 RGB, upright, in sRGB.

    EXIF orientation is applied, an embedded ICC profile is converted to sRGB, transparency is flattened on white,
    16-bit values keep their upper byte, and of several frames the first is taken. Values whose range the file does not
    say (floating-point ones, 32-bit integers) are refused, as are 16-bit ones of which the upper byte would keep
    nothing: a face that such a picture shows elsewhere would be black here, and nobody's.

    Raises ImageRejectedError, with a one-line message, for anything that is not a whole picture of an accepted
    format with sides of at least ``MIN_SIDE`` px and at most ``MAX_PIXELS`` pixels.
    """
    data, name = _read(source)
    # Pillow's decoders raise whatever a damaged file provokes (struct.error, KeyError, MemoryError, ...), so
    # every exception here means the same: this file is not a picture we can open.
    try:
        with PILImage.open(io.BytesIO(data), formats=READABLE) as opened:
            _check_size(opened.size, name)
            opened.load()
            _check_range(opened, name)
            picture = _to_rgb(ImageOps.exif_transpose(opened))
    except ImageRejectedError:
        raise
    except UnidentifiedImageError:
        raise ImageRejectedError(f"{name}: not a picture in a known format ({', '.join(READABLE)})") from None
    except (PILImage.DecompressionBombError, PILImage.DecompressionBombWarning):
        raise ImageRejectedError(f"{name}: more than {MAX_PIXELS // 10**6} megapixels") from None
    except Exception:
        raise ImageRejectedError(f"{name}: damaged or truncated picture") from None
    return np.array(picture, dtype=np.uint8)


def encode(image: Image, suffix: str, quality: int | None = None) -> bytes:
    """The bytes of a picture file holding these pixels and no metadata at all.

    ``suffix`` (".jpg", ".png", ...) decides the format, ``quality`` (1-100) applies to JPEG and WebP.
    Raises ImageRejectedError for a suffix outside ``WRITABLE``, InvalidInputError for any other quality.
    """
    kind = writable_format(suffix)
    if quality is not None and not 1 <= quality <= 100:
        raise InvalidInputError(f"the quality of a picture file is a number from 1 to 100, not {quality}")
    options: dict[str, int | bool] = {}
    if kind == "JPEG":
        options = {"quality": JPEG_QUALITY if quality is None else quality, "subsampling": 0}
    elif kind == "WEBP":
        options = {"quality": WEBP_QUALITY if quality is None else quality, "method": 2}
    buffer = io.BytesIO()
    PILImage.fromarray(np.ascontiguousarray(image)).save(buffer, kind, **options)
    return buffer.getvalue()


def writable_format(suffix: str) -> str:
    """Pillow's name of the format written for a suffix. Raises ImageRejectedError if there is none."""
    try:
        return WRITABLE[suffix.lower()]
    except KeyError:
        known = " ".join(sorted(WRITABLE))
        raise ImageRejectedError(
            f"cannot write {suffix or 'a file without suffix'!r}: use one of {known}"
        ) from None


def resize_to_fit(image: Image, longest: int) -> Image:
    """The picture shrunk so that its longer side is at most ``longest`` px; never enlarged."""
    return _shrunk(image, longest / max(image.shape[:2]))


def size_to_fit(width: int, height: int, longest: int) -> tuple[int, int]:
    """Width and height of a picture of that size after ``resize_to_fit``, px."""
    return _size(width, height, longest / max(width, height))


def resize_to_pixels(image: Image, pixels: int) -> Image:
    """The picture shrunk to at most about ``pixels`` pixels; never enlarged."""
    return _shrunk(image, (pixels / (image.shape[0] * image.shape[1])) ** 0.5)


def size_of_pixels(width: int, height: int, pixels: int) -> tuple[int, int]:
    """Width and height of a picture of that size after ``resize_to_pixels``, px."""
    return _size(width, height, (pixels / (width * height)) ** 0.5)


def _shrunk(image: Image, scale: float) -> Image:
    if scale >= 1:
        return image
    size = _size(image.shape[1], image.shape[0], scale)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _size(width: int, height: int, scale: float) -> tuple[int, int]:
    if scale >= 1:
        return width, height
    return max(1, round(width * scale)), max(1, round(height * scale))


def _read(source: Source) -> tuple[bytes, str]:
    """The bytes of a source and a name for messages, refusing too much before it is in memory."""
    name = "the picture"
    if isinstance(source, bytes | bytearray | memoryview):
        data = bytes(source)
    elif isinstance(source, str | os.PathLike):
        path = Path(source)
        name = path.name
        try:
            with path.open("rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise ImageRejectedError(
                f"{path}: {error.strerror or 'cannot be read'}".splitlines()[0]
            ) from None
        except ValueError:  # a NUL byte in the path
            raise ImageRejectedError("the path is not valid") from None
    elif hasattr(source, "read"):
        data = source.read(MAX_FILE_BYTES + 1)
    else:
        raise InvalidTypeError(
            f"a picture is opened from a path, its bytes or a binary file, not from {type(source).__name__}"
        )
    if not data:
        raise ImageRejectedError(f"{name}: the file is empty")
    if len(data) > MAX_FILE_BYTES:
        raise ImageRejectedError(f"{name}: larger than {MAX_FILE_BYTES // 2**20} MiB")
    return data, name


def _check_size(size: tuple[int, int], name: str) -> None:
    """Refuse by the header alone, before a pixel is decoded."""
    width, height = size
    if width * height > MAX_PIXELS:
        raise ImageRejectedError(f"{name}: {width} x {height} is more than {MAX_PIXELS // 10**6} megapixels")
    if min(width, height) < MIN_SIDE:
        raise ImageRejectedError(
            f"{name}: {width} x {height} is too small, both sides need {MIN_SIDE} pixels"
        )


def _check_range(picture: PILImage.Image, name: str) -> None:
    """Refuse pixels that would have to be scaled by guess, and those of which nothing would be left."""
    if picture.mode == "F" or (picture.mode == "I" and picture.format != "PNG"):
        kind = "floating-point" if picture.mode == "F" else "32-bit"
        raise ImageRejectedError(f"{name}: {kind} values are not supported, save it with 8 or 16 bits")
    if picture.mode.startswith("I") and 0 < int(np.asarray(picture).max()) <= 255:
        raise ImageRejectedError(f"{name}: its 16-bit values are all below 256, save it with 8 bits")


def _to_rgb(picture: PILImage.Image) -> PILImage.Image:
    """Any Pillow mode as 8-bit sRGB on white."""
    profile = picture.info.get("icc_profile")
    if picture.mode.startswith("I"):
        picture = _to_8_bit(picture)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = PILImage.new("RGBA", picture.size, "white")
        picture = PILImage.alpha_composite(white, picture).convert("RGB")
    elif picture.mode in ("P", "1", "PA"):
        picture = picture.convert("RGB")
    if profile:
        picture = _to_srgb(picture, profile)
    return picture.convert("RGB")


def _to_8_bit(picture: PILImage.Image) -> PILImage.Image:
    """16-bit grey keeps its upper byte. (Pillow already reduces 16-bit colour when it decodes.)"""
    values = np.asarray(picture).astype(np.int64) >> 8
    return PILImage.fromarray(values.clip(0, 255).astype(np.uint8))


def _to_srgb(picture: PILImage.Image, profile: bytes) -> PILImage.Image:
    """Convert through the embedded profile; a broken or mismatched profile is ignored, as viewers do."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if ImageCms.getProfileDescription(source).startswith("sRGB"):
            return picture
        converted = ImageCms.profileToProfile(
            picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return picture
    return converted or picture
