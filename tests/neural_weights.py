"""Weights of our own swapper as a rehearsal leaves them: tiny, never trained, and of two kinds."""

from __future__ import annotations

from pathlib import Path

import torch

from mfmc_engine.packs import store
from mfmc_engine.training import checkpoint
from mfmc_engine.training.export import export
from mfmc_engine.training.network import Swapper
from mfmc_engine.training.settings import Settings

TINY = Settings(width=16, blocks=1)


def put(run: Path, mask: float, settings: Settings = TINY) -> Path:
    """Where the pack looks for its weights, those of a run at ``run``. With a ``mask`` of -30 the network changes
    nothing, with 30 all of its window is noise."""
    torch.manual_seed(1)
    network = Swapper(settings.width, settings.blocks)
    with torch.no_grad():
        network.head.bias[3] = mask
    state = {"settings": settings.as_dict(), "step": 3, "best": 0.0}
    best = {name: tensor.half() for name, tensor in network.state_dict().items()}
    checkpoint.save(run, {**state, "best_weights": best})
    path = store.root() / "neural" / "neural.npz"
    assert export(run, path) < 2 * 2**20
    return path
