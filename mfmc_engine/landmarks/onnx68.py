"""insightface's ``1k3d68``: 68 landmarks (iBUG order) of aligned crops, batched; the depth is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mfmc_engine.errors import WeightsMissingError
from mfmc_engine.geometry import apply, index_space, invert, similarity
from mfmc_engine.onnx_sessions import takes_any_batch, wrapped
from mfmc_engine.parameters import ARCFACE_POINTS, ONNX_BATCH, ONNX_CROP_CENTRE, ONNX_CROP_SIDE
from mfmc_engine.resampling import Picture, on_host
from mfmc_engine.types import FloatArray


class Onnx68:
    """Marks faces whose eyes, nose tip and mouth corners are known."""

    def __init__(self, weights: Path, device: str = "cpu", threads: int = 2) -> None:
        from insightface.model_zoo.landmark import Landmark

        self.network = wrapped(Landmark, weights, device, threads)
        if (self.network.lmk_num, self.network.lmk_dim) != (68, 3):
            raise WeightsMissingError(
                f"{weights.name} gives {self.network.taskname}, not 68 points in three dimensions"
            )

    def mark(self, image: Picture, points: FloatArray, passes: int = 1) -> FloatArray:
        """(N, 5, 2) eyes, nose tip and mouth corners to (N, 68, 2) landmarks, both in px of ``image``.

        One pass whatever ``passes`` says: more have not been tried.
        """
        if not len(points):
            return np.empty((0, 68, 2), np.float32)
        size = self.network.input_size[0]
        to_crop = face_square(points, size)
        found = run_on_crops(self.network, image, to_crop, size).reshape(len(points), -1, 3)[:, -68:, :2]
        # the network's unit: half a crop, from its middle; pixel centres lie at .5
        return apply(invert(to_crop), np.asarray((found + 1) * (size // 2), np.float32) + 0.5)


def face_square(points: FloatArray, size: int) -> FloatArray:
    """(N, 2, 3) similarities that take the square around each face, turned upright, onto a crop of ``size`` px."""
    template = (np.array(ARCFACE_POINTS) - ONNX_CROP_CENTRE) * (size / ONNX_CROP_SIDE) + size / 2
    return similarity(points, np.broadcast_to(template.astype(np.float32), points.shape))


def run_on_crops(network: Any, image: Picture, to_crop: FloatArray, size: int) -> FloatArray:
    """(N, D) first outputs of an insightface ``network`` on crops of ``image`` cut by (N, 2, 3) transforms."""
    image = on_host(image)
    crops = [
        cv2.warpAffine(image, index_space(transform), (size, size), flags=cv2.INTER_LINEAR)
        for transform in to_crop
    ]
    at_once = ONNX_BATCH if takes_any_batch(network.session) else 1
    found = []
    for start in range(0, len(crops), at_once):
        batch = np.stack(crops[start : start + at_once]).astype(np.float32).transpose(0, 3, 1, 2)
        batch = np.ascontiguousarray((batch - network.input_mean) / network.input_std, np.float32)
        found.append(network.session.run(network.output_names[:1], {network.input_name: batch})[0])
    return np.concatenate(found).reshape(len(crops), -1).astype(np.float32)
