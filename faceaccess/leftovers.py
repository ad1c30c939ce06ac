"""Files whose rows are gone: left by a process that died between a commit and the removal that follows it.

Nothing serves them, but a face that its owner took back must not lie on a disk either. A file is left over when no row
names it and it is older than any work that may still be about to name it.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import DataExport, FaceCapture
from faceaccess import renditions
from faceaccess.models import Decoy
from photos.models import Photo

logger = logging.getLogger(__name__)

GRACE = timedelta(hours=1)  # an upload or a photo in work takes minutes
AT_ONCE = 500  # names compared with the database in one query


def remove() -> int:
    """Remove all of them; returns how many files and folders there were."""
    count = 0
    for folders, rows, field in (
        (["originals"], Photo.objects.all(), "original"),
        (_folders("decoys"), Decoy.objects.all(), "patch"),
        (_folders("captures"), FaceCapture.objects.all(), "picture"),
        (_folders("exports"), DataExport.objects.all(), "file"),
    ):
        for folder in folders:
            count += _remove_unnamed(folder, rows, field)
    count += _remove_renditions() + _remove_old(settings.FILE_UPLOAD_TEMP_DIR.glob("*"))
    if count:
        logger.warning("%d files were left over by processes that died, and removed", count)
    return count


def _folders(parent: str) -> list[str]:
    with contextlib.suppress(FileNotFoundError):
        return [f"{parent}/{name}" for name in default_storage.listdir(parent)[0]]
    return []


def _remove_unnamed(folder: str, rows: QuerySet, field: str) -> int:
    count = 0
    for names in _batches(folder):
        named = set(rows.filter(**{f"{field}__in": names}).values_list(field, flat=True))
        for name in set(names) - named:
            with contextlib.suppress(FileNotFoundError):
                if default_storage.get_modified_time(name) < timezone.now() - GRACE:
                    default_storage.delete(name)
                    count += 1
    return count


def _batches(folder: str) -> Iterator[list[str]]:
    try:
        names = [f"{folder}/{name}" for name in default_storage.listdir(folder)[1]]
    except FileNotFoundError:
        return
    for start in range(0, len(names), AT_ONCE):
        yield names[start : start + AT_ONCE]


def _remove_renditions() -> int:
    """Folders of photos that are gone, and files that were never finished."""
    folders = {}
    for path in renditions.root().glob("*"):
        with contextlib.suppress(ValueError):  # the locks
            folders[uuid.UUID(hex=path.name)] = path
    photos, present = list(folders), set()
    for start in range(0, len(photos), AT_ONCE):
        some = Photo.objects.filter(pk__in=photos[start : start + AT_ONCE])
        present.update(some.values_list("pk", flat=True))
    gone = [folders[photo] for photo in photos if photo not in present]
    for path in gone:
        shutil.rmtree(path, ignore_errors=True)
    return len(gone) + _remove_old(renditions.root().glob("*/*.part"))


def _remove_old(paths: Iterator[Path]) -> int:
    oldest, count = time.time() - GRACE.total_seconds(), 0
    for path in paths:
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):
            if path.stat().st_mtime < oldest:
                path.unlink()
                count += 1
    return count
