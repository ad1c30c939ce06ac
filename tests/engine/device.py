"""The networks as they run on an accelerator, on the CPU: pictures are tensors and never leave torch."""

from functools import cache

import pytest
import torch

from mfmc_engine.engine import Engine
from mfmc_engine.landmarks.torch68 import Torch68
from mfmc_engine.packs.builtin import dlib_weights
from mfmc_engine.swapping import fields


@cache
def landmarker() -> Torch68:
    """One for all tests: 22,500 trees take seconds to read, and no mark changes them."""
    return Torch68(dlib_weights("shape_predictor_68_face_landmarks.dat"))


def as_on_a_card(monkeypatch: pytest.MonkeyPatch, **options: object) -> Engine:
    """An engine that treats main memory as if it were a card's: everything but OpenCV's shortcuts."""
    engine = Engine(threads=1, **options)
    engine.pack._loaded["landmarker"] = landmarker()
    monkeypatch.setattr(engine.pack, "upload", lambda image: torch.as_tensor(image))
    monkeypatch.setattr(fields, "on_cpu", lambda field: False)
    return engine
