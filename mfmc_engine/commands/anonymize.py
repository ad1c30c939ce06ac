"""Replace the faces of a photo, or of every photo in a folder, by verified decoys.

Nothing is written unless every face that must be hidden has its decoy; the written file holds no metadata.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import secrets
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mfmc_engine.commands.analyze import rounded
from mfmc_engine.commands.options import (
    Boxes,
    add_boxes,
    add_device,
    add_pack,
    as_indices,
    one_line,
    read_boxes,
    read_gallery,
)
from mfmc_engine.engine import Engine
from mfmc_engine.errors import EngineError
from mfmc_engine.imaging import READABLE_SUFFIXES, WRITABLE, decode, encode, writable_format
from mfmc_engine.types import Decoy, DecoyRequest, Face, Gallery

HELP = "replace the faces of a photo or of a folder of photos"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments to its parser."""
    parser.add_argument("photo", type=Path, metavar="PHOTO", help="a photo, or a folder of photos")
    parser.add_argument(
        "out", type=Path, metavar="OUT", help="the file to write (format by suffix), or a folder"
    )
    parser.add_argument(
        "--keep",
        type=as_indices,
        default=[],
        metavar="0,2",
        help="faces to leave as they are, numbered as by analyze",
    )
    parser.add_argument("--gallery", type=Path, metavar="DIR", help="people no decoy may resemble")
    parser.add_argument("--seed", help="same seed, same result; without it every run draws new decoys")
    parser.add_argument("--json", action="store_true", help="print JSON, one line per photo")
    parser.add_argument(
        "--report",
        action="store_true",
        help="print JSON with what each decoy kept (needs the evaluate extra)",
    )
    add_boxes(parser)
    add_pack(parser)
    add_device(parser)


def run(arguments: argparse.Namespace) -> int:
    """Anonymise one photo or a folder of them."""
    photo, out = arguments.photo, arguments.out
    if not photo.exists():
        raise EngineError(f"{photo}: no such file or folder")
    if out.exists() and photo.samefile(out):
        raise EngineError(f"{out}: would overwrite the original")
    jobs = _folder_jobs(photo, out, arguments.keep) if photo.is_dir() else _file_job(photo, out)
    engine = Engine(arguments.pack, device=arguments.device)
    worker = _Worker(
        engine=engine,
        boxes=read_boxes(arguments.boxes),
        gallery=read_gallery(engine, arguments.gallery),
        seed=secrets.token_hex() if arguments.seed is None else arguments.seed,
        keep=arguments.keep,
        measured=arguments.report,
    )
    as_json = arguments.json or arguments.report
    if not photo.is_dir():
        report = worker.anonymize(photo, out)
        print(json.dumps(report) if as_json else _in_words(report))
        return 0
    out.mkdir(parents=True, exist_ok=True)
    return _run_all(worker, jobs, as_json)


@dataclass(frozen=True, slots=True)
class _Worker:
    """What is the same for every photo of a run."""

    engine: Engine
    boxes: Boxes
    gallery: Gallery
    seed: str
    keep: list[int]
    measured: bool = False

    def anonymize(self, photo: Path, out: Path) -> dict[str, Any]:
        """Write ``out`` and describe it. Raises EngineError, and writes nothing, if any face cannot be hidden."""
        start = time.perf_counter()
        image = decode(photo)
        faces = self.engine.analyze(image, self.boxes.get(photo.name, ())).faces
        if not faces:
            raise EngineError(f"{photo.name}: no face found, so nothing was written")
        if self.keep and self.keep[-1] >= len(faces):
            raise EngineError(f"{photo.name}: no face {self.keep[-1]}, the faces are 0 to {len(faces) - 1}")
        hidden = [i for i in range(len(faces)) if i not in self.keep]
        requests = [DecoyRequest(faces[i], self._face_seed(photo.name, i)) for i in hidden]
        decoys: list[Decoy | None] = [None] * len(faces)
        for i, decoy in zip(hidden, self.engine.make_decoys(image, requests, self.gallery), strict=True):
            decoys[i] = decoy
        _write(out, encode(self.engine.compose(image, decoys, hidden), out.suffix))
        seconds = round(time.perf_counter() - start, 3)
        reports = [_report(face, decoy) for face, decoy in zip(faces, decoys, strict=True)]
        if self.measured:
            from mfmc_engine.evaluation.structure import of_decoy  # scikit-image: an extra, and slow to load

            for i in hidden:
                made = decoys[i]
                assert made is not None, "compose has just used it"
                reports[i]["structure"] = of_decoy(self.engine, image, faces[i], made)
        return {"seconds": seconds, "faces": reports}

    def _face_seed(self, name: str, index: int) -> bytes:
        return hashlib.sha256(f"{self.seed}\n{name}\n{index}".encode()).digest()


