"""One photo's work shared out over the cores of a CPU, job by job.

torch can share out every single operator. Its threads then meet thousands of times a photo, and where others want the
cores, too, all wait awake for the one that was put aside (measured: 3.9 s where one thread alone took 0.8). Jobs that
have nothing to do with each other need to meet once. Inside them torch works on one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import Thread
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

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


def rows_shared_out(
    network: Callable[[NDArray[Any]], Sequence[NDArray[Any]]], rows: NDArray[Any]
) -> list[NDArray[Any]]:
    """The answers of a ``network`` on a CPU to (N, ...) ``rows`` that have nothing to do with each other: each thread
    asks for its share of them. A network whose own threads meet in every layer gains a quarter by two, this way 0.8."""
    parts = np.array_split(rows, max(1, min(torch.get_num_threads(), len(rows))))
    return [np.concatenate(answer) for answer in zip(*shared_out(network, parts, "cpu"), strict=True)]


# Takes a job and returns at once; what it returns will know the answer.
Aside = Callable[[Callable[[], T]], "Future[T]"]


@contextmanager
def aside(device: str) -> Iterator[Aside[Any] | None]:
    """One thread more, for what is asked now and needed later. None on other devices than a CPU, where torch may use no
    second one, and in lockstep, whose threads fill the cores. What nobody has waited for is dropped at the end."""
    if device != "cpu" or torch.get_num_threads() < 2 or in_company():
        yield None
        return

    def work(job: Callable[[], Any]) -> Any:
        with single_threaded(device), torch.inference_mode():
            return job()

    helper = ThreadPoolExecutor(1, "aside")
    try:
        yield lambda job: helper.submit(work, job)
    finally:
        helper.shutdown(cancel_futures=True)


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
