"""Taking one's face back where the photo is out of one's sight.

What an owner showed stays shown after a block or a narrower audience took the photo from them, and a friend's tag shows
them in photos they never saw. Words that only hide are theirs to say all the same: about the photos that their own log
of who could see them lists (exposures), and about no other. Were a face found by its number that was never shown to
anybody, trying numbers would tell people of photos of them that they know nothing of.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet

from accounts.models import User
from faceaccess import exposures, selectors, services
from faceaccess.models import AccessModel, Authorization, Effect, Exposure, FaceRegion


def listed(owner: User, *, said_show: bool = False) -> QuerySet[FaceRegion]:
    """The owner's face in every photo their log lists, whether or not they may see it. Only for words that hide.

    ``said_show``: only where their word on the photo is "show". Taking that one back hides; taking back "hide" may not.
    """
    exposures.keep(owner.pk)  # the log as they would read it now
    shown_once = Exposure.objects.filter(owner=owner, photo__isnull=False)
    faces = FaceRegion.objects.filter(owner=owner, photo__in=shown_once.values("photo"))
    return faces.filter(overrides__owner=owner, overrides__effect=Effect.SHOW) if said_show else faces


def faces_to_answer(owner: User, numbers: Iterable[int], answer: str) -> list[FaceRegion]:
    """Those of these faces that the owner can give this answer for; a denial also out of their sight."""
    numbers = set(numbers)
    faces = list(selectors.regions_of(owner).filter(pk__in=numbers))
    missing = numbers - {face.pk for face in faces}
    if missing and answer == Authorization.Answer.DENIED:
        faces += listed(owner).filter(pk__in=missing)
    return faces


def hide(*, region: FaceRegion, by: User) -> None:
    """Say the word that hides one's face under the model in force. Raises what that word raises."""
    match selectors.effective_model(by):
        case AccessModel.PROXY:
            services.tag_withdraw(region=region, by=by)
        case AccessModel.AUTHORIZATION:
            services.authorization_answer(region=region, by=by, answer=Authorization.Answer.DENIED)
        case AccessModel.RULES:
            services.override_set(region=region, by=by, effect=Effect.HIDE)


def hide_where_listed(*, span: Exposure, by: User) -> None:
    """Hide the face in the photo of one line of the log. Nothing to do, and no error, where nobody is shown it now.

    Raises PermissionDenied if the log is somebody else's.
    """
    if span.owner_id != by.pk:
        raise PermissionDenied
    exposures.keep(by.pk)
    if not Exposure.objects.filter(owner=by, photo=span.photo_id, until=None).exists():
        return
    region = FaceRegion.objects.filter(owner=by, photo=span.photo_id).first()
    if region is not None:
        with suppress(PermissionDenied):  # gone this very moment, or no longer theirs: hidden as well
            hide(region=region, by=by)
