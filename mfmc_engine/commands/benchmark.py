"""Measure the engine: faces found on annotated photos, and speed on one photo."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mfmc_engine import imaging
from mfmc_engine.commands.options import add_device
from mfmc_engine.errors import EngineError
from mfmc_engine.packs import load_pack

HELP = "measure the engine"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments to its parser."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    recall = kinds.add_parser(
        "recall", help="faces found, false positives and seconds on photos with boxes.json"
    )
    recall.add_argument("folder", type=Path, metavar="DIR")
    recall.add_argument(
        "--angles",
        default=None,
        help="degrees to turn the photos by, such as 0,90 (the default is all that have a bar)",
    )
    recall.add_argument("--json", action="store_true", help="print JSON, one line per angle")
    recall.add_argument("--threads", type=int, default=1)
    add_device(recall)
    speed = kinds.add_parser(
        "speed", help="seconds per stage on one photo, beside a dlib and OpenCV baseline"
    )
    speed.add_argument("photo", type=Path, metavar="PHOTO")
    speed.add_argument("--repeats", type=int, default=5)
    speed.add_argument("--json", action="store_true", help="print JSON")
    speed.add_argument("--threads", type=int, default=2)
    add_device(speed)


def run(arguments: argparse.Namespace) -> int:
    """Print the figures of one kind of measurement."""
    return _recall(arguments) if arguments.kind == "recall" else _speed(arguments)


def _speed(arguments: argparse.Namespace) -> int:
    """Print one line per stage, then the sums and ratios."""
    from mfmc_engine.engine import Engine
    from mfmc_engine.evaluation.speed import measure, summary

    engine = Engine(device=arguments.device, threads=arguments.threads)
    faces, stages = measure(imaging.decode(arguments.photo), engine, arguments.repeats)
    figures = summary(stages)
    if arguments.json:
        medians = {name: stage.median for name, stage in stages.items()}
        print(json.dumps({"faces": faces, "stages_s": medians, **figures}))
        return 0
    print(f"{faces} faces, {arguments.threads} threads, {arguments.repeats} repeats")
    for stage in stages.values():
        print(f"  {stage.name:<20} {1000 * stage.median:8.1f} ms (best {1000 * stage.best:.1f})")
    for name, value in figures.items():
        print(f"  {name} = {value:.3g}")
    return 0


def _recall(arguments: argparse.Namespace) -> int:
    """Print one line per angle, each figure beside its bar; 1 if a bar is missed."""
    from mfmc_engine.evaluation.recall import ANGLES, measure

    try:
        angles = tuple(int(a) for a in arguments.angles.split(",")) if arguments.angles else ANGLES
    except ValueError:
        raise EngineError(
            f"--angles {arguments.angles!r}: not a list of whole degrees such as 0,90"
        ) from None
    pack = load_pack("builtin", arguments.device, arguments.threads)
    passed = True
    for angle, tally in measure(pack.detector, arguments.folder, angles):
        figures, bars = tally.summary(), tally.bars(angle)
        passed &= all(met for *_, met in bars)
        if arguments.json:
            print(json.dumps({"angle": angle, **figures, "passed": all(met for *_, met in bars)}), flush=True)
            continue
        print(f"turned {angle:>3} degrees, {figures['seconds_per_megapixel']:.2f} s of processor a megapixel")
        for what, figure, comparison, bar, met in bars:
            verdict = "pass" if met else "FAIL"
            print(f"  {verdict}  {what:<24} {figure:.4g} ({comparison} {bar:g})", flush=True)
    return 0 if passed else 1
