"""What an Engine does with its photos: how many at once, with whose, and where if the device fails."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from mfmc_engine import parameters as P
from mfmc_engine.batching.lockstep import Outcome, together
from mfmc_engine.fallback import is_device_failure, release_memory
from mfmc_engine.packs import load_pack
from mfmc_engine.resampling import Picture, on_host

if TYPE_CHECKING:
    from mfmc_engine.batching.front import Front
    from mfmc_engine.packs.pack import Pack

T = TypeVar("T")
Job = tuple[Picture, "Callable[[Pack, Picture], T]"]  # a picture, and what is done with it on a pack's device

logger = logging.getLogger(__name__)


class Runner:
    """Runs jobs on a pack. ``at_once``: photos that go in lockstep; 1 on a CPU, whose caches fill with one.

    ``front``: set where jobs of other threads are to share the batches.
    """

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self.at_once = 1 if pack.device == "cpu" else P.BATCH_PHOTOS
        self.most_pixels = P.BATCH_PIXELS
        self.front: Front | None = None
        self._spare: Pack | None = None

    def run(self, jobs: Sequence[Job[T]]) -> list[T]:
        """The results, in order. Raises what the first job that failed raised."""
        if self.front is not None:
            return self.front.submit(jobs)
        found: list[T] = []
        for group in self._groups(jobs):
            found += [outcome.get() for outcome in self.run_group(group)]
        return found

    def run_group(self, jobs: Sequence[Job[T]]) -> list[Outcome[T]]:
        """Jobs in lockstep. Where the device fails they are run again in halves, and a single one on the CPU."""
        outcomes = together([partial(job, self.pack, image) for image, job in jobs])
        failed = [i for i, o in enumerate(outcomes) if o.error is not None and is_device_failure(o.error)]
        if not failed or self.pack.device == "cpu":
            return outcomes
        logger.warning("%d of %d photos: %s", len(failed), len(jobs), _in_short(outcomes[failed[0]].error))
        for i in failed:
            outcomes[i] = Outcome()  # its traceback holds tensors
        release_memory()
        again = self._again([jobs[i] for i in failed], alone=len(jobs) == 1)
        for i, outcome in zip(failed, again, strict=True):
            outcomes[i] = outcome
        return outcomes

    def _again(self, jobs: Sequence[Job[T]], alone: bool) -> list[Outcome[T]]:
        if not alone:
            middle = (len(jobs) + 1) // 2
            return [o for half in (jobs[:middle], jobs[middle:]) if half for o in self.run_group(half)]
        ((image, job),) = jobs
        logger.warning("a photo goes through the CPU")
        return together([lambda: job(self._on_cpu(), on_host(image))])

    def _on_cpu(self) -> Pack:
        if self._spare is None:
            self._spare = load_pack(self.pack.name, "cpu", self.pack.threads)
        return self._spare

    def _groups(self, jobs: Sequence[Job[T]]) -> Iterator[Sequence[Job[T]]]:
        """Jobs in their order, at most ``at_once`` and ``most_pixels`` together, but one at least."""
        group: list[Job[T]] = []
        pixels = 0
        for job in jobs:
            size = pixels_of(job[0])
            if group and (len(group) >= self.at_once or pixels + size > self.most_pixels):
                yield group
                group, pixels = [], 0
            group.append(job)
            pixels += size
        if group:
            yield group


def pixels_of(image: Picture) -> int:
    """Pixels of an (H, W, 3) picture."""
    return int(image.shape[0]) * int(image.shape[1])


def _in_short(error: BaseException | None) -> str:
    return (str(error).splitlines() or [""])[0][:200]
