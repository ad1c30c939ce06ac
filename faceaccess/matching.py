"""Whose face is it: regions against the gallery of enrolled people, now and whenever the gallery changes."""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Sequence

import numpy as np
from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from accounts.engine import space
from accounts.index import gallery_version, get_index
from accounts.models import FaceCapture, User
from accounts.reembedding import gallery_is_partial, of_another_pack
from accounts.templates import TemplateError, gallery
from faceaccess import exposures
from faceaccess.decoys import face_of
from faceaccess.models import Claim, FaceRegion, MatchRejection, PhotoMatching
from faceaccess.notices import tell_recognised
from faceaccess.words import hide_as_before
from mfmc_engine.guarantee import gallery_threshold
from mfmc_engine.types import Face, Match
from photos.models import Photo

logger = logging.getLogger(__name__)


def assign(regions: Sequence[FaceRegion]) -> int:
    """Give all regions of one photo their owners; returns how many changed. Call it holding the photo's row.

    Against the gallery of this very moment. Rejected matches stay rejected. A region whose embedding does not open is
    nobody's. While part of the gallery waits to be embedded anew, nobody is given a face: who is missing from it
    might be its owner, or the second person it resembles.
    """
    if not regions or gallery_is_partial():
        return 0
    rejected = set(MatchRejection.objects.filter(region__in=regions).values_list("region", "person"))
    readable = [(region, face) for region in regions if (face := _face(region)) is not None]
    version = get_index().refresh()
    outcomes = _recognised(regions, readable, rejected)
    outcomes |= _claimed(outcomes, {region.pk: face for region, face in readable}, rejected)
    _end_claims(outcomes)
    changed = []
    for region in regions:
        owner, state = outcomes[region.pk]
        if (region.owner_id, region.match) != (owner, state):
            exposures.touch(region.owner_id, owner)
            region.owner_id, region.match = owner, state
            changed.append(region)
    # First let go, then take: two faces may exchange their owners, and a person owns one face of a photo.
    pks = [region.pk for region in changed]
    FaceRegion.objects.filter(pk__in=pks).update(owner=None, match=FaceRegion.Match.UNKNOWN)
    FaceRegion.objects.bulk_update(changed, ["owner", "match"])
    hide_as_before(changed)
    PhotoMatching.objects.update_or_create(photo_id=regions[0].photo_id, defaults={"gallery": version})
    tell_recognised(changed)
    return len(changed)


def _recognised(
    regions: Sequence[FaceRegion],
    readable: Sequence[tuple[FaceRegion, Face]],
    rejected: Collection[tuple[int, int]],
) -> dict[int, tuple[int | None, str]]:
    """By region: who is recognised in it by themselves, and how that came out. The index has to be refreshed."""
    matches = _match(readable, rejected, gallery_threshold(get_index().size(), space()))
    found = {region.pk: match for (region, _), match in zip(readable, matches, strict=True)}
    # Somebody may have left, or been closed, since the gallery was read.
    named = {int(match.person) for match in matches if match.person is not None}
    known = set(User.objects.filter(pk__in=named, is_active=True).values_list("pk", flat=True))
    return {region.pk: _outcome(found.get(region.pk), known) for region in regions}


def _match(
    readable: Sequence[tuple[FaceRegion, Face]], rejected: Collection[tuple[int, int]], threshold: float
) -> list[Match]:
    """One Match per face of the photo, among those enrolled people who are near enough to be one, or its rival."""
    from mfmc_engine.recognition.matching import match

    if not readable:
        return []
    faces = [face for _, face in readable]
    people = get_index().near(np.stack([face.embedding for face in faces]), threshold + space().margin)
    exclude = {(i, str(person)) for i, (r, _) in enumerate(readable) for pk, person in rejected if pk == r.pk}
    return match(faces, people, exclude, threshold, space())


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
    rejected: Collection[tuple[int, int]],
) -> dict[int, tuple[int | None, str]]:
    """What accepted claims change: faces nobody is recognised in, for people who own no other face of the photo.

    A face that is close to two people is not one of these: nobody's word can tell the two apart. Who is near enough to
    be given a face by their claim alone comes first, and the nearest of these; where two are about as near it is
    ambiguous, as in matching. Beyond that the uploader's word counts, the latest first: they may have been wrong.
    """
    taken = {owner for owner, _ in outcomes.values() if owner is not None}
    possible = []
    claims = Claim.objects.filter(region__in=outcomes, state=Claim.State.ACCEPTED).order_by(
        "-decided_at", "-pk"
    )
    for age, (region, person) in enumerate(claims.values_list("region", "claimant")):
        unknown = outcomes[region][1] == FaceRegion.Match.UNKNOWN
        free = unknown and person not in taken and (region, person) not in rejected
        distance = _distance(faces.get(region), person) if free else math.inf
        if distance <= space().claim:
            possible.append((0, distance, region, person))
        elif distance <= space().claim_limit:
            possible.append((1, float(age), region, person))
    given: dict[int, tuple[int | None, str]] = {}
    for rank, distance, region, person in sorted(possible):
        if region in given or person in taken:
            continue
        near = [other for r, other, face, who in possible if (r, face) == (0, region) and who != person]
        if rank == 0 and any(other - distance <= space().margin for other in near):
            given[region] = None, FaceRegion.Match.AMBIGUOUS
        else:
            given[region] = person, FaceRegion.Match.MATCHED
            taken.add(person)
    return given


