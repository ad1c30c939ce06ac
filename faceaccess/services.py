"""Writes: every statement people make about faces. Each checks permission itself and is one transaction.

Nothing here answers differently because of who a face belongs to, except to the owner: a tagger never learns
whether the name they gave was the right one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Circle, User
from accounts.selectors import are_friends, is_blocked_between
from faceaccess import exposures, notices, questions, selectors, tags
from faceaccess.history import Action, note
from faceaccess.models import (
    AccessModel,
    Authorization,
    Claim,
    Effect,
    FacePreference,
    FaceRegion,
    Later,
    MatchRejection,
    PhotoOverride,
    ProtectionJob,
    Rule,
    Tag,
)
from faceaccess.signals import face_tagged
from faceaccess.wording import rule_words
from photos.models import Photo

LATER = "later"
RULES_AT_MOST = 100  # an owner's list is read whole for every face of theirs


def _lock(region: FaceRegion) -> FaceRegion:
    """The region as it is now, held until the transaction ends. Raises PermissionDenied if it is gone."""
    current = FaceRegion.objects.select_for_update().filter(pk=region.pk).first()
    if current is None:
        raise PermissionDenied(_("This photo is gone."))
    return current


def _lock_own(region: FaceRegion, by: User) -> FaceRegion:
    current = _lock(region)
    if current.owner_id is None or current.owner_id != by.pk:
        raise PermissionDenied(_("This is not your face."))
    return current


def _save(statement):
    statement.full_clean()
    statement.save()
    return statement


# --- by proxy ---


@transaction.atomic
def tag_create(*, region: FaceRegion, tagger: User, owner: User) -> Tag:
    """Name a face as ``owner``'s. It discloses only if the face is matched to them, and under their proxy model.

    Every tagger's word is kept, and listed to them, whatever others said before. What the owner withdrew stays so
    unless the owner tags again; the tagger is not told.
    """
    current = _lock(region)
    if not selectors.may_tag(tagger, region):
        raise PermissionDenied(_("You cannot tag faces in this photo."))
    if owner != tagger and (not are_friends(tagger, owner) or is_blocked_between(tagger, owner)):
        raise PermissionDenied(_("You can tag yourself and your friends."))
    if tagger == owner:
        note(owner, Action.TAGGED, photo_id=region.photo_id)
    questions.ask(current, named=owner)
    said = Tag.objects.filter(region=region, owner=owner)
    if tagger == owner:
        said.filter(tagger=None).delete()  # kept for the withdrawal alone
        said.update(withdrawn_at=None)
        exposures.touch(owner.pk)
    heaviest = tags.weighed(said).first()
    tag = said.filter(tagger=tagger).first()
    if tag is None:
        withdrawn_at = heaviest.withdrawn_at if heaviest is not None else None
        tag = _save(Tag(region=region, owner=owner, tagger=tagger, withdrawn_at=withdrawn_at))
        if heaviest is None or heaviest.weight == tags.Weight.NOBODYS:
            _tell_named(tag)
    return tag


def _tell_named(tag: Tag) -> None:
    """Tell the person who was named, if it was not themselves; other apps too if the photo is theirs to see.

    Called for the word that counts where none did before: they are told once, however many name them.
    """
    if tag.tagger_id == tag.owner_id:
        return
    notices.tell_of_tag(tag)
    if selectors.may_tag(tag.owner, tag.region):
        send = partial(face_tagged.send_robust, sender=Tag, tag=tag)
        transaction.on_commit(send, robust=True)


@transaction.atomic
def tag_withdraw(*, region: FaceRegion, by: User) -> None:
    """The person named takes all tags back for good; a tagger takes their own word back and it is forgotten.

    Said again, or by who has no tag here, it changes nothing and is no error: an error would tell a tagger that the
    owner was quicker.
    """
    _lock(region)
    if Tag.objects.filter(region=region, owner=by, withdrawn_at=None).update(withdrawn_at=timezone.now()):
        exposures.touch(by.pk)
        note(by, Action.WITHDREW, photo_id=region.photo_id)
        return
    for tag in Tag.objects.filter(region=region, tagger=by).exclude(owner=by):
        _forget_word(tag)


def _forget_word(tag: Tag) -> None:
    """The tagger's word goes; what its owner withdrew stays so, in the last row if need be, and others' words stay."""
    heaviest = tags.weighed(Tag.objects.filter(region=tag.region, owner=tag.owner).exclude(pk=tag.pk)).first()
    if tag.withdrawn_at is not None and (heaviest is None or heaviest.withdrawn_at is None):
        Tag.objects.filter(pk=tag.pk).update(tagger=None)
        return
    tag.delete()
    if heaviest is not None and heaviest.weight == tags.Weight.FRIENDS:
        _tell_named(heaviest)  # what they were told of went with the row


# --- by explicit authorization ---


@transaction.atomic
def authorization_answer(*, region: FaceRegion, by: User, answer: str) -> Authorization:
    """Approve or deny one's face in this photo; a later answer replaces an earlier one."""
    region = _lock_own(region, by)
    statement = Authorization.objects.filter(region=region, owner=by).first() or Authorization(
        region=region, owner=by
    )
    statement.answer = answer
    _save(statement)
    Later.objects.filter(region=region, owner=by).delete()
    note(by, answer, photo_id=region.photo_id)
    return statement


