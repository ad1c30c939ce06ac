"""What follows from a text that was written or changed: its tags are listed, who it mentions is told."""

from __future__ import annotations

from accounts.models import User
from community import told
from community.models import Comment, Notification, TagUse
from community.notifications import notify
from community.selectors import mentionable_by
from community.text import handles_in, tags_in
from photos.models import Post


def index_tags(*, post: Post, text: str, comment: Comment | None = None) -> None:
    """List the post under exactly the tags of this text (besides those of its other texts)."""
    names = tags_in(text)
    uses = TagUse.objects.filter(post=post, comment=comment)
    uses.exclude(name__in=names).delete()
    known = set(uses.values_list("name", flat=True))
    TagUse.objects.bulk_create(TagUse(name=name, post=post, comment=comment) for name in names - known)


def notify_mentioned(*, post: Post, text: str, by: User, comment: Comment | None = None) -> None:
    """Tell everybody the text mentions who may see it, and nobody whom it no longer mentions."""
    place = comment.pk if comment else f"caption:{post.pk}"
    handles = handles_in(text)
    people = list(mentionable_by(by).filter(username__in=handles)) if handles else []
    key = f"{told.MENTION}:{place}"
    Notification.objects.filter(kind=told.MENTION, key=key).exclude(recipient__in=people).delete()
    for person in people:
        if Post.objects.visible_to(person).filter(pk=post.pk).exists():
            notify(recipient=person, kind=told.MENTION, key=str(place), actor=by, post=post, comment=comment)
