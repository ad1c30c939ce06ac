"""What an evaluation is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mfmc_engine.evaluation.recognizers import Metric
from mfmc_engine.evaluation.treatments import Arm, baseline
from mfmc_engine.types import Selection


@dataclass(frozen=True, slots=True)
class Settings:
    """All that decides an outcome, and where it goes."""

    data: Path
    cache: Path
    protocol: str | None = None
    recognizers: tuple[str, ...] = ("dlib", "mobilefacenet", "lbph", "eigenfaces", "buffalo_l", "deepface")
    swapper: str = "mesh"
    baselines: tuple[str, ...] = ("none", "blur", "pixelate", "blackbox")
    selection: tuple[Selection, ...] = ("random",)
    metrics: tuple[Metric, ...] = ()  # empty: each recogniser's own
    limit: int | None = None
    seed: int = 0
    device: str = "cpu"
    jobs: int = 2
    extra_arms: tuple[Arm, ...] = ()  # ablations
    attacks: bool = True

    def decoy_arms(self) -> tuple[Arm, ...]:
        """The arms that make decoys, the main one first; named by what tells them apart."""
        several = len(self.selection) > 1
        own = tuple(
            Arm(f"decoy, {s}" if several else "decoy", "decoy", swapper=self.swapper, selection=s)
            for s in self.selection
        )
        return own + self.extra_arms

    def arms(self) -> tuple[Arm, ...]:
        by_hand = tuple(baseline(name) for name in self.baselines if name != "none")
        main = self.decoy_arms()[0]
        context = Arm("context only", "context", swapper=main.swapper, selection=main.selection)
        return (*self.decoy_arms(), *by_hand, *((context,) if self.attacks else ()))
