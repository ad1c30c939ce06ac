"""Paste stored decoys over the original: all that one more viewer costs. Needs numpy only: web processes load it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from mfmc_engine.checks import check_patches, check_picture
from mfmc_engine.errors import MissingDecoyError
from mfmc_engine.types import Decoy, Image


def compose(image: Image, decoys: Sequence[Decoy | None], hidden: Collection[int]) -> Image:
    """A copy of ``image`` (H, W, 3) with ``decoys[i]`` pasted for every i in ``hidden``, in ascending order.

    Pixels outside the pasted patches are untouched, to the bit. Raises MissingDecoyError if a hidden face has no
    decoy, InvalidInputError or InvalidTypeError if a decoy belongs to another picture or ``image`` is none, before
    anything is pasted: half a composition is never returned.
    """
    check_picture(image)
    order = sorted(hidden)
    missing = [i for i in order if not 0 <= i < len(decoys) or decoys[i] is None]
    if missing:
        raise MissingDecoyError(f"no decoy for hidden face {', '.join(map(str, missing))}")
    chosen = [(i, decoy) for i in order if (decoy := decoys[i]) is not None]
    check_patches(image.shape, chosen)
    result = image.copy()
    for _, decoy in chosen:
        paste(result, decoy.origin, decoy.pixels, decoy.alpha)
    return result


def paste(image: Image, origin: tuple[int, int], pixels: Image, alpha: NDArray[np.uint8]) -> None:
    """``image = alpha * pixels + (1 - alpha) * image``, in place, rounded to nearest; the patch may stick out."""
    height, width = image.shape[:2]
    x, y = origin
    left, top = max(0, x), max(0, y)
    right, bottom = min(width, x + alpha.shape[1]), min(height, y + alpha.shape[0])
    if right <= left or bottom <= top:
        return
    patch = np.s_[top - y : bottom - y, left - x : right - x]
    cover = alpha[patch][..., None].astype(np.uint16)
    target = image[top:bottom, left:right]
    mixed = pixels[patch] * cover + target * (255 - cover) + 127
    target[:] = (mixed // 255).astype(np.uint8)