def _distance(face: Face | None, person: int) -> float:
    """From a face to the nearest picture of somebody enrolled. Infinite if there is none, or nothing to compare.

    Whose a face is that cannot be compared, nobody's word can tell: neither the claimant's, who may be anybody, nor
    the uploader's, whose second account the claimant may be. It stays hidden.
    """
    from mfmc_engine.parameters import MATCH_MIN_QUALITY

    own = gallery(only=person).embeddings
    if not len(own) or face is None or face.quality.score < MATCH_MIN_QUALITY:
        return math.inf
    return float(np.linalg.norm(own - face.embedding, axis=1).min())


def _end_claims(outcomes: dict[int, tuple[int | None, str]]) -> None:
    """End the accepted claims on faces that turn out to be somebody else's, or may be.

    Kept, they would come into force again by themselves as soon as that person erases their enrolment.
    """
    accepted = Claim.objects.filter(region__in=outcomes, state=Claim.State.ACCEPTED)
    ended = [
        pk
        for pk, region, claimant in accepted.values_list("pk", "region", "claimant")
        if outcomes[region][1] != FaceRegion.Match.UNKNOWN and outcomes[region][0] != claimant
    ]
    if ended:
        Claim.objects.filter(pk__in=ended).update(state=Claim.State.REJECTED, decided_at=timezone.now())


def is_near(regions: Sequence[FaceRegion], region: FaceRegion, person: int) -> bool:
    """Whether ``region`` would be matched to ``person`` at the looser threshold of a claim, every doubt as before.

    Not if it is recognised as somebody else's. Who only claimed it has no more right to it than this person.
    """
    rejected = set(MatchRejection.objects.filter(region__in=regions).values_list("region", "person"))
    readable = [(row, face) for row in regions if (face := _face(row)) is not None]
    get_index().refresh()
    owner, state = _recognised(regions, readable, rejected).get(region.pk, (None, FaceRegion.Match.UNKNOWN))
    if state == FaceRegion.Match.AMBIGUOUS or owner not in (None, person):
        return False
    matches = _match(readable, rejected, space().claim)
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


def rematch_outdated(limit: int) -> int:
    """Match again at most ``limit`` photos that were matched against another gallery than today's.

    Returns how many were. What is done is known by photo, so a run can be killed anywhere and taken up by any other.
    """
    photos = list(outdated().values_list("pk", flat=True)[:limit])
    for photo_id in photos:
        try:
            rematch_photo(photo_id)
        except DatabaseError:
            raise  # says nothing about the photo: try again later
        except Exception:  # whatever it is about this one, the others must not wait behind it
            logger.exception("photo %s could not be matched: its faces are nobody's", photo_id)
            _let_go(photo_id)
    return len(photos)


def outdated() -> QuerySet[Photo]:
    """Finished photos whose faces were not matched since the gallery changed; none while it is not whole."""
    if gallery_is_partial():
        return Photo.objects.none()
    present = PhotoMatching.objects.filter(photo=OuterRef("pk"), gallery=gallery_version())
    return _matchable().exclude(Exists(present))


def _matchable() -> QuerySet[Photo]:
    faces = FaceRegion.objects.filter(photo=OuterRef("pk"))
    comparable = Exists(faces.filter(pack=settings.ENGINE_PACK)) & ~Exists(faces.filter(of_another_pack()))
    return Photo.objects.ready().filter(comparable).order_by("pk")


def comparable(photo: Photo) -> list[FaceRegion]:
    """All regions of a photo, or none while one of them is of another pack (faceaccess/reembedding.py).

    Who owns one face of a photo owns no other: a part of its faces cannot be matched by itself.
    """
    regions = list(photo.regions.all())
    return regions if all(region.pack == settings.ENGINE_PACK for region in regions) else []


@transaction.atomic
def rematch_photo(photo_id: object) -> int:
    photo = Photo.objects.select_for_update().filter(pk=photo_id, state=Photo.State.READY).first()
    if photo is None:
        return 0
    return assign(comparable(photo))


@transaction.atomic
def _let_go(photo_id: object) -> None:
    """No owner for any face of the photo, until the gallery changes again."""
    if Photo.objects.select_for_update().filter(pk=photo_id).first() is not None:
        FaceRegion.objects.filter(photo=photo_id).update(owner=None, match=FaceRegion.Match.UNKNOWN)
        PhotoMatching.objects.update_or_create(photo_id=photo_id, defaults={"gallery": gallery_version()})


def forget(user_id: int) -> None:
    """Take a person who is no longer enrolled off their faces; does nothing while any capture remains."""
    exposures.touch(user_id)
    captures = FaceCapture.objects.in_force().filter(user=user_id)
    packs = {
        pack for pair in captures.values_list("pack", "former__pack") for pack in pair if pack is not None
    }
    FaceRegion.objects.filter(owner=user_id).exclude(pack__in=packs).update(
        owner=None, match=FaceRegion.Match.UNKNOWN
    )
