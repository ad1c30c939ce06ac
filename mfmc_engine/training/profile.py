"""How fast a training runs here, and how fast it should run on a card that is not here.

Counted on this machine, of one real step: floating-point operations of all products and convolutions, bytes that every
operation reads and writes (as if nothing were fused or cached), and how many operations there are. A card is then
predicted from its data sheet. What is counted and what is predicted is never mixed up in the report.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from mfmc_engine.training.run import Trainer


@dataclass(frozen=True, slots=True)
class Card:
    """Data-sheet rates of one card."""

    name: str
    bf16: float  # FLOP/s of dense products
    tf32: float  # FLOP/s, what PyTorch runs float32 convolutions in
    bandwidth: float  # bytes/s


# NVIDIA's data sheets of the H100 and H200, SXM, without sparsity
CARDS = (
    Card("H200", 989e12, 494e12, 4.8e12),
    Card("H100", 989e12, 494e12, 3.35e12),
    Card("A100-80GB", 312e12, 156e12, 2.0e12),
)
# What training loops of small convolutional networks reach of those rates: assumptions, not measurements
SHARE_OF_RATE = 0.25
SHARE_OF_BANDWIDTH = 0.6
LAUNCH_S = 8e-6  # per operation, of PyTorch run eagerly


@dataclass(frozen=True, slots=True)
class Work:
    """What one step of ``images`` images does."""

    images: int
    swapper_flops: float
    judge_flops: float
    bytes: float
    operations: int

    def per_image(self) -> dict[str, float]:
        """For a report."""
        return {
            "gflop_swapper": round(self.swapper_flops / self.images / 1e9, 2),
            "gflop_judges": round(self.judge_flops / self.images / 1e9, 2),
            "megabytes_moved": round(self.bytes / self.images / 1e6, 1),
            "operations_per_step": self.operations,
        }


class _Traffic(TorchDispatchMode):
    """Adds up the bytes of all tensors that operations read and write; views move nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes, self.operations = 0, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        written = _tensors(out)
        read = _tensors((args, kwargs or {}))
        places = {tensor.untyped_storage().data_ptr() for tensor in read}
        view = all(tensor.untyped_storage().data_ptr() in places for tensor in written)
        if not (view and not func._schema.is_mutable):
            self.operations += 1
            self.bytes += sum(tensor.numel() * tensor.element_size() for tensor in (*read, *written))
        return out


def _tensors(values: Any) -> list[Tensor]:
    return [value for value in tree_leaves(values) if isinstance(value, Tensor)]


def count(trainer: Trainer, images: int = 2) -> Work:
    """The work of a step, counted on a batch of ``images``. Advances the trainer: profile one that is thrown away.

    Figures are for steps without R1, which comes every ``settings.r1_every``-th step.
    """
    trainer.settings = replace(trainer.settings, batch=images)
    trainer.step = max(1, trainer.step)
    with FlopCounterMode(display=False) as counter:
        batch = trainer.batch()
        swapped, mask = trainer.step_function(trainer.network, batch.target.seen, batch.wanted)
        (swapped.sum() + mask.sum()).backward()
    trainer.network.zero_grad(set_to_none=True)
    swapper = float(counter.get_total_flops())
    with FlopCounterMode(display=False) as counter, _Traffic() as traffic:
        trainer.advance()
    total = float(counter.get_total_flops())
    return Work(images, swapper, max(0.0, total - swapper), float(traffic.bytes), traffic.operations)


def predict(work: Work, card: Card, batch: int) -> dict[str, Any]:
    """Images a second on a card that was never seen: at most, and as loops of this kind usually do."""
    swapper, judges = (flops / work.images for flops in (work.swapper_flops, work.judge_flops))
    arithmetic = swapper / card.bf16 + judges / card.tf32
    moving = work.bytes / work.images / card.bandwidth
    launches = work.operations * LAUNCH_S / batch
    likely = max(arithmetic / SHARE_OF_RATE + moving / SHARE_OF_BANDWIDTH, launches)
    return {
        "card": card.name,
        "at_most_images_per_s": round(1 / max(arithmetic, 1e-12)),
        "likely_images_per_s": round(1 / likely),
        "limited_by": "launches" if likely == launches else "bytes" if moving > arithmetic else "arithmetic",
        "minutes_for_1M_images": round(1e6 * likely / 60, 1),
    }


def predictions(work: Work, batch: int, cards: Iterable[Card] = CARDS) -> dict[str, Any]:
    """For a report: what is assumed, and what follows for every card."""
    assumed = {
        "share_of_data_sheet_rate": SHARE_OF_RATE,
        "share_of_data_sheet_bandwidth": SHARE_OF_BANDWIDTH,
        "seconds_per_operation": LAUNCH_S,
        "data_sheets": [asdict(card) for card in cards],
    }
    return {"assumed": assumed, "cards": [predict(work, card, batch) for card in cards]}


def measure(trainer: Trainer, seconds: float) -> dict[str, Any]:
    """Images a second here; the first steps, in which kernels are chosen and compiled, do not count."""
    cuda = trainer.device.type == "cuda"

    def wait() -> float:
        if cuda:
            torch.cuda.synchronize()
        return time.monotonic()

    for _ in range(3):
        trainer.advance()
    start, steps = wait(), 0
    while steps == 0 or time.monotonic() - start < seconds:
        trainer.advance()
        steps += 1
    rate = steps * trainer.settings.batch / (wait() - start)
    found = {
        "device": torch.cuda.get_device_name() if cuda else f"CPU, {torch.get_num_threads()} threads",
        "batch": trainer.settings.batch,
        "steps": steps,
        "images_per_s": round(rate, 2),
        "minutes_for_1M_images": round(1e6 / rate / 60, 1),
    }
    if cuda:
        found["peak_memory_gb"] = round(torch.cuda.max_memory_allocated() / 1e9, 2)
    return found
