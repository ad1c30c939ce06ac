"""Fit the score of doubtful windows and measure whether it is the share of faces: ``python -m ...detection.fit DIR``.

The data are the windows of annotated photos (see ``evaluation/recall``) that are not sure at first look. One that
overlaps a counted face by IoU 0.4 is a face; those on ignored faces and on parts of faces count neither way. The
reliability is that of windows whose photo was left out of the fit; the coefficients printed use all photos and go
into ``parameters`` by hand. Windows that those in force give no chance are not gathered: after a change, run it once
more (the second run on the same photos moved them by 0.3 %).
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.optimize import minimize

from mfmc_engine.detection.looks import relative_size
from mfmc_engine.detection.mtcnn import Cascade, Effort
from mfmc_engine.detection.pyramid import Pyramid
from mfmc_engine.geometry import overlap
from mfmc_engine.imaging import decode
from mfmc_engine.packs.builtin import weights_folder
from mfmc_engine.parameters import RECALL_IOU
from mfmc_engine.types import FloatArray

RIDGE: Final = 0.01  # of the two weights; only keeps the regression solvable
PART: Final = 0.3  # share of a window (or of a face) from which it is part of a face
BINS: Final = (0.0, 0.05, 0.2, 0.5, 0.8, 0.95, 1.0)


@dataclass(frozen=True, slots=True)
class Windows:
    """Doubtful windows: (N, 2) sums of mean probabilities and relative sizes, whether faces, and their photos."""

    features: np.ndarray
    is_face: np.ndarray
    photo: np.ndarray


def collect(cascade: Cascade, folder: Path) -> tuple[Windows, list[int]]:
    """The doubtful windows of a folder with ``boxes.json``, and [faces, others] among the sure ones."""
    marked: dict[str, list[dict[str, Any]]] = json.loads((folder / "boxes.json").read_text("utf-8"))
    features, labels, photos, sure = [], [], [], [0, 0]
    for number, (name, faces) in enumerate(marked.items()):
        evidence = cascade.evidence(Pyramid.of(decode(folder / name), cascade.device), Effort())
        boxes = evidence.doubtful.boxes
        is_face, counts = _label(boxes, faces)
        size = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], 1))
        rows = np.column_stack([evidence.doubtful.scores + evidence.support, relative_size(size)])
        features.append(rows[counts])
        labels.append(is_face[counts])
        photos.append(np.full(int(counts.sum()), number))
        found, clear = _label(evidence.sure.boxes, faces)
        sure[0] += int((found & clear).sum())
        sure[1] += int((~found & clear).sum())
    return Windows(np.concatenate(features), np.concatenate(labels), np.concatenate(photos)), sure


def _label(boxes: FloatArray, faces: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """Which (N, 4) boxes are faces, and which count at all."""
    truth = np.array([face["box"] for face in faces], np.float32).reshape(-1, 4)
    counted = np.array([not face["ignore"] for face in faces], bool)
    is_face = overlap(boxes, truth[counted]).max(1, initial=0) >= RECALL_IOU
    part = overlap(boxes, truth, smaller=True).max(1, initial=0) > PART
    return np.asarray(is_face), np.asarray(is_face | ~part)


def fit(features: np.ndarray, is_face: np.ndarray) -> np.ndarray:
    """Logistic regression: (N, 2) features to two weights and the bias."""
    rows = np.column_stack([features, np.ones(len(features))])

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        logit, ridge = rows @ weights, RIDGE * weights * [1, 1, 0]
        slope = rows.T @ (1 / (1 + np.exp(-logit)) - is_face) + ridge
        return float((np.logaddexp(0, logit) - is_face * logit).sum() + ridge @ weights / 2), slope

    return np.asarray(minimize(loss, np.zeros(3), jac=True, method="L-BFGS-B").x)


def reliability(windows: Windows) -> list[tuple[float, float, int]]:
    """(mean score, share of faces, windows) per bin of the score, each photo scored by a fit on the others."""
    score = np.empty(len(windows.is_face))
    for photo in np.unique(windows.photo):
        out = windows.photo == photo
        weights = fit(windows.features[~out], windows.is_face[~out])
        score[out] = 1 / (1 + np.exp(-(windows.features[out] @ weights[:2] + weights[2])))
    bins = np.digitize(score, BINS[1:-1])
    return [
        (float(score[bins == b].mean()), float(windows.is_face[bins == b].mean()), int((bins == b).sum()))
        for b in np.unique(bins)
    ]


def main() -> None:
    """Print the coefficients and the reliability."""
    parser = argparse.ArgumentParser(prog="python -m mfmc_engine.detection.fit", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="photos with boxes.json")
    cascade = Cascade(weights_folder("mtcnn") / "assets" / "weights")
    windows, sure = collect(cascade, parser.parse_args().folder)
    evidence, size, bias = fit(windows.features, windows.is_face)
    print(f"EVIDENCE_WEIGHT {evidence:.2f}  SIZE_WEIGHT {size:.2f}  EVIDENCE_BIAS {bias:.2f}")
    print(f"sure at first look: {sure[0]} faces, {sure[1]} others")
    for score, share, count in reliability(windows):
        print(f"score {score:.2f}: {share:.2f} are faces, of {count} windows")


if __name__ == "__main__":
    main()
