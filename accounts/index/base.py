"""What an index of the gallery can do, and how one learns that the gallery changed."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from django.conf import settings

from accounts.models import GalleryVersion
from mfmc_engine.types import FloatArray, Gallery


class GalleryIndex(Protocol):
    """The enrolled people of the pack in use, searchable by distance (Euclidean, in the pack's embedding space)."""

    def refresh(self) -> UUID | None:
        """Take in what was enrolled or deleted since the last time; returns the version that is indexed now."""

    def size(self) -> int:
        """Number of templates as of the last refresh: what a threshold depends on."""

    def near(self, probes: FloatArray, radius: float) -> Gallery:
        """The templates within ``radius`` of any of the ``probes`` (N, D), as of the last refresh.

        Matching the probes against these instead of the whole gallery comes to the same, if ``radius`` is the
        matching threshold plus the ambiguity margin: nobody farther away can be a match or a rival.
        """

    def prepare(self) -> None:
        """After a change of the pack, when every capture has its new template: make what the index searches in."""

    def retire(self) -> None:
        """Remove what was kept for other packs."""


def gallery_version() -> UUID | None:
    """The version of the pack's gallery: another one after every change. None before anybody enrolled."""
    rows = GalleryVersion.objects.filter(pack=settings.ENGINE_PACK).values_list("version", flat=True)
    return rows.first()
