"""Comments that somebody reports. One that was taken down its author alone sees from then on."""

from __future__ import annotations

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.moderation import Reportable
from community.models import Comment


def _visible(viewer: User, target: str) -> Comment:
    return Comment.objects.visible_to(viewer).for_display().get(pk=target)


def _take_down(comment: Comment) -> None:
    Comment.objects.filter(pk=comment.pk).update(taken_down_at=timezone.now())


def _put_back(comment: Comment) -> None:
    Comment.objects.filter(pk=comment.pk).update(taken_down_at=None)


COMMENT = Reportable(
    kind="comment",
    name=_("Comment"),
    model=Comment,
    visible=_visible,
    person=lambda comment: comment.author,
    take_down=_take_down,
    put_back=_put_back,
    template="community/parts/reported.html",
)
