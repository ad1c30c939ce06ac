"""What faceaccess does when people enrol or leave, and when photos come and go."""

from __future__ import annotations

from uuid import UUID

from django.dispatch import receiver

from accounts.models import User
from accounts.signals import enrolment_changed
from faceaccess import history, matching, notices, pipeline, renditions, tasks
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
    tasks.enqueue(tasks.person_rematch, user.pk)
