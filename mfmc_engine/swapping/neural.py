"""Our own swapper: a target crop and an identity to a swapped crop. No pack uses it before it is trained.

Weights: ``neural.npz`` beside this file, half precision, with how they were trained in its ``about``. Model card:
docs/training.md.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mfmc_engine.errors import WeightsMissingError
from mfmc_engine.training import checkpoint
from mfmc_engine.training.augment import window
from mfmc_engine.training.network import Swapper, swap
from mfmc_engine.training.settings import SIZE, WINDOW
from mfmc_engine.types import FloatArray

WEIGHTS = Path(__file__).with_name("neural.npz")


def export(run: Path, weights: Path) -> int:
    """The best weights of a training run in half precision; returns the bytes. Raises EngineError without a run."""
    state = checkpoint.load(run)
    if state is None or not state["best_weights"]:
        raise WeightsMissingError(f"{run} holds no checkpoint with scored weights")
    about = {"settings": state["settings"], "step": state["step"], "score": round(state["best"], 4)}
    arrays = {name: tensor.half().numpy() for name, tensor in state["best_weights"].items()}
    weights.parent.mkdir(parents=True, exist_ok=True)
    with weights.open("wb") as file:
        np.savez(file, about=np.array(json.dumps(about)), **arrays)
    return weights.stat().st_size


class NeuralSwapper:
    """The trained network on one device."""

    def __init__(self, weights: Path = WEIGHTS, device: str = "cpu") -> None:
        if not weights.is_file():
            raise WeightsMissingError(
                f"{weights} is missing: train it (python -m mfmc_engine train run FACES OUT) and export it there"
            )
        with np.load(weights, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        self.about: dict[str, Any] = json.loads(str(arrays.pop("about")))
        settings = self.about["settings"]
        self.network = Swapper(settings["width"], settings["blocks"])
        self.network.load_state_dict({name: torch.from_numpy(a).float() for name, a in arrays.items()})
        self.network.to(device).eval()

    @torch.inference_mode()
    def swap(self, crops: Tensor, identities: FloatArray) -> tuple[Tensor, Tensor]:
        """Canonical crops (B, 3, CROP_SIZE, CROP_SIZE) in [0, 1] and (B, 128) identities in dlib's space: the crops
        with the faces swapped, and the masks (B, 1, CROP_SIZE, CROP_SIZE) of what changed."""
        seen = window(crops)
        wanted = torch.from_numpy(identities).to(crops.device)
        pictures, mask = swap(self.network, seen, wanted)
        x, y = WINDOW
        out, cover = crops.clone(), crops.new_zeros(len(crops), 1, *crops.shape[-2:])
        out[..., y : y + SIZE, x : x + SIZE] = pictures
        cover[..., y : y + SIZE, x : x + SIZE] = mask
        return out, cover
