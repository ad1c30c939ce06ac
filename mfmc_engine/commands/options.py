"""Options and input files that several commands share."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np

from mfmc_engine.engine import Engine
from mfmc_engine.errors import EngineError
from mfmc_engine.imaging import READABLE_SUFFIXES, decode
from mfmc_engine.parameters import ELONGATED, GALLERY_PADDING
from mfmc_engine.types import Analysis, Gallery

Boxes = dict[str, list[list[float]]]


def add_device(parser: argparse.ArgumentParser) -> None:
    """``--device``."""
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")


def add_pack(parser: argparse.ArgumentParser) -> None:
    """``--pack``."""
    parser.add_argument(
        "--pack", default="builtin", metavar="NAME", help="model pack (see packs list); default builtin"
    )


def add_boxes(parser: argparse.ArgumentParser) -> None:
    """``--boxes``."""
    parser.add_argument(
        "--boxes",
        type=Path,
        metavar="FILE",
        help='JSON of faces already known: {"photo.jpg": [[x0, y0, x1, y1], ...]}, in px of the upright photo',
    )


def read_boxes(path: Path | None) -> Boxes:
    """The known faces of each photo, by file name. Raises EngineError for anything but the documented form."""
    if path is None:
        return {}
    try:
        content = json.loads(path.read_text("utf-8"))
        boxes = {
            str(name): np.asarray(rows, float).reshape(len(rows), 4).tolist()
            for name, rows in content.items()
        }
    except OSError as error:
        raise EngineError(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError, AttributeError):
        raise EngineError(f"{path}: expected {{name: [[x0, y0, x1, y1], ...]}}") from None
    return boxes


def check_named(boxes: Boxes, path: Path | None, names: Iterable[str]) -> None:
    """Raises EngineError if there are boxes of a photo that is not among the ``names``: by a slip in a name its faces
    would stay as they are."""
    unknown = sorted(boxes.keys() - set(names))
    if unknown:
        others = f" (nor are {len(unknown) - 1} more)" if len(unknown) > 1 else ""
        raise EngineError(f"{path}: {unknown[0]!r} is not among the photos{others}")


def read_gallery(engine: Engine, folder: Path | None) -> Gallery:
    """The people in a folder: one subfolder per person, or one picture per person.

    Every face of every picture counts: a decoy that must not resemble anyone may not resemble a bystander either.
    Raises EngineError for a folder without pictures, and for a picture without a face: it would protect nobody.
    """
    if folder is None:
        return Gallery()
    if not folder.is_dir():
        raise EngineError(f"{folder}: the gallery is not a folder")
    people: list[str] = []
    embeddings = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in READABLE_SUFFIXES and p.is_file()):
        relative = path.relative_to(folder)
        person = relative.parts[0] if len(relative.parts) > 1 else path.stem
        faces = _portrait(engine, path).faces
        if not faces:
            raise EngineError(f"{path}: no face found in this picture of the gallery")
        people += [person] * len(faces)
        embeddings += [face.embedding for face in faces]
    if not people:
        raise EngineError(f"{folder}: no pictures in the gallery")
    return Gallery(tuple(people), np.stack(embeddings).astype(np.float32))


def _portrait(engine: Engine, path: Path) -> Analysis:
    """The faces of a portrait; a crop too tight for the detector is tried again with its edges drawn out."""
    image = decode(path)
    found = engine.analyze(image)
    if found.faces:
        return found
    longer, shorter = max(image.shape[:2]), min(image.shape[:2])
    margin = round(min(longer, ELONGATED * shorter) * GALLERY_PADDING)  # a strip is framed by its height
    padded = cv2.copyMakeBorder(image, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    return engine.analyze(np.asarray(padded, np.uint8))


def as_indices(text: str) -> list[int]:
    """``0,2`` as a list of face numbers (an argparse type)."""
    numbers: Sequence[str] = [part for part in text.split(",") if part.strip()]
    if not numbers or not all(part.strip().isdecimal() for part in numbers):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of face numbers such as 0,2")
    return sorted({int(part) for part in numbers})


def as_count(text: str) -> int:
    """A whole number from 1 on (an argparse type)."""
    if not text.strip().isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def one_line(error: BaseException) -> str:
    """What went wrong, on one line, for the person at the terminal."""
    if isinstance(error, EngineError):
        text = str(error)
    elif isinstance(error, OSError) and error.filename:
        text = f"{error.filename}: {error.strerror}"
    elif isinstance(error, MemoryError):
        text = "not enough memory"
    else:
        text = f"internal error ({type(error).__name__}: {error})"
    return " ".join(text.split())
