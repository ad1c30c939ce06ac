"""A third opinion on doubtful windows, of a network that learned elsewhere and sees more: BlazeFace.

MTCNN's networks look at a window alone, where a fist, a knot of cloth and half a face are much alike. BlazeFace
(Bazarevsky et al. 2019, full range; see PROVENANCE.md) looks at six times as much and more, and a fist on an arm is
none of its faces. It is a detector itself; here it is only asked whether what it finds in the middle of that square
is the window. Of hidden faces it is not much surer than of cloth, so its answer is evidence among others and never
decides alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from torch import Tensor

from mfmc_engine import onnx_sessions
from mfmc_engine.detection.pyramid import Pyramid
from mfmc_engine.geometry import overlap
from mfmc_engine.parameters import BLAZEFACE_LIMITS, BLAZEFACE_OVERLAP, BLAZEFACE_ZOOMS
from mfmc_engine.types import FloatArray

WEIGHTS: Final = Path(__file__).with_name("blazeface.onnx")
SIDE: Final = 192  # px, the network's input
CELLS: Final = 48  # along each side, one box each, placed from the cell's centre

OUTPUTS: Final = ("reshaped_regressor_face_4", "reshaped_classifier_face_4")


def opinion(pyramid: Pyramid, boxes: FloatArray) -> FloatArray:
    """(N,) logits that (N, 4) boxes in px of ``pyramid`` are faces, within limits.

    The mean over squares of different sizes; of each and its mirror image the higher counts. On any device the network
    runs on the processor, one window at a time: few windows need it.
    """
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    side = np.max(boxes[:, 2:] - boxes[:, :2], 1, keepdims=True, initial=1e-3)
    heard = []
    for zoom in BLAZEFACE_ZOOMS:
        half = side * zoom / 2
        squares = np.concatenate([centre - half, centre + half], 1).astype(np.float32)
        # the window lies in the middle, also of the mirrored square, which has x0 > x1
        windows = np.asarray((boxes - np.tile(centre, 2)) / (2 * half) + 0.5, np.float32)
        views = (squares, squares[:, [2, 1, 0, 3]])
        heard.append(np.max([_answers(pyramid, view, windows) for view in views], axis=0))
    return np.asarray(np.mean(heard, axis=0), np.float32)


def _answers(pyramid: Pyramid, squares: FloatArray, windows: FloatArray) -> FloatArray:
    """(N,) logits, within limits, of what lies where (N, 4) windows in [0, 1] do in the (N, 4) squares of a picture."""
    graph = onnx_sessions.session(WEIGHTS, "cpu", threads=1)
    lowest, highest = BLAZEFACE_LIMITS
    found = np.empty(len(squares), np.float32)

    def as_pictures(crops: Tensor) -> FloatArray:
        return (crops * (128 / 127.5)).permute(0, 2, 3, 1).cpu().contiguous().numpy()  # to [-1, 1]

    for which, _, pictures in pyramid.windows(squares, SIDE, as_pictures):
        for i, picture in zip(which, pictures, strict=True):
            regression, logits = graph.run(list(OUTPUTS), {"input": picture[None]})
            same = overlap(_boxes(regression[0]), windows[i : i + 1])[:, 0] >= BLAZEFACE_OVERLAP
            found[i] = min(logits[0, same, 0].max(initial=lowest), highest)
    return found


def _boxes(regression: FloatArray) -> FloatArray:
    """(CELLS ** 2, 16) answers, of which four count: x, y, width, height in px; to (CELLS ** 2, 4) in [0, 1]."""
    rows, columns = np.divmod(np.arange(CELLS**2), CELLS)
    centre = regression[:, :2] / SIDE + (np.stack([columns, rows], 1) + 0.5) / CELLS
    half = regression[:, 2:4] / SIDE / 2
    return np.asarray(np.concatenate([centre - half, centre + half], 1), np.float32)
