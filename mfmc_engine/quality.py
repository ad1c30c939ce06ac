"""How well a face can be recognised and replaced, from its landmarks and its aligned chip."""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mfmc_engine.landmarks import five_of
from mfmc_engine.parameters import LUMA, NOSE_DEPTH, QUALITY_FULL_SIZE, QUALITY_FULL_YAW, SHARPNESS_FULL
from mfmc_engine.resampling import Picture
from mfmc_engine.types import FloatArray, Image, Quality


def assess(box: FloatArray, landmarks: FloatArray, sharp: float) -> Quality:
    """Quality of one face: (4,) box and (68, 2) landmarks in px, sharpness of its aligned chip.

    ``score`` is the product of size, sharpness and frontality, each in [0, 1]: one bad part is enough.
    """
    size = float(np.sqrt(max(0.0, float(np.prod(box[2:] - box[:2])))))
    turn = yaw(landmarks)
    parts = (
        min(1.0, size / QUALITY_FULL_SIZE),
        0.5 + 0.5 * sharp,
        max(0.0, 1 - abs(turn) / QUALITY_FULL_YAW),
    )
    return Quality(size=size, sharpness=sharp, yaw=turn, score=float(np.prod(parts)))


def yaw(landmarks: FloatArray) -> float:
    """Degrees the face is turned, positive to the image's right, from how far the nose tip left the eyes' middle.

    The nose tip stands ``NOSE_DEPTH`` inter-ocular distances in front of the eyes, so it moves by that times the
    sine of the yaw while the distance between the eyes shrinks with its cosine.
    """
    left, right, nose = five_of(landmarks)[:3]
    axis = right - left
    shift = float((nose - (left + right) / 2) @ axis) / max(float(axis @ axis), 1e-6)
    return float(np.degrees(np.arctan(shift / NOSE_DEPTH)))


def sharpness(chip: Image) -> float:
    """Fine detail relative to contrast, in [0, 1]; 1 for an in-focus face that fills the chip with real pixels."""
    grey = cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY).astype(np.float32)
    middle = grey[len(grey) // 5 : -len(grey) // 5, len(grey) // 5 : -len(grey) // 5]
    detail = float(np.abs(cv2.Laplacian(middle, cv2.CV_32F)).mean())
    return float(np.clip(detail / max(float(middle.std()), 1.0) / SHARPNESS_FULL, 0, 1))


def sharpnesses(chips: Picture) -> list[float]:
    """``sharpness`` of (N, h, w, 3) chips, worked out where they lie."""
    if not isinstance(chips, Tensor):
        return [sharpness(chip) for chip in chips]
    luma = torch.tensor(LUMA, device=chips.device)
    grey = (chips.float() @ luma).round()[:, None]
    rim = chips.shape[1] // 5
    middle = grey[:, :, rim:-rim, rim:-rim]
    cross = torch.tensor([[0, 1, 0], [1, -4, 1], [0, 1, 0]], dtype=torch.float32, device=chips.device)
    detail = F.conv2d(F.pad(middle, (1, 1, 1, 1), mode="reflect"), cross[None, None]).abs().mean((1, 2, 3))
    contrast = middle.std((1, 2, 3), correction=0).clamp(min=1)
    found: list[float] = (detail / contrast / SHARPNESS_FULL).clamp(0, 1).tolist()
    return found
