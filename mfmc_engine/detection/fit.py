"""Fit the score of doubtful windows and measure whether it is the share of faces: ``python -m ...detection.fit DIR``.

The data are the windows of annotated photos (see ``evaluation/recall``) that are not sure at first look. One that
overlaps a counted face by IoU 0.4 is a face; those on ignored faces and on parts of faces count neither way. The first
regression is on upright photos; the second, which weighs its score and BlazeFace's answer where that is asked,
on the same photos leaning as well, so that it sees more of what is no face. The reliability is that of windows whose
photo was left out of both; the coefficients printed use all photos and go into ``parameters`` by hand. Windows that
those in force give no chance are not gathered: after a change, run it once more (the second run on the same photos
moved the first regression's by 0.3 %).
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from scipy.optimize import minimize

from mfmc_engine.detection.looks import relative_size, sizes
from mfmc_engine.detection.mtcnn import Cascade, Effort
from mfmc_engine.detection.pyramid import Pyramid
from mfmc_engine.geometry import invert, overlap
from mfmc_engine.imaging import decode
from mfmc_engine.packs.builtin import weights_folder
from mfmc_engine.parameters import RECALL_IOU
from mfmc_engine.types import FloatArray

RIDGE: Final = 0.01  # of the weights; only keeps the regression solvable
PART: Final = 0.3  # share of a window (or of a face) from which it is part of a face
BINS: Final = (0.0, 0.05, 0.2, 0.5, 0.8, 0.95, 1.0)
LEANS: Final = (0.0, -20.0, -10.0, 10.0, 20.0)  # degrees


@dataclass(frozen=True, slots=True)
class Windows:
    """N doubtful windows."""

    features: np.ndarray  # (N, 2) sum of the mean probabilities, relative size
    opinion: np.ndarray  # (N,) BlazeFace's logits; NaN where it is not asked
    is_face: np.ndarray  # (N,)
    photo: np.ndarray  # (N,) number of the photo
    lean: np.ndarray  # (N,) degrees by which it was turned

    def take(self, keep: np.ndarray) -> Windows:
        """The windows of this mask."""
        return Windows(*(getattr(self, field.name)[keep] for field in fields(self)))


class Weights(NamedTuple):
    """Of evidence, size and 1 for the first score; of that score's log odds, opinion and 1 for the second."""

    first: np.ndarray  # (3,)
    second: np.ndarray  # (3,)

    def scores(self, windows: Windows) -> np.ndarray:
        """(N,) probabilities, as ``looks`` works them out."""
        odds = _linear(windows.features, self.first)
        with_opinion = _linear(np.column_stack([odds, windows.opinion]), self.second)
        return np.asarray(1 / (1 + np.exp(-np.where(np.isnan(windows.opinion), odds, with_opinion))))


def collect(cascade: Cascade, folder: Path) -> tuple[Windows, list[int]]:
    """The doubtful windows of a folder with ``boxes.json``, and [faces, others] among the sure ones upright."""
    marked: dict[str, list[dict[str, Any]]] = json.loads((folder / "boxes.json").read_text("utf-8"))
    rows, sure = [], [0, 0]
    for number, (name, faces) in enumerate(marked.items()):
        upright = Pyramid.of(decode(folder / name), cascade.device)
        for lean in LEANS:
            pyramid = upright.turned(lean)
            evidence = cascade.evidence(pyramid, Effort())
            back = invert(pyramid.transform)
            is_face, counts = _label(evidence.doubtful.moved(back).boxes, faces)
            summed = evidence.doubtful.scores + evidence.support
            features = np.column_stack([summed, relative_size(sizes(evidence.doubtful.boxes))])
            same = (np.full(len(is_face), value) for value in (number, lean))
            rows.append(Windows(features, evidence.opinion, is_face, *same).take(counts))
            if lean == 0:
                found, clear = _label(evidence.sure.boxes, faces)
                sure[0] += int((found & clear).sum())
                sure[1] += int((~found & clear).sum())
    return Windows(*(np.concatenate([getattr(r, f.name) for r in rows]) for f in fields(Windows))), sure


def _label(boxes: FloatArray, faces: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """Which (N, 4) boxes are faces, and which count at all."""
    truth = np.array([face["box"] for face in faces], np.float32).reshape(-1, 4)
    counted = np.array([not face["ignore"] for face in faces], bool)
    is_face = overlap(boxes, truth[counted]).max(1, initial=0) >= RECALL_IOU
    part = overlap(boxes, truth, smaller=True).max(1, initial=0) > PART
    return np.asarray(is_face), np.asarray(is_face | ~part)


def fit(features: np.ndarray, is_face: np.ndarray) -> np.ndarray:
    """Logistic regression: (N, K) features to K weights and the bias."""
    rows = np.column_stack([features, np.ones(len(features))])
    penalty = RIDGE * np.array([*[1.0] * features.shape[1], 0.0])

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        logit, ridge = rows @ weights, penalty * weights
        slope = rows.T @ (1 / (1 + np.exp(-logit)) - is_face) + ridge
        return float((np.logaddexp(0, logit) - is_face * logit).sum() + ridge @ weights / 2), slope

    return np.asarray(minimize(loss, np.zeros(rows.shape[1]), jac=True, method="L-BFGS-B").x)


def fit_both(windows: Windows) -> Weights:
    """Both regressions: the first on upright windows, the second on all that BlazeFace was asked about."""
    upright = windows.take(windows.lean == 0)
    first = fit(upright.features, upright.is_face)
    asked = windows.take(~np.isnan(windows.opinion))
    odds = _linear(asked.features, first)
    return Weights(first, fit(np.column_stack([odds, asked.opinion]), asked.is_face))


def _linear(features: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.asarray(features @ weights[:-1] + weights[-1])


def held_out(windows: Windows) -> np.ndarray:
    """(N,) scores of windows, each by regressions on the other photos."""
    score = np.empty(len(windows.is_face))
    for photo in np.unique(windows.photo):
        out = windows.photo == photo
        score[out] = fit_both(windows.take(~out)).scores(windows.take(out))
    return score


def reliability(score: np.ndarray, is_face: np.ndarray) -> list[tuple[float, float, int]]:
    """(mean score, share of faces, windows) per bin of the (N,) scores."""
    bins = np.digitize(score, BINS[1:-1])
    return [
        (float(score[bins == b].mean()), float(is_face[bins == b].mean()), int((bins == b).sum()))
        for b in np.unique(bins)
    ]


def main() -> None:
    """Print the coefficients and the reliability."""
    parser = argparse.ArgumentParser(prog="python -m mfmc_engine.detection.fit", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="photos with boxes.json")
    cascade = Cascade(weights_folder("mtcnn") / "assets" / "weights")
    windows, sure = collect(cascade, parser.parse_args().folder)
    (evidence, size, bias), (odds, opinion, offset) = fit_both(windows)
    print(f"EVIDENCE_WEIGHT {evidence:.2f}  SIZE_WEIGHT {size:.2f}  EVIDENCE_BIAS {bias:.2f}")
    print(f"CHANCE_WEIGHT {odds:.2f}  OPINION_WEIGHT {opinion:.2f}  OPINION_BIAS {offset:.2f}")
    print(f"sure at first look: {sure[0]} faces, {sure[1]} others")
    scores = held_out(windows)
    for name, of in (("upright", windows.lean == 0), ("leaning", windows.lean != 0)):
        for score, share, count in reliability(scores[of], windows.is_face[of]):
            print(f"{name}, score {score:.2f}: {share:.2f} are faces, of {count} windows")


if __name__ == "__main__":
    main()
