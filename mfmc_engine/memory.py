"""What the process holds: freed memory is kept for the next image instead of going back to the kernel every tensor.

glibc maps every block over 128 KiB afresh and unmaps it when freed; each use then faults in zeroed pages. The
engine's intermediate images are just over that size, and in a sandboxed or virtualised process the faults cost
several times the arithmetic (measured: 4.6 s against 1.2 s for six swaps). And it gives threads heaps of their own,
each with freed memory that the others cannot use: for two at work on t1.jpg (batching/cores.py) another 200 MB.
"""

from __future__ import annotations

import ctypes
import resource
import sys
from functools import cache
from pathlib import Path

from mfmc_engine import parameters as P

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h


@cache
def keep_freed_memory() -> bool:
    """Once per process. True if the C library took the hint; elsewhere than glibc nothing happens."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    wanted = {_M_MMAP_THRESHOLD: P.HEAP_BLOCK, _M_TRIM_THRESHOLD: P.HEAP_KEPT, _M_ARENA_MAX: P.HEAPS}
    taken = [bool(mallopt(setting, value)) for setting, value in wanted.items()]
    return all(taken)


def peak_megabytes() -> float:
    """Most that this process has held resident since it started, in MiB.

    Linux counts the parent's peak into getrusage's, when a child is started by vfork: the memory map knows better.
    """
    status = Path("/proc/self/status")
    if not status.exists():  # not Linux; macOS counts bytes
        unit = 2**20 if sys.platform == "darwin" else 2**10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    peak = next(line for line in status.read_text("ascii").splitlines() if line.startswith("VmHWM:"))
    return int(peak.split()[1]) / 2**10  # kB
