"""The recognisers of the ``deepface`` package (Serengil and Ozpinar 2020), where it and their weights are installed.

deepface downloads weights on first use. An evaluation must not: a model counts only if its file is already there.
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

WEIGHTS = {
    "VGG-Face": "vgg_face_weights.h5",
    "Facenet": "facenet_weights.h5",
    "Facenet512": "facenet512_weights.h5",
    "OpenFace": "openface_weights.h5",
    "DeepFace": "VGGFace2_DeepFace_weights_val-0.9034.h5",
    "DeepID": "deepid_keras_weights.h5",
    "ArcFace": "arcface_weights.h5",
    "SFace": "face_recognition_sface_2021dec.onnx",
}


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
        home = Path(os.environ.get("DEEPFACE_HOME", str(Path.home())))
        path = home / ".deepface" / "weights" / WEIGHTS[model]
        if importlib.util.find_spec("deepface") is None:
            raise ImportError("the deepface package is not installed: pip install deepface")
        if not path.is_file():
            raise FileNotFoundError(f"weights missing: {path}")
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
