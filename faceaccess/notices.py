"""What people are told about faces: a tag of theirs, a photo that waits for their answer, a claim on their photo.

Kinds of community.kinds. Each is told only as long as the selector behind the page it leads to would list it, so a
notification never knows more than that page.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Exists, Q
from django.dispatch import receiver
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import ngettext

from accounts.models import FaceCapture, User
from accounts.signals import capture_given_up
from community.kinds import Batch, Kind, register
from community.notifications import notify, retract
from community.told import BOLD, says
from faceaccess import questions, selectors
from faceaccess.models import AccessModel, Claim, FacePreference, FaceRegion, Question, Tag
from faceaccess.signals import owner_asked, reminder_due
from photos.models import Photo

TAG, ANSWER, CLAIM, QUESTION, REMINDER = "tag", "answer", "claim", "question", "reminder"
UNREADABLE = "unreadable"


def _tags(recipient: User) -> Q:
    """Told whether or not the face is recognised as theirs: it says what a friend did, and nothing about the face."""
    seen = Photo.objects.visible_to(recipient).ready()
    standing = Tag.objects.filter(owner=recipient, withdrawn_at=None, region__photo__in=seen.values("pk"))
    return Q(thing__in=standing.values("pk"))


def _unanswered(recipient: User) -> Q:
    return Q(thing__in=selectors.inbox(recipient).order_by().values("pk"))


def _claims(recipient: User) -> Q:
    from faceaccess import claims  # it imports matching, which tells people through this module

    return Q(thing__in=claims.waiting_for(recipient).order_by().values("pk"))


def _questions(recipient: User) -> Q:
    return Q(thing__in=questions.waiting_for(recipient).order_by().values("pk"))


def _anything_waits(recipient: User) -> Q:
    return Q(Exists(selectors.inbox(recipient)))


def _unreadable(recipient: User) -> Q:
    return Q(thing__in=recipient.captures.unreadable().order_by().values("pk"))


def _take_a_new_one(batch: Batch) -> SafeString:
    text = ngettext(
        "A picture of your face cannot be read since an update. Take a new one in its place.",
        "{n} pictures of your face cannot be read since an update. Take new ones in their place.",
        len(batch.rows),
    )
    return format_html(text, n=len(batch.rows))


def _is_this_you(batch: Batch) -> SafeString:
    """Names who posted the photo, never who gave the face another name."""
    text = _("Is this you? A face in a photo by {who} was named as somebody else.")
    return format_html(text, who=format_html(BOLD, batch.newest.photo.post.author.name))


def _asks(batch: Batch) -> SafeString:
    number = len({row.photo_id for row in batch.rows})
    if number == 1:
        return says(_lazy("You are in a photo by {who}. Show your face, or keep it hidden?"))(batch)
    text = ngettext(
        "You are in {n} photo. Show your face, or keep it hidden?",
        "You are in {n} photos. Show your face, or keep it hidden?",
        number,
    )
    return format_html(text, n=number)


def _own_face(batch: Batch) -> str:
    return reverse("photo", args=[batch.newest.photo_id]) + "#your-face"


def _inbox(batch: Batch) -> str:
    return reverse("face-inbox")


def _enrolment(batch: Batch) -> str:
    return reverse("face") + "#enrolment"


register(
    Kind(
        TAG,
        _lazy("A friend tags you in a photo"),
        "tag",
        _tags,
        says(_lazy("{who} tagged you in a photo.")),
        _own_face,
    )
)
register(Kind(ANSWER, _lazy("A photo waits for your answer"), "face", _unanswered, _asks, _inbox))
register(
    Kind(
        CLAIM,
        _lazy("Somebody says that they are in your photo"),
        "person",
        _claims,
        says(_lazy("{who} says that a face in your photo is theirs.")),
        _inbox,
    )
)


register(
    Kind(
        QUESTION, _lazy("A face taken for yours is named otherwise"), "face", _questions, _is_this_you, _inbox
    )
)
register(
    Kind(
        REMINDER,
        _lazy("A reminder of photos that wait for long"),
        "clock",
        _anything_waits,
        lambda batch: format_html(
            "{}", _("Photos of you still wait. Until you answer, your face is hidden there.")
        ),
        _inbox,
    )
)


register(
    Kind(
        UNREADABLE,
        _lazy("A picture of your face cannot be read any more"),
        "camera",
        _unreadable,
        _take_a_new_one,
        _enrolment,
    )
)


@receiver(capture_given_up)
def tell_of_unreadable(sender: type[FaceCapture], capture: FaceCapture, **kwargs: object) -> None:
    """Anew for every pack that gave it up: what was told of an earlier one has been seen."""
    key = str(capture.pk)
    retract(kind=UNREADABLE, key=key, recipient=capture.user)
    notify(recipient=capture.user, kind=UNREADABLE, key=key, batch="captures", thing=capture.pk)


@receiver(owner_asked)
def tell_of_question(sender: type[Question], region: FaceRegion, owner: User, **kwargs: object) -> None:
    question = Question.objects.get(region=region, owner=owner)
    notify(recipient=owner, kind=QUESTION, key=str(question.pk), photo=region.photo, thing=question.pk)


@receiver(reminder_due)
def tell_of_waiting(sender: type[FacePreference], owner: User, **kwargs: object) -> None:
    """One at a time: the newest takes the place of those before."""
    retract(kind=REMINDER, key="inbox", recipient=owner)
    notify(recipient=owner, kind=REMINDER, key="inbox")


def tell_of_tag(tag: Tag) -> None:
    photo = tag.region.photo
    notify(recipient=tag.owner, kind=TAG, key=str(tag.pk), actor=tag.tagger, photo=photo, thing=tag.pk)


def tell_claimed(claim: Claim) -> None:
    """Ask who posted the photo. Not before the claim was compared: of one that is granted they hear nothing."""
    photo = claim.region.photo
    notify(
        recipient=photo.post.author,
        kind=CLAIM,
        key=str(claim.pk),
        batch=str(photo.pk),
        actor=claim.claimant,
        photo=photo,
        thing=claim.pk,
    )


def tell_recognised(regions: Iterable[FaceRegion]) -> None:
    """Ask the owners who decide photo by photo. Of their own photos nobody is told: they have just posted them."""
    for region in regions:
        owner = region.owner
        if owner is None or selectors.effective_model(owner) != AccessModel.AUTHORIZATION:
            continue
        notify(
            recipient=owner,
            kind=ANSWER,
            key=str(region.pk),
            batch="photos",
            actor=region.photo.post.author,
            photo=region.photo,
            thing=region.pk,
        )
