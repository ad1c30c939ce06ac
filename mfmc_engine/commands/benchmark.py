"""Measure the engine: faces found and faces swapped on annotated photos, and speed on one photo."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mfmc_engine import imaging
from mfmc_engine.batching.launching import LAUNCHES
from mfmc_engine.commands.options import add_device, add_pack, as_count
from mfmc_engine.errors import EngineError
from mfmc_engine.packs import load_pack
from mfmc_engine.parameters import DEVICE_BATCHES, SWAPPED_BAR, SWAPPED_SIZE

if TYPE_CHECKING:
    from mfmc_engine.engine import Engine
    from mfmc_engine.evaluation.recall import Tally

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
    recall.add_argument(
        "--spoiled",
        action="store_true",
        help="spoil the photos instead: dark, bright, noisy, blurred, grey, hazy, badly compressed",
    )
    recall.add_argument(
        "--covered",
        action="store_true",
        help="draw things before the faces instead: masks, scarves, sunglasses, caps, phones, cups, fists",
    )
    recall.add_argument("--json", action="store_true", help="print JSON, one line per angle, way or cover")
    recall.add_argument("--threads", type=as_count, default=1)
    add_device(recall)
    alone = kinds.add_parser(
        "alone", help="people of the same photos missed when cut out alone, with something before their faces"
    )
    alone.add_argument("folder", type=Path, metavar="DIR")
    alone.add_argument("--every", type=as_count, default=1, metavar="N", help="only every N-th person")
    alone.add_argument("--angles", help="degrees to turn the pictures by (the default is the quarter turns)")
    alone.add_argument("--json", action="store_true", help="print JSON, one line per cover and angle")
    alone.add_argument("--threads", type=as_count, default=1)
    add_device(alone)
    cutouts = kinds.add_parser(
        "cutouts", help="faces missed in tight cutouts, alone and with their edges drawn out"
    )
    cutouts.add_argument("folder", type=Path, metavar="DIR")
    cutouts.add_argument("--every", type=as_count, default=1, metavar="N", help="only every N-th picture")
    cutouts.add_argument("--json", action="store_true", help="print JSON, one line per surroundings")
    cutouts.add_argument("--threads", type=as_count, default=1)
    add_device(cutouts)
    swaps = kinds.add_parser(
        "swaps", help="faces of the same photos that are swapped, and why others are redacted"
    )
    swaps.add_argument("folder", type=Path, metavar="DIR")
    swaps.add_argument("--json", action="store_true", help="print JSON")
    swaps.add_argument("--threads", type=as_count, default=1)
    add_pack(swaps)
    add_device(swaps)
    speed = kinds.add_parser(
        "speed", help="seconds per stage on one photo, beside a dlib and OpenCV baseline"
    )
    speed.add_argument("photo", type=Path, metavar="PHOTO")
    speed.add_argument("--repeats", type=as_count, default=5)
    speed.add_argument("--json", action="store_true", help="print JSON")
    speed.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="also measure scaling and memory; write speed.json and speed.svg",
    )
    speed.add_argument("--quick", action="store_true", help="small sizes: whether it runs, not how fast")
    speed.add_argument("--threads", type=as_count, default=2)
    add_pack(speed)
    speed.add_argument(
        "--batches",
        metavar="N,N",
        help="photos at once: also measure throughput, and the floor that arithmetic sets; on a card "
        f"{','.join(map(str, DEVICE_BATCHES))} unless said otherwise, on the CPU only if asked for",
    )
    speed.add_argument("--precision", choices=("float32", "bfloat16", "float16"), default="float32")
    speed.add_argument(
        "--launch",
        choices=LAUNCHES,
        default="eager",
        help="how the builtin networks are launched (docs/gpu.md); on a card all ways are measured beside this one",
    )
    add_device(speed)


def run(arguments: argparse.Namespace) -> int:
    """Print the figures of one kind of measurement."""
    kinds = {"recall": _recall, "alone": _alone, "cutouts": _cutouts, "swaps": _swaps, "speed": _speed}
    return kinds[arguments.kind](arguments)


def _speed(arguments: argparse.Namespace) -> int:
    """Print one line per stage, then the sums and ratios."""
    from mfmc_engine.engine import Engine
    from mfmc_engine.evaluation.speed import measure, summary

    engine = Engine(
        arguments.pack, arguments.device, arguments.threads, arguments.precision, arguments.launch
    )
    batches = _batches(arguments)
    faces, stages = measure(imaging.decode(arguments.photo), engine, arguments.repeats)
    figures = summary(stages)
    if arguments.out:
        figures |= _scaling(arguments, engine, faces, {n: s.median for n, s in stages.items()}, figures)
    device = _device(arguments, engine, batches) if batches else {}
    if arguments.json:
        medians = {name: stage.median for name, stage in stages.items()}
        extra = {"device": device} if device else {}
        print(json.dumps({"faces": faces, "stages_s": medians, **figures, **extra}))
        return 0
    print(f"pack {arguments.pack}, {faces} faces, {arguments.threads} threads, {arguments.repeats} repeats")
    for stage in stages.values():
        print(f"  {stage.name:<20} {1000 * stage.median:8.1f} ms (best {1000 * stage.best:.1f})")
    for name, value in figures.items():
        print(f"  {name} = {value:.3g}")
    if device:
        _print_device(device)
    return 0


def _batches(arguments: argparse.Namespace) -> tuple[int, ...]:
    if arguments.batches is None:
        return () if arguments.device == "cpu" else DEVICE_BATCHES
    try:
        batches = tuple(int(n) for n in arguments.batches.split(","))
    except ValueError:
        batches = (0,)
    if min(batches) < 1:
        raise EngineError(f"--batches {arguments.batches!r}: not a list of numbers of photos such as 1,8")
    return batches


def _device(arguments: argparse.Namespace, engine: Engine, batches: tuple[int, ...]) -> dict[str, Any]:
    """The device's report, also in device.json under --out."""
    from mfmc_engine.evaluation import device_speed

    found = device_speed.report(imaging.decode(arguments.photo), engine, batches, arguments.repeats)
    if arguments.out:
        (arguments.out / "device.json").write_text(json.dumps(found, indent=1) + "\n")
    return found


