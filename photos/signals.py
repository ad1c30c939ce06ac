"""What faceaccess listens to, and what must follow when a row goes."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from django.core.files.storage import Storage
from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import Signal, receiver

from photos.models import Photo

# Both are sent after commit, with send_robust: a broken listener is logged and never undoes the user's action.
photo_stored = Signal()  # photo=: its original is stored, its faces are not known yet
photo_deleted = Signal()  # photo_id= (UUID): the row and the original are gone

# Sent inside the transaction, with post=: its caption or its audience is new.
post_written = Signal()


@receiver(post_delete, sender=Photo)
def remove_original(sender: type[Photo], instance: Photo, **kwargs: object) -> None:
    """The file goes with its row: not before the commit (it may roll back), whatever deleted the row."""
    original = instance.original
    transaction.on_commit(partial(_after_delete, original.storage, original.name, instance.pk), robust=True)


def _after_delete(storage: Storage, name: str, photo_id: UUID) -> None:
    if name:
        storage.delete(name)
    photo_deleted.send_robust(sender=Photo, photo_id=photo_id)
