"""Measures of our own: dissimilarity, structure, fairness, the donors' space. Formulas: docs/evaluation.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfmc_engine import parameters as P
from mfmc_engine.donors import bank
from mfmc_engine.evaluation import verification as V
from mfmc_engine.evaluation.recognizers import distances
from mfmc_engine.types import FloatArray

Rows = Sequence[Mapping[str, Any]]
SPREAD = (0.05, 0.25, 0.5, 0.75, 0.9, 0.95)
# fmt: off
FIGURES = (
    "landmark_error", "yaw", "pitch", "roll", "mouth", "smile", "eyes", "gaze", "ssim_inside", "psnr_inside",
    "ssim_outside", "seam", "seam_original", "seam_ratio", "sharpness_ratio", "distance_to_original",
    "distance_to_donor", "attempts",
)
# fmt: on


def column(rows: Rows, name: str) -> NDArray[np.float64]:
    """(K,) one figure of every row; nan where it was not measured."""
    return np.array([np.nan if row[name] is None else float(row[name]) for row in rows])


def swaps(rows: Rows) -> list[Mapping[str, Any]]:
    """The rows that are swaps, not redactions."""
    return [row for row in rows if row["kind"] == "swap"]


def structure(rows: Rows) -> dict[str, Any]:
    """Distributions over the swaps, shares over all decoys."""
    real = swaps(rows)
    found: dict[str, Any] = {
        "decoys": len(rows),
        "swapped": float(np.mean([row["kind"] == "swap" for row in rows])),
        "untouched_outside": float(np.mean([row["untouched"] for row in rows])),
        "hog_before": float(np.mean([row["hog_before"] for row in real])) if real else None,
        "hog_after": float(np.mean([row["hog_after"] for row in real])) if real else None,
    }
    seen = [row for row in real if row["hog_before"]]  # not all originals are: of those, how many still are
    found["hog_kept"] = float(np.mean([row["hog_after"] for row in seen])) if seen else None
    large = [row for row in rows if row["size"] >= P.RECALL_SIZES[1]]
    found["swapped_48_px"] = float(np.mean([row["kind"] == "swap" for row in large])) if large else None
    for name in FIGURES:
        values = column(real, name)
        values = values[np.isfinite(values)]
        if len(values):
            quantiles = {f"{100 * q:g} %": float(np.quantile(values, q)) for q in SPREAD}
            found[name] = {"mean": float(values.mean()), **quantiles}
    sharp = column(real, "sharpness_ratio")
    found["sharpness_within"] = float(np.mean((sharp >= 0.6) & (sharp <= 1.6))) if real else None
    return found


def dissimilarity(rows: Rows) -> dict[str, Any]:
    """The promise: share of decoys beyond the threshold that was promised, and by how much."""
    margins = column(rows, "distance_to_original") - column(rows, "threshold")
    margins = margins[np.isfinite(margins)]
    return {
        "kept": float(np.mean(margins > 0)),
        "margin": {f"{100 * q:g} %": float(np.quantile(margins, q)) for q in (0, *SPREAD, 1)},
    }


def group_names(rows: Rows) -> dict[str, NDArray[np.str_]]:
    """Labels (M,) of the probes by gender x group and by age band; "" where unknown."""
    cells = [f"{'male' if row['male'] > 0.5 else 'female'} {row['group']}" for row in rows]
    edges = P.EVAL_AGE_BANDS
    bands = [next((f"{a}-{b}" for a, b in edges if a <= row["age"] < b), "") for row in rows]
    return {"gender x group": np.array(cells), "age": np.array(bands)}


def fairness(
    rows: Rows, looks: Rows, accepts: FloatArray, people: NDArray[np.str_], seed: int
) -> dict[str, Any]:
    """Privacy and quality per group, with 95 % intervals (bootstrap over people) and the widest gaps.

    ``accepts`` (M,): share of recognisers and mates that still accept each decoy. ``looks``: who the probes are.
    """
    figures = {
        "accepted": np.asarray(accepts, np.float64),
        "swapped": np.array([row["kind"] == "swap" for row in rows], np.float64),
        "landmark_error": column(rows, "landmark_error"),
        "seam_ratio": column(rows, "seam_ratio"),
    }
    found: dict[str, Any] = {}
    for kind, labels in group_names(looks).items():
        table: dict[str, dict[str, Any]] = {}
        for label in sorted(set(labels.tolist()) - {""}):
            at = labels == label
            if at.sum() < P.EVAL_SMALLEST_GROUP:
                continue
            table[label] = {"faces": int(at.sum())} | {
                name: _with_interval(values[at], people[at], seed) for name, values in figures.items()
            }
        gaps = {n: _gap([row[n]["mean"] for row in table.values()]) for n in figures} if table else {}
        found[kind] = {"groups": table, "gaps": gaps}
    return found


def _with_interval(values: NDArray[np.float64], people: NDArray[np.str_], seed: int) -> dict[str, Any]:
    known = np.isfinite(values)
    if not known.any():
        return {"mean": float("nan"), "interval": None}
    low, high = V.interval(values[known].astype(np.float32), people[known], seed)
    return {"mean": float(values[known].mean()), "interval": [low, high]}


def _gap(means: Sequence[float]) -> float:
    return float(np.nanmax(means) - np.nanmin(means))


def donors_in_use(rows: Rows) -> dict[str, Any]:
    """How much of the bank a run draws on. ``effective``: exponential of the entropy of who was drawn. Identities that
    are nobody's are no donors."""
    used = [row["donor"] for row in rows if row["donor"] in bank.load()]
    if not used:
        return {}
    _, counts = np.unique(used, return_counts=True)
    share = counts / counts.sum()
    return {
        "used": len(counts),
        "of": len(bank.load()),
        "effective": float(np.exp(-(share * np.log(share)).sum())),
        "most_used_share": float(share.max()),
    }


def donor_space() -> dict[str, Any]:
    """The bank itself: donors per gender x group, and how far apart they lie (Euclidean, the pack's embedding)."""
    donors = bank.load()
    cells = np.array([f"{a} {b}" for a, b in zip(donors.gender, donors.group, strict=True)])
    found = {}
    for cell in sorted(set(cells.tolist())):
        rows = donors.embeddings[cells == cell]
        apart = distances(rows, rows, "euclidean")[np.triu_indices(len(rows), 1)]
        found[cell] = {"donors": len(rows), "mean": float(apart.mean()), "least": float(apart.min())}
    return found


def people_near_donors(gallery: FloatArray, people: NDArray[np.str_], threshold: float) -> dict[str, float]:
    """Shares of the set's people (by their nearest picture) that lie within ``threshold`` of a donor."""
    near = distances(bank.load().embeddings, gallery, "euclidean") <= threshold
    _, owner = np.unique(people, return_inverse=True)
    hit = np.zeros((len(near), owner.max() + 1), bool)
    for at, own in enumerate(owner):
        hit[:, own] |= near[:, at]
    share = hit.mean(1)
    return {"mean": float(share.mean()), "most": float(share.max())}


def coverage(real: FloatArray, generated: FloatArray) -> dict[str, float]:
    """Coverage and density of the decoys among real faces (Naeem et al. 2020), k = COVERAGE_NEIGHBOURS."""
    k = min(P.COVERAGE_NEIGHBOURS, len(real) - 1)
    among = distances(real, real, "euclidean")
    radius = np.sort(among, 1)[:, k]
    within = distances(generated, real, "euclidean") <= radius[None]
    return {"coverage": float(within.any(0).mean()), "density": float(within.sum(1).mean() / k)}
