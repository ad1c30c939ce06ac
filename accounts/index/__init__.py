"""Who might these faces be: the gallery of enrolled people behind one small interface (base.GalleryIndex).

``exact`` compares with everybody, in memory. ``pgvector`` asks PostgreSQL, and keeps the templates there unencrypted:
see docs/configuration.md before choosing it.
"""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from accounts.index.base import GalleryIndex, gallery_version
from accounts.index.exact import ExactIndex

__all__ = ["GalleryIndex", "gallery_version", "get_index", "whole_gallery"]


@lru_cache(maxsize=1)
def whole_gallery() -> ExactIndex:
    """The process's gallery in memory: what decoys are checked against, whatever index matches faces."""
    return ExactIndex()


@lru_cache(maxsize=1)
def get_index() -> GalleryIndex:
    """The index that settings.FACE_INDEX names."""
    if settings.FACE_INDEX == "exact":
        return whole_gallery()
    if settings.FACE_INDEX == "pgvector":
        from accounts.index.postgres import PostgresIndex

        return PostgresIndex()
    raise ImproperlyConfigured(f"FACE_INDEX is exact or pgvector, not {settings.FACE_INDEX!r}")
