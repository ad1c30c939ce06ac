"""A face the detector missed, marked by hand: hidden at once for everybody, looked at by the engine after.

Marking must not wait for a network, so the first decoy is a plain redaction of the marked pixels, made and stored in
the request that marks. A mark can only ever hide: it has no owner until the engine matches it like any other face.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import numpy as np
from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.engine import get_engine
from accounts.index import whole_gallery
from accounts.models import User
from accounts.reembedding import gallery_is_partial, of_another_pack
from faceaccess import decoys, matching, selectors
from faceaccess.models import Decoy, FaceRegion, RemovedMark
from faceaccess.pipeline import read_original
from mfmc_engine import types
from mfmc_engine.placing import covers
from photos.models import Photo

logger = logging.getLogger(__name__)

# All by choice: enough for a large group whose backs of heads are turned, too few to paper a photo over.
MARKS_EACH = 6  # marks of one person in one photo, removed ones included
MARKS_A_PHOTO = 40  # standing marks in one photo
MIN_SIDE = 12.0  # px of the stored original; less is no face that anybody could recognise
MAX_SHARE = 0.5  # of the picture's area
MAX_ASPECT = 2.5  # long to short side; heads are at most about 1.6
MAX_OVERLAP = 0.5  # of the smaller of two boxes: more is the same face
RETRY = timedelta(seconds=60)  # a message that nobody took for so long is sent again
ATTEMPTS = 3  # analyses that may fail before a mark stays a plain redaction


# --- marking ---


def mark_create(*, photo: Photo, by: User, box: Sequence[float]) -> FaceRegion:
    """Hide what is inside ``box`` (x0, y0, x1, y1 px of the stored original) from everybody, from now on.

    Raises PermissionDenied for who may not see the photo, ValidationError for a box that cannot be a face.
    """
    if not selectors.may_tag_in(by, photo):
        raise PermissionDenied(_("You cannot mark faces in this photo."))
    box = _checked(box, photo)
    _check_room(photo, by, box)  # before the work; once more below, with the photo held
    patch = redaction(photo, box)
    row = decoys.decoy_row(FaceRegion(photo=photo), patch)
    try:
        with transaction.atomic():
            return _store(photo, by, box, row)
    except BaseException:
        default_storage.delete(row.patch.name)
        raise


def _store(photo: Photo, by: User, box: list[float], row: Decoy) -> FaceRegion:
    from faceaccess.tasks import enqueue, mark_analyse

    held = Photo.objects.select_for_update().filter(pk=photo.pk, state=Photo.State.READY).first()
    if held is None:
        raise PermissionDenied(_("This photo is gone."))
    _check_room(held, by, box)
    region = FaceRegion(
        photo=held,
        index=held.regions.count(),
        box=box,
        score=1.0,
        quality=0.0,
        pack=settings.ENGINE_PACK,
        source=FaceRegion.Source.MARKED,
        marked_by=by,
        analysis_due=timezone.now() + RETRY,
    )
    region.full_clean()
    region.save()
    row.region = region
    row.full_clean()
    row.save()
    _raise_version(held)
    transaction.on_commit(lambda: enqueue(mark_analyse, region.pk))
    return region


def _raise_version(photo: Photo) -> None:
    Photo.objects.filter(pk=photo.pk).update(version=F("version") + 1)


def _checked(box: Sequence[float], photo: Photo) -> list[float]:
    """The box clipped to the picture. Raises ValidationError for what is none, or no face's."""
    edges = [float(edge) for edge in box]
    if len(edges) != 4 or not all(math.isfinite(edge) for edge in edges):
        raise ValidationError(_("A mark needs four numbers."))
    x0, x1 = (min(max(edge, 0.0), photo.width) for edge in edges[::2])
    y0, y1 = (min(max(edge, 0.0), photo.height) for edge in edges[1::2])
    (x0, x1), (y0, y1) = sorted((x0, x1)), sorted((y0, y1))
    width, height = x1 - x0, y1 - y0
    if min(width, height) < MIN_SIDE:
        raise ValidationError(_("This mark is too small. Mark the whole head."))
    if width * height > MAX_SHARE * photo.width * photo.height:
        raise ValidationError(_("This mark is too large. Mark one head only."))
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise ValidationError(_("This mark is too long and narrow. Mark one head only."))
    return [x0, y0, x1, y1]


