"""What a decoy kept of the face and of the photo around it, measured on the pixels. Formulas: docs/evaluation.md.

Needs scikit-image (``pip install -e ".[evaluate]"``) when called, not when imported.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mfmc_engine import attributes
from mfmc_engine import parameters as P
from mfmc_engine.compositing import paste
from mfmc_engine.donors import bank, traits
from mfmc_engine.engine import Engine
from mfmc_engine.errors import EngineError
from mfmc_engine.evaluation.gaze import gaze
from mfmc_engine.landmarks import five_of
from mfmc_engine.types import Decoy, Face, FloatArray, Image

Values = NDArray[np.float64]
Mask = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Structure:
    """One decoy against the face it replaced. Lengths in inter-ocular distances, angles in degrees."""

    landmark_error: float  # mean over the 68 points
    yaw: float  # absolute differences from here ...
    pitch: float
    roll: float
    mouth: float
    smile: float
    eyes: float  # eye aspect ratio
    gaze: float  # eye widths; ... to here
    ssim_inside: float
    psnr_inside: float  # dB
    ssim_outside: float
    seam: float  # CIEDE2000 across the mask's border
    seam_original: float  # the same ring in the original
    sharpness_ratio: float  # decoy over original
    untouched: bool  # every pixel outside the mask is the original's, to the bit

    @property
    def seam_ratio(self) -> float:
        """How much more colour changes across the border than it did before, or than could be seen."""
        return self.seam / max(self.seam_original, P.SEAM_VISIBLE)

    def as_json(self) -> dict[str, float | bool | None]:
        """All figures by name; what could not be measured is null."""
        found = {**asdict(self), "seam_ratio": self.seam_ratio}
        return {k: v if isinstance(v, bool) else _finite(v) for k, v in found.items()}


def _finite(value: float) -> float | None:
    return round(float(value), 6) if math.isfinite(value) else None


def mask_of(decoy: Decoy, shape: tuple[int, ...]) -> Mask:
    """(H, W) uint8 opacity of a decoy in a photo of that shape."""
    full = np.zeros((*shape[:2], 3), np.uint8)
    opaque = np.full((*decoy.alpha.shape, 3), 255, np.uint8)
    paste(full, decoy.origin, opaque, decoy.alpha)
    return np.ascontiguousarray(full[..., 0])


def measure(original: Image, result: Image, mask: Mask, before: FloatArray, after: FloatArray) -> Structure:
    """Compare a photo and its rendition around one face.

    ``original`` and ``result`` (H, W, 3), ``mask`` (H, W) the decoy's opacity; ``before`` and ``after`` (68, 2) px, the
    face's landmarks and those found anew on the decoy. Raises ValueError if shapes differ or nothing is masked.
    """
    if original.shape != result.shape or mask.shape != original.shape[:2]:
        raise ValueError(f"shapes differ: {original.shape}, {result.shape}, mask {mask.shape}")
    if not mask.any():
        raise ValueError("the mask is empty, so there is no decoy to measure")
    untouched = bool((original[mask == 0] == result[mask == 0]).all())
    window = _window(mask)
    a, b, m = original[window], result[window], mask[window]
    apart = float(traits.interocular(before))
    similarity = _ssim(a, b)
    inside = m >= 128
    inside = inside if inside.any() else m > 0
    outside = m == 0
    error = (a[inside].astype(np.float64) - b[inside]) ** 2
    yaw, pitch, roll = (
        abs(float(x - y)) for x, y in zip(*map(traits.head_pose, (after, before)), strict=True)
    )
    return Structure(
        landmark_error=float(np.linalg.norm(after - before, axis=1).mean()) / apart,
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        mouth=abs(float(traits.mouth_opening(after) - traits.mouth_opening(before))),
        smile=abs(float(traits.smile(after) - traits.smile(before))),
        eyes=abs(float(traits.eye_opening(after) - traits.eye_opening(before))),
        gaze=float(np.linalg.norm(gaze(result, after) - gaze(original, before))),
        ssim_inside=float(similarity[inside].mean()),
        psnr_inside=10 * math.log10(255**2 / max(float(error.mean()), 1e-9)),
        ssim_outside=float(similarity[outside].mean()) if outside.any() else float("nan"),
        seam=seam(b, m, apart),
        seam_original=seam(a, m, apart),
        sharpness_ratio=_detail(b, inside, apart) / max(_detail(a, inside, apart), 1e-6),
        untouched=untouched,
    )


def _window(mask: Mask) -> tuple[slice, slice]:
    """The mask's extent and a margin round it."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    slices = []
    for found, limit in zip((rows, columns), mask.shape, strict=True):
        margin = max(P.SSIM_WINDOW, round(P.STRUCTURE_MARGIN * (found[-1] - found[0] + 1)))
        slices.append(slice(max(0, int(found[0]) - margin), min(limit, int(found[-1]) + 1 + margin)))
    return slices[0], slices[1]


