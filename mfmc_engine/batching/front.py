"""Where threads that each have a photo meet for common batches (a Celery worker with ``--pool threads``).

While a batch runs, others gather for the next. Only when nothing runs is a photo held back for company, while other
threads have a photo under way that has not come yet, and no longer than ``wait_s``. Every user's photos wait in a line
of their own, and lines are served in turn.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from mfmc_engine import parameters as P
from mfmc_engine.batching.lockstep import Outcome
from mfmc_engine.batching.queue import Entry, FairQueue
from mfmc_engine.batching.running import Job, pixels_of
from mfmc_engine.batching.users import current_user, under_way

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Waiting:
    job: Job[Any]
    outcome: Outcome[Any] | None = None


@dataclass(slots=True)
class Record:
    """What became of the last batches: their sizes, and for how long each photo was held back while nothing ran (s)."""

    sizes: deque[int] = field(default_factory=lambda: deque(maxlen=P.BATCH_RECORDS))
    held: deque[float] = field(default_factory=lambda: deque(maxlen=P.BATCH_RECORDS))


class Front:
    """Thread-safe. ``run`` gets a batch of jobs and answers their outcomes in order: ``Runner.run_group``."""

    def __init__(
        self,
        run: Callable[[Sequence[Job[Any]]], list[Outcome[Any]]],
        wait_s: float = P.BATCH_WAIT,
        most_photos: int = P.BATCH_PHOTOS,
        most_pixels: int = P.BATCH_PIXELS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.run = run
        self.clock = clock
        self.record = Record()
        self._new_queue: Callable[[], FairQueue[_Waiting]] = lambda: FairQueue(
            most_photos, most_pixels, wait_s
        )
        self._queue = self._new_queue()
        lock = threading.Lock()
        self._came, self._served = threading.Condition(lock), threading.Condition(lock)
        self._server: tuple[int, threading.Thread] | None = None  # and the process it runs in
        self._idle_since = clock()

    def submit(self, jobs: Sequence[Job[T]]) -> list[T]:
        """The results of the jobs, once they have been served. Raises what the first that failed raised."""
        waiting = [_Waiting(job) for job in jobs]
        with self._came:
            self._serve()
            for one in waiting:
                self._queue.add(one, pixels_of(one.job[0]), current_user(), self.clock())
            self._came.notify()
            while any(one.outcome is None for one in waiting):
                self._served.wait()
        return [one.outcome.get() for one in waiting if one.outcome is not None]

    def _serve(self) -> None:
        """See to it that somebody serves: a fork has its parent's lines, which are not its own, but not its thread."""
        if self._server is None or self._server[0] != os.getpid():
            self._queue = self._new_queue()
            thread = threading.Thread(target=self._serve_for_ever, name="batches", daemon=True)
            self._server = os.getpid(), thread
            thread.start()

    def _serve_for_ever(self) -> None:
        while True:
            batch = self._next()
            try:
                outcomes = self.run([entry.item.job for entry in batch])
            except Exception as error:  # nobody may wait for ever
                outcomes = [Outcome(error=error) for _ in batch]
            with self._served:
                for entry, outcome in zip(batch, outcomes, strict=True):
                    entry.item.outcome = outcome
                self._idle_since = self.clock()
                self._served.notify_all()

    def _next(self) -> list[Entry[_Waiting]]:
        with self._came:
            while (due := self._queue.due(under_way())) is None or (left := due - self.clock()) > 0:
                self._came.wait(None if due is None else left)
            batch, now = self._queue.take(), self.clock()
            self.record.sizes.append(len(batch))
            self.record.held.extend(now - max(entry.arrived, self._idle_since) for entry in batch)
            return batch
