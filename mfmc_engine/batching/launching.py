"""How a network's kernels are launched: one by one, together as CUDA graphs of a few sizes, or through torch.compile.

A small network on a card takes longer to launch than to run. A CUDA graph launches all of it at once, but only for the
very shape it was captured with, so batches are padded to a few sizes and what the padding adds is cut off the answers.
Whatever cannot be captured or compiled is launched one by one, as ever. What pays is measured: docs/gpu.md.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from mfmc_engine import parameters as P
from mfmc_engine.fallback import release_memory

Network = Callable[[Tensor], Any]  # of a batch (N, ...) to one tensor or a tuple of them, each with N rows
Shape = tuple[int, ...]

LAUNCHES = ("eager", "graphs", "compile")
logger = logging.getLogger(__name__)


class Sizes(Protocol):
    """Which shapes a network is captured in."""

    def padded(self, shape: Shape) -> Shape | None:
        """The shape that a batch of ``shape`` is padded to; None for one that is launched as it is."""
        ...

    def cut(self, answer: Tensor, shape: Shape) -> Tensor:
        """What of a padded batch's answer belongs to the batch of ``shape``."""
        ...


@dataclass(frozen=True, slots=True)
class Rows:
    """Batches (N, ...) whose rows are all of one shape."""

    counts: Sequence[int] = P.GRAPH_ROWS

    def padded(self, shape: Shape) -> Shape | None:
        count = next((count for count in self.counts if count >= shape[0]), None)
        return None if count is None or not shape[0] else (count, *shape[1:])

    def cut(self, answer: Tensor, shape: Shape) -> Tensor:
        return answer[: shape[0]]


def launched(network: Network, launch: str, device: torch.device, sizes: Sizes) -> Network:
    """The network as it is to be launched (LAUNCHES): itself, unless something else was asked for and can be had."""
    if launch == "compile":
        return Compiled(network)
    if launch == "graphs" and device.type == "cuda":
        return Captured(network, sizes, CudaGraphs())
    if launch == "graphs":
        logger.warning(
            "CUDA graphs asked for on the %s: networks are launched one kernel at a time", device.type
        )
    return network


class Captured:
    """A network whose batches are padded to ``sizes``; each size is captured once and replayed from then on.

    ``capture`` gets the network and a batch and gives a function that answers batches of that shape, in memory it may
    use again for the next. A size that cannot be captured is launched as ever; the least recently used go first.
    """

    def __init__(self, network: Network, sizes: Sizes, capture: Callable[[Network, Tensor], Network]) -> None:
        self.network = network
        self.sizes = sizes
        self.capture = capture
        self.failed: set[Shape] = set()
        self._replays: OrderedDict[Shape, Network] = OrderedDict()
        self._lock = threading.Lock()  # a replay's memory is the next one's, too

    @torch.inference_mode()
    def __call__(self, batch: Tensor) -> Any:
        shape = tuple(batch.shape)
        wanted = self.sizes.padded(shape)
        if wanted is None or wanted in self.failed:
            return self.network(batch)
        padded = _pad(batch, wanted)
        with self._lock:
            replay = self._replay(wanted, padded)
            if replay is not None:
                answers = replay(padded)
                if isinstance(answers, Tensor):
                    return self.sizes.cut(answers, shape).clone()
                return tuple(self.sizes.cut(answer, shape).clone() for answer in answers)
        return self.network(batch)

    def _replay(self, shape: Shape, padded: Tensor) -> Network | None:
        if shape in self._replays:
            self._replays.move_to_end(shape)
            return self._replays[shape]
        try:
            replay = self.capture(self.network, padded)
        except (
            Exception
        ) as error:  # whatever it is, the network itself still works, or says better what is wrong
            logger.warning("%s cannot be captured at %s: %s", _name(self.network), shape, _in_short(error))
            self.failed.add(shape)
            release_memory()
            return None
        self._replays[shape] = replay
        if len(self._replays) > P.GRAPHS_KEPT:
            self._replays.popitem(last=False)
        return replay


class CudaGraphs:
    """Captures networks as CUDA graphs whose memory they share: they are replayed one at a time, answers copied out."""

    def __init__(self) -> None:
        self.pool: Any = None

    def __call__(self, network: Network, batch: Tensor) -> Network:
        """A replay for batches of this shape. Raises what torch raises if an operation cannot be captured."""
        with torch.cuda.device(batch.device):
            given = batch.clone()
            aside = torch.cuda.Stream()
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(
                aside
            ):  # libraries choose their kernels and take their workspace on first use
                for _ in range(P.GRAPH_WARM_UPS):
                    network(given)
            torch.cuda.current_stream().wait_stream(aside)
            if self.pool is None:
                self.pool = torch.cuda.graph_pool_handle()
            graph = torch.cuda.CUDAGraph()
            # other threads may use the card meanwhile
            with torch.cuda.graph(graph, pool=self.pool, capture_error_mode="thread_local"):
                answers = network(given)

        def replay(again: Tensor) -> Any:
            given.copy_(again)
            graph.replay()
            return answers

        return replay


class Compiled:
    """A network through torch.compile for any number of rows; as ever from the first failure on."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.failed = False
        self._compiled: Network = torch.compile(network, dynamic=True)

    @torch.inference_mode()
    def __call__(self, batch: Tensor) -> Any:
        if not self.failed and len(batch):
            try:
                return self._compiled(batch)
            except (
                Exception
            ) as error:  # no compiler, an unknown operation, or the network's own failure, met again below
                logger.warning("%s cannot be compiled: %s", _name(self.network), _in_short(error))
                self.failed = True
        return self.network(batch)


def _pad(batch: Tensor, shape: Shape) -> Tensor:
    """Zeros after the batch's own in every dimension, up to ``shape``; in the memory format of the batch."""
    if tuple(batch.shape) == shape:
        return batch
    pads = [
        amount
        for own, wanted in zip(reversed(batch.shape), reversed(shape), strict=True)
        for amount in (0, wanted - own)
    ]
    return F.pad(batch, pads)


def _name(network: Network) -> str:
    return getattr(network, "__qualname__", type(network).__name__)


def _in_short(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
