"""A rehearsal that can fail: a small network must learn a few faces by heart, on a CPU, in minutes.

It shows that every loss pulls where it should and that the loop keeps what it learns, not how good swaps can get.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mfmc_engine.training import curve
from mfmc_engine.training.run import Trainer, train
from mfmc_engine.training.settings import Settings

SMALL = Settings(
    batch=8,
    size=96,
    width=16,
    blocks=2,
    rate=1e-3,
    every=25,
    augment=False,
    sampled=0.0,
    warm_up=10_000,
    ema=0.95,
)
# The largest share of its first value that a term may have left at the end
BARS = {"identity": 0.75, "away": 0.5, "reconstruction": 0.8, "pair": 0.85, "marker": 0.2, "mask": 0.65}


@dataclass(frozen=True, slots=True)
class Lesson:
    """One figure of the curve at its first and its last point."""

    name: str
    first: float
    last: float
    bar: float

    @property
    def learnt(self) -> bool:
        """Whether it fell as far as it has to; NaN never does."""
        return self.last <= self.bar * self.first

    def __str__(self) -> str:
        verdict = "pass" if self.learnt else "FAIL"
        return f"{verdict}  {self.name:<15} {self.first:.4g} -> {self.last:.4g} (at most {self.bar:g} x)"


def rehearse(
    trainer: Trainer,
    out: Path,
    steps: int,
    say: Callable[[str], None] = print,
    bars: Mapping[str, float] = BARS,
) -> list[Lesson]:
    """Train on the trainer's portraits and score on the very same; what became of each loss in ``bars``."""
    train(trainer, trainer.portraits, out, float("inf"), steps, say)
    rows = curve.read(out) or [dict.fromkeys(bars, float("nan"))]
    return [Lesson(name, rows[0][name], rows[-1][name], bar) for name, bar in bars.items()]
