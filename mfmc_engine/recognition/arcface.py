"""ArcFace graphs (Deng et al. 2019): aligned 112 x 112 crops to unit embeddings.

For unit vectors Euclidean distance and cosine similarity s say the same: d = sqrt(2 - 2 s).
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from mfmc_engine.errors import WeightsMissingError
from mfmc_engine.geometry import index_space, similarity
from mfmc_engine.landmarks import arcface_template, five_of
from mfmc_engine.onnx_sessions import takes_any_batch, wrapped
from mfmc_engine.parameters import ONNX_BATCH
from mfmc_engine.resampling import Picture, on_host
from mfmc_engine.types import FloatArray, Image


class ArcFace:
    """Embeds faces with an insightface recognition graph."""

    def __init__(self, weights: Path, device: str = "cpu", threads: int = 2) -> None:
        from insightface.model_zoo.arcface_onnx import ArcFaceONNX

        self.network = wrapped(ArcFaceONNX, weights, device, threads)
        dimensions = self.network.output_shape[-1]
        if not isinstance(dimensions, int) or dimensions < 2:
            raise WeightsMissingError(f"{weights.name} does not state how long its embeddings are")
        self.dimensions = dimensions
        self.size = int(self.network.input_size[0])

    def chips(self, image: Picture, landmarks: FloatArray, mirrored: bool = False) -> Image:
        """(N, 68, 2) landmarks in px to (N, size, size, 3) aligned chips."""
        image = on_host(image)
        template, five = arcface_template(self.size), five_of(landmarks)
        transforms = similarity(five, np.broadcast_to(template, five.shape))
        chips = np.empty((len(landmarks), self.size, self.size, 3), np.uint8)
        for chip, transform in zip(chips, transforms, strict=True):
            # INTER_AREA does nothing in a warp; a face much larger than the chip is reduced first
            chip[:] = _warp(image, transform, self.size)
        return np.ascontiguousarray(chips[:, :, ::-1]) if mirrored else chips

    def embed(self, image: Picture, landmarks: FloatArray) -> FloatArray:
        """(N, 68, 2) landmarks in px of ``image`` to (N, D) unit embeddings."""
        return self.embed_chips(self.chips(image, landmarks))

    def embed_chips(self, chips: Picture) -> FloatArray:
        """(N, size, size, 3) uint8 RGB chips to (N, D) unit embeddings."""
        chips = on_host(chips)
        at_once = ONNX_BATCH if takes_any_batch(self.network.session) else 1
        found = [np.empty((0, self.dimensions), np.float32)]
        for start in range(0, len(chips), at_once):
            # insightface takes pictures as OpenCV reads them
            batch = [np.ascontiguousarray(chip[:, :, ::-1]) for chip in chips[start : start + at_once]]
            found.append(np.asarray(self.network.get_feat(batch), np.float32).reshape(len(batch), -1))
        vectors = np.concatenate(found)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(norms, 1e-9), np.float32)


def _warp(image: Image, transform: FloatArray, size: int) -> Image:
    scale = float(np.hypot(transform[0, 0], transform[1, 0]))
    picture, matrix = image, transform
    # halved by averaging until linear sampling skips no pixel; landmarks that all lie in one place have scale 0
    while scale < 0.5 and min(picture.shape[:2]) > 1:
        picture = np.asarray(
            cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8
        )
        ratio = np.array([image.shape[1] / picture.shape[1], image.shape[0] / picture.shape[0]], np.float32)
        matrix = transform.copy()
        matrix[:, :2] *= ratio
        scale *= 2
    warped = cv2.warpAffine(picture, index_space(matrix), (size, size), flags=cv2.INTER_LINEAR)
    return np.asarray(warped, np.uint8)