@transaction.atomic
def authorizations_answer(*, regions: Iterable[FaceRegion], by: User, answer: str) -> int:
    """The same answer ("approved", "denied", or "later") for several photos, all of them or none; how many."""
    regions = list(regions)
    for region in regions:
        if answer == LATER:
            authorization_put_off(region=region, by=by)
        else:
            authorization_answer(region=region, by=by, answer=answer)
    return len(regions)


@transaction.atomic
def authorization_put_off(*, region: FaceRegion, by: User) -> None:
    """Answer later: silence as before, which hides, but the question moves down and is counted no more."""
    region = _lock_own(region, by)
    if not Later.objects.filter(region=region, owner=by).exists():
        _save(Later(region=region, owner=by))
        note(by, Action.PUT_OFF, photo_id=region.photo_id)


@transaction.atomic
def authorization_recall(*, region: FaceRegion, by: User) -> None:
    """Move a question that was put off up again."""
    _lock_own(region, by)
    Later.objects.filter(region=region, owner=by).delete()


@transaction.atomic
def authorization_clear(*, region: FaceRegion, by: User) -> None:
    """Back to silence, which hides."""
    _lock_own(region, by)
    if Authorization.objects.filter(region=region, owner=by).delete()[0]:
        note(by, Action.UNANSWERED, photo_id=region.photo_id)


# --- by rules ---


@transaction.atomic
def rule_create(
    *,
    owner: User,
    effect: str,
    subject: str,
    subject_circle: Circle | None = None,
    subject_person: User | None = None,
    uploader: str = Rule.Uploader.ANYONE,
    uploader_circle: Circle | None = None,
    uploader_person: User | None = None,
    enabled: bool = True,
) -> Rule:
    """Add a rule at the end of the owner's list."""
    rules = _lock_rules(owner)
    if len(rules) >= RULES_AT_MOST:
        raise ValidationError(_("At most %d rules fit in the list.") % RULES_AT_MOST)
    rule = Rule(
        owner=owner,
        enabled=enabled,
        position=1 + (Rule.objects.filter(owner=owner).aggregate(last=Max("position"))["last"] or 0),
        effect=effect,
        subject=subject,
        subject_circle=subject_circle,
        subject_person=subject_person,
        uploader=uploader,
        uploader_circle=uploader_circle,
        uploader_person=uploader_person,
    )
    _save(rule)
    note(owner, Action.RULE_ADDED, detail=rule_words(rule))
    return rule


RULE_FIELDS = frozenset(
    {"enabled", "effect"}
    | {who + part for who in ("subject", "uploader") for part in ("", "_circle", "_person")}
)


@transaction.atomic
def rule_update(*, rule: Rule, by: User, **fields: object) -> Rule:
    """Change parts of a rule (``RULE_FIELDS``); its place in the list is changed by rule_move."""
    if unknown := fields.keys() - RULE_FIELDS:
        raise TypeError(f"a rule has no changeable {', '.join(sorted(unknown))}")
    rule = _own_rule(rule, by)
    for name, value in fields.items():
        setattr(rule, name, value)
    _save(rule)
    note(by, Action.RULE_CHANGED, detail=rule_words(rule))
    return rule


@transaction.atomic
def rule_move(*, rule: Rule, by: User, up: bool) -> None:
    """Swap a rule with its neighbour; at the end of the list nothing happens."""
    _place(rule, by, lambda at, last: max(0, at - 1) if up else min(last, at + 1))


@transaction.atomic
def rule_place(*, rule: Rule, by: User, place: int) -> None:
    """Put a rule at a place of the list, counted from 0; beyond the ends is at the end. The others close up."""
    _place(rule, by, lambda _at, last: max(0, min(last, place)))


