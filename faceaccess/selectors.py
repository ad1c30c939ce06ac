"""Reads: who sees which face, what an owner may know about their own, what a viewer may tag."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from accounts.models import User
from accounts.selectors import called, friends_of, seen_by
from faceaccess import facts, policies
from faceaccess.models import AccessModel, FacePreference, FaceRegion, Rule
from faceaccess.policies import Decision
from faceaccess.prepared import PreparedQuery
from photos.models import Photo
from photos.querysets import is_visible_to

Viewer = User | AnonymousUser | None
PHOTO_COLUMNS = [field.attname for field in Photo._meta.concrete_fields]


@dataclass(frozen=True, slots=True)
class VisibleSet:
    """What one viewer sees of one photo: every region, by index, with the decision about it."""

    decisions: dict[int, Decision] = field(default_factory=dict)
    version: int | None = None  # of the photo these decisions number the faces of; None without any face

    @property
    def shown(self) -> frozenset[int]:
        return frozenset(index for index, decision in self.decisions.items() if decision.shown)

    @property
    def hidden(self) -> frozenset[int]:
        return frozenset(index for index, decision in self.decisions.items() if not decision.shown)


def visible_sets(photos: Iterable[Photo], viewer: Viewer) -> dict[object, VisibleSet]:
    """The visible set of every photo, by primary key, in at most seven queries however many photos there are.

    Whether the viewer may see a photo at all is not asked here: pass photos out of ``Photo.objects.visible_to``.
    """
    ids = [photo.pk for photo in photos]
    viewer_id = viewer.pk if viewer is not None else None
    regions = facts.region_facts(ids)
    known = facts.relations(regions, viewer_id, only_for_viewer=True)
    decisions: dict[object, dict[int, Decision]] = defaultdict(dict)
    versions = {region.photo_id: region.version for region in regions}
    for region in regions:
        person = known.person(region.owner_id, viewer_id, is_viewer=True)
        decisions[region.photo_id][region.index] = policies.decide(facts.face_facts(region, known), person)
    return {pk: VisibleSet(decisions[pk], versions.get(pk)) for pk in ids}


def visible_set(photo: Photo, viewer: Viewer) -> VisibleSet:
    return visible_sets([photo], viewer)[photo.pk]


def photo_for(viewer: Viewer, photo_id: UUID) -> Photo | None:
    """The photo if the viewer may see it: ``Photo.objects.visible_to`` for one, asked for every picture served."""
    if viewer is None or not (viewer.is_authenticated and viewer.is_active):
        return None
    rows = _visible_photo(photo_id, viewer.pk)
    return Photo.from_db("default", PHOTO_COLUMNS, rows[0]) if rows else None


@PreparedQuery
def _visible_photo(photo_id: UUID, viewer_id: int) -> QuerySet:
    return Photo.objects.filter(is_visible_to(viewer_id, "post__"), pk=photo_id).values_list(*PHOTO_COLUMNS)


def photos_with_stand_ins(photos: Iterable[Photo], viewer: Viewer) -> set[object]:
    """Photos that get the line "Some faces are stand-ins": not whose, not which, not how many."""
    return {pk for pk, seen in visible_sets(photos, viewer).items() if seen.hidden}


def decisions_for_owner(owner: User, photo: Photo, viewer: Viewer) -> dict[int, Decision]:
    """Why ``viewer`` does or does not see ``owner``'s own face (at most one region). Only for the owner's eyes."""
    own = set(photo.regions.filter(owner=owner).values_list("index", flat=True))
    seen = visible_set(photo, viewer)
    return {index: decision for index, decision in seen.decisions.items() if index in own}


def effective_model(owner: User) -> AccessModel:
    """The model in force for this owner: the site's pin, else their own choice, else the site's default."""
    choice = FacePreference.objects.filter(owner=owner).values_list("model", flat=True).first()
    return AccessModel(facts.model_of(choice))


def own_rules(owner: User | int) -> QuerySet[Rule]:
    """The owner's list in order, as they may read it: without a person who is hidden from them meanwhile.

    Such a rule stands, and can be changed, moved and deleted; it says "one person". Not for saving or deciding.
    """
    rules = Rule.objects.filter(owner=owner).select_related("subject_circle", "uploader_circle")
    return rules.prefetch_related(seen_by(owner, "subject_person"), seen_by(owner, "uploader_person"))


def regions_of(owner: User) -> QuerySet[FaceRegion]:
    """The owner's face in every finished photo they may see, newest first."""
    return (
        FaceRegion.objects.filter(
            owner=owner,
            match=FaceRegion.Match.MATCHED,
            photo__state=Photo.State.READY,
            photo__in=Photo.objects.visible_to(owner),
        )
        .select_related("photo__post__author")
        .order_by("-photo__created_at", "-pk")
    )


def inbox(owner: User) -> QuerySet[FaceRegion]:
    """Photos of the owner that wait for an answer. Empty under the other two models: they ask nothing."""
    return _unanswered(owner).exclude(put_off__owner=owner)


def inbox_later(owner: User) -> QuerySet[FaceRegion]:
    """Those whose answer the owner put off: below the others, and not counted."""
    return _unanswered(owner).filter(put_off__owner=owner)


def _unanswered(owner: User) -> QuerySet[FaceRegion]:
    asked = regions_of(owner).filter(_decides_by(AccessModel.AUTHORIZATION))
    return asked.exclude(authorizations__owner=owner)


def _decides_by(model: AccessModel) -> Q:
    """effective_model as a condition on regions: every page counts the inbox, so it has to be part of that query."""
    if settings.FACE_PINNED_MODEL:
        return Q() if model == settings.FACE_PINNED_MODEL else Q(pk__in=[])
    chosen = Q(owner__face_preference__model=model)
    if model == settings.FACE_DEFAULT_MODEL:
        chosen |= Q(owner__face_preference__isnull=True) | Q(owner__face_preference__model="")
    return chosen


def may_tag(tagger: Viewer, region: FaceRegion) -> bool:
    """Whether ``tagger`` is offered to name this face.

    Deliberately the same answer for every face of a photo, whoever it belongs to and whatever was said about it:
    an answer that looked at the owner ("only faces of your friends can be tagged") would name the hidden ones.
    """
    return may_tag_in(tagger, region.photo)


def may_tag_in(tagger: Viewer, photo: Photo) -> bool:
    if tagger is None or not tagger.is_authenticated or not photo.is_ready:
        return False
    return Photo.objects.visible_to(tagger).filter(pk=photo.pk).exists()


def taggable_regions(photo: Photo, tagger: Viewer) -> QuerySet[FaceRegion]:
    """All the faces of the photo, disclosed or not, or none: a subset would tell which ones are stand-ins.

    Only place and number may leave this selector, never owner, match or state; both can be found in the picture
    itself, where a stand-in is a face like any other.
    """
    return photo.regions.all() if may_tag_in(tagger, photo) else FaceRegion.objects.none()


def taggable_people(tagger: User, region: FaceRegion, text: str = "") -> QuerySet[User]:
    """Whom the tagger may speak for: themselves and their friends. Depends on the tagger alone (see may_tag)."""
    if not may_tag(tagger, region):
        return User.objects.none()
    people = User.objects.filter(Q(pk=tagger.pk) | Q(pk__in=friends_of(tagger).values("pk")))
    if text := text.strip():
        people = called(people, text)
    return people.order_by("display_name", "username")
