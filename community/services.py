"""Writes about comments, likes and bookmarks. Each service checks permission itself and is one transaction."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from community import told
from community.models import Bookmark, Comment, Like
from community.notifications import notify, retract
from community.writing import index_tags, notify_mentioned
from photos.models import Post


def _seen(post: Post, by: User) -> Post:
    """The post, held until the transaction ends: it is neither deleted nor narrowed meanwhile.

    Raises PermissionDenied alike for a post that is gone and for one that ``by`` may not see.
    """
    held = Post.objects.visible_to(by).select_for_update(of=("self",)).filter(pk=post.pk).first()
    if held is None:
        raise PermissionDenied(_("This post is not there for you."))
    return held


# --- comments ---


@transaction.atomic
def comment_create(*, post: Post, author: User, body: str) -> Comment:
    """Say something about a post one may see; its author is told, and who is mentioned and may see it."""
    post = _seen(post, author)
    comment = Comment(post=post, author=author, body=body.strip())
    comment.full_clean()
    comment.save()
    notify(
        recipient=post.author,
        kind=told.COMMENT,
        key=str(comment.pk),
        batch=str(post.pk),
        actor=author,
        post=post,
        comment=comment,
    )
    _follow(comment)
    return comment


@transaction.atomic
def comment_edit(*, comment: Comment, by: User, body: str) -> Comment:
    """Change one's own words, as long as one may see where they stand."""
    comment = _held(comment)
    if comment.author_id != by.pk:
        raise PermissionDenied(_("This is not your comment."))
    _seen(comment.post, by)
    if (body := body.strip()) == comment.body:
        return comment
    comment.body, comment.edited_at = body, timezone.now()
    comment.full_clean()
    comment.save(update_fields=["body", "edited_at"])
    _follow(comment)
    return comment


@transaction.atomic
def comment_delete(*, comment: Comment, by: User) -> None:
    """One's own, wherever it stands, or anybody's on one's own post."""
    comment = _held(comment)
    if by.pk not in (comment.author_id, comment.post.author_id):
        raise PermissionDenied(_("You can delete your own comments, and those on your own photos."))
    comment.delete()


def _held(comment: Comment) -> Comment:
    current = Comment.objects.select_for_update(of=("self",)).select_related("post", "author")
    found = current.filter(pk=comment.pk).first()
    if found is None:
        raise ValidationError(_("This comment is gone."))
    return found


def _follow(comment: Comment) -> None:
    if comment.author_id == comment.post.author_id:  # see TagUse
        index_tags(post=comment.post, text=comment.body, comment=comment)
    notify_mentioned(post=comment.post, text=comment.body, by=comment.author, comment=comment)


# --- likes and bookmarks ---


@transaction.atomic
def like_set(*, post: Post, by: User) -> None:
    """Twice is once."""
    post = _seen(post, by)
    Like.objects.get_or_create(post=post, person=by)
    notify(
        recipient=post.author,
        kind=told.LIKE,
        key=f"{post.pk}:{by.pk}",
        batch=str(post.pk),
        actor=by,
        post=post,
    )


@transaction.atomic
def like_remove(*, post: Post, by: User) -> None:
    """Also where one may no longer see the post: a like can always be taken back."""
    Like.objects.filter(post=post, person=by).delete()
    retract(kind=told.LIKE, key=f"{post.pk}:{by.pk}")


@transaction.atomic
def bookmark_set(*, post: Post, by: User) -> None:
    Bookmark.objects.get_or_create(post=_seen(post, by), person=by)


@transaction.atomic
def bookmark_remove(*, post: Post, by: User) -> None:
    Bookmark.objects.filter(post=post, person=by).delete()
