"""Decoys and face regions between the engine's types and the database."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import io
import math

import numpy as np
from django.conf import settings
from django.core.files.base import ContentFile
from PIL import Image as PILImage

import mfmc_engine
from accounts import templates
from accounts.engine import space
from faceaccess import models
from mfmc_engine import types
from photos.models import Photo


def engine_version() -> str:
    return f"{settings.ENGINE_PACK} {mfmc_engine.__version__}"


def seed(photo_id: object, index: int) -> bytes:
    """HMAC-SHA256 of (secret, face region): one decoy per region for ever, unrelated from photo to photo."""
    message = f"decoy of face {index} in photo {photo_id}"
    return hmac.digest(settings.FACE_SECRET.encode(), message.encode(), hashlib.sha256)


def mark_seed(photo_id: object, box: list[float]) -> bytes:
    """The same for a face that a person marked: drawn from its place, for its index changes when a mark is removed."""
    place = ",".join(f"{edge:.1f}" for edge in box)
    message = f"decoy of the mark {place} in photo {photo_id}"
    return hmac.digest(settings.FACE_SECRET.encode(), message.encode(), hashlib.sha256)


def seed_of(region: models.FaceRegion) -> bytes:
    """The seed of a stored region's decoy."""
    if region.source == models.FaceRegion.Source.MARKED:
        return mark_seed(region.photo_id, region.box)
    return seed(region.photo_id, region.index)


# --- face regions ---


def embedding_purpose(photo_id: object, index: int) -> str:
    return f"face {index} of photo {photo_id}"


def region_row(photo: Photo, index: int, face: types.Face) -> models.FaceRegion:
    """An unsaved region without owner."""
    row = models.FaceRegion(photo=photo, index=index, box=[float(edge) for edge in face.box])
    describe(row, face)
    return row


def describe(region: models.FaceRegion, face: types.Face) -> None:
    """Take over what the engine found out about the face, sealed for the region's present index."""
    found = {
        "landmarks": np.ascontiguousarray(face.landmarks, "<f4").tobytes(),
        "score": float(np.clip(face.score, 0, 1)),
        "quality": float(np.clip(face.quality.score, 0, 1)),
        "sharpness": float(face.quality.sharpness),
        "yaw": float(face.quality.yaw),
        "embedding": templates.seal(face.embedding, purpose=embedding_purpose(region.photo_id, region.index)),
        "pack": settings.ENGINE_PACK,
    }
    for name, value in found.items():
        setattr(region, name, value)


def renumber(region: models.FaceRegion, index: int) -> None:
    """Another index for a region (unsaved). Its embedding is bound to the old one, so it is sealed again.

    One that does not open stays as it is: it opens under no index, and such a face is nobody's.
    """
    with contextlib.suppress(templates.TemplateError):
        embedding = templates.open_(
            region.embedding, purpose=embedding_purpose(region.photo_id, region.index)
        )
        region.embedding = templates.seal(embedding, purpose=embedding_purpose(region.photo_id, index))
    region.index = index


def face_of(region: models.FaceRegion) -> types.Face:
    """The face a region was made from. Raises accounts.templates.TemplateError if its embedding does not open."""
    x0, y0, x1, y1 = region.box
    size = math.sqrt(max(0.0, (x1 - x0) * (y1 - y0)))
    return types.Face(
        box=np.array(region.box, np.float32),
        score=region.score,
        landmarks=np.frombuffer(region.landmarks, "<f4").reshape(-1, 2).astype(np.float32),
        embedding=templates.open_(region.embedding, purpose=embedding_purpose(region.photo_id, region.index)),
        quality=types.Quality(size, region.sharpness, region.yaw, region.quality),
    )


# --- decoys ---

VIEWS = "how a decoy looks"
REMEMBERED = 8  # a person's newest decoys that the next one is drawn unlike; more would leave too few donors


