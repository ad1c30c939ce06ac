"""The kinds of notifications this app tells, in words. faceaccess adds its own (faceaccess/notices.py)."""

from __future__ import annotations

from collections.abc import Callable

from django.db.models import Q
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import ngettext

from accounts.models import User
from community.kinds import Batch, Kind, register
from photos.querysets import is_visible_to

FRIEND_REQUEST, FRIEND_ACCEPTED = "friend_request", "friend_accepted"
COMMENT, LIKE, MENTION = "comment", "like", "mention"
BOLD = "<strong>{}</strong>"


def who(batch: Batch) -> SafeString:
    """ "Mara", "Mara and Jonas", "Mara and 2 others": the latest first."""
    people = batch.actors
    if not people:
        return format_html(BOLD, _("Somebody"))
    first = format_html(BOLD, people[0].name)
    if len(people) == 1:
        return first
    if len(people) == 2:
        return format_html(_("{} and {}"), first, format_html(BOLD, people[1].name))
    rest = ngettext("{n} other", "{n} others", len(people) - 1).format(n=len(people) - 1)
    return format_html(_("{} and {}"), first, format_html(BOLD, rest))


def says(pattern: Promise) -> Callable[[Batch], SafeString]:
    """A sentence with the people in place of ``{who}``."""
    return lambda batch: format_html(str(pattern), who=who(batch))


def post_address(batch: Batch) -> str:
    return reverse("post", args=[batch.newest.post_id])


def comment_address(batch: Batch) -> str:
    row = batch.newest
    anchor = f"#comment-{row.comment_id}" if row.comment_id else ""
    return reverse("post", args=[row.post_id]) + anchor


def person_address(batch: Batch) -> str:
    return reverse("person", args=[batch.newest.actor.username])


def is_own_post(recipient: User) -> Q:
    return Q(post__author=recipient)


def _mentioned(batch: Batch) -> SafeString:
    text = _("{who} mentioned you in a comment.") if batch.newest.comment_id else _("{who} mentioned you.")
    return format_html(text, who=who(batch))


def register_all() -> None:
    register(
        Kind(
            FRIEND_REQUEST,
            _lazy("Somebody asks to be your friend"),
            "people",
            lambda recipient: Q(friendship__addressee=recipient, friendship__accepted_at__isnull=True),
            says(_lazy("{who} asks to be your friend.")),
            lambda batch: reverse("people"),
        )
    )
    register(
        Kind(
            FRIEND_ACCEPTED,
            _lazy("Somebody accepts your request"),
            "people",
            lambda recipient: Q(friendship__requester=recipient, friendship__accepted_at__isnull=False),
            says(_lazy("{who} is your friend now.")),
            person_address,
        )
    )
    register(
        Kind(
            COMMENT,
            _lazy("Comments on your photos"),
            "comment",
            is_own_post,
            says(_lazy("{who} commented on your photo.")),
            comment_address,
        )
    )
    register(
        Kind(
            LIKE,
            _lazy("Likes of your photos"),
            "heart",
            is_own_post,
            says(_lazy("{who} liked your photo.")),
            post_address,
        )
    )
    register(
        Kind(
            MENTION,
            _lazy("Somebody mentions you"),
            "at",
            lambda recipient: is_visible_to(recipient, "post__"),
            _mentioned,
            comment_address,
            _lazy(
                "Switched off, your handle stays plain words in what others write: nobody can mention you."
            ),
        )
    )
