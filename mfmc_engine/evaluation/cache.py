"""What an evaluation already knows, one small file per picture: runs can be stopped, resumed and repeated.

Keys are digests of everything that goes into a value, so a changed picture, setting, seed, weight file or line of the
engine is never answered with an old value.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

Record = dict[str, NDArray]
PACKAGE = Path(__file__).resolve().parents[1]
# What only drives or judges the engine does not change a decoy.
NOT_THE_ENGINE = ("evaluation", "commands", "cli.py", "__main__.py")
# All that landmarks and embeddings of an unchanged picture come from.
PERCEPTION = ("landmarks", "recognition", "geometry.py", "packs")


class Cache:
    """Records of arrays in a folder, written atomically: a reader sees a whole record or none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, key: str) -> Record | None:
        """The record of that key, or None. A damaged file counts as none."""
        try:
            with np.load(self._path(key), allow_pickle=False) as found:
                return dict(found)
        except (OSError, ValueError, EOFError, BadZipFile):
            return None

    def write(self, key: str, record: Record) -> Record:
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        with os.fdopen(descriptor, "wb") as file:
            np.savez(file, **record)  # type: ignore[arg-type]
        os.replace(temporary, path)
        return record

    def get(self, key: str, make: Callable[[], Record]) -> Record:
        """The record of that key, made and kept if there is none."""
        found = self.read(key)
        return self.write(key, make()) if found is None else found

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.npz"


def digest(*parts: object) -> str:
    """A key made of parts whose text says all that matters."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()


@cache
def engine_version() -> str:
    """A digest of the engine's code, weights and donors; of its evaluation only what it measures does not depend on."""
    kept = (p for p in PACKAGE.rglob("*") if p.relative_to(PACKAGE).parts[0] not in NOT_THE_ENGINE)
    return _of_files(p for p in kept if p.suffix != ".webp")  # SHA256SUMS stands for the donors' pictures


@cache
def perception_version() -> str:
    """A digest of what landmarks and embeddings come from."""
    return _of_files(p for name in PERCEPTION for p in (PACKAGE / name, *(PACKAGE / name).rglob("*")))


def file_version(*paths: Path) -> str:
    """A digest of the contents of files."""
    return _of_files(paths)


def _of_files(paths: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for path in sorted(paths):
        if path.is_file() and path.suffix != ".pyc":
            total.update(path.name.encode())
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:16]
