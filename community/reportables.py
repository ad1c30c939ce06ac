"""Comments that somebody reports. One that was taken down its author alone sees from then on."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.moderation import Reportable, hiding
from community.models import Comment


def _visible(viewer: User, target: str) -> Comment:
    return Comment.objects.visible_to(viewer).for_display().get(pk=target)


COMMENT = Reportable(
    kind="comment",
    name=_("Comment"),
    model=Comment,
    visible=_visible,
    person=lambda comment: comment.author,
    **hiding(lambda comment: Comment.objects.filter(pk=comment.pk)),
    template="community/parts/reported.html",
)
