"""Train our own face swapper on synthetic portraits: pack them, rehearse, profile a device, train, look, export.

On a card: ``train run FACES OUT --device cuda --minutes 8``, again and again; each call goes on from the last.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mfmc_engine.errors import EngineError

if TYPE_CHECKING:
    from mfmc_engine.training.run import Trainer
    from mfmc_engine.training.settings import Settings

HELP = "train our own face swapper"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments to its parser."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    pack = kinds.add_parser("pack", help="portraits into one file that travels")
    pack.add_argument("folder", type=Path, metavar="DIR")
    pack.add_argument("out", type=Path, metavar="FACES")
    pack.add_argument("--limit", type=int, help="the first so many portraits only")
    run = kinds.add_parser("run", help="train; goes on from the checkpoint in OUT")
    run.add_argument("--minutes", type=float, default=8.0)
    run.add_argument("--steps", type=int, help="stop at this step")
    profile = kinds.add_parser(
        "profile", help="images a second on this device, and what a training would take"
    )
    profile.add_argument("--minutes", type=float, default=5.0)
    for sub in (run, profile):
        sub.add_argument("faces", type=Path, metavar="FACES")
        sub.add_argument("out", type=Path, metavar="OUT")
        sub.add_argument("--resnet", type=Path, help="dlib's ResNet; default: the installed one")
        sub.add_argument("--device", default="cpu")
        sub.add_argument("--batch", type=int)
        sub.add_argument("--width", type=int)
        sub.add_argument("--seed", type=int)
        sub.add_argument("--threads", type=int, default=2)
        sub.add_argument("--compile", action="store_true", help="torch.compile the swapper")
    export = kinds.add_parser("export", help="the best weights of a run, in half precision")
    export.add_argument("out", type=Path, metavar="OUT")
    export.add_argument("weights", type=Path, metavar="FILE")


def run(arguments: argparse.Namespace) -> int:
    """Run one of the subcommands."""
    if arguments.kind == "pack":
        _pack(arguments)
    elif arguments.kind == "export":
        from mfmc_engine.swapping.neural import export

        size = export(arguments.out, arguments.weights)
        print(f"{arguments.weights}: {size / 2**20:.1f} MiB")
    elif arguments.kind == "profile":
        _profile(arguments)
    else:
        _run(arguments)
    return 0


def _pack(arguments: argparse.Namespace) -> None:
    from mfmc_engine.packs import load_pack
    from mfmc_engine.training.dataset import pack

    count = pack(arguments.folder, load_pack("builtin").recognizer, arguments.out, arguments.limit)
    print(f"{arguments.out}: {count} portraits, {arguments.out.stat().st_size / 2**20:.1f} MiB")


def _trainer(arguments: argparse.Namespace) -> Trainer:
    import torch

    from mfmc_engine.memory import keep_freed_memory
    from mfmc_engine.packs.builtin import dlib_weights
    from mfmc_engine.training.dataset import Portraits
    from mfmc_engine.training.network import swap
    from mfmc_engine.training.run import Trainer

    if arguments.device.startswith("cuda") and not torch.cuda.is_available():
        raise EngineError(f"device {arguments.device!r} asked for, but this PyTorch sees no CUDA device")
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()
    resnet = arguments.resnet or dlib_weights("dlib_face_recognition_resnet_model_v1.dat")
    portraits = Portraits.load(arguments.faces, arguments.device)
    if not len(portraits):
        raise EngineError(f"{arguments.faces}: no portraits to train on")
    trainer = Trainer.new(_settings(arguments), portraits, resnet, arguments.device)
    if arguments.compile:
        trainer.step_function = torch.compile(swap)
    return trainer


def _settings(arguments: argparse.Namespace) -> Settings:
    from mfmc_engine.training.settings import Settings

    given = {name: getattr(arguments, name) for name in ("batch", "width", "seed")}
    return replace(Settings(), **{name: value for name, value in given.items() if value is not None})


def _run(arguments: argparse.Namespace) -> None:
    from mfmc_engine.training.dataset import Portraits
    from mfmc_engine.training.run import train

    trainer = _trainer(arguments)
    held_out = Portraits.load(arguments.faces, arguments.device, validation=True)
    found = train(trainer, held_out, arguments.out, arguments.minutes * 60, arguments.steps)
    print(json.dumps({"step": trainer.step, "best": trainer.best, **found}))


def _profile(arguments: argparse.Namespace) -> None:
    """Steps for a while; the first ones, in which kernels are chosen and compiled, do not count."""
    import torch

    trainer = _trainer(arguments)

    def wait() -> None:
        if trainer.device.type == "cuda":
            torch.cuda.synchronize()

    for _ in range(3):
        trainer.advance()
    wait()
    start, steps = time.monotonic(), 0
    while time.monotonic() - start < arguments.minutes * 60:
        trainer.advance()
        steps += 1
    wait()
    rate = steps * trainer.settings.batch / (time.monotonic() - start)
    report = {"device": arguments.device, "batch": trainer.settings.batch, "images_per_s": round(rate, 1)}
    report["minutes_for_1M_images"] = round(1e6 / rate / 60, 1)
    if trainer.device.type == "cuda":
        report["card"] = torch.cuda.get_device_name()
        report["peak_memory_gb"] = round(torch.cuda.max_memory_allocated() / 1e9, 2)
    print(json.dumps(report))
