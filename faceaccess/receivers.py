"""What faceaccess does when people enrol or leave, and when photos come and go."""

from __future__ import annotations

from uuid import UUID

from django.db.models.signals import post_delete, post_save, pre_delete
from django.dispatch import receiver
from django.utils import timezone

from accounts.models import CircleMembership, FaceCapture, Friendship, User
from accounts.signals import account_switched, enrolment_changed
from faceaccess import exposures, history, matching, notices, pipeline, renditions, tasks
from faceaccess.models import Authorization, Exposure, FacePreference, PhotoOverride, Rule, Tag
from photos.models import Photo
from photos.signals import photo_deleted, photo_stored

__all__ = ["history", "notices"]  # imported for their receivers


@receiver(photo_stored)
def protect_new_photo(photo: Photo, **kwargs: object) -> None:
    tasks.send_photo(photo.pk)


@receiver(photo_deleted)
def remove_files(photo_id: UUID, **kwargs: object) -> None:
    """Patches, renditions and crops; whatever deleted the photo (a post, an account)."""
    pipeline.remove_patches(photo_id)
    renditions.forget(photo_id)


@receiver(enrolment_changed)
def match_again(user: User, **kwargs: object) -> None:
    """Who left loses their faces here and now (facts.py hides them already); the worker does the rest."""
    if user.pk is not None:
        matching.forget(user.pk)
    tasks.send_rematch()


@receiver(account_switched)
def note_whom_they_tagged(user: User, **kwargs: object) -> None:
    """The word of who is closed discloses nobody's face (facts.py)."""
    tags = Tag.objects.filter(tagger=user, withdrawn_at=None).exclude(owner=user)
    exposures.touch(*tags.values_list("owner", flat=True))


# --- the log of who could see a face where (exposures) ---


def note_what_bears_on_a_face(instance: object, raw: bool = False, **kwargs: object) -> None:
    if not raw:
        exposures.touch(instance.user_id if isinstance(instance, FaceCapture) else instance.owner_id)


for _sender in (Tag, Authorization, PhotoOverride, Rule, FacePreference, FaceCapture):
    post_save.connect(note_what_bears_on_a_face, sender=_sender)
    post_delete.connect(note_what_bears_on_a_face, sender=_sender)


@receiver([post_save, post_delete], sender=Friendship)
def note_friendship(
    instance: Friendship, raw: bool = False, created: bool | None = None, **kwargs: object
) -> None:
    """``created`` comes with a save only: without it the friendship is over."""
    if raw:
        return
    friends = created is not None and instance.is_accepted
    exposures.note_friendship(instance.requester_id, instance.addressee_id, friends=friends)
    exposures.touch(instance.requester_id, instance.addressee_id)


@receiver([post_save, post_delete], sender=CircleMembership)
def note_member(
    instance: CircleMembership, raw: bool = False, created: bool | None = None, **kwargs: object
) -> None:
    if not raw and created is not False:
        owner = instance.circle.owner_id
        exposures.note_member(owner, instance.person_id, instance.circle_id, inside=bool(created))
        exposures.touch(owner)


@receiver(pre_delete, sender=Photo)
def close_what_was_open(instance: Photo, **kwargs: object) -> None:
    """The lines stay, without the photo: that somebody could see it then remains true."""
    Exposure.objects.filter(photo=instance, until=None).update(until=timezone.now())
