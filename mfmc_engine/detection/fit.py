"""Fit the score of doubtful windows and measure whether it is the share of faces: ``python -m ...detection.fit DIR``.

The data are CenterFace's candidates on annotated photos (see ``evaluation/recall``), upright and leaning, that the
O-net is not sure of. One that overlaps a counted face by IoU 0.4 is a face; those on ignored faces and on parts of
faces count neither way. The reliability is that of windows whose photo was left out; the coefficients printed use all
photos and go into ``parameters`` by hand.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.optimize import minimize

from mfmc_engine.detection.looks import log_odds
from mfmc_engine.detection.pyramid import Pyramid
from mfmc_engine.detection.search import Effort, Search
from mfmc_engine.geometry import invert, overlap
from mfmc_engine.imaging import decode
from mfmc_engine.packs.builtin import weights_folder
from mfmc_engine.parameters import RECALL_IOU
from mfmc_engine.types import FloatArray

RIDGE: Final = 0.01  # of the weights; only keeps the regression solvable
PART: Final = 0.3  # share of a window (or of a face) from which it is part of a face
BINS: Final = (0.0, 0.05, 0.2, 0.5, 0.8, 0.95, 1.0)
FIT_HEAT: Final = 0.1  # colder windows than the detector looks at: they are no faces, and say so
LEANS: Final = (0.0, -20.0, -10.0, 10.0, 20.0)  # degrees


@dataclass(frozen=True, slots=True)
class Windows:
    """N doubtful windows."""

    features: np.ndarray  # (N, 2) log odds of CenterFace's heat, the R-net's mean probability
    is_face: np.ndarray  # (N,)
    photo: np.ndarray  # (N,) number of the photo
    lean: np.ndarray  # (N,) degrees by which it was turned

    def take(self, keep: np.ndarray) -> Windows:
        """The windows of this mask."""
        return Windows(*(getattr(self, field.name)[keep] for field in fields(self)))

    def scores(self, weights: np.ndarray) -> np.ndarray:
        """(N,) probabilities, as ``looks`` works them out; ``weights``: of heat, support and 1."""
        return np.asarray(1 / (1 + np.exp(-self.features @ weights[:-1] - weights[-1])))


def collect(search: Search, folder: Path) -> tuple[Windows, list[int]]:
    """The doubtful windows of a folder with ``boxes.json``, and [faces, others] among the sure ones upright."""
    marked: dict[str, list[dict[str, Any]]] = json.loads((folder / "boxes.json").read_text("utf-8"))
    rows, sure = [], [0, 0]
    for number, (name, faces) in enumerate(marked.items()):
        upright = Pyramid.of(decode(folder / name), search.device)
        for lean in LEANS:
            pyramid = upright.turned(lean)
            (proposed,) = search.propose([(pyramid, Effort(least_heat=FIT_HEAT))])
            found, _, support, is_sure = search.evidence(pyramid, proposed, least_heat=FIT_HEAT)
            is_face, counts = _label(found.moved(invert(pyramid.transform)).boxes, faces)
            features = np.column_stack([log_odds(found.scores), support])
            same = (np.full(len(is_face), value) for value in (number, lean))
            rows.append(Windows(features, is_face, *same).take(counts & ~is_sure))
            if lean == 0:
                sure[0] += int((is_face & is_sure).sum())
                sure[1] += int((~is_face & counts & is_sure).sum())
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


def held_out(windows: Windows) -> np.ndarray:
    """(N,) scores of windows, each by a regression on the other photos."""
    score = np.empty(len(windows.is_face))
    for photo in np.unique(windows.photo):
        out = windows.photo == photo
        others = windows.take(~out)
        score[out] = windows.take(out).scores(fit(others.features, others.is_face))
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
    search = Search(weights_folder("mtcnn") / "assets" / "weights")
    windows, sure = collect(search, parser.parse_args().folder)
    heat, support, bias = fit(windows.features, windows.is_face)
    print(f"HEAT_WEIGHT {heat:.2f}  SUPPORT_WEIGHT {support:.2f}  CHANCE_BIAS {bias:.2f}")
    print(f"sure: {sure[0]} faces, {sure[1]} others")
    scores = held_out(windows)
    for name, of in (("upright", windows.lean == 0), ("leaning", windows.lean != 0)):
        for score, share, count in reliability(scores[of], windows.is_face[of]):
            print(f"{name}, score {score:.2f}: {share:.2f} are faces, of {count} windows")


if __name__ == "__main__":
    main()
