"""insightface's ``genderage``: apparent gender and age of aligned crops."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mfmc_engine.errors import WeightsMissingError
from mfmc_engine.landmarks.onnx68 import face_square, run_on_crops
from mfmc_engine.onnx_sessions import wrapped
from mfmc_engine.types import FloatArray, Image


class GenderAge:
    """(N, 5, 2) points to the probability of "male" and the age in years."""

    def __init__(self, weights: Path, device: str = "cpu", threads: int = 2) -> None:
        from insightface.model_zoo.attribute import Attribute

        self.network = wrapped(Attribute, weights, device, threads)
        if self.network.taskname != "genderage":
            raise WeightsMissingError(f"{weights.name} does not estimate gender and age")

    def __call__(self, image: Image, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(N,) probabilities of the apparent gender "male", and (N,) ages in years."""
        if not len(points):
            return np.empty(0, np.float32), np.empty(0, np.float32)
        size = self.network.input_size[0]
        found = run_on_crops(self.network, image, face_square(points, size), size)
        logits = found[:, :2] - found[:, :2].max(1, keepdims=True)
        shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        return shares[:, 1].astype(np.float32), (found[:, 2] * 100).astype(np.float32)