def _file_job(photo: Path, out: Path) -> list[tuple[Path, Path]]:
    writable_format(out.suffix)
    if out.is_dir():
        raise EngineError(f"{out}: is a folder, but {photo.name} is a file")
    if not out.parent.is_dir():
        raise EngineError(f"{out.parent}: no such folder")
    return [(photo, out)]


def _folder_jobs(folder: Path, out: Path, keep: list[int]) -> list[tuple[Path, Path]]:
    """Every picture of a folder and where its result goes; formats we do not write become PNG."""
    if keep:
        raise EngineError("--keep numbers the faces of one photo, it cannot be used with a folder")
    if out.exists() and not out.is_dir():
        raise EngineError(f"{out}: is a file, but {folder} is a folder")
    files = sorted(path for path in folder.iterdir() if path.is_file())
    photos = [path for path in files if path.suffix.lower() in READABLE_SUFFIXES]
    if not photos:
        raise EngineError(f"{folder}: no photos in this folder")
    if len(photos) < len(files):
        print(f"{folder}: {len(files) - len(photos)} files are not photos and are left out", file=sys.stderr)
    return [(p, out / (p.name if p.suffix.lower() in WRITABLE else f"{p.name}.png")) for p in photos]


def _run_all(worker: _Worker, jobs: list[tuple[Path, Path]], as_json: bool) -> int:
    """Every photo of a folder; a bad one is reported and skipped. 1 if there was any."""
    failed = 0
    with tqdm(jobs, unit="photo", disable=None) as progress:  # None: only on a terminal
        for photo, out in progress:
            try:
                report = {"file": photo.name, **worker.anonymize(photo, out)}
            except Exception as error:  # whatever is wrong with one photo, the others are still wanted
                failed += 1
                tqdm.write(one_line(error), file=sys.stderr)
                continue
            tqdm.write(
                json.dumps(report) if as_json else f"{photo.name}: {_in_words(report)}", file=sys.stdout
            )
    return 1 if failed else 0


def _write(path: Path, data: bytes) -> None:
    """All or nothing: a half-written picture never stands under the final name."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".mfmc-", suffix=path.suffix)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # mkstemp makes files private, an ordinary file is wanted
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _report(face: Face, decoy: Decoy | None) -> dict[str, Any]:
    """The stable JSON form of one face; a distance that does not exist is null."""
    box = rounded(face.box)
    if decoy is None:
        return {"box": box, "kept": True, "decoy": None}
    return {
        "box": box,
        "kept": False,
        "decoy": {
            "kind": decoy.kind,
            "donor": decoy.donor,
            "attempts": decoy.attempts,
            "distance_to_original": _finite(decoy.distance_to_original),
            "nearest_gallery": _finite(decoy.nearest_gallery),
            "threshold": _finite(decoy.threshold),
        },
    }


def _finite(distance: float) -> float | None:
    return round(float(distance), 4) if math.isfinite(distance) else None


def _in_words(report: dict[str, Any]) -> str:
    decoys = [face["decoy"] for face in report["faces"] if face["decoy"]]
    swaps = sum(decoy["kind"] == "swap" for decoy in decoys)
    kept = len(report["faces"]) - len(decoys)
    return f"{swaps} swapped, {len(decoys) - swaps} redacted, {kept} kept in {report['seconds']:.1f} s"
