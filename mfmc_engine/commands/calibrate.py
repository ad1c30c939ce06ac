"""``packs calibrate``: what a pack's recogniser says of people whose names are known, beside the thresholds in use."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from mfmc_engine import guarantee
from mfmc_engine import parameters as P
from mfmc_engine.calibration.thresholds import Calibration, Sample, calibrate, embed_all
from mfmc_engine.commands.options import add_device, as_count
from mfmc_engine.packs import load_pack
from mfmc_engine.recognition import space as spaces
from mfmc_engine.recognition.space import Space

# field of a Space: (its name in parameters.py after the prefix, dlib's name there, what it decides)
FIELDS = {
    "match": ("MATCH", "MATCH_THRESHOLD", "a face is taken for somebody, at the most"),
    "margin": ("MARGIN", "AMBIGUITY_MARGIN", "to the next person, or it is nobody's"),
    "claim": ("CLAIM", "CLAIM_THRESHOLD", "'that's me' is believed"),
    "claim_limit": ("CLAIM_LIMIT", "CLAIM_LIMIT", "nobody's word counts beyond"),
    "same_person": ("SAME_PERSON", "ENROLMENT_SAME_PERSON", "pictures of one account, at the most"),
    "original": ("ORIGINAL", "ORIGINAL_THRESHOLD", "a decoy keeps from the face it replaces"),
    "preferred": ("PREFERRED", "ORIGINAL_PREFERRED", "what it aims for there"),
    "apart": ("APART", "APART_PREFERRED", "what one person's decoys aim for"),
    "tail_rate": ("TAIL_RATE", "STRANGERS_TAIL_RATE", "share of strangers in the tail"),
    "tail_distance": ("TAIL_DISTANCE", "STRANGERS_TAIL_DISTANCE", "which lie nearer than this"),
    "tail_exponent": ("TAIL_EXPONENT", "STRANGERS_TAIL_EXPONENT", "and fall with this power"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments to its parser."""
    parser.add_argument("name", metavar="NAME", help="a pack, of which the recogniser is measured")
    parser.add_argument(
        "folder",
        type=Path,
        metavar="FOLDER",
        help="one subfolder a person; or a people.csv (file, person) beside crops like those of ../shared/data/lfw",
    )
    parser.add_argument(
        "--people", type=as_count, default=P.CALIBRATION_PEOPLE, help="at most, drawn (default %(default)s)"
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help="keep the thresholds beside the weights: they are used from then on",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_device(parser)


def run(arguments: argparse.Namespace) -> None:
    """Measure, tell, and keep what was measured if asked to."""
    pack = load_pack(arguments.name, arguments.device)
    recognizer = pack.recipe["recognizer"]
    sample = embed_all(pack, arguments.folder, arguments.people, _watched)
    found = calibrate(sample, recognizer)
    kept = spaces.keep(recognizer, found.space) if arguments.write else None
    if arguments.json:
        pictures = {
            "pictures": len(sample.files),
            "people": sample.people,
            "without_face": sample.without_face,
        }
        print(json.dumps({**pictures, **asdict(found), "written": kept and str(kept)}, indent=1))
        return
    _tell(sample, found, pack.space)
    _say_where(recognizer, kept)


def _watched(pictures: Sequence[tuple[str, Path]]) -> Iterator[tuple[str, Path]]:
    return iter(tqdm(pictures, desc="pictures", disable=None))


def _tell(sample: Sample, found: Calibration, used: Space) -> None:
    print(
        f"{found.space.name} on {len(sample.files):,} pictures of {sample.people:,} people: {found.own_pairs:,} pairs "
        f"of one person, {found.stranger_pairs:,} of strangers"
        + (f"; no face in {sample.without_face:,} more" if sample.without_face else "")
    )
    print(f"  {'':14} {'in use':>9} {'measured':>9}")
    for field, (_, _, decides) in FIELDS.items():
        print(f"  {field:14} {getattr(used, field):9.4g} {getattr(found.space, field):9.4g}  {decides}")
    print(f"  {'gallery of':14} {'in use':>9} {'measured':>9}  a face is taken for somebody out of so many")
    for size, share in found.kept.items():
        before, now = (guarantee.gallery_threshold(size, space) for space in (used, found.space))
        print(f"  {size:>14,} {before:9.4g} {now:9.4g}  {share:.1%} of pairs of one person still match")
    print("nearest strangers, to see whether one person has two names there:")
    for one, other, distance in found.nearest:
        print(f"  {distance:.3f}  {one}  {other}")


def _say_where(recognizer: str, kept: Path | None) -> None:
    if kept is not None:
        print(f"kept in {kept}: used from now on; delete the file to go back to what was assumed")
    elif recognizer == spaces.DLIB_RESNET:
        print(
            "dlib's thresholds are in mfmc_engine/parameters.py: " + ", ".join(f[1] for f in FIELDS.values())
        )
    else:
        print(
            f"with --write they are kept in {spaces.measured_in(recognizer)} and used from then on; to ship them for "
            "everybody: mfmc_engine/parameters.py, " + ", ".join(f"ARCFACE_{f[0]}" for f in FIELDS.values())
        )
