"""After a change of the model pack: every photo is looked at again by the new one, and its decoys made anew.

Captures first (accounts/reembedding.py): until all of them have their template nobody is matched and no photo is made
ready. Then photo by photo, each in one transaction:

- Regions keep their row, number, box and every word said about them (tags, answers, rules' exceptions, claims,
  rejections, marks); embedding, landmarks, quality, decoy and owner are the new pack's. Faces the old detector missed
  are added.
- Until its turn a photo stays as it was: its owners count as enrolled by the templates kept of the pack before, new
  people are not matched in it, and nothing of it is compared with the new gallery.
- What cannot be done is left as it is, and its faces are nobody's, and so hidden, when those templates go at the end.

What is done is known by row, so a run can be killed anywhere and taken up by any other.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from accounts import reembedding as captures
from accounts.engine import get_engine
from accounts.index import get_index
from accounts.models import READING_ATTEMPTS, FaceCapture, FormerTemplate
from accounts.reembedding import of_another_pack
from faceaccess import decoys, exposures, marks, matching, pipeline, renditions
from faceaccess.models import Decoy, FaceRegion, PhotoAnalysis, ProtectionJob
from mfmc_engine import types
from mfmc_engine.parameters import BOX_CORE
from mfmc_engine.placing import covers
from photos.models import Photo

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Status:
    """How far it is. ``former``: templates of earlier packs that are still kept."""

    captures_left: int
    captures_given_up: int
    photos_left: int
    photos_given_up: int
    former: int

    @property
    def is_done(self) -> bool:
        return not (self.captures_left or self.photos_left or self.former)


def status() -> Status:
    return Status(
        captures.outdated().count(),
        FaceCapture.objects.unreadable().count(),
        outdated().count(),
        given_up().count(),
        FormerTemplate.objects.count(),
    )


def is_due() -> bool:
    """Whether anything is left to do; asked all the time, so all photos are looked through only if some may be left."""
    if captures.gallery_is_partial() or FormerTemplate.objects.exists():
        return True
    return any(rows.exists() for rows in _rows_of_another_pack()) and outdated().exists()


def outdated() -> QuerySet[Photo]:
    """Finished photos that the pack in use has not looked at, without those given up."""
    return _of_another_pack().exclude(Exists(_given_up()))


def given_up() -> QuerySet[Photo]:
    return _of_another_pack().filter(Exists(_given_up()))


def _of_another_pack() -> QuerySet[Photo]:
    faces, analyses = _rows_of_another_pack()
    return Photo.objects.ready().filter(Q(pk__in=faces.values("photo")) | Q(pk__in=analyses.values("photo")))


def _rows_of_another_pack() -> tuple[QuerySet[FaceRegion], QuerySet[PhotoAnalysis]]:
    analyses = PhotoAnalysis.objects.filter(of_another_pack()).exclude(pack="")
    return FaceRegion.objects.filter(of_another_pack()).order_by(), analyses


def _given_up() -> QuerySet[PhotoAnalysis]:
    return PhotoAnalysis.objects.filter(
        photo=OuterRef("pk"), failed_pack=settings.ENGINE_PACK, failures__gte=READING_ATTEMPTS
    )


def embed_some(limit: int) -> bool:
    """Do at most ``limit`` of the captures or photos that wait. False: nothing is left.

    Raises EngineError if the pack cannot work, DatabaseError if the database cannot: nothing is given up for that.
    """
    if captures.embed_some(limit):
        if not captures.gallery_is_partial():
            _release_waiting()
        return True
    get_index().prepare()
    photos = outdated().order_by(F("analysis__failures").asc(nulls_first=True), "pk")[:limit]
    for photo_id in (some := list(photos.values_list("pk", flat=True))):
        embed_anew(photo_id)
    if not some:
        _finish()
    return bool(some)


@transaction.atomic
def _finish() -> None:
    """No photo waits: the earlier packs are over. What was given up is hidden from now on."""
    left = FaceRegion.objects.filter(of_another_pack(), owner__isnull=False)
    exposures.touch(*left.values_list("owner", flat=True).distinct())
    left.update(owner=None, match=FaceRegion.Match.UNKNOWN)
    captures.retire()
    get_index().retire()


def _release_waiting() -> None:
    """Photos posted meanwhile were turned away from the workers: the next sweep sends them again at once."""
    ProtectionJob.objects.filter(lease_until=None).update(queued_at=None)


def embed_anew(photo_id: object) -> bool:
    """Let the pack in use look at one photo. False if that failed, or it changed or was done meanwhile."""
    photo = outdated().filter(pk=photo_id).first()
    if photo is None or captures.gallery_is_partial():
        return False
    regions = list(photo.regions.order_by("index"))
    try:
        image = pipeline.read_original(photo)
        known, new = _faces(image, [region.box for region in regions])
        rows = regions + [decoys.region_row(photo, len(regions) + i, face) for i, face in enumerate(new)]
        patches = pipeline.draw(image, [*known, *new], [decoys.seed_of(row) for row in rows])
        return _store(photo, rows, known, patches)
    except Exception as error:
        if captures.is_not_its_fault(error):
            raise
        logger.exception("photo %s could not be embedded anew", photo_id)
        _note_failure(photo, error)
        return False


def _faces(image: types.Image, boxes: Sequence[Sequence[float]]) -> tuple[list[types.Face], list[types.Face]]:
    """One face per known box, in order, and the faces that are in none of them."""
    found = get_engine().analyze(image, boxes=boxes).faces
    first = len(found) - len(boxes)
    new = [face for face in found[:first] if not any(_is_in(face.box, box) for box in boxes)]
    return list(found[first:]), new


def _is_in(found: Sequence[float], box: Sequence[float]) -> bool:
    """Whether a found face is what a known box is drawn around: mostly inside, and in its middle.

    A smaller face in front of somebody is neither, and is one of its own.
    """
    x, y = (found[0] + found[2]) / 2, (found[1] + found[3]) / 2
    across = abs(2 * x - box[0] - box[2]) <= BOX_CORE * (box[2] - box[0])
    down = abs(2 * y - box[1] - box[3]) <= BOX_CORE * (box[3] - box[1])
    return across and down and marks.overlap_of_smaller(found, box) > marks.MAX_OVERLAP


def _store(
    photo: Photo, rows: list[FaceRegion], known: Sequence[types.Face], patches: Sequence[types.Decoy]
) -> bool:
    """Everything about the photo, together or not at all. False if it is not the photo that was looked at any more."""
    made: list[Decoy] = []
    stored = False
    try:
        for row, patch in zip(rows, patches, strict=True):
            # whoever drew the box: it is all that this pack was told, and what stood there before covered it
            hidden = covers(patch, row.box)
            made.append(decoys.decoy_row(row, patch if hidden else marks.redaction(photo, row.box)))
        with transaction.atomic():
            stored = _write(photo, rows, known, patches, made)
    finally:
        if not stored:
            for row in made:
                default_storage.delete(row.patch.name)
    return stored


def _write(
    photo: Photo,
    rows: list[FaceRegion],
    known: Sequence[types.Face],
    patches: Sequence[types.Decoy],
    made: list[Decoy],
) -> bool:
    """Only over what was read: a mark set or removed meanwhile, or another run, made it another version."""
    same = Photo.objects.select_for_update().filter(
        pk=photo.pk, state=Photo.State.READY, version=photo.version
    )
    if (held := same.first()) is None or captures.gallery_is_partial():
        return False
    regions = list(held.regions.order_by("index"))
    for region, face, patch in zip(regions, known, patches, strict=False):
        _describe(region, face, patch)
    for row in rows[len(regions) :]:
        row.save()
        regions.append(row)
    former = {decoy.region_id: decoy for decoy in Decoy.objects.filter(region__photo=held)}
    for region, decoy in zip(regions, made, strict=True):
        decoy.region = region
        if (old := former.get(region.pk)) is not None:
            decoy.pk = old.pk
            transaction.on_commit(partial(default_storage.delete, old.patch.name))
        decoy.save()
    matching.assign(regions)
    analysis = {"pack": settings.ENGINE_PACK, "failed_pack": "", "failures": 0, "error": ""}
    PhotoAnalysis.objects.update_or_create(photo=held, defaults=analysis)
    Photo.objects.filter(pk=held.pk).update(version=F("version") + 1)
    transaction.on_commit(partial(renditions.forget, held.pk))
    return True


def _describe(region: FaceRegion, face: types.Face, patch: types.Decoy) -> None:
    if region.source == FaceRegion.Source.MARKED:
        marks.describe(region, face, is_face=patch.attempts > 0)
        return
    score = region.score  # the detector's, not the 1 of a box that was given
    decoys.describe(region, face)
    region.score = score
    region.save()


def _note_failure(photo: Photo, error: Exception) -> None:
    row, _ = PhotoAnalysis.objects.get_or_create(photo=photo)
    failures = row.failures + 1 if row.failed_pack == settings.ENGINE_PACK else 1
    PhotoAnalysis.objects.filter(pk=row.pk).update(
        failed_pack=settings.ENGINE_PACK, failures=failures, error=f"{type(error).__name__}: {error}"[:300]
    )


def try_again() -> None:
    """Forget what failed, captures and photos."""
    captures.try_again()
    PhotoAnalysis.objects.exclude(failed_pack="").update(failed_pack="", failures=0, error="")
