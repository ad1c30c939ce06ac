"""Find faces, and replace those that must not be seen. Plain Python and torch: usable without the site."""

import os

# Idle OpenMP threads sleep instead of spinning. Beside other busy processes (web, worker) spinning made analyze() of a
# six-face photo take 114 s instead of 7 s. OpenMP reads this once, when torch loads it; who set it before keeps it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"  # part of every rendition's key: raise it when composing or decoys change