def _ssim(a: Image, b: Image) -> Values:
    """The map of structural similarity (Wang et al. 2004) on grey levels, (H, W)."""
    try:
        from skimage.metrics import structural_similarity
    except ImportError:
        raise EngineError('measuring structure needs scikit-image: pip install -e ".[evaluate]"') from None
    grey = (cv2.cvtColor(x, cv2.COLOR_RGB2GRAY) for x in (a, b))
    return np.asarray(structural_similarity(*grey, win_size=P.SSIM_WINDOW, full=True, data_range=255)[1])


def seam(image: Image, mask: Mask, interocular: float) -> float:
    """Mean CIEDE2000 between the two sides of the mask's border, SEAM_STEP apart from it; nan without a border.

    Both sides are read along the normal of the border, from a picture smoothed by SEAM_SMOOTH.
    """
    from skimage.color import deltaE_ciede2000, rgb2lab

    inside = (mask >= 128).astype(np.uint8)
    if not inside.any() or inside.all():
        return float("nan")
    within, beyond = (cv2.distanceTransform(side, cv2.DIST_L2, 5) for side in (inside, 1 - inside))
    depth: Values = np.asarray(within - beyond, np.float64)
    depth = np.asarray(cv2.GaussianBlur(depth, (0, 0), 1.5), np.float64)
    normal_y, normal_x = (np.gradient(depth, axis=axis) for axis in (0, 1))
    rows, columns = np.nonzero(inside & (cv2.erode(inside, np.ones((3, 3), np.uint8)) == 0))
    step = max(2.0, P.SEAM_STEP * interocular)
    smooth = cv2.GaussianBlur(image, (0, 0), max(0.8, P.SEAM_SMOOTH * interocular))
    lab = rgb2lab(smooth).astype(np.float32)
    sides = []
    for sign in (1, -1):
        x = columns + sign * step * normal_x[rows, columns]
        y = rows + sign * step * normal_y[rows, columns]
        maps = x.astype(np.float32)[None], y.astype(np.float32)[None]
        sides.append(cv2.remap(lab, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0])
    return float(np.mean(deltaE_ciede2000(*sides)))


def _detail(image: Image, inside: NDArray[np.bool_], interocular: float) -> float:
    """Mean absolute Laplacian of the grey levels, away from the mask's border."""
    side = max(3, 2 * round(0.05 * interocular) + 1)
    core = cv2.erode(inside.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(np.abs(cv2.Laplacian(grey, cv2.CV_32F))[core if core.any() else inside].mean())


def of_decoy(engine: Engine, image: Image, face: Face, decoy: Decoy) -> dict[str, Any]:
    """One decoy's figures for whoever made it: the promise, likeness to donor and original, structure, looks.

    Ages and genders are the engine's own estimates, by which donors are chosen: a check, not a judgement.
    """
    result = engine.compose(image, [decoy], [0])
    mark, recognizer = engine.pack.landmarker.mark, engine.pack.recognizer
    five = five_of(face.landmarks)[None].astype(np.float32)
    before, after = mark(image, five)[0], mark(result, five)[0]
    seen = recognizer.embed(result, after[None])[0]
    donor = bank.load().get(decoy.donor or "")
    own, new = (attributes.load()(vector) for vector in (face.embedding, seen))
    return {
        "kind": decoy.kind,
        "distance_to_original": _finite(decoy.distance_to_original),
        "threshold": _finite(decoy.threshold),
        "nearest_gallery": _finite(decoy.nearest_gallery),
        "distance_to_donor": None
        if donor is None
        else _finite(float(np.linalg.norm(seen - donor.embedding))),
        "age_difference": _finite(float(new.age[0] - own.age[0])),
        "gender_difference": _finite(float(new.male[0] - own.male[0])),
        **measure(image, result, mask_of(decoy, image.shape), before, after).as_json(),
    }
