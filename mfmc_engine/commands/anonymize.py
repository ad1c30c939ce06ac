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
    check_named,
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
    parser.add_argument(
        "--seed",
        help="same seed and same name of the photo's file, same result; without it every run draws new decoys, from a "
        "seed that --json prints",
    )
    parser.add_argument(
        "--recursive",
        action="store_true",
        help="of a folder also the subfolders; OUT gets the same ones, --boxes names photos such as sub/photo.jpg",
    )
    parser.add_argument(
        "--copy-faceless",
        action="store_true",
        help="also write photos in which no face is found, as they are but for their metadata",
    )
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
    jobs = (
        _folder_jobs(photo, out, arguments.keep, arguments.recursive)
        if photo.is_dir()
        else _file_job(photo, out)
    )
    boxes = read_boxes(arguments.boxes)
    check_named(boxes, arguments.boxes, [job.name for job in jobs])
    engine = Engine(arguments.pack, device=arguments.device)
    worker = _Worker(
        engine=engine,
        boxes=boxes,
        gallery=read_gallery(engine, arguments.gallery),
        seed=secrets.token_hex() if arguments.seed is None else arguments.seed,
        keep=arguments.keep,
        measured=arguments.report,
        copy_faceless=arguments.copy_faceless,
    )
    as_json = arguments.json or arguments.report
    if not photo.is_dir():
        report = worker.anonymize(jobs[0])
        print(json.dumps(report) if as_json else _in_words(report))
        return 0
    out.mkdir(parents=True, exist_ok=True)
    return _run_all(worker, jobs, as_json)


@dataclass(frozen=True, slots=True)
class _Job:
    """One photo."""

    photo: Path
    out: Path
    name: str  # of the photo: in a folder, the path from there


@dataclass(frozen=True, slots=True)
class _Worker:
    """What is the same for every photo of a run."""

    engine: Engine
    boxes: Boxes
    gallery: Gallery
    seed: str
    keep: list[int]
    measured: bool = False
    copy_faceless: bool = False

    def anonymize(self, job: _Job) -> dict[str, Any]:
        """Write the job's file and describe it. Raises EngineError, and writes nothing, if a face cannot be hidden."""
        start = time.perf_counter()
        image = decode(job.photo)
        faces = self.engine.analyze(image, self.boxes.get(job.name, ())).faces
        if not faces and not (self.copy_faceless and not self.keep):
            raise EngineError(f"{job.name}: no face found, so nothing was written")
        if not faces:
            tqdm.write(f"{job.name}: no face found, so it is copied as it is", file=sys.stderr)
        if self.keep and self.keep[-1] >= len(faces):
            raise EngineError(f"{job.name}: no face {self.keep[-1]}, the faces are 0 to {len(faces) - 1}")
        hidden = [i for i in range(len(faces)) if i not in self.keep]
        requests = [DecoyRequest(faces[i], self._face_seed(job.name, i)) for i in hidden]
        decoys: list[Decoy | None] = [None] * len(faces)
        for i, decoy in zip(hidden, self.engine.make_decoys(image, requests, self.gallery), strict=True):
            decoys[i] = decoy
        _write(job.out, encode(self.engine.compose(image, decoys, hidden), job.out.suffix))
        seconds = round(time.perf_counter() - start, 3)
        reports = [_report(face, decoy) for face, decoy in zip(faces, decoys, strict=True)]
        if self.measured:
            from mfmc_engine.evaluation.structure import of_decoy  # scikit-image: an extra, and slow to load

            for i in hidden:
                made = decoys[i]
                assert made is not None, "compose has just used it"
                reports[i]["structure"] = of_decoy(self.engine, image, faces[i], made)
        return {"seconds": seconds, "seed": self.seed, "faces": reports}

    def _face_seed(self, name: str, index: int) -> bytes:
        return hashlib.sha256(f"{self.seed}\n{name}\n{index}".encode()).digest()


def _file_job(photo: Path, out: Path) -> list[_Job]:
    writable_format(out.suffix)
    if out.is_dir():
        raise EngineError(f"{out}: is a folder, but {photo.name} is a file")
    if not out.parent.is_dir():
        raise EngineError(f"{out.parent}: no such folder")
    return [_Job(photo, out, photo.name)]


def _folder_jobs(folder: Path, out: Path, keep: list[int], recursive: bool) -> list[_Job]:
    """Every picture of a folder and where its result goes; formats we do not write become PNG. What is left out is
    told."""
    if keep:
        raise EngineError("--keep numbers the faces of one photo, it cannot be used with a folder")
    if out.exists() and not out.is_dir():
        raise EngineError(f"{out}: is a file, but {folder} is a folder")
    inside = sorted(folder.rglob("*") if recursive else folder.iterdir())
    if out.resolve().is_relative_to(folder.resolve()):  # what an earlier run wrote is no original
        inside = [path for path in inside if not path.resolve().is_relative_to(out.resolve())]
    files = [path for path in inside if path.is_file()]
    photos = [path for path in files if path.suffix.lower() in READABLE_SUFFIXES]
    subfolders = 0 if recursive else sum(path.is_dir() for path in inside)
    hint = "" if recursive or not subfolders else f", {subfolders} subfolders are left out (see --recursive)"
    if not photos:
        raise EngineError(f"{folder}: no photos in this folder{hint}")
    if len(photos) < len(files):
        print(f"{folder}: {len(files) - len(photos)} files are not photos and are left out", file=sys.stderr)
    if hint:
        print(f"{folder}: {hint.removeprefix(', ')}", file=sys.stderr)
    names = [photo.relative_to(folder).as_posix() for photo in photos]
    jobs = [
        _Job(photo, out / (name if photo.suffix.lower() in WRITABLE else f"{name}.png"), name)
        for photo, name in zip(photos, names, strict=True)
    ]
    originals = {photo.resolve() for photo in photos}
    for job in jobs:
        if job.out.resolve() in originals:
            raise EngineError(f"{job.out}: would overwrite an original")
    return jobs


def _run_all(worker: _Worker, jobs: list[_Job], as_json: bool) -> int:
    """Every photo of a folder; a bad one is reported and skipped. 1 if there was any."""
    failed = 0
    with tqdm(jobs, unit="photo", disable=None) as progress:  # None: only on a terminal
        for job in progress:
            try:
                job.out.parent.mkdir(parents=True, exist_ok=True)
                report = {"file": job.name, **worker.anonymize(job)}
            except Exception as error:  # whatever is wrong with one photo, the others are still wanted
                failed += 1
                tqdm.write(_of_photo(job, one_line(error)), file=sys.stderr)
                continue
            tqdm.write(json.dumps(report) if as_json else f"{job.name}: {_in_words(report)}", file=sys.stdout)
    return 1 if failed else 0


def _of_photo(job: _Job, line: str) -> str:
    """The line with the photo's name before it. The decoder, which knows no folders, names the file itself."""
    return f"{job.name}: {line.removeprefix(f'{job.photo.name}: ').removeprefix(f'{job.name}: ')}"


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
