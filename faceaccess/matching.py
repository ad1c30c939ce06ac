"""Whose face is it: regions against the gallery of enrolled people, now and whenever the gallery changes."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max

from accounts.engine import get_engine
from accounts.models import FaceCapture, User
from accounts.templates import TemplateError, gallery
from faceaccess.decoys import face_of
from faceaccess.models import FaceRegion, MatchRejection
from mfmc_engine.types import Face, Gallery, Match
from photos.models import Photo

logger = logging.getLogger(__name__)

UNKNOWN = Match("unknown", None, float("inf"))


def assign(regions: Sequence[FaceRegion], people: Gallery) -> int:
    """Give the regions of one photo their owners; returns how many changed. Call it holding the photo's row.

    Rejected matches stay rejected. A region whose embedding does not open is nobody's.
    """
    faces = [_face(region) for region in regions]
    rejected: dict[int, set[str]] = defaultdict(set)
    for region, person in MatchRejection.objects.filter(region__in=regions).values_list("region", "person"):
        rejected[region].add(str(person))
    matches = match([(face, frozenset(rejected[r.pk])) for r, face in zip(regions, faces, strict=True)], people)
    known = set(User.objects.filter(pk__in=[m.person for m in matches if m.person]).values_list("pk", flat=True))
    changed = []
    for region, found in zip(regions, matches, strict=True):
        owner = int(found.person) if found.state == "matched" and int(found.person) in known else None
        state = found.state if owner is not None or found.state != "matched" else FaceRegion.Match.UNKNOWN
        if (region.owner_id, region.match) != (owner, state):
            region.owner_id, region.match = owner, state
            changed.append(region)
    # First let go, then take: two faces may exchange their owners, and a person owns one face of a photo.
    pks = [region.pk for region in changed]
    FaceRegion.objects.filter(pk__in=pks).update(owner=None, match=FaceRegion.Match.UNKNOWN)
    FaceRegion.objects.bulk_update(changed, ["owner", "match"])
    return len(changed)


def match(faces: Sequence[tuple[Face | None, frozenset[str]]], people: Gallery) -> list[Match]:
    """The engine's one-to-one match of a photo's faces, each against the gallery without those it is known not to be.

    Faces with different exclusions are matched apart; should two of them claim one person, the nearer keeps them.
    """
    groups: dict[frozenset[str], list[int]] = defaultdict(list)
    for place, (face, excluded) in enumerate(faces):
        if face is not None:
            groups[excluded].append(place)
    found = [UNKNOWN] * len(faces)
    for excluded, places in groups.items():
        candidates = _without(people, excluded)
        results = get_engine().match([faces[place][0] for place in places], candidates)
        for place, result in zip(places, results, strict=True):
            found[place] = result
    taken: set[str] = set()
    for place in sorted(range(len(found)), key=lambda place: found[place].distance):
        person = found[place].person
        if person is not None and person in taken:
            found[place] = UNKNOWN
        elif person is not None:
            taken.add(person)
    return found


def _without(people: Gallery, excluded: frozenset[str]) -> Gallery:
    if not excluded or not len(people):
        return people
    keep = np.array([person not in excluded for person in people.people])
    kept = tuple(person for person in people.people if person not in excluded)
    return Gallery(kept, people.embeddings[keep])


def _face(region: FaceRegion) -> Face | None:
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
        captures = FaceCapture.objects.filter(pack=settings.ENGINE_PACK)
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
    photos = FaceRegion.objects.filter(pack=settings.ENGINE_PACK).order_by("photo").values_list("photo", flat=True)
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
    packs = FaceCapture.objects.filter(user=user_id).values("pack")
    FaceRegion.objects.filter(owner=user_id).exclude(pack__in=packs).update(
        owner=None, match=FaceRegion.Match.UNKNOWN
    )
