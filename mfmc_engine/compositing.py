"""Paste stored decoys over the original: all that one more viewer costs. Needs numpy only: web processes load it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from mfmc_engine.errors import MissingDecoyError
from mfmc_engine.types import Decoy, Image


def compose(image: Image, decoys: Sequence[Decoy | None], hidden: Collection[int]) -> Image:
    """A copy of ``image`` (H, W, 3) with ``decoys[i]`` pasted for every i in ``hidden``, in ascending order.

    Pixels outside the pasted patches are untouched, to the bit. Raises MissingDecoyError if a hidden face has no
    decoy, before anything is pasted: half a composition is never returned.
    """
    order = sorted(hidden)
    missing = [i for i in order if not 0 <= i < len(decoys) or decoys[i] is None]
    if missing:
        raise MissingDecoyError(f"no decoy for hidden face {', '.join(map(str, missing))}")
    result = image.copy()
    for i in order:
        decoy = decoys[i]
        if decoy is not None:
            _paste(result, decoy)
    return result


def _paste(image: Image, decoy: Decoy) -> None:
    """``image = alpha * pixels + (1 - alpha) * image``, in place, rounded to nearest; the patch may stick out."""
    height, width = image.shape[:2]
    x, y = decoy.origin
    left, top = max(0, x), max(0, y)
    right, bottom = min(width, x + decoy.alpha.shape[1]), min(height, y + decoy.alpha.shape[0])
    if right <= left or bottom <= top:
        return
    patch = np.s_[top - y : bottom - y, left - x : right - x]
    alpha = decoy.alpha[patch][..., None].astype(np.uint16)
    target = image[top:bottom, left:right]
    mixed = decoy.pixels[patch] * alpha + target * (255 - alpha) + 127
    target[:] = (mixed // 255).astype(np.uint8)
