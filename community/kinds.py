"""The kinds of notifications there are. Apps above this one add theirs with ``register``, from their AppConfig.ready.

To add one: ``register(Kind(...))`` once, ``notifications.notify(kind=..., ...)`` when it happens, and nothing when it
is over: ``holds`` is asked at every look.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.safestring import SafeString

from accounts.models import User
from community.notices import Notification
from photos.models import Photo


@dataclass(frozen=True, slots=True)
class Batch:
    """Notifications told in one sentence, the newest first."""

    rows: list[Notification]

    @property
    def newest(self) -> Notification:
        return self.rows[0]

    @property
    def kind(self) -> Kind:
        return KINDS[self.newest.kind]

    @property
    def is_new(self) -> bool:
        return any(row.seen_at is None for row in self.rows)

    @property
    def actors(self) -> list[User]:
        """Each person once, the latest first."""
        return list({row.actor_id: row.actor for row in self.rows if row.actor is not None}.values())

    @property
    def picture(self) -> Photo | None:
        """The photo it is about, or the first of the post, if it is ready to be shown."""
        row = self.newest
        photos = [row.photo] if row.photo else list(row.post.photos.all()) if row.post else []
        return next((photo for photo in photos if photo.is_ready), None)

    @property
    def sentence(self) -> SafeString:
        return self.kind.sentence(self)

    @property
    def address(self) -> str:
        return self.kind.address(self)


@dataclass(frozen=True, slots=True)
class Kind:
    key: str
    label: Promise  # in the list in which kinds are switched off
    icon: str  # of templates/icons
    # Which rows of this kind are still true and the recipient's to know. That the actor exists for the recipient
    # (account open, no block) is asked for every kind alike.
    holds: Callable[[User], Q]
    sentence: Callable[[Batch], SafeString]
    address: Callable[[Batch], str]
    note: Promise | str = ""  # below the label: what else it means to switch it off


KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Make a kind known. Rows of a kind nobody registered are told to nobody."""
    KINDS[kind.key] = kind
