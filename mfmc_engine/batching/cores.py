"""One photo's work shared out over the cores of a CPU, job by job.

torch can share out every single operator. Its threads then meet thousands of times a photo, and where others want the
cores, too, all wait awake for the one that was put aside (measured: 3.9 s where one thread alone took 0.8). Jobs that
have nothing to do with each other need to meet once. Inside them torch works on one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from threading import Thread
from typing import TypeVar

import torch

from mfmc_engine.batching.lockstep import Outcome, in_company, outcome_of

Item = TypeVar("Item")
T = TypeVar("T")


def shared_out(job: Callable[[Item], T], items: Sequence[Item], device: str) -> list[T]:
    """``job`` of every item, in order, on as many threads as torch may use on a CPU; one by one on other devices.

    Raises what the first job that failed raised.
    """
    threads = min(torch.get_num_threads(), len(items))
    if device != "cpu" or threads < 2 or in_company():
        return [job(item) for item in items]

    found: list[Outcome[T]] = [Outcome() for _ in items]
    left = iter(range(len(items)))  # to take a number is one step of the interpreter: nobody gets the same

    def work() -> None:
        with single_threaded(device), torch.inference_mode():
            for i in left:
                found[i] = outcome_of(partial(job, items[i]))

    # Threads for this call alone take a tenth of a millisecond, and nothing of them is left to a fork.
    helpers = [Thread(target=work, name=f"helper {i}") for i in range(1, threads)]
    for helper in helpers:
        helper.start()
    try:
        work()
    finally:
        for helper in helpers:
            helper.join()
    return [outcome.get() for outcome in found]


@contextmanager
def single_threaded(device: str) -> Iterator[None]:
    """On a CPU, torch on one thread: where fields are so small that sharing them out takes longer, or jobs are shared
    out already."""
    threads = torch.get_num_threads()
    if device != "cpu" or threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
