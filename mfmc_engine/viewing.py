"""How a decoy is looked at: the photo around one face with the patch over it, and the chips that a recogniser sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from mfmc_engine import parameters as P
from mfmc_engine.compositing import paste
from mfmc_engine.landmarks import five_of
from mfmc_engine.packs.pack import Pack
from mfmc_engine.resampling import Picture, on_host
from mfmc_engine.swapping import appearance, there
from mfmc_engine.swapping.patch import Patch
from mfmc_engine.swapping.there import PatchThere
from mfmc_engine.types import Face, FloatArray, Image

# Chips of one face in a window of the photo, where a recogniser sees it and by the landmarks it is swapped by
# (1, 68, 2), and the landmarks found on it: the latter, if none are looked for.
Views = Callable[[Pack, Picture, FloatArray, FloatArray], tuple[list[Picture], FloatArray]]


def first_view(
    pack: Pack, window: Picture, seen: FloatArray, marks: FloatArray
) -> tuple[list[Picture], FloatArray]:
    """(1, h, w, 3) chip of a decoy where the face it replaces is seen."""
    return [pack.recognizer.chips(window, seen)], marks


def other_views(
    pack: Pack, window: Picture, seen: FloatArray, marks: FloatArray
) -> tuple[list[Picture], FloatArray]:
    """The chip mirrored, and the one at landmarks found anew."""
    anew = pack.landmarker.mark(window, five_of(marks), passes=1)
    return [pack.recognizer.chips(window, seen, mirrored=True), pack.recognizer.chips(window, anew)], anew


def cut(
    pack: Pack, image: Picture, face: Face, patch: Patch | PatchThere, views: Views, seen: Face | None = None
) -> tuple[list[Picture], float]:
    """The chips that ``views`` cuts of a face with a patch over it, (n, h, w, 3) each, and the decoy's misfit there.

    ``seen``: the same face by the landmarks at which a recogniser sees it, if these are others than it is swapped by.
    """
    window, shift = window_of(image, face, patch)
    at, marks = ((one.landmarks - shift)[None].astype(np.float32) for one in (seen or face, face))
    chips, found = views(pack, window, at, marks)
    return chips, appearance.misfit(marks[0], found[0])


def joined(chips: Sequence[Picture]) -> Picture:
    """All of (n, h, w, 3) chips in one batch, where they lie."""
    if all(isinstance(chip, Tensor) for chip in chips):
        return torch.cat([chip for chip in chips if isinstance(chip, Tensor)])
    return np.concatenate([on_host(chip) for chip in chips])


def window_of(image: Picture, face: Face, patch: Patch | PatchThere) -> tuple[Picture, FloatArray]:
    """A copy of the photo around one face with the patch pasted, and where its top-left corner lies."""
    low, high = face.landmarks.min(0), face.landmarks.max(0)
    margin = (high - low).max() * P.VERIFICATION_MARGIN
    height, width = image.shape[:2]
    patch_high = np.add(patch.origin, patch.alpha.shape[::-1])
    x0, y0 = np.floor(np.minimum(low - margin, patch.origin)).clip(0, [width, height]).astype(int)
    x1, y1 = np.ceil(np.maximum(high + margin, patch_high)).clip(0, [width, height]).astype(int)
    origin, corner = (patch.origin[0] - int(x0), patch.origin[1] - int(y0)), np.array([x0, y0], np.float32)
    if isinstance(image, Tensor) and isinstance(patch, PatchThere):
        window = image[y0:y1, x0:x1].clone()
        there.paste(window, origin, patch)
        return window, corner
    if isinstance(patch, PatchThere):
        patch = patch.on_host()
    copy = on_host(image[y0:y1, x0:x1]).copy()
    paste(copy, origin, patch.pixels, patch.alpha)
    return copy, corner


def original_view(pack: Pack, image: Image, face: Face, patch: Patch) -> FloatArray:
    """(1, D) embedding of a face under a patch, where its landmarks were."""
    window, shift = window_of(image, face, patch)
    return pack.recognizer.embed(window, (face.landmarks - shift)[None].astype(np.float32))
