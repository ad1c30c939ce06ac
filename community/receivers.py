"""What follows when people befriend each other and when a post is written."""

from __future__ import annotations

from django.db.models.signals import post_save
from django.dispatch import receiver

from accounts.models import Friendship
from community import told
from community.notifications import notify
from community.writing import index_tags, notify_mentioned
from photos.models import Post
from photos.signals import post_written

told.register_all()


@receiver(post_save, sender=Friendship)
def tell_of_friendship(sender: type[Friendship], instance: Friendship, **kwargs: object) -> None:
    """Who is asked hears of the request, who asked hears of the yes. Of a no nobody hears: the row goes with it."""
    if instance.is_accepted:
        notify(
            recipient=instance.requester,
            kind=told.FRIEND_ACCEPTED,
            key=str(instance.pk),
            actor=instance.addressee,
            friendship=instance,
        )
    else:
        notify(
            recipient=instance.addressee,
            kind=told.FRIEND_REQUEST,
            key=str(instance.pk),
            actor=instance.requester,
            friendship=instance,
        )


@receiver(post_written)
def read_caption(sender: type[Post], post: Post, **kwargs: object) -> None:
    index_tags(post=post, text=post.caption)
    notify_mentioned(post=post, text=post.caption, by=post.author)
