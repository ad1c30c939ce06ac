"""The image files viewers get: one per photo, visible set and size, made on demand and shared by all who see the same.

A rendition is found by a keyed hash over everything its pixels depend on, so nothing is ever invalidated: after a
change the next request asks for another key. Faces are replaced at full resolution and the picture is shrunk after.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import io
import logging
import os
import random
import shutil
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.conf import settings
from PIL import Image as PILImage

import mfmc_engine
from faceaccess import provenance
from faceaccess.decoys import decoy_of
from faceaccess.models import FaceRegion
from faceaccess.pipeline import read_original
from faceaccess.policies import Decision, Reason
from faceaccess.selectors import VisibleSet, visible_set
from mfmc_engine.imaging import resize_to_fit, size_to_fit
from mfmc_engine.types import Decoy, Image
from photos.models import Photo

logger = logging.getLogger(__name__)

SIZES = {"thumb": 480, "feed": 1080, "full": 2048}  # longest side, px; never enlarged
CROP_SIDE = 320  # px, longest side of a face crop
CROP_MARGIN = (
    0.5  # of the face box, on each side of a crop: enough of the surroundings to know the occasion by
)
AVATAR_SIDE = 192  # px, twice what the largest avatar is drawn at
AVATAR_REACH = 2.0  # of the largest face's longer side: a head with some room around it
JPEG_QUALITY = 88  # Pillow's scale; about 155 kB for 1280 x 886 where 92 takes 215
FORMAT = 2  # raise it when anything below changes the pixels or the encoding
LOCKS = 256  # lock files the keys are spread over
SOURCES_BYTES = 128 * 2**20  # decoded originals each process keeps: about 35 photos of 1280 x 960
EVICT_EVERY = 50  # new files, on average, between two looks at the size of the cache


class UnavailableError(Exception):
    """The photo cannot be shown safely now. The viewer gets a placeholder, never the original."""


@dataclass(frozen=True, slots=True)
class Rendition:
    """A finished image file. ``width`` and ``height`` in px."""

    path: Path
    key: str
    width: int
    height: int
    content_type: str = "image/jpeg"

    @property
    def etag(self) -> str:
        return f'"{self.key}"'

    def read(self) -> bytes:
        return self.path.read_bytes()


def rendition(photo: Photo, seen: VisibleSet, size: str) -> Rendition:
    """The photo with stand-ins for all faces but those of ``seen.shown``. Nothing is decided here.

    Whether the viewer may see it at all, and ``seen``, is for the caller to ask first, in one snapshot: so it is with
    all the pictures below. ``size`` is a key of SIZES. Raises UnavailableError.
    """
    return _make(photo, seen, size, lambda image: resize_to_fit(image, SIZES[size]))


def face_crop(region: FaceRegion, seen: VisibleSet) -> Rendition:
    """One face with its surroundings, cut out of what the viewer sees: a neighbour's hidden face stays hidden."""
    return _make(region.photo, seen, f"crop-{region.index}", lambda image: _cut(image, region.box))


def avatar(photo: Photo, seen: VisibleSet) -> Rendition:
    """A square cut out of what the viewer sees, round the largest face; whose it is plays no part in the choice.

    Raises UnavailableError.
    """
    boxes = [region.box for region in photo.regions.all()]
    return _make(photo, seen, "avatar", lambda image: _square(image, boxes))


def for_moderators(photo: Photo, size: str) -> Rendition:
    """The photo with a stand-in in every place, whatever was disclosed to whom. Raises UnavailableError."""
    seen = visible_set(photo, None)
    nobody = {index: Decision(False, Reason.NOT_MATCHED) for index in seen.decisions}
    return _make(
        photo, VisibleSet(nobody, seen.version), size, lambda image: resize_to_fit(image, SIZES[size])
    )


def with_stand_in(region: FaceRegion, seen: VisibleSet, size: str) -> Rendition:
    """The photo as its owner sees it, but with a stand-in in their own place: what others see while it is hidden.

    Drawn from what the owner may see, so a neighbour's face that is hidden from them stays hidden.
    """
    return _make(region.photo, _without(region, seen), size, lambda image: resize_to_fit(image, SIZES[size]))


def stand_in_crop(region: FaceRegion, seen: VisibleSet) -> Rendition:
    """What face_crop shows, with the stand-in in the owner's own place: the other half of "before and after"."""
    hidden = _without(region, seen)
    return _make(region.photo, hidden, f"crop-{region.index}", lambda image: _cut(image, region.box))


