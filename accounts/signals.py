"""What other apps may listen to, and what must follow when a row goes."""

from __future__ import annotations

import uuid
from functools import partial

from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import Signal, receiver

from accounts.models import FaceCapture, GalleryVersion

# Sent after commit, with user=: their set of captures is another one now, so faces have to be matched again.
# When the account itself was deleted, user.pk is None; its face regions lost their owner with it.
enrolment_changed = Signal()


@receiver([post_save, post_delete], sender=FaceCapture)
def gallery_changed(sender: type[FaceCapture], instance: FaceCapture, **kwargs: object) -> None:
    """Whoever matches faces after the commit sees by the version that the gallery is another one now."""
    renew_version(instance.pack)


def renew_version(pack: str) -> None:
    GalleryVersion.objects.update_or_create(pack=pack, defaults={"version": uuid.uuid4()})


# Sent inside the transaction, with capture=: the model pack in use finds no face in it, so its owner is not
# recognised by it any more (accounts/reembedding.py).
capture_given_up = Signal()

# Sent inside the transaction, with user= and action= "enrolled", "capture_deleted" or "erased": what they decided.
enrolment_decided = Signal()


@receiver(post_delete, sender=FaceCapture)
def remove_picture(sender: type[FaceCapture], instance: FaceCapture, **kwargs: object) -> None:
    """The file goes with its row: not before the commit (it may roll back), whatever deleted the row."""
    storage, name = instance.picture.storage, instance.picture.name
    if name:
        transaction.on_commit(partial(storage.delete, name), robust=True)
