""" "Is this you?": asked of the owner of a recognised face that somebody named as another person.

Recognition may be wrong and so may the tagger. The tag discloses nothing either way (it speaks about another person);
the owner alone can say whose face it is. The tagger hears nothing: the answer would tell who was recognised.
"""

from __future__ import annotations

from functools import partial

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from faceaccess.history import Action, note
from faceaccess.models import FaceRegion, Question
from faceaccess.signals import owner_asked
from photos.models import Photo


def ask(region: FaceRegion, *, named: User) -> None:
    """Ask the region's owner if ``named`` is somebody else. Once for all: an answer given stands."""
    if region.owner_id is None or region.owner_id == named.pk:
        return
    _question, new = Question.objects.get_or_create(region=region, owner_id=region.owner_id)
    if new:
        send = partial(owner_asked.send_robust, sender=Question, region=region, owner=region.owner)
        transaction.on_commit(send, robust=True)


def waiting_for(owner: User) -> QuerySet[Question]:
    """Open questions about faces that are still taken for the owner's, in photos they may see."""
    return (
        Question.objects.filter(
            owner=owner,
            answered_at=None,
            region__owner=F("owner"),
            region__photo__state=Photo.State.READY,
            region__photo__in=Photo.objects.visible_to(owner),
        )
        .select_related("region__photo__post__author")
        .order_by("pk")
    )


@transaction.atomic
def answer_is_me(*, region: FaceRegion, by: User) -> None:
    """ "Yes, that is me": nothing changes, and it is not asked again. The other answer is services.match_reject."""
    current = FaceRegion.objects.select_for_update().filter(pk=region.pk, owner=by).first()
    if current is None:
        raise PermissionDenied(_("This is not your face."))
    asked = Question.objects.filter(region=current, owner=by, answered_at=None)
    if asked.update(answered_at=timezone.now()):
        note(by, Action.IS_ME, photo_id=current.photo_id)
