"""Apparent gender and age by HSE-FaceRes, a network that looks at pixels and takes no part in choosing.

Savchenko (2019), "Efficient facial representations for age, gender and identity recognition in organizing photo albums
using multi-output ConvNet", PeerJ Computer Science 5:e197. Where the weights come from stands in PROVENANCE.md. It
judges looks, not people.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from mfmc_engine import parameters as P
from mfmc_engine.evaluation.cache import digest, file_version
from mfmc_engine.evaluation.faceres import weights
from mfmc_engine.evaluation.faceres.graph import INPUT, OUTPUTS, graph
from mfmc_engine.onnx_sessions import session_of
from mfmc_engine.recognition.chips import extract_chips
from mfmc_engine.types import FloatArray, Image

BGR_MEAN: Final = np.array((103.939, 116.779, 123.68), np.float32)  # of ImageNet, as its author subtracts it
AGES: Final = np.arange(1, 101)  # years of the age classes


class AgeGender:
    """Two numbers a face: probability of the apparent gender "male", apparent age in years."""

    name = "faceres"

    def __init__(self, device: str = "cpu") -> None:
        self.session = session_of(graph(weights.load()), device, threads=1)
        code = sorted(Path(__file__).parent.glob("*.py"))
        self.version = digest(file_version(weights.FILE, *code), P.JUDGE_SIDE, P.JUDGE_PADDING)

    def features(self, image: Image, landmarks: FloatArray) -> FloatArray:
        """(2,) of the face with (68, 2) ``landmarks`` in px of ``image`` (H, W, 3)."""
        chip = extract_chips(image, landmarks[None], P.JUDGE_SIDE, P.JUDGE_PADDING)
        pixels = np.asarray(chip, np.float32)[..., ::-1] - BGR_MEAN
        batch = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
        male, ages = self.session.run(list(OUTPUTS), {INPUT: batch})
        shares = np.exp(ages[0] - ages[0].max())
        age = float(shares @ AGES / shares.sum())
        return np.array([1 / (1 + np.exp(-float(male[0, 0]))), age], np.float32)