def elsewhere(person: str | None) -> types.FloatArray:
    """(N, D) how the newest decoys of an enrolled person's other photos look; none for nobody.

    Drawn independently, two decoys of one person would pass for one face more often than those of two people.
    """
    found = []
    if person is not None:
        rows = models.Decoy.objects.filter(
            region__owner=int(person), region__pack=settings.ENGINE_PACK, kind=models.Decoy.Kind.SWAP
        )
        for sealed in rows.order_by("-pk").values_list("views", flat=True)[:REMEMBERED]:
            with contextlib.suppress(
                templates.TemplateError
            ):  # an old row, or one that does not open: no wish
                found.append(templates.open_(sealed, purpose=VIEWS))
    dimensions = found[0].shape[1] if found else 128
    return np.concatenate([np.empty((0, dimensions), np.float32), *found])


def worn_beside(region: models.FaceRegion, dimensions: int) -> types.Worn:
    """What the photo's other faces wear, by the pack in use; ``dimensions``: of its embedding space."""
    rows = models.Decoy.objects.filter(
        region__photo=region.photo_id, region__pack=settings.ENGINE_PACK, kind=models.Decoy.Kind.SWAP
    ).exclude(region=region.pk)
    worn = list(rows.order_by("pk").values_list("donor", "views"))
    views = [_views(sealed, dimensions) for _, sealed in worn]
    return types.Worn(
        frozenset(donor for donor, _ in worn),
        np.concatenate([np.empty((0, dimensions), np.float32), *views]),
    )


def _views(sealed: bytes, dimensions: int) -> types.FloatArray:
    """(V, D) how a stored decoy looks. One row that is not a number if that is not known (any more): a new decoy may
    look like it, so none is taken beside it."""
    with contextlib.suppress(templates.TemplateError):
        views = templates.open_(sealed, purpose=VIEWS)
        if len(views) and views.shape[1] == dimensions:
            return views
    return np.full((1, dimensions), np.nan, np.float32)


def keeps_clear(decoy: types.Decoy, worn: types.Worn) -> bool:
    """Whether a decoy may stand in a photo beside what other faces of it wear. One without a face always may."""
    from mfmc_engine.guarantee import nearest

    if decoy.kind != models.Decoy.Kind.SWAP:
        return True
    return decoy.donor not in worn.donors and nearest(decoy.views, worn.views) > space().match


def decoy_row(region: models.FaceRegion, decoy: types.Decoy) -> models.Decoy:
    """An unsaved row whose patch is already in private storage: remove it if the row is never saved."""
    x, y = decoy.origin
    row = models.Decoy(
        region=region,
        kind=decoy.kind,
        x=x,
        y=y,
        donor=decoy.donor or "",
        attempts=decoy.attempts,
        distance_to_original=_finite(decoy.distance_to_original),
        nearest_gallery=_finite(decoy.nearest_gallery),
        threshold=decoy.threshold,
        views=templates.seal(decoy.views, purpose=VIEWS),
        engine_version=engine_version(),
    )
    rgba = np.dstack([decoy.pixels, decoy.alpha])
    png = io.BytesIO()
    PILImage.fromarray(rgba).save(
        png, "PNG", compress_level=3
    )  # a quarter of the time for a tenth more bytes
    row.patch.save("patch.png", ContentFile(png.getvalue()), save=False)
    return row


def decoy_of(row: models.Decoy) -> types.Decoy:
    """The stored decoy. Raises OSError if its patch is missing or damaged."""
    with row.patch.open("rb") as file, PILImage.open(file) as patch:
        rgba = np.asarray(patch.convert("RGBA"))
    return types.Decoy(
        kind=row.kind,
        origin=(row.x, row.y),
        pixels=np.ascontiguousarray(rgba[..., :3]),
        alpha=np.ascontiguousarray(rgba[..., 3]),
        donor=row.donor or None,
        attempts=row.attempts,
        distance_to_original=_unknown_is(row.distance_to_original, math.nan),
        nearest_gallery=_unknown_is(row.nearest_gallery, math.inf),
        threshold=row.threshold,
    )


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _unknown_is(value: float | None, default: float) -> float:
    return default if value is None else value
