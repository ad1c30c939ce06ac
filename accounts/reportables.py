"""People whom somebody reports. What is taken down is the account: closed, but kept, and invisible to all others."""

from __future__ import annotations

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.moderation import Reportable
from accounts.selectors import blocks_by, people_visible_to


def _set_active(active: bool):
    def change(person: User) -> None:
        person.is_active = active
        person.save(update_fields=["is_active"])  # not update(): their faces have to be matched again

    return change


def _visible(viewer: User, target: str) -> User:
    """Also people the viewer blocked: one blocks first and reports after."""
    found = Q(pk__in=people_visible_to(viewer).values("pk")) | Q(pk__in=blocks_by(viewer).values("blocked"))
    return User.objects.filter(found).get(pk=target)


PERSON = Reportable(
    kind="person",
    name=_("Person"),
    model=User,
    visible=_visible,
    person=lambda person: person,
    take_down=_set_active(False),
    put_back=_set_active(True),
    template="accounts/parts/reported.html",
)
