"""``python -m mfmc_engine``."""

import sys

from mfmc_engine.cli import main

sys.exit(main())
