"""Train our own face swapper on synthetic portraits: pack them, look, rehearse, profile a device, train, export.

On a card: ``train run FACES OUT --device cuda --minutes 8``, again and again; each call goes on from the last.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mfmc_engine.commands.options import as_count
from mfmc_engine.errors import EngineError

if TYPE_CHECKING:
    from mfmc_engine.training.run import Trainer
    from mfmc_engine.training.settings import Settings

HELP = "train our own face swapper"
SETTINGS = ("batch", "width", "blocks", "size", "every", "seed")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments to its parser."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    pack = kinds.add_parser("pack", help="portraits into one file that travels")
    pack.add_argument("folder", type=Path, metavar="DIR")
    pack.add_argument("out", type=Path, metavar="FACES")
    pack.add_argument("--limit", type=as_count, help="the first so many portraits only")
    sheet = kinds.add_parser("sheet", help="a picture of what augmentation makes of eight portraits")
    sheet.add_argument("faces", type=Path, metavar="FACES")
    sheet.add_argument("picture", type=Path, metavar="JPEG")
    sheet.add_argument("--seed", type=int, default=0)
    run = kinds.add_parser("run", help="train; goes on from the checkpoint in OUT")
    run.add_argument("--minutes", type=float, default=8.0)
    run.add_argument("--steps", type=as_count, help="stop at this step")
    profile = kinds.add_parser(
        "profile", help="images a second on this device, and what to expect of cards that are not here"
    )
    profile.add_argument("--minutes", type=float, default=5.0)
    overfit = kinds.add_parser("overfit", help="rehearse: a small network must learn a few faces by heart")
    overfit.add_argument("--steps", type=as_count, default=300)
    overfit.add_argument("--faces-count", type=as_count, default=32, metavar="N")
    for sub in (run, profile, overfit):
        _add_training(sub)
    export = kinds.add_parser("export", help="the best weights of a run, in half precision")
    export.add_argument("out", type=Path, metavar="OUT")
    export.add_argument(
        "weights", type=Path, nargs="?", metavar="FILE", help="default: where the pack neural looks for them"
    )


def _add_training(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("faces", type=Path, metavar="FACES")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--resnet", type=Path, help="dlib's ResNet; default: the installed one")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=as_count, default=2)
    parser.add_argument("--compile", action="store_true", help="torch.compile the swapper")
    parser.add_argument(
        "--fast", action="store_true", help="on a card, kernels whose last bits differ from run to run"
    )
    for name in SETTINGS:
        kind = int if name == "seed" else as_count
        parser.add_argument(f"--{name}", type=kind, help=argparse.SUPPRESS if name == "every" else None)


def run(arguments: argparse.Namespace) -> int:
    """Run one of the subcommands; 1 if a rehearsal did not learn."""
    kinds = {
        "pack": _pack,
        "sheet": _sheet,
        "run": _run,
        "profile": _profile,
        "overfit": _overfit,
        "export": _export,
    }
    return kinds[arguments.kind](arguments)


def _pack(arguments: argparse.Namespace) -> int:
    from mfmc_engine.packs import load_pack
    from mfmc_engine.training.dataset import pack

    count = pack(arguments.folder, load_pack("builtin").recognizer, arguments.out, arguments.limit)
    print(f"{arguments.out}: {count} portraits, {arguments.out.stat().st_size / 2**20:.1f} MiB")
    return 0


def _sheet(arguments: argparse.Namespace) -> int:
    from mfmc_engine.training import sheet
    from mfmc_engine.training.dataset import Portraits

    sheet.augmented(Portraits.load(arguments.faces, "cpu", limit=8), arguments.picture, arguments.seed)
    print(arguments.picture)
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from mfmc_engine.packs import store
    from mfmc_engine.packs.catalogue import NEURAL
    from mfmc_engine.training.export import export

    weights = arguments.weights or store.root() / NEURAL.name / NEURAL.weights[0].file
    size = export(arguments.out, weights)
    print(f"{weights}: {size / 2**20:.1f} MiB")
    return 0


def _trainer(arguments: argparse.Namespace, settings: Settings, limit: int | None = None) -> Trainer:
    import torch

    from mfmc_engine.memory import keep_freed_memory
    from mfmc_engine.packs.builtin import dlib_weights
    from mfmc_engine.training.dataset import Portraits
    from mfmc_engine.training.network import swap
    from mfmc_engine.training.run import Trainer

    if arguments.device.startswith("cuda") and not torch.cuda.is_available():
        raise EngineError(f"device {arguments.device!r} asked for, but this PyTorch sees no CUDA device")
    torch.set_num_threads(arguments.threads)
    torch.backends.cudnn.benchmark = arguments.fast
    if arguments.device.startswith("cuda") and not arguments.fast:  # on a CPU they always are
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when cuBLAS starts
        torch.use_deterministic_algorithms(True, warn_only=True)
    keep_freed_memory()
    resnet = arguments.resnet or dlib_weights("dlib_face_recognition_resnet_model_v1.dat")
    portraits = Portraits.load(arguments.faces, arguments.device, limit=limit)
    if not len(portraits):
        raise EngineError(f"{arguments.faces}: no portraits to train on")
    trainer = Trainer.new(settings, portraits, resnet, arguments.device)
    if arguments.compile:
        trainer.step_function = torch.compile(swap)
    return trainer


def _settings(arguments: argparse.Namespace, start: Settings | None = None) -> Settings:
    from mfmc_engine.training.settings import Settings

    given = {name: getattr(arguments, name) for name in SETTINGS}
    return replace(start or Settings(), **{name: value for name, value in given.items() if value is not None})


def _run(arguments: argparse.Namespace) -> int:
    from mfmc_engine.training.dataset import Portraits
    from mfmc_engine.training.run import train

    trainer = _trainer(arguments, _settings(arguments))
    held_out = Portraits.load(arguments.faces, arguments.device, validation=True)
    found = train(trainer, held_out, arguments.out, arguments.minutes * 60, arguments.steps)
    print(json.dumps({"step": trainer.step, "best": trainer.best, **found}))
    return 0


def _profile(arguments: argparse.Namespace) -> int:
    from mfmc_engine.training import profile
    from mfmc_engine.training.settings import Settings

    settings = _settings(arguments)
    measured = profile.measure(_trainer(arguments, settings), arguments.minutes * 60)
    report = {"measured": measured}
    if arguments.device == "cpu":  # what is measured on a card needs no prediction
        work = profile.count(_trainer(arguments, settings))
        report["counted_per_image"] = work.per_image()
        report["predicted"] = profile.predictions(work, Settings().batch)  # what a card is given
    print(json.dumps(report, indent=1))
    return 0


def _overfit(arguments: argparse.Namespace) -> int:
    from mfmc_engine.training.rehearsal import SMALL, rehearse

    trainer = _trainer(arguments, _settings(arguments, SMALL), arguments.faces_count)
    lessons = rehearse(trainer, arguments.out, arguments.steps)
    for lesson in lessons:
        print(lesson)
    return 0 if all(lesson.learnt for lesson in lessons) else 1
