"""One's own face in one photo through somebody else's eyes: "see it as", and "try it" on the rules page.

Only the asker's own face is decided for the other person. Every other face stays as the asker sees it: showing or
hiding it as the other person gets it would tell what its owner decided about that person.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.selectors import friends_of
from faceaccess import facts
from faceaccess.models import FaceRegion
from faceaccess.policies import Decision, Model, Person, decide
from faceaccess.selectors import VisibleSet, regions_of, visible_set
from photos.models import Audience, Photo

NOBODY_REAL = -1  # the id of a hypothetical member: no account has it
STRANGER, VISITOR = "~stranger", "~visitor"  # "~" is in no handle

VALUES = f"A friend's handle, `{STRANGER}` (any member) or `{VISITOR}` (somebody without an account)."


@dataclass(frozen=True, slots=True)
class Onlooker:
    """Whose eyes: a friend of the asker, any member who is nothing to them, or somebody without an account."""

    value: str  # what a form or an address calls them: a handle, STRANGER or VISITOR
    friend: User | None = None

    @property
    def label(self) -> str:
        if self.friend is not None:
            return _("%(name)s (friend)") % {"name": self.friend.name}
        return _("a stranger") if self.value == STRANGER else _("somebody without an account")

    @property
    def name(self) -> str:
        return self.friend.name if self.friend is not None else self.label


def onlookers(asker: User) -> list[Onlooker]:
    """Everybody a picker offers: the asker's friends by name, then the two who need not exist."""
    friends = friends_of(asker).order_by("display_name", "username")
    return [*(Onlooker(friend.username, friend) for friend in friends), Onlooker(STRANGER), Onlooker(VISITOR)]


def onlooker_for(asker: User, value: str) -> Onlooker:
    """Raises Http404 for everybody but a friend, alike: whether somebody exists is not told."""
    if value in (STRANGER, VISITOR):
        return Onlooker(value)
    friend = friends_of(asker).filter(username=value.lower()).first()
    if friend is None:
        raise Http404("No such friend.")
    return Onlooker(friend.username, friend)


def own_region(photo: Photo, asker: User) -> FaceRegion | None:
    """The asker's own face in a photo that is ready and that they may see. Who is not in it at all is told so first."""
    if not photo.regions.filter(owner=asker).exists():
        return None
    return regions_of(asker).filter(photo=photo).first()


def decision_for(region: FaceRegion, onlooker: Onlooker, *, model: Model | None = None) -> Decision | None:
    """Whether the onlooker sees the face of its present owner, were they to see the photo. None: it has no owner.

    The gate's own facts and the gate's own ``decide``. ``model``: as if this one were in force.
    """
    rows = facts.region_facts([region.photo_id])
    own = next((row for row in rows if row.region_id == region.pk), None)
    if own is None or own.owner_id is None:
        return None
    own = replace(own, model=model or own.model)
    viewer_id = onlooker.friend.pk if onlooker.friend is not None else None
    known = facts.relations([own], viewer_id)
    if onlooker.value == STRANGER:
        viewer = Person(NOBODY_REAL)
    else:
        viewer = known.person(own.owner_id, viewer_id, is_viewer=True)
    return decide(facts.face_facts(own, known), viewer)


def may_see(photo: Photo, asker: User, onlooker: Onlooker) -> bool | None:
    """Whether the onlooker may see the photo at all; None where that is not the asker's to know.

    On somebody else's photo the answer about a friend would tell of a friendship, a circle or a block between that
    friend and the author. What the audience line under the photo says already is said again, and no more.
    """
    if onlooker.value == VISITOR:
        return False
    if onlooker.friend is None:
        return photo.post.audience == Audience.MEMBERS
    if photo.post.author_id == onlooker.friend.pk:
        return True
    if photo.post.author_id != asker.pk:
        return None
    return Photo.objects.visible_to(onlooker.friend).filter(pk=photo.pk).exists()


def seen_as(region: FaceRegion, asker: User, onlooker: Onlooker) -> VisibleSet | None:
    """The asker's own visible set, with their own face decided for the onlooker. None: the face is theirs no more.

    Never shows a face that the asker is not shown.
    """
    seen = visible_set(region.photo, asker)
    decision = decision_for(region, onlooker)
    if decision is None or region.index not in seen.shown:
        return None
    return VisibleSet(seen.decisions | {region.index: decision}, seen.version)


@dataclass(frozen=True, slots=True)
class View:
    """What the page and the API tell of one look through another's eyes."""

    onlooker: Onlooker
    may_see: bool | None
    decision: Decision

    @property
    def has_picture(self) -> bool:
        return self.may_see is not False


def view_as(region: FaceRegion, asker: User, onlooker: Onlooker) -> View | None:
    """None when the face has no present owner (the enrolment went meanwhile)."""
    decision = decision_for(region, onlooker)
    if decision is None:
        return None
    return View(onlooker, may_see(region.photo, asker, onlooker), decision)


def try_rules(region: FaceRegion, onlooker: Onlooker) -> Decision | None:
    """What the owner's rules (and their word on this photo) say about the onlooker, also while not in force."""
    return decision_for(region, onlooker, model=Model.RULES)


def photos_to_try(asker: User, at_most: int = 60) -> QuerySet[FaceRegion]:
    """The photos "try it" offers, newest first."""
    return regions_of(asker)[:at_most]