def _check_room(photo: Photo, by: User, box: list[float]) -> None:
    given = photo.regions.filter(marked_by=by).count() + photo.removed_marks.filter(marked_by=by).count()
    if given >= MARKS_EACH:
        raise ValidationError(_("You have marked as many faces in this photo as one person can."))
    regions = list(photo.regions.values_list("box", "source"))
    if sum(source == FaceRegion.Source.MARKED for _box, source in regions) >= MARKS_A_PHOTO:
        raise ValidationError(_("No more faces can be marked in this photo."))
    if any(overlap_of_smaller(box, other) > MAX_OVERLAP for other, _source in regions):
        raise ValidationError(_("This face is known already."))


def overlap_of_smaller(one: Sequence[float], other: Sequence[float]) -> float:
    """Area of the intersection of two boxes over that of the smaller one, in [0, 1]; a box within another has 1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return max(0.0, width) * max(0.0, height) / max(min(areas), 1e-9)


def redaction(photo: Photo, box: list[float]) -> types.Decoy:
    """The plain fallback over the box, from pixels alone: no network, no landmarks."""
    from mfmc_engine.parameters import ORIGINAL_THRESHOLD
    from mfmc_engine.swapping.redaction import redact

    unknown = np.full((68, 2), np.nan, np.float32)
    face = types.Face(
        box=np.array(box, np.float32),
        score=1.0,
        landmarks=unknown,
        embedding=np.empty(0, np.float32),
        quality=types.Quality(0.0, 0.0, 0.0, 0.0),
        source="given",
    )
    random = np.random.default_rng(int.from_bytes(decoys.mark_seed(photo.pk, box)))
    patch = redact(read_original(photo), face, random)
    return types.Decoy(
        kind="redaction",
        origin=patch.origin,
        pixels=patch.pixels,
        alpha=patch.alpha,
        donor=None,
        attempts=0,
        distance_to_original=math.nan,
        nearest_gallery=math.inf,
        threshold=ORIGINAL_THRESHOLD,
    )


# --- the engine's look at it ---


def overdue() -> QuerySet[FaceRegion]:
    """Marks whose analysis may have been lost with its worker."""
    return FaceRegion.objects.filter(analysis_due__lte=timezone.now())


def analyse(region_id: int) -> bool:
    """Give a mark its landmarks, its embedding, a stand-in face if one covers it, and its owner if it has one.

    Whatever fails here leaves the redaction in place. After ATTEMPTS failures it is left there for good.
    """
    region = FaceRegion.objects.select_related("photo").filter(pk=region_id).first()
    if region is None or region.analysis_due is None:
        return False
    owed = FaceRegion.objects.filter(pk=region_id)
    if gallery_is_partial() or region.photo.regions.filter(of_another_pack()).exists():
        owed.update(analysis_due=timezone.now() + RETRY)  # comes with the photo: faceaccess/reembedding.py
        return False
    if region.analysis_attempts >= ATTEMPTS:
        owed.update(analysis_due=None)
        return False
    owed.update(analysis_attempts=F("analysis_attempts") + 1, analysis_due=timezone.now() + RETRY)
    try:
        image = read_original(region.photo)
        face = get_engine().analyze(image, boxes=[region.box]).faces[-1]
        people = whole_gallery().gallery()
        (match,) = get_engine().match([face], people)
        seed = decoys.mark_seed(region.photo_id, region.box)
        request = types.DecoyRequest(face, seed, decoys.elsewhere(match.person))
        (patch,) = get_engine().make_decoys(image, [request], people, beside=_beside(region, face))
    except Exception:  # the worker must outlive whatever a photo does to the engine
        logger.exception("mark %s could not be analysed", region_id)
        return False
    return _settle(region, face, patch)


def _beside(region: FaceRegion, face: types.Face) -> types.Worn:
    return decoys.worn_beside(region, len(face.embedding))


def _settle(region: FaceRegion, face: types.Face, patch: types.Decoy) -> bool:
    """Store what was found, together or not at all. False if the mark was removed meanwhile, or is to be looked at once
    more: a mark that was looked at side by side with it may have got much the same stand-in just now."""
    from faceaccess.tasks import enqueue, mark_analyse

    row = decoys.decoy_row(region, patch) if covers(patch, region.box) else None
    unused = {row.patch.name} if row else set()
    try:
        with transaction.atomic():
            photo = Photo.objects.select_for_update().filter(pk=region.photo_id).first()
            # Read again: the removal of another mark may have given this one another number.
            region = FaceRegion.objects.filter(pk=region.pk, analysis_due__isnull=False).first()
            if photo is None or region is None:
                return False
            if row is not None and not decoys.keeps_clear(patch, _beside(region, face)):
                if region.analysis_attempts < ATTEMPTS:
                    transaction.on_commit(partial(enqueue, mark_analyse, region.pk))
                    return False
                row = None  # the redaction stays
            describe(region, face, is_face=patch.attempts > 0)
            if row is not None:
                old = Decoy.objects.get(region=region)
                row.pk, row.region = old.pk, region
                row.save(force_update=True)
                unused = set()
                transaction.on_commit(partial(default_storage.delete, old.patch.name))
                _raise_version(photo)
            matching.assign(matching.comparable(photo))
    finally:
        for name in unused:
            default_storage.delete(name)
    return True


def describe(region: FaceRegion, face: types.Face, *, is_face: bool) -> None:
    """``is_face``: landmarks good enough that donors were tried. Else it is in doubt, and of quality 0: never matched
    to anybody by itself. What one pack has found to be a face stays one, whatever the next makes of it."""
    box = region.box
    was_face = region.is_face and bool(region.landmarks)  # without these nobody has looked yet
    decoys.describe(region, face)
    region.box, region.score, region.analysis_due = box, 1.0, None
    region.is_face = is_face or was_face
    if not region.is_face:
        region.quality = 0.0
    region.full_clean()
    region.save()


# --- taking a mark out again ---


def may_remove(region: FaceRegion, by: User) -> bool:
    """Whether ``by``, who may see the photo, is offered to take the mark out: its maker, or staff in others' photos.

    Never the uploader of somebody else's mark, nor once its maker is gone: what the engine cannot make out in it may
    well be a face. Covered, small and turned ones are what detectors miss, and what no donor is tried on.
    """
    if region.source != FaceRegion.Source.MARKED:
        return False
    return by.pk == region.marked_by_id or (by.is_staff and by.pk != region.photo.post.author_id)


@transaction.atomic
def mark_remove(*, region: FaceRegion, by: User, reason: str) -> None:
    """Take out a mark in which no face was made out. Raises PermissionDenied or ValidationError.

    A mark with a face in it stays, matched or not, and the answer is the same: only the pixels decide, so nobody
    learns from it whether somebody was recognised. What is in doubt goes back to how it was before by the word of who
    marked it, and they can mark it again; the uploader cannot lay a stranger's face bare.
    """
    photo = Photo.objects.select_for_update().filter(pk=region.photo_id).first()
    region = FaceRegion.objects.select_related("photo__post").filter(pk=region.pk).first()
    if photo is None or region is None:
        raise PermissionDenied(_("This photo is gone."))
    if not (selectors.may_tag_in(by, region.photo) and may_remove(region, by)):
        raise PermissionDenied(_("You cannot take this mark out."))
    if region.analysis_due is not None:
        raise ValidationError(_("This mark is still being looked at. Try again in a minute."))
    if region.is_face or region.owner_id is not None:
        raise ValidationError(_("There is a face in this mark, so it stays."))
    removed = RemovedMark(
        photo=photo, box=region.box, marked_by=region.marked_by, removed_by=by, reason=reason.strip()
    )
    removed.full_clean()
    removed.save()
    patch = region.decoy.patch.name
    index = region.index
    region.delete()
    transaction.on_commit(partial(default_storage.delete, patch))
    # Renditions need the faces numbered through. Ascending: each takes the number that was just left.
    for later in photo.regions.filter(index__gt=index).order_by("index"):
        decoys.renumber(later, later.index - 1)
        later.save(update_fields=["index", "embedding"])
    _raise_version(photo)
