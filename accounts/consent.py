"""What people agree to when they enrol their face. A change of meaning is a new VERSION; old ones stay on record."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from accounts.models import FaceCapture

VERSION = "2026-11"

# Every version anybody may have agreed to: people can read again what they said yes to.
TEXTS: dict[str, str | Promise] = {
    "2026-11": _(
        "I agree that this site keeps a small picture of my face and a numeric description computed from it, so "
        "that it can recognise me in photos posted here and hide my face from everyone I have not chosen to show it "
        "to. It is used for nothing else. Both are stored on this site only, the description encrypted; nobody else "
        "can see them, and they are not passed on. I can delete them at any time: they are then removed at once, and "
        "my face stays hidden in every photo. This picture shows my own face."
    ),
}
TEXT = TEXTS[VERSION]


def agreed(captures: Iterable[FaceCapture]) -> list[dict[str, object]]:
    """What somebody agreed to with these captures: each version once, with its text and the day of the first time."""
    first: dict[str, FaceCapture] = {}
    for capture in sorted(captures, key=lambda capture: capture.consented_at):
        first.setdefault(capture.consent_version, capture)
    return [
        {"version": version, "text": TEXTS.get(version, ""), "day": capture.consented_at}
        for version, capture in first.items()
    ]
