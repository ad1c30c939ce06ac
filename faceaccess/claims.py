""" "That's me": a person says that an unrecognised face is theirs.

Why this is safe:
- A claim alone discloses nothing and changes nothing. It can be made about every face of a photo, and is answered with
  the same words whatever is known about the face, so it finds out nothing either.
- It is granted without anybody's say only if the claimant's templates are near (CLAIM_THRESHOLD, looser than for
  matching, still for one face of the photo and clear of every other enrolled person by the ambiguity margin).
- Otherwise the uploader is asked, who has the original anyway. Even their yes has no effect on a face that is matched
  to somebody else or close to two people, that is measurably not the claimant's (CLAIM_LIMIT), or that cannot be
  compared: the claimant may be the uploader's second account. Nobody decides their own claim.
- A yes without effect is kept as a no, and one whose face is recognised as somebody else's later ends with that: it
  never comes into force by itself, because that person leaves.
- The uploader hears of a claim only when it was compared and left open, and from then on they alone decide it. One that
  they saw and that was then granted without them would tell whose the hidden face is.
- An accepted claim is not an owner: faceaccess.matching gives the face to the claimant each time it matches the photo,
  and only as long as nobody is recognised in it, nobody nearer claims it, the claimant is enrolled, and owns no other
  face there.
- After that the face follows the claimant's own access model like any face of theirs.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import FaceCapture, User
from accounts.reembedding import gallery_is_partial
from accounts.selectors import is_hidden_from
from faceaccess import matching, reembedding, selectors
from faceaccess.history import Action, note
from faceaccess.models import Claim, FaceRegion, MatchRejection
from faceaccess.notices import tell_claimed
from photos.models import Photo

CLAIMS_A_PHOTO = 3  # of one person; by choice: a slip or two, no trying out
RETRY = timedelta(seconds=60)  # a message that nobody took for so long is sent again


def overdue() -> QuerySet[Claim]:
    """Open claims that no worker has looked at: their message may have been lost."""
    return Claim.objects.filter(state=Claim.State.OPEN, judge_due__lte=timezone.now())


@transaction.atomic
def claim_create(*, region: FaceRegion, by: User) -> Claim:
    """Ask for a face. Saying it again changes nothing: a rejected claim is remembered, and not told."""
    from faceaccess.tasks import claim_judge, enqueue

    photo = Photo.objects.select_for_update().filter(pk=region.photo_id).first()
    if photo is None or not selectors.may_tag_in(by, photo):
        raise PermissionDenied(_("You cannot claim faces in this photo."))
    if not FaceCapture.objects.in_force().filter(user=by, pack=settings.ENGINE_PACK).exists():
        raise ValidationError(_("Enrol your face first: without it nothing can be compared."))
    if photo.regions.filter(owner=by).exists():
        raise ValidationError(_("You are recognised in this photo already."))
    if MatchRejection.objects.filter(region=region, person=by).exists():
        raise ValidationError(_("You said before that this is not you."))
    claims = Claim.objects.filter(region__photo=photo, claimant=by)
    if (known := claims.filter(region=region).first()) is not None:
        return known
    if claims.count() >= CLAIMS_A_PHOTO:
        raise ValidationError(_("You have asked about as many faces in this photo as one person can."))
    claim = Claim(region=region, claimant=by, judge_due=timezone.now() + RETRY)
    claim.full_clean()
    claim.save()
    note(by, Action.CLAIMED, photo=photo)
    transaction.on_commit(lambda: enqueue(claim_judge, claim.pk))
    return claim


@transaction.atomic
def judge(claim_id: int) -> bool:
    """Grant an open claim if the face is near enough to its claimant (the worker does; True if it was granted).

    Else the uploader is asked, once and for good: what is left to them is not granted behind their back later on.
    A face that cannot be compared yet is asked about again later.
    """
    claim = _held(claim_id)
    if claim is None or claim.state != Claim.State.OPEN or claim.judge_due is None:
        return False
    regions = matching.comparable(claim.region.photo)
    if _waits(claim.region, regions):
        Claim.objects.filter(pk=claim_id).update(judge_due=timezone.now() + RETRY)
        return False
    claim.judge_due = None
    if matching.is_near(regions, claim.region, claim.claimant_id):
        return _accept(claim, regions)
    claim.save(update_fields=["judge_due"])
    tell_claimed(claim)
    return False


def _waits(region: FaceRegion, regions: list[FaceRegion]) -> bool:
    """Whether a face cannot be compared yet: marked and not looked at, or the pack in use has yet to see the photo.
    ``regions``: the ``comparable`` ones there."""
    if region.analysis_due is not None or gallery_is_partial():
        return True
    return not regions and reembedding.outdated().filter(pk=region.photo_id).exists()


@transaction.atomic
def claim_answer(*, claim: Claim, by: User, accept: bool) -> None:
    """The uploader's yes or no to what somebody claims about a face in their photo."""
    held = _held(claim.pk)
    if held is None or not waiting_for(by).filter(pk=held.pk).exists():
        raise PermissionDenied(_("Nobody asks you this."))
    if accept:
        _accept(held, matching.comparable(held.region.photo))
    else:
        _decide(held, Claim.State.REJECTED)


def waiting_for(uploader: User) -> QuerySet[Claim]:
    """Claims an uploader is asked about: all left open on their photos but their own, whatever the face's state."""
    return (
        Claim.objects.filter(
            state=Claim.State.OPEN,
            judge_due=None,
            claimant__is_active=True,
            region__photo__post__author=uploader,
            region__photo__state=Photo.State.READY,
        )
        .exclude(claimant=uploader)
        .exclude(is_hidden_from(uploader, "claimant"))
        .select_related("claimant", "region__photo__post")
        .order_by("pk")
    )


def _held(claim_id: int) -> Claim | None:
    """The claim as it is now, with its photo's row held: matching and claims take turns."""
    photo = Photo.objects.select_for_update().filter(regions__claims=claim_id).first()
    if photo is None:
        return None
    return Claim.objects.select_related("region__photo", "claimant").filter(pk=claim_id).first()


def _accept(claim: Claim, regions: list[FaceRegion]) -> bool:
    """Say yes to a claim and match its photo again. Where that does not make the face theirs, the yes is kept as a no.

    While nothing can be compared (``_waits``) a yes about a face that is nobody's stands until the next matching.
    """
    _decide(claim, Claim.State.ACCEPTED)
    matching.assign(regions)
    region = FaceRegion.objects.get(pk=claim.region_id)
    if region.owner_id == claim.claimant_id or (region.owner_id is None and _waits(region, regions)):
        return True
    _decide(claim, Claim.State.REJECTED)
    return False


def _decide(claim: Claim, state: Claim.State) -> None:
    claim.state, claim.decided_at = state, timezone.now()
    claim.full_clean()
    claim.save()
