"""Find the faces of a photo: boxes, 68 landmarks and quality, in pixels of the upright photo."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mfmc_engine.commands.options import add_boxes, add_device, add_pack, check_named, read_boxes
from mfmc_engine.engine import Engine
from mfmc_engine.imaging import decode
from mfmc_engine.types import Analysis, Face

HELP = "find the faces of a photo"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments to its parser."""
    parser.add_argument("photo", type=Path, metavar="PHOTO")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    add_boxes(parser)
    add_pack(parser)
    add_device(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print what the photo holds."""
    known = read_boxes(arguments.boxes)
    check_named(known, arguments.boxes, [arguments.photo.name])
    image = decode(arguments.photo)
    analysis = Engine(arguments.pack, device=arguments.device).analyze(
        image, known.get(arguments.photo.name, ())
    )
    print(json.dumps(as_json(analysis)) if arguments.json else as_table(analysis))
    return 0


def as_json(analysis: Analysis) -> dict[str, Any]:
    """The stable JSON form: ``{"width", "height", "faces": [{"box", "score", "landmarks", "quality"}]}``."""
    return {
        "width": analysis.width,
        "height": analysis.height,
        "faces": [
            {
                "box": rounded(face.box),
                "score": round(face.score, 4),
                "landmarks": [rounded(point) for point in face.landmarks],
                "quality": round(face.quality.score, 4),
            }
            for face in analysis.faces
        ],
    }


def as_table(analysis: Analysis) -> str:
    """One line per face, numbered as ``anonymize --keep`` counts them."""
    count = len(analysis.faces)
    lines = [f"{analysis.width} x {analysis.height} px, {count} {'face' if count == 1 else 'faces'}"]
    return "\n".join(lines + [f"{i:>3}  {_describe(face)}" for i, face in enumerate(analysis.faces)])


def rounded(values: Any) -> list[float]:
    """Coordinates to a hundredth of a pixel."""
    return [round(float(value), 2) for value in values]


def _describe(face: Face) -> str:
    x0, y0, x1, y1 = face.box
    return (
        f"box {x0:.0f},{y0:.0f},{x1:.0f},{y1:.0f}  score {face.score:.3f}  "
        f"quality {face.quality.score:.2f}  yaw {face.quality.yaw:+.0f} degrees"
    )
