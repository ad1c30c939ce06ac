"""What other apps may listen to, and what must follow when a row goes."""

from __future__ import annotations

import uuid
from functools import partial

from django.db import transaction
from django.db.models.signals import post_delete, post_save, pre_save
from django.dispatch import Signal, receiver

from accounts.models import FaceCapture, GalleryVersion, User

# Sent after commit, with user=: their set of captures is another one now, so faces have to be matched again.
# When the account itself was deleted, user.pk is None; its face regions lost their owner with it.
enrolment_changed = Signal()


# Sent with user=, within the transaction if there is one: their account was closed, or opened again.
account_switched = Signal()


@receiver([post_save, post_delete], sender=FaceCapture)
def gallery_changed(sender: type[FaceCapture], instance: FaceCapture, **kwargs: object) -> None:
    """Whoever matches faces after the commit sees by the version that the gallery is another one now."""
    renew_version(instance.pack)


def renew_version(pack: str) -> None:
    GalleryVersion.objects.update_or_create(pack=pack, defaults={"version": uuid.uuid4()})


@receiver(post_save, sender=FaceCapture)
def take_the_place(
    sender: type[FaceCapture], instance: FaceCapture, raw: bool = False, **kwargs: object
) -> None:
    """What a picture replaces goes when the picture counts: at once, or when staff have looked at it.

    Gone before, it would leave a face that its owner shares with a look-alike to the look-alike.
    """
    if raw or instance.is_held or instance.replaces_id is None:
        return
    FaceCapture.objects.filter(pk=instance.replaces_id, user=instance.user_id).delete()
    instance.replaces = None


@receiver(pre_save, sender=User)
def note_switch(sender: type[User], instance: User, raw: bool = False, **kwargs: object) -> None:
    """Remember whether the account is about to be closed or opened, for whatever has to follow."""
    fields = kwargs.get("update_fields")
    asked = not raw and instance.pk is not None and (fields is None or "is_active" in fields)
    before = (
        User.objects.filter(pk=instance.pk).values_list("is_active", flat=True).first() if asked else None
    )
    instance._switched = before is not None and before != instance.is_active


@receiver(post_save, sender=User)
def announce_switch(sender: type[User], instance: User, **kwargs: object) -> None:
    """Whoever is closed, or opened again, is another gallery, and their photos have to be matched again."""
    if not instance.__dict__.pop("_switched", False):
        return
    account_switched.send(sender=User, user=instance)
    packs = set(FaceCapture.objects.filter(user=instance).values_list("pack", flat=True))
    for pack in packs:
        renew_version(pack)
    if packs:
        send = partial(enrolment_changed.send_robust, sender=FaceCapture, user=instance)
        transaction.on_commit(send, robust=True)


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