def _place(rule: Rule, by: User, to: Callable[[int, int], int]) -> None:
    rule = _own_rule(rule, by)
    order = [row.pk for row in _lock_rules(by)]
    at = order.index(rule.pk)
    place = to(at, len(order) - 1)
    if place == at:
        return
    order.insert(place, order.pop(at))
    for position, pk in enumerate(order, start=1):
        Rule.objects.filter(pk=pk).update(position=position)
    note(by, Action.RULE_MOVED, detail=rule_words(rule))


@transaction.atomic
def rule_delete(*, rule: Rule, by: User) -> None:
    rule = _own_rule(rule, by)
    note(by, Action.RULE_DELETED, detail=rule_words(rule))
    rule.delete()


def _lock_rules(owner: User) -> list[Rule]:
    User.objects.select_for_update().filter(pk=owner.pk).first()  # also when there is no rule to hold yet
    return list(Rule.objects.filter(owner=owner))


def _own_rule(rule: Rule, by: User) -> Rule:
    if rule.owner_id != by.pk:
        raise PermissionDenied(_("This is not your rule."))
    _lock_rules(by)
    current = Rule.objects.filter(pk=rule.pk).first()
    if current is None:
        raise ValidationError(_("This rule is gone."))
    return current


@transaction.atomic
def override_set(*, region: FaceRegion, by: User, effect: str) -> PhotoOverride:
    """The owner's word about this one photo; beats the rules."""
    region = _lock_own(region, by)
    statement = PhotoOverride.objects.filter(region=region, owner=by).first() or PhotoOverride(
        region=region, owner=by
    )
    statement.effect = effect
    _save(statement)
    action = Action.OVERRIDE_SHOW if effect == Effect.SHOW else Action.OVERRIDE_HIDE
    note(by, action, photo_id=region.photo_id)
    return statement


@transaction.atomic
def override_clear(*, region: FaceRegion, by: User) -> None:
    """Back to the rules."""
    _lock_own(region, by)
    if PhotoOverride.objects.filter(region=region, owner=by).delete()[0]:
        note(by, Action.OVERRIDE_CLEARED, photo_id=region.photo_id)


# --- whatever the model ---


@transaction.atomic
def match_reject(*, region: FaceRegion, by: User) -> None:
    """ "That's not me": the face has no owner at once, and this person is never matched to it again."""
    from faceaccess.tasks import enqueue, photo_rematch

    region = _lock_own(region, by)
    MatchRejection.objects.get_or_create(region=region, person=by)
    # But for one that the uploader is asked about: were it gone without their answer, they would know why.
    claims = Claim.objects.filter(region=region, claimant=by).exclude(
        state=Claim.State.OPEN, judge_due__isnull=True
    )
    claims.update(state=Claim.State.REJECTED, decided_at=timezone.now())
    note(by, Action.NOT_ME, photo_id=region.photo_id)
    region.owner, region.match = None, FaceRegion.Match.UNKNOWN
    region.save(update_fields=["owner", "match"])
    exposures.touch(by.pk)
    transaction.on_commit(lambda: enqueue(photo_rematch, str(region.photo_id)))


@transaction.atomic
def model_choose(*, owner: User, model: str) -> FacePreference:
    """Choose one's access model; the empty one follows the site's default."""
    if settings.FACE_PINNED_MODEL:
        raise PermissionDenied(_("This site uses one model for everybody."))
    # Held, and its own column alone: what is said about reminders at the same moment stands as well.
    FacePreference.objects.get_or_create(owner=owner)
    preference = FacePreference.objects.select_for_update().get(owner=owner)
    preference.model = AccessModel(model) if model in AccessModel.values else model
    preference.full_clean()
    preference.save(update_fields=["model"])
    note(owner, Action.MODEL, detail=str(AccessModel(preference.model).label) if model else "")
    return preference


@transaction.atomic
def photo_retry(*, photo: Photo, by: User) -> None:
    """The author starts over a photo that could not be protected."""
    from faceaccess.tasks import enqueue, photo_protect

    if photo.post.author_id != by.pk:
        raise PermissionDenied(_("This is not your photo."))
    if not Photo.objects.filter(pk=photo.pk, state=Photo.State.FAILED).update(state=Photo.State.WAITING):
        raise ValidationError(_("This photo is not waiting for another try."))
    ProtectionJob.objects.filter(photo=photo).update(attempts=0, error="", token=None, lease_until=None)
    transaction.on_commit(lambda: enqueue(photo_protect, str(photo.pk)))