def _without(region: FaceRegion, seen: VisibleSet) -> VisibleSet:
    own = {region.index: Decision(False, Reason.NOT_ANSWERED)}
    return VisibleSet(seen.decisions | own, seen.version)


def as_onlooker(region: FaceRegion, seen: VisibleSet | None, size: str) -> Rendition:
    """The photo as its owner sees it, with their own face as another gets it: ``seeing.seen_as``.

    The same file as everybody gets whose hidden faces are the same: its key tells nothing more than its pixels.
    Raises UnavailableError.
    """
    if seen is None:
        raise UnavailableError("the face has no owner any more")
    return _make(region.photo, seen, size, lambda image: resize_to_fit(image, SIZES[size]))


def key(photo: Photo, seen: VisibleSet, size: str) -> str:
    """HMAC-SHA256 over all that decides the pixels. Says nothing to who does not know the secret."""
    hidden = ",".join(str(index) for index in sorted(seen.hidden))
    version = photo.version if seen.version is None else seen.version
    edition = f"{mfmc_engine.__version__}/{provenance.edition()}"
    parts = ("rendition", FORMAT, edition, photo.pk.hex, version, hidden, size)
    message = "|".join(str(part) for part in parts)
    return hmac.new(settings.FACE_SECRET.encode(), message.encode(), hashlib.sha256).hexdigest()[:40]


def look(photo: Photo, seen: VisibleSet) -> str:
    """Short, and another one whenever the viewer's pictures of the photo have another key: for their addresses.

    Keyed over the same as they are, so it tells no more than the ETag, which everybody who sees the picture gets.
    """
    return key(photo, seen, "look")[:12]


def dimensions(photo: Photo, size: str) -> tuple[int, int]:
    """Width and height of the photo's rendition at ``size``, px: what a page reserves before the picture is there."""
    return size_to_fit(photo.width, photo.height, SIZES[size])


def _make(photo: Photo, seen: VisibleSet, size: str, shape: Callable[[Image], Image]) -> Rendition:
    if not photo.is_ready:
        raise UnavailableError("the photo is still being protected")
    name = key(photo, seen, size)
    path = folder(photo.pk) / f"{name}.jpg"
    if not path.exists():
        with _single_flight(name):
            if not path.exists():  # somebody else may have made it while this request waited
                _write(path, photo, render(photo, seen, shape))
    width, height = dimensions(photo, size) if size in SIZES else (0, 0)
    return Rendition(path, name, width, height)


def render(photo: Photo, seen: VisibleSet, shape: Callable[[Image], Image]) -> bytes:
    """The JPEG of the photo with all faces but ``seen.shown`` replaced, past the cache. Raises UnavailableError."""
    from mfmc_engine.compositing import compose

    try:
        if seen.version is not None:  # a face was marked since the photo was read: go by the later state
            photo.version = seen.version
        image, decoys = sources.get(photo)
        # What was read is of one and the same version only if that is still the present one.
        if not Photo.objects.filter(pk=photo.pk, version=photo.version).exists():
            raise UnavailableError("the photo changed while the picture was made")
        if len(seen.decisions) != len(decoys):
            raise UnavailableError("the faces changed while the picture was made")
        return jpeg(shape(compose(image, decoys, seen.hidden)), replaced=bool(seen.hidden))
    except UnavailableError:
        raise
    except Exception as error:  # a missing patch, a damaged file, a bug: whatever it is, no pixel leaves
        logger.exception("photo %s could not be composed", photo.pk)
        raise UnavailableError("the photo cannot be shown safely") from error


def jpeg(image: Image, *, replaced: bool) -> bytes:
    """Progressive JPEG of these pixels, and nothing else but the word that faces were ``replaced`` in them."""
    data = io.BytesIO()
    label = {"xmp": provenance.XMP} if replaced else {}
    picture = PILImage.fromarray(np.ascontiguousarray(image))
    picture.save(data, "JPEG", quality=JPEG_QUALITY, progressive=True, **label)
    return provenance.embedded(data.getvalue(), "image/jpeg", replaced=replaced)


def _cut(image: Image, box: list[float]) -> Image:
    height, width = image.shape[:2]
    left, top, right, bottom = _around(box, width, height)
    if right <= left or bottom <= top:
        raise UnavailableError("the face lies outside the picture")
    return resize_to_fit(image[top:bottom, left:right], CROP_SIDE)


def _around(box: list[float], width: int, height: int) -> tuple[int, int, int, int]:
    """A face box with its margin, inside the picture: x0, y0, x1, y1 px."""
    x0, y0, x1, y1 = box
    dx, dy = CROP_MARGIN * (x1 - x0), CROP_MARGIN * (y1 - y0)
    return (
        max(0, int(x0 - dx)),
        max(0, int(y0 - dy)),
        min(width, int(x1 + dx) + 1),
        min(height, int(y1 + dy) + 1),
    )


