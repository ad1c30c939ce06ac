"""From a checkpoint to the weights that a pack loads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from mfmc_engine.errors import WeightsMissingError
from mfmc_engine.training import checkpoint


def export(run: Path, weights: Path) -> int:
    """The best weights of a training run in half precision; returns the bytes. Raises EngineError without any."""
    state = checkpoint.load(run)
    if state is None or not state["best_weights"]:
        raise WeightsMissingError(f"{run} holds no checkpoint with scored weights")
    about = {"settings": state["settings"], "step": state["step"], "score": round(state["best"], 4)}
    arrays = {name: tensor.numpy() for name, tensor in state["best_weights"].items()}
    weights.parent.mkdir(parents=True, exist_ok=True)
    partial = weights.with_suffix(".part")
    with partial.open("wb") as file:
        np.savez(file, about=np.array(json.dumps(about)), **arrays)
    partial.replace(weights)
    return weights.stat().st_size
