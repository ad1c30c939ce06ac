"""``python -m mfmc_engine COMMAND``: the engine on the command line.

Exit status: 0 done; 1 some photos of a folder failed; 2 bad input, reported as one line on standard error; 130
interrupted. A traceback is never shown: set ``MFMC_DEBUG=1`` to get one.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

from PIL import Image as PILImage

from mfmc_engine import __version__
from mfmc_engine.commands import analyze, anonymize, benchmark, evaluate, packs
from mfmc_engine.commands.options import one_line
from mfmc_engine.donors import command as donors

COMMANDS = {
    "analyze": (analyze, analyze.HELP),
    "anonymize": (anonymize, anonymize.HELP),
    "benchmark": (benchmark, benchmark.HELP),
    "evaluate": (evaluate, evaluate.HELP),
    "donors": (donors, "build and check the bank of synthetic donor faces"),
    "packs": (packs, packs.HELP),
}


class _Parser(argparse.ArgumentParser):
    """Reports a wrong command line in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (--help shows the usage)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    warnings.simplefilter(
        "ignore", PILImage.DecompressionBombWarning
    )  # imaging.py has its own, stricter limit
    arguments = _parser().parse_args(argv)
    module, _ = COMMANDS[arguments.command]
    try:
        return module.run(arguments)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if os.environ.get("MFMC_DEBUG"):
            raise
        print(f"mfmc_engine {arguments.command}: {one_line(error)}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m mfmc_engine", description="Find faces in photos and replace them by decoys."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    for name, (module, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=(module.__doc__ or text).split("\n\n")[0])
        module.add_arguments(command)
    return parser
