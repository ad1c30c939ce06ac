"""Judge decoys: recognisers before and after, structure, fairness, attacks; a report worth reading.

Stopped runs go on where they were, finished ones are read from the cache. Two runs with one seed write the same
results.json. Formulas: docs/evaluation.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mfmc_engine.commands.options import add_device, as_count
from mfmc_engine.errors import EngineError

HELP = "how well decoys hide people and keep the picture"
RECOGNIZERS = "dlib,mobilefacenet,lbph,eigenfaces,buffalo_l,deepface"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments to its parser."""
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the face set")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="REPORT", help="the folder the report goes to"
    )
    parser.add_argument(
        "--protocol",
        choices=("lfw", "folders", "random", "equal"),
        help="what DIR holds: LFW crops with people.csv, a folder per person, or labelled synthetic faces drawn at "
        "random or equally from each class (default: by what is in it)",
    )
    parser.add_argument(
        "--recognizers",
        default=RECOGNIZERS,
        metavar="LIST",
        help=f"default {RECOGNIZERS}; also deepface:MODEL and PATH.onnx[@imagenet]",
    )
    parser.add_argument(
        "--swapper",
        default="mesh",
        help="what puts donors on faces: mesh, neural, neural-sampled, inswapper_128 (default mesh)",
    )
    parser.add_argument(
        "--baselines",
        default="blur,pixelate,blackbox,none",
        metavar="LIST",
        help="what decoys are compared with (default all: blur,pixelate,blackbox,none)",
    )
    parser.add_argument(
        "--selection", default="random", metavar="LIST", help="random, farthest, nearest; main first"
    )
    parser.add_argument(
        "--metric",
        default="",
        metavar="LIST",
        help="cosine, euclidean, euclidean_l2 (default: each recogniser's own)",
    )
    parser.add_argument(
        "--limit", type=as_count, metavar="N", help="people to anonymise; all others stay in the gallery"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of all that is drawn; one seed, one results.json (default 0)"
    )
    parser.add_argument(
        "--ablate",
        action="store_true",
        help="also every alternative to a default: swappers, selection, thresholds, metrics",
    )
    parser.add_argument(
        "--export-study",
        type=Path,
        metavar="DIR",
        help="also write picture sets and an answer key for a human study",
    )
    parser.add_argument("--jobs", type=as_count, default=2, help="processes (default 2)")
    parser.add_argument(
        "--cache", type=Path, default=Path("var/evaluation"), metavar="DIR", help="default var/evaluation"
    )
    add_device(parser)


def run(arguments: argparse.Namespace) -> int:
    """Evaluate and write the report."""
    from mfmc_engine.evaluation import report
    from mfmc_engine.evaluation.ablation import ablated
    from mfmc_engine.evaluation.settings import Settings

    settings = Settings(
        data=arguments.data,
        cache=arguments.cache,
        protocol=arguments.protocol,
        recognizers=_names(arguments.recognizers),
        swapper=arguments.swapper,
        baselines=_names(arguments.baselines),
        selection=_names(arguments.selection, ("random", "farthest", "nearest"), "--selection"),
        metrics=_names(arguments.metric, ("cosine", "euclidean", "euclidean_l2"), "--metric"),
        limit=arguments.limit,
        seed=arguments.seed,
        device=arguments.device,
        jobs=1 if arguments.device == "cuda" else arguments.jobs,
    )
    settings = ablated(settings) if arguments.ablate else settings
    results = report.write(settings, arguments.out, arguments.export_study)
    print(report.bars_in_words(results))
    print(f"report: {arguments.out / 'report.html'}")
    return 0


def _names(text: str, known: tuple[str, ...] = (), option: str = "") -> Any:
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    wrong = [name for name in names if known and name not in known]
    if wrong:
        raise EngineError(f"{option}: {wrong[0]!r} is none of {', '.join(known)}")
    return names