def _print_device(found: dict[str, Any]) -> None:
    from mfmc_engine.evaluation import device_speed

    print(f"{found['device']}, {found['precision']}, {found['launch']}")
    for stage, seconds in found["stages_s"].items():
        print(f"  {stage:<20} {1000 * seconds:8.1f} ms")
    for point in found["batches"]:
        rate = (
            f"{point['photos_per_s']:.2f} photos/s, {point['faces_per_s']:.1f} faces/s swapped and verified"
        )
        print(f"  {point['batch']:>3} at once: {rate}")
    work, rates = found["operations"], found["matmul_operations_per_s"]
    print(
        f"  networks: {work['analyse'] / 1e9:.1f} + {work['decoys'] / 1e9:.1f} GFLOP a photo (analyse + decoys)"
    )
    print(
        f"  matrix products: {rates['float32'] / 1e12:.3g} TFLOP/s float32, {rates['bfloat16'] / 1e12:.3g} bfloat16"
    )
    print(
        f"  floor {1000 * found['floor_s_per_photo']:.2f} ms a photo, {found['share_of_floor']:.1%} of it reached"
    )
    for way in found.get("launches", []):
        verdict = "pays" if way["pays"] else ""
        print(
            f"  {way['launch']:<8} {way['batch']:>3} at once: {way['photos_per_s']:.2f} photos/s, "
            f"{way['times_eager']:.2f} times eager {verdict}".rstrip()
        )
    if "faster_than_cpu" in found:
        print(f"  {found['cpu_photos_per_s']:.2f} photos/s on the CPU, 2 threads")
        for what, figure, bar, met in device_speed.bars(found):
            print(f"  {'pass' if met else 'FAIL'}  {what:<38} {figure:.4g} (>= {bar:g})")


def _scaling(
    arguments: argparse.Namespace,
    engine: Engine,
    faces: int,
    stages: dict[str, float],
    figures: dict[str, float],
) -> dict[str, float]:
    """Write speed.json and speed.svg; the figures of memory, for those who read the terminal."""
    from mfmc_engine.evaluation import charts, scaling

    sizes = scaling.QUICK if arguments.quick else scaling.Sizes()
    people, megapixels = max(sizes.faces), max(sizes.megapixels)
    curves = scaling.curves(imaging.decode(arguments.photo), engine, sizes)
    memory = scaling.memory(str(arguments.photo), people, megapixels, arguments.threads, arguments.pack)
    arguments.out.mkdir(parents=True, exist_ok=True)
    report = {
        "faces": faces,
        "threads": arguments.threads,
        "stages_s": stages,
        **figures,
        "memory": {"megapixels": megapixels, **memory},
        "photos_per_second": [asdict(curve) for curve in curves],
    }
    (arguments.out / "speed.json").write_text(json.dumps(report, indent=1) + "\n")
    caption = f"{arguments.threads} threads, {faces} faces unless stated"
    (arguments.out / "speed.svg").write_text(charts.draw(curves, caption))
    return {f"peak_memory_mb_{people}_faces_{megapixels:g}_megapixels": memory["peak_mb"]}


