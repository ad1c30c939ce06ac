"""Whose face is it: regions against the gallery of enrolled people, now and whenever the gallery changes."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max

from accounts.engine import get_engine
from accounts.models import FaceCapture, User
from accounts.templates import TemplateError, gallery
from faceaccess.decoys import face_of
from faceaccess.models import Claim, FaceRegion, MatchRejection
from mfmc_engine.types import Face, Gallery, Match
from photos.models import Photo

logger = logging.getLogger(__name__)


def assign(regions: Sequence[FaceRegion], people: Gallery) -> int:
    """Give the regions of one photo their owners; returns how many changed. Call it holding the photo's row.

    Rejected matches stay rejected. A region whose embedding does not open is nobody's.
    """
    rejected = set(MatchRejection.objects.filter(region__in=regions).values_list("region", "person"))
    readable = [(region, face) for region in regions if (face := _face(region)) is not None]
    exclude = {(i, str(person)) for i, (r, _) in enumerate(readable) for pk, person in rejected if pk == r.pk}
    matches = get_engine().match([face for _, face in readable], people, exclude) if readable else []
    found = {region.pk: match for (region, _), match in zip(readable, matches, strict=True)}
    # Somebody may have left since the gallery was read.
    named = {int(match.person) for match in matches if match.person is not None}
    known = set(User.objects.filter(pk__in=named).values_list("pk", flat=True))
    outcomes = {region.pk: _outcome(found.get(region.pk), known) for region in regions}
    outcomes |= _claimed(outcomes, {region.pk: face for region, face in readable}, people, rejected)
    changed = []
    for region in regions:
        owner, state = outcomes[region.pk]
        if (region.owner_id, region.match) != (owner, state):
            region.owner_id, region.match = owner, state
            changed.append(region)
    # First let go, then take: two faces may exchange their owners, and a person owns one face of a photo.
    pks = [region.pk for region in changed]
    FaceRegion.objects.filter(pk__in=pks).update(owner=None, match=FaceRegion.Match.UNKNOWN)
    FaceRegion.objects.bulk_update(changed, ["owner", "match"])
    return len(changed)


def _outcome(match: Match | None, known: Collection[int]) -> tuple[int | None, str]:
    if match is None or match.state == "unknown":
        return None, FaceRegion.Match.UNKNOWN
    if match.state == "ambiguous" or match.person is None:
        return None, FaceRegion.Match.AMBIGUOUS
    owner = int(match.person)
    return (owner, FaceRegion.Match.MATCHED) if owner in known else (None, FaceRegion.Match.UNKNOWN)


def _claimed(
    outcomes: dict[int, tuple[int | None, str]],
    faces: dict[int, Face],
    people: Gallery,
    rejected: Collection[tuple[int, int]],
) -> dict[int, tuple[int | None, str]]:
    """What accepted claims change: faces nobody is recognised in, for people who own no other face of the photo."""
    taken = {owner for owner, _ in outcomes.values() if owner is not None}
    given: dict[int, tuple[int | None, str]] = {}
    claims = Claim.objects.filter(region__in=outcomes, state=Claim.State.ACCEPTED).order_by(
        "decided_at", "pk"
    )
    for region, person in claims.values_list("region", "claimant"):
        free = outcomes[region][0] is None and region not in given and person not in taken
        if free and (region, person) not in rejected and _may_be(faces.get(region), person, people):
            given[region] = person, FaceRegion.Match.MATCHED
            taken.add(person)
    return given


def _may_be(face: Face | None, person: int, people: Gallery) -> bool:
    """Whether an enrolled person's claim is possible: not if the face can be compared and is far from them."""
    from mfmc_engine.parameters import CLAIM_LIMIT, MATCH_MIN_QUALITY

    rows = [i for i, name in enumerate(people.people) if name == str(person)]
    if not rows:
        return False  # not enrolled (any more)
    if face is None or face.quality.score < MATCH_MIN_QUALITY:
        return True
    return bool(np.linalg.norm(people.embeddings[rows] - face.embedding, axis=1).min() <= CLAIM_LIMIT)


def is_near(regions: Sequence[FaceRegion], region: FaceRegion, person: int) -> bool:
    """Whether ``region`` would be matched to ``person`` at the looser threshold of a claim, every doubt as before."""
    from mfmc_engine.parameters import CLAIM_THRESHOLD
    from mfmc_engine.recognition.matching import match

    rejected = set(MatchRejection.objects.filter(region__in=regions).values_list("region", "person"))
    readable = [(row, face) for row in regions if (face := _face(row)) is not None]
    exclude = {(i, str(who)) for i, (r, _) in enumerate(readable) for pk, who in rejected if pk == r.pk}
    matches = match([face for _, face in readable], gallery(), exclude, threshold=CLAIM_THRESHOLD)
    here = [found for (row, _), found in zip(readable, matches, strict=True) if row.pk == region.pk]
    return bool(here) and here[0].person == str(person)


def _face(region: FaceRegion) -> Face | None:
    if not region.embedding:
        return None  # marked by hand and not analysed yet
    try:
        return face_of(region)
    except TemplateError as error:
        logger.error("face %s: %s", region.pk, error)
        return None


@dataclass
class FreshGallery:
    """The gallery, read again only when the set of captures has changed since."""

    mark: tuple[object, ...] | None = None
    people: Gallery | None = None

    def get(self) -> Gallery:
        captures = FaceCapture.objects.in_force().filter(pack=settings.ENGINE_PACK)
        # Keys are never used twice, so number and greatest key together notice every addition and removal.
        mark = tuple(captures.aggregate(Count("pk"), Max("pk")).values())
        if self.people is None or mark != self.mark:
            self.mark, self.people = mark, gallery()
        return self.people


def rematch(user_id: int | None = None) -> int:
    """Match every region again after somebody enrolled, left or changed a capture; returns how many changed.

    Every photo, not only the person's: with one more person in the gallery any face can become ambiguous. Decoys
    stay as they are. Each photo is one short transaction, so an interrupted run is simply run again.
    """
    if user_id is not None:
        forget(user_id)
    fresh = FreshGallery()
    photos = (
        FaceRegion.objects.filter(pack=settings.ENGINE_PACK).order_by("photo").values_list("photo", flat=True)
    )
    return sum(rematch_photo(photo_id, fresh) for photo_id in list(photos.distinct()))


@transaction.atomic
def rematch_photo(photo_id: object, fresh: FreshGallery | None = None) -> int:
    photo = Photo.objects.select_for_update().filter(pk=photo_id, state=Photo.State.READY).first()
    if photo is None:
        return 0
    regions = list(photo.regions.filter(pack=settings.ENGINE_PACK))
    return assign(regions, (fresh or FreshGallery()).get())


def forget(user_id: int) -> None:
    """Take a person who is no longer enrolled off their faces; does nothing while any capture remains."""
    packs = FaceCapture.objects.in_force().filter(user=user_id).values("pack")
    FaceRegion.objects.filter(owner=user_id).exclude(pack__in=packs).update(
        owner=None, match=FaceRegion.Match.UNKNOWN
    )
