"""``python -m mfmc_engine donors build DIR``, ``... age BANK``, ``... fold BANK``, ``... look BANK``, ``... check``."""

from __future__ import annotations

import argparse
from importlib.resources import files
from pathlib import Path

from mfmc_engine.donors import bank


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of ``donors`` to ``parser``."""
    commands = parser.add_subparsers(dest="donors_command", required=True)
    build = commands.add_parser("build", help="make the donor bank from a folder of synthetic portraits")
    build.add_argument(
        "portraits", type=Path, metavar="DIR", help="folder with meta.npz and the pictures it names"
    )
    build.add_argument("--out", type=Path, default=Path(__file__).parent / "faces", help="folder of the bank")
    build.add_argument("--attempts", type=int, default=48, help="recipes tried per gender, group and variant")
    build.add_argument("--seed", type=int, default=0)
    build.add_argument("--jobs", type=int, default=2, help="processes")
    build.add_argument(
        "--leave-out", type=Path, metavar="FILE", help="names of portraits not to use, one a line"
    )
    build.add_argument("--cache", type=Path, default=Path("var/embeddings"), help="where embeddings are kept")
    for step, what, source in (
        ("age", "make some donors of a fresh bank look older, or younger", "build"),
        ("fold", "give the older donors of that bank the folds of older people", "age"),
    ):
        parser_of_step = commands.add_parser(step, help=what)
        parser_of_step.add_argument(
            "bank", type=Path, metavar="BANK", help=f"folder that `donors {source}` wrote"
        )
        parser_of_step.add_argument(
            "--lfw", type=Path, required=True, metavar="DIR", help="photos that ageing is learnt from"
        )
        parser_of_step.add_argument(
            "--out", type=Path, default=Path(__file__).parent / "faces", help="folder of the bank"
        )
    look = commands.add_parser("look", help="note what a second network sees in the donors of that bank")
    look.add_argument(
        "bank", type=Path, metavar="BANK", help="folder that `donors fold` wrote; it is changed"
    )
    look.add_argument(
        "--weights", type=Path, required=True, metavar="DIR", help="model/ of npm's @vladmandic/face-api"
    )
    commands.add_parser("check", help="compare the shipped bank with its checksums")


def run(arguments: argparse.Namespace) -> int:
    """Run the parsed subcommand; returns the exit status."""
    if arguments.donors_command == "check":
        shipped = bank.load()
        shipped.verify()
        print(f"{len(shipped)} donors, all as their checksums say")
        return 0
    if arguments.donors_command in ("age", "fold"):
        from mfmc_engine.donors import aged

        step = aged.age if arguments.donors_command == "age" else aged.fold
        changed = step(arguments.bank, arguments.lfw, arguments.out)
        print(f"{changed} donors changed in {arguments.out}")
        return 0
    if arguments.donors_command == "look":
        from mfmc_engine.donors import second_opinion

        print(
            f"{second_opinion.look(arguments.bank, arguments.weights)} donors looked at in {arguments.bank}"
        )
        return 0
    # Building needs scipy, OpenCV and dlib-bin, using the bank does not.
    from mfmc_engine.donors.build import build
    from mfmc_engine.donors.portraits import names_in
    from mfmc_engine.donors.publish import publish

    listed = arguments.leave_out or files("mfmc_engine.donors") / "left_out.txt"
    donors = build(
        arguments.portraits,
        names_in(listed.read_text()),
        arguments.cache,
        arguments.attempts,
        arguments.seed,
        arguments.jobs,
    )
    command = (
        f"python -m mfmc_engine donors build {arguments.portraits} --attempts {arguments.attempts} "
        f"--seed {arguments.seed}"
    )
    publish(donors, arguments.out, command)
    print(f"{len(donors)} donors in {arguments.out}")
    return 0
