"""insightface's ``inswapper_128``: a target crop and a donor's identity to a swapped crop, batched.

The graph takes the target aligned as ArcFace aligns it, but into 128 px, and the donor's unit embedding times a
matrix stored as the graph's last initialiser (``INSwapper`` of the ``insightface`` package).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mfmc_engine.onnx_sessions import takes_any_batch, wrapped
from mfmc_engine.parameters import ONNX_BATCH
from mfmc_engine.types import FloatArray, Image


class InSwapper:
    """Swaps aligned crops toward an identity given as an embedding of buffalo_l's recogniser."""

    def __init__(self, weights: Path, device: str = "cpu", threads: int = 2) -> None:
        from insightface.model_zoo.inswapper import INSwapper

        self.network = wrapped(INSwapper, weights, device, threads)
        self.size = int(self.network.input_size[0])
        self.dimensions = int(self.network.emap.shape[0])

    def swap(self, crops: Image, identities: FloatArray) -> FloatArray:
        """(N, size, size, 3) uint8 RGB crops and (N, D) unit embeddings to (N, size, size, 3) floats in [0, 1].

        Raises ValueError if the embeddings are not as long as the network's identities.
        """
        if identities.shape[1] != self.dimensions:
            raise ValueError(f"identities of {identities.shape[1]} dimensions, expected {self.dimensions}")
        latents = identities @ self.network.emap
        latents = latents / np.maximum(np.linalg.norm(latents, axis=1, keepdims=True), 1e-9)
        at_once = ONNX_BATCH if takes_any_batch(self.network.session) else 1
        swapped = [np.empty((0, self.size, self.size, 3), np.float32)]
        for start in range(0, len(crops), at_once):
            batch = crops[start : start + at_once].astype(np.float32).transpose(0, 3, 1, 2)
            pixels = self.network.forward(batch, latents[start : start + at_once].astype(np.float32))
            swapped.append(np.asarray(pixels, np.float32).transpose(0, 2, 3, 1))
        return np.clip(np.concatenate(swapped), 0, 1)
