"""Independent jobs on several threads: most of their time they are in OpenCV and torch, which let others run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(job: Callable[[Item], Result], items: Iterable[Item], threads: int) -> list[Result]:
    """``job`` of every item, in order, at most ``threads`` at a time. The first error raised is passed on."""
    jobs = list(items)
    if threads < 2 or len(jobs) < 2:
        return [job(item) for item in jobs]
    with ThreadPoolExecutor(min(threads, len(jobs))) as pool:
        return list(pool.map(job, jobs))
