"""Keep freed memory for the next image instead of handing it back to the kernel after every tensor.

glibc maps every block over 128 KiB afresh and unmaps it when freed; each use then faults in zeroed pages. The
engine's intermediate images are just over that size, and in a sandboxed or virtualised process the faults cost
several times the arithmetic (measured: 4.6 s against 1.2 s for six swaps).
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache

from mfmc_engine import parameters as P

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


@cache
def keep_freed_memory() -> bool:
    """Once per process. True if the C library took the hint; elsewhere than glibc nothing happens."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, P.HEAP_BLOCK)) and bool(mallopt(_M_TRIM_THRESHOLD, P.HEAP_KEPT))
