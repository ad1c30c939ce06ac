"""``python -m mfmc_engine.donors``: the ``donors`` part of the command line on its own."""

import argparse
import sys

from mfmc_engine.donors.command import add_arguments, run
from mfmc_engine.errors import EngineError

parser = argparse.ArgumentParser(prog="python -m mfmc_engine.donors")
add_arguments(parser)
try:
    sys.exit(run(parser.parse_args()))
except EngineError as error:
    print(error, file=sys.stderr)
    sys.exit(2)
