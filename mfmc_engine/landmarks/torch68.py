"""dlib's 68 points from the same file, found by torch: all faces and starts at once, on any device.

On a CPU dlib's own loop over the trees is faster for the few faces of a photo (docs/gpu.md); the points are the same.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mfmc_engine.batching.lockstep import Shared
from mfmc_engine.geometry import apply, index_space, invert, similarity
from mfmc_engine.landmarks import FIVE_POINTS, five_of
from mfmc_engine.landmarks.crops import box_of, cut, to_crop
from mfmc_engine.landmarks.forest import load_forest
from mfmc_engine.parameters import FOREST_BATCH, LANDMARK_CROP, LANDMARK_PASSES
from mfmc_engine.resampling import Picture, warp
from mfmc_engine.types import FloatArray


class Torch68:
    """Marks faces whose eyes, nose tip and mouth corners are known."""

    def __init__(self, weights: Path, device: str = "cpu") -> None:
        self.device = torch.device(device)
        self.forest = load_forest(weights).eval().requires_grad_(False).to(self.device)
        self._search = Shared(lambda crops: self.forest(crops, box_of()))

    def mark(self, image: Picture, points: FloatArray, passes: int = LANDMARK_PASSES) -> FloatArray:
        """(N, 5, 2) eyes, nose tip and mouth corners to (N, 68, 2) landmarks, both in px of ``image``.

        Each of the ``passes`` aligns the face by the points of the one before; exact five points need only one.
        """
        marked = [np.empty((0, 68, 2), np.float32)]
        for start in range(0, len(points), FOREST_BATCH):
            five = np.asarray(points[start : start + FOREST_BATCH], np.float32)
            for _ in range(passes):
                landmarks = self._mark(image, five)
                five = five_of(landmarks)
            marked.append(landmarks)
        return np.concatenate(marked)

    @torch.inference_mode()
    def _mark(self, image: Picture, five: FloatArray) -> FloatArray:
        aligned = to_crop(FIVE_POINTS)
        transforms = similarity(five, np.broadcast_to(aligned, five.shape))
        found = self._search(self._crops(image, transforms)).cpu().numpy()
        return apply(invert(transforms), found.astype(np.float32) + 0.5)

    def _crops(self, image: Picture, transforms: FloatArray) -> Tensor:
        """(N, LANDMARK_CROP, LANDMARK_CROP) float grey crops, grey as dlib makes it."""
        if isinstance(image, Tensor):
            back = index_space(invert(transforms))
            colours = warp(image.to(self.device), back, (LANDMARK_CROP, LANDMARK_CROP)).round()
        else:
            cuts = np.stack([cut(image, transform) for transform in transforms])
            colours = torch.from_numpy(cuts).to(self.device).float()
        return torch.floor(colours.sum(-1) / 3)