def crop_dimensions(region: FaceRegion) -> tuple[int, int]:
    """Width and height of the region's crop, px."""
    left, top, right, bottom = _around(region.box, region.photo.width, region.photo.height)
    return size_to_fit(max(1, right - left), max(1, bottom - top), CROP_SIDE)


def _square(image: Image, boxes: list[list[float]]) -> Image:
    """(side, side, 3), side at most AVATAR_SIDE: round the largest box, or the middle where there is none."""
    height, width = image.shape[:2]
    side, x, y = min(height, width), width / 2, height / 2
    if boxes:
        x0, y0, x1, y1 = max(boxes, key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
        side = min(side, max(1, round(AVATAR_REACH * max(x1 - x0, y1 - y0))))
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
    left = int(np.clip(round(x - side / 2), 0, width - side))
    top = int(np.clip(round(y - side / 2), 0, height - side))
    return resize_to_fit(image[top : top + side, left : left + side], AVATAR_SIDE)


# --- what renditions are made from ---


class Sources:
    """Decoded originals with their decoys, the last used ones, in memory only: they never touch a disk again."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self.lock = threading.Lock()
        self.entries: OrderedDict[tuple[object, int], tuple[Image, list[Decoy | None]]] = OrderedDict()

    def get(self, photo: Photo) -> tuple[Image, list[Decoy | None]]:
        """The original and, at every region's index, its decoy. Raises whatever reading the files raises."""
        name = photo.pk, photo.version
        with self.lock:
            if name in self.entries:
                self.entries.move_to_end(name)
                return self.entries[name]
        entry = read_original(photo), _decoys(photo)
        with self.lock:
            if name not in self.entries:
                self.entries[name] = entry
                self.size += _weight(entry)
            while self.size > self.limit and self.entries:
                self.size -= _weight(self.entries.popitem(last=False)[1])
        return entry

    def forget(self, photo_id: object) -> None:
        with self.lock:
            for name in [name for name in self.entries if name[0] == photo_id]:
                self.size -= _weight(self.entries.pop(name))


def _decoys(photo: Photo) -> list[Decoy | None]:
    regions = list(photo.regions.select_related("decoy").order_by("index"))
    if [region.index for region in regions] != list(range(len(regions))):
        raise UnavailableError("the faces of the photo are not numbered through")
    return [decoy_of(region.decoy) if hasattr(region, "decoy") else None for region in regions]


def _weight(entry: tuple[Image, list[Decoy | None]]) -> int:
    image, decoys = entry
    return image.nbytes + sum(
        decoy.pixels.nbytes + decoy.alpha.nbytes for decoy in decoys if decoy is not None
    )


sources = Sources(SOURCES_BYTES)


# --- the files ---


def root() -> Path:
    return Path(settings.RENDITION_ROOT)


def folder(photo_id: uuid.UUID) -> Path:
    return root() / photo_id.hex


@contextlib.contextmanager
def _single_flight(name: str) -> Iterator[None]:
    """One maker per key, over all threads and processes; the others wait for its file."""
    locks = root() / "locks"
    locks.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (locks / f"{int(name[:8], 16) % LOCKS:02x}").open("ab") as lock:
        fcntl.flock(
            lock, fcntl.LOCK_EX
        )  # closing the file lets go of it, and so does the death of the process
        yield


def _write(path: Path, photo: Photo, data: bytes) -> None:
    """Whole or not at all, and not for a photo that was deleted meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_suffix(f".{uuid.uuid4().hex}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    if not Photo.objects.filter(pk=photo.pk).exists():
        forget(photo.pk)
        raise UnavailableError("the photo was deleted")
    if random.random() < 1 / EVICT_EVERY:  # noqa: S311  no secret hangs on it
        evict(settings.RENDITION_CACHE_BYTES, spare=path)


def forget(photo_id: uuid.UUID) -> None:
    """Remove everything made of a photo."""
    sources.forget(photo_id)
    shutil.rmtree(folder(photo_id), ignore_errors=True)


def evict(limit: int, spare: Path | None = None) -> None:
    """Remove the oldest renditions until at most ``limit`` bytes are left; they are made again when asked for."""
    files = []
    for path in root().glob("*/*.*"):
        with contextlib.suppress(FileNotFoundError):
            status = path.stat()
            files.append((status.st_mtime, status.st_size, path))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= limit:
            return
        if path != spare:
            path.unlink(missing_ok=True)
            total -= size