def _recall(arguments: argparse.Namespace) -> int:
    """Print one line per angle, each figure beside its bar; 1 if a bar is missed."""
    from mfmc_engine.evaluation.recall import ANGLES, measure

    if arguments.spoiled and (arguments.covered or arguments.angles):
        raise EngineError("--spoiled goes with neither --angles nor --covered")
    if arguments.spoiled or arguments.covered:
        return _altered(arguments)
    angles = _angles(arguments.angles, ANGLES)
    pack = load_pack("builtin", arguments.device, arguments.threads)
    passed = True
    for angle, tally in measure(pack, arguments.folder, angles):
        figures, bars = tally.summary(), tally.bars(angle)
        passed &= all(met for *_, met in bars)
        if arguments.json:
            print(json.dumps({"angle": angle, **figures, "passed": all(met for *_, met in bars)}), flush=True)
            continue
        print(
            f"turned {angle:>3} degrees, {figures['seconds_per_megapixel']:.2f} s of processor a megapixel,"
            f" {figures['false_positives_per_photo']:.2f} false positives a photo without the gate"
        )
        for what, figure, comparison, bar, met in bars:
            verdict = "pass" if met else "FAIL"
            print(f"  {verdict}  {what:<30} {figure:.4g} ({comparison} {bar:g})", flush=True)
    return 0 if passed else 1


def _angles(given: str | None, default: tuple[int, ...]) -> tuple[int, ...]:
    try:
        return tuple(int(degrees) for degrees in given.split(",")) if given else default
    except ValueError:
        raise EngineError(f"--angles {given!r}: not a list of whole degrees such as 0,90") from None


def _altered(arguments: argparse.Namespace) -> int:
    """Print one line per way in which the photos are spoiled, or per angle and cover of the faces; no bar is set on
    these."""
    from mfmc_engine.evaluation.recall import measure_covered, measure_spoiled

    angles = _angles(arguments.angles, (0,))
    pack = load_pack("builtin", arguments.device, arguments.threads)
    if arguments.spoiled:
        for way, tally in measure_spoiled(pack, arguments.folder):
            _print_altered(arguments, {"spoiled": way.name}, tally)
        return 0
    for cover, angle, tally in measure_covered(pack, arguments.folder, angles):
        _print_altered(arguments, {"covered": cover.name, "angle": angle}, tally)
    return 0


def _print_altered(arguments: argparse.Namespace, what: dict[str, Any], tally: Tally) -> None:
    if arguments.json:
        print(json.dumps({**what, **tally.summary()}), flush=True)
        return
    name = ", turned by ".join(str(one) for one in what.values() if one != 0)
    found = ", ".join(f"{tally.found[s]} of {tally.faces[s]} of {s} px" for s in tally.faces)
    print(f"{name + ':':<32} {found}, {tally.false_positives} false positives", flush=True)


def _alone(arguments: argparse.Namespace) -> int:
    """Print one line per cover and angle: how many people are missed, and who."""
    from mfmc_engine.evaluation import alone

    angles = _angles(arguments.angles, alone.ANGLES)
    pack = load_pack("builtin", arguments.device, arguments.threads)
    people = alone.people(pack, arguments.folder, arguments.every)
    for cover, angle, missed in alone.measure(pack.detector, people, angles):
        if arguments.json:
            line = {"covered": cover.name, "angle": angle, "people": len(people), "missed": missed}
            print(json.dumps(line), flush=True)
            continue
        print(f"{cover.name}, turned by {angle}: {len(missed)} of {len(people)} missed")
        for name in missed:
            print(f"  {name}", flush=True)
    return 0


def _cutouts(arguments: argparse.Namespace) -> int:
    """Print one line per surroundings: how many faces are missed, and in which pictures."""
    from mfmc_engine.evaluation.cutouts import measure

    pack = load_pack("builtin", arguments.device, arguments.threads)
    for surroundings, missed, count in measure(pack.detector, arguments.folder, arguments.every):
        if arguments.json:
            print(json.dumps({"surroundings": surroundings.name, "pictures": count, "missed": missed}))
            continue
        print(f"{surroundings.name}: {len(missed)} of {count} missed")
        for name in missed:
            print(f"  {name}", flush=True)
    return 0


def _swaps(arguments: argparse.Namespace) -> int:
    """Print which faces are redacted and why, and the share that is swapped beside its bar; 1 if the bar is missed."""
    from mfmc_engine.engine import Engine
    from mfmc_engine.evaluation.swaps import measure

    tally = measure(
        Engine(arguments.pack, arguments.device, arguments.threads),
        arguments.folder,
    )
    if arguments.json:
        print(json.dumps(tally.summary()))
        return 0 if tally.passed else 1
    print(f"{tally.photos} photos, {tally.found} of {tally.faces} faces of {SWAPPED_SIZE} px and more found")
    for one in tally.redacted:
        box = ",".join(f"{side:.0f}" for side in one.box)
        print(f"  {one.photo:<24} {box:<20} redacted: {one.why}")
    for why, count in tally.reasons():
        print(f"  {count:>3} {why}")
    verdict = "pass" if tally.passed else "FAIL"
    print(f"  {verdict}  {'swapped':<30} {tally.share:.4g} (>= {SWAPPED_BAR:g})")
    return 0 if tally.passed else 1
