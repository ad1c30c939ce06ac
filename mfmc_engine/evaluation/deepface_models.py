"""The recognisers of the ``deepface`` package (Serengil and Ozpinar 2020), where it and their weights are installed.

deepface runs its models in TensorFlow, torch or ONNX Runtime; here in the last, which needs neither of the others
(pip install "my-face-my-choice[deepface]"). It downloads weights on first use. An evaluation must not: a model counts
only if the very file that deepface would open is there already.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from mfmc_engine.evaluation.cache import digest, file_version
from mfmc_engine.types import FloatArray, Image

BACKEND = "onnx"  # deepface 0.0.103 on; what it opens depends on this, so it is not left to what is installed
WEIGHTS = {
    "VGG-Face": "vgg_face_weights.onnx",
    "Facenet": "facenet_weights.onnx",
    "Facenet512": "facenet512_weights.onnx",
    "OpenFace": "openface_weights.onnx",
    "DeepFace": "VGGFace2_DeepFace_weights_val-0.9034.onnx",
    "DeepID": "deepid_weights.onnx",
    "ArcFace": "arcface_weights.onnx",
    "SFace": "face_recognition_sface_2021dec.onnx",
}
SOURCE = "https://github.com/serengil/deepface_models/releases (SFace: the OpenCV zoo)"


def expanded(names: Sequence[str]) -> list[str]:
    """``deepface`` stands for all of its models; every name once, in order."""
    full = [
        n for name in names for n in ([f"deepface:{m}" for m in WEIGHTS] if name == "deepface" else [name])
    ]
    return list(dict.fromkeys(full))


class DeepFaceModel:
    """One model, on crops aligned by us so that all recognisers see the same face."""

    metric: Literal["cosine", "euclidean", "euclidean_l2"] = "cosine"  # deepface's default

    def __init__(self, model: str) -> None:
        if model not in WEIGHTS:
            raise FileNotFoundError(f"deepface has no model {model}; it has {', '.join(WEIGHTS)}")
        path = Path(os.environ.get("DEEPFACE_HOME") or Path.home()) / ".deepface" / "weights" / WEIGHTS[model]
        if importlib.util.find_spec("deepface") is None:
            raise ImportError(
                'the deepface package is not installed: pip install "my-face-my-choice[deepface]"'
            )
        if not path.is_file():
            raise FileNotFoundError(f"weights missing: {path}, from {SOURCE}")
        # read once, when deepface first builds a model
        os.environ["DEEPFACE_BACKEND_ENGINE"] = BACKEND
        self.model = model
        self.name = f"deepface:{model}"
        self.version = digest("deepface", model, file_version(path, Path(__file__)))

    def features(self, image: Image, landmarks: FloatArray) -> FloatArray:
        from deepface import DeepFace

        from mfmc_engine.evaluation.recognizers import aligned

        crop = cv2.cvtColor(aligned(image, landmarks), cv2.COLOR_RGB2BGR)
        found = DeepFace.represent(
            crop, model_name=self.model, detector_backend="skip", enforce_detection=False, align=False
        )
        return np.asarray(found[0]["embedding"], np.float32)

    def fit(self, gallery: FloatArray) -> Callable[[FloatArray], FloatArray]:
        return lambda features: np.asarray(features, np.float32)
