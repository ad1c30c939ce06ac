"""An engine for tests of what surrounds it: one good face in every picture, whose embedding is the picture's hash."""

from __future__ import annotations

import zlib

import numpy as np

from mfmc_engine.recognition import matching
from mfmc_engine.types import Analysis, Face, Quality
from tests.factories import unit_vector


class FakeEngine:
    def analyze(self, image: np.ndarray, boxes=()) -> Analysis:
        height, width = image.shape[:2]
        landmarks = np.tile(np.array([width / 2, height / 2], np.float32), (68, 1))
        for points, (x, y) in (((36, 42), (0.4, 0.4)), ((42, 48), (0.6, 0.4)), ((48, 68), (0.5, 0.6))):
            landmarks[slice(*points)] = (width * x, height * y)
        face = Face(
            box=np.array([width * 0.25, height * 0.25, width * 0.75, height * 0.75], np.float32),
            score=1.0,
            landmarks=landmarks,
            embedding=unit_vector(zlib.crc32(image.tobytes())),
            quality=Quality(size=min(width, height) / 2, sharpness=1.0, yaw=0.0, score=1.0),
        )
        return Analysis(width, height, (face,))

    match = staticmethod(matching.match)
