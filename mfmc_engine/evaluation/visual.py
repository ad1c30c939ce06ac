"""How far treated pictures are from real ones as distributions. Definitions: docs/evaluation.md.

KID (Binkowski et al. 2018) and FID (Heusel et al. 2017) are defined on Inception's features, whose weights no package
ships. We use texture histograms (LBPH), which say how real the surface looks, and name them with every figure: the
values compare with each other, not with those of papers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import sqrtm

from mfmc_engine import parameters as P

Values = NDArray[np.float64]
COMPONENTS = 32  # principal components of the real features that FID is taken on: fewer than pictures


def kid(real: Any, treated: Any, seed: int) -> dict[str, float]:
    """Mean and deviation over subsets of the unbiased squared MMD with the kernel (x.y / D + 1)^3."""
    a, b = np.asarray(real, np.float64), np.asarray(treated, np.float64)
    size = max(2, min(P.KID_SUBSET_SIZE, len(a) // 2, len(b) // 2))
    random = np.random.default_rng(seed)
    found = [
        _mmd(a[random.choice(len(a), size, replace=False)], b[random.choice(len(b), size, replace=False)])
        for _ in range(P.KID_SUBSETS)
    ]
    return {"mean": float(np.mean(found)), "deviation": float(np.std(found))}


def _mmd(x: Values, y: Values) -> float:
    count, width = x.shape
    kernels = [(a @ b.T / width + 1) ** 3 for a, b in ((x, x), (y, y), (x, y))]
    within = sum((k.sum() - np.trace(k)) / (count * (count - 1)) for k in kernels[:2])
    return float(within - 2 * kernels[2].mean())


def fid(real: Any, treated: Any) -> float:
    """Frechet distance of two Gaussians fitted to the first principal components of the real features."""
    a, b = np.asarray(real, np.float64), np.asarray(treated, np.float64)
    centre = a.mean(0)
    _, scales, axes = np.linalg.svd(a - centre, full_matrices=False)
    kept = max(1, min(COMPONENTS, len(a) // 4))
    basis = axes[:kept].T / (scales[:kept] / np.sqrt(len(a)) + 1e-12)
    x, y = (a - centre) @ basis, (b - centre) @ basis
    cov_x, cov_y = (np.atleast_2d(np.cov(v, rowvar=False)) for v in (x, y))
    mixed = np.real(sqrtm(cov_x @ cov_y))
    return float(((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(cov_x + cov_y - 2 * mixed))


def compare(real: Any, arms: dict[str, Any], seed: int) -> dict[str, Any]:
    """KID and FID of every treatment against the untouched pictures; ``halves``: real against real, the floor."""
    real, *others = _scaled(real, *arms.values())
    arms = dict(zip(arms, others, strict=True))
    half = np.random.default_rng(seed).permutation(len(real))
    first, second = real[half[::2]], real[half[1::2]]
    found = {"halves": {"kid": kid(first, second, seed), "fid": fid(first, second)}}
    for name, features in arms.items():
        found[name] = {"kid": kid(real, features, seed), "fid": fid(real, features)}
    return found


def _scaled(real: Any, *others: Any) -> list[Values]:
    """All features centred on the real ones and scaled to unit variance of the mean feature."""
    rows = np.asarray(real, np.float64)
    centre = rows.mean(0)
    scale = max(float(np.sqrt(((rows - centre) ** 2).mean())), 1e-12)
    return [(np.asarray(features, np.float64) - centre) / scale for features in (real, *others)]
