"""What callers hand in, looked at before anything is done with it: most of these slips would leave people bare.

Needs numpy only: web processes load it. Nothing here touches a pixel, so pictures stay on the device they lie on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import get_args

import numpy as np

from mfmc_engine.errors import InvalidInputError, InvalidTypeError
from mfmc_engine.types import Decoy, Face, Selection


def check_picture(image: object, *kinds: type) -> None:
    """Raises InvalidTypeError for what is no array (or one of the other ``kinds``) of uint8, and InvalidInputError for
    any other shape than (H, W, 3): in numbers of another range no face would be found."""
    if not isinstance(image, (np.ndarray, *kinds)):
        raise InvalidTypeError(
            f"a picture must be a uint8 array of shape (H, W, 3), not {type(image).__name__}: "
            "mfmc_engine.imaging.decode opens files"
        )
    dtype, shape = str(image.dtype).removeprefix("torch."), tuple(image.shape)  # type: ignore[attr-defined]
    if dtype != "uint8":
        raise InvalidTypeError(f"a picture must hold uint8 values from 0 to 255, not {dtype}")
    if len(shape) != 3 or shape[2] != 3 or not shape[0] or not shape[1]:
        raise InvalidInputError(
            f"a picture must be of shape (H, W, 3) with at least one pixel, RGB, not {shape}"
        )


def check_faces(image_shape: Sequence[int], faces: Iterable[Face]) -> None:
    """Raises InvalidInputError for a face of a picture of another size, and for one that lies outside: its decoy would
    come to lie where nobody is."""
    height, width = int(image_shape[0]), int(image_shape[1])
    for i, face in enumerate(faces):
        check_size("face", i, face.picture_size, (width, height))
        x0, y0, x1, y1 = (float(edge) for edge in face.box)
        if not (x0 < min(x1, width) and y0 < min(y1, height) and x1 > 0 and y1 > 0):  # NaN included
            raise InvalidInputError(
                f"face {i} lies outside the {width} x {height} picture: "
                f"its box is ({x0:g}, {y0:g}, {x1:g}, {y1:g})"
            )


def check_patches(image_shape: Sequence[int], decoys: Iterable[tuple[int, Decoy]]) -> None:
    """Raises InvalidInputError for a decoy of a picture of another size, and for one of which nothing would be pasted.
    ``decoys``: each with its number."""
    height, width = int(image_shape[0]), int(image_shape[1])
    for i, decoy in decoys:
        check_size("decoy", i, decoy.picture_size, (width, height))
        (x, y), (rows, columns) = decoy.origin, decoy.alpha.shape
        if min(width, x + columns) <= max(0, x) or min(height, y + rows) <= max(0, y):
            raise InvalidInputError(f"decoy {i} lies outside the {width} x {height} picture")


def check_size(what: str, i: int, known: tuple[int, int] | None, size: tuple[int, int]) -> None:
    """Raises InvalidInputError if ``known`` (width, height) is another ``size``; None is not known."""
    if known is not None and tuple(known) != size:
        raise InvalidInputError(
            f"{what} {i} belongs to a picture of {known[0]} x {known[1]} px, not to this one of {size[0]} x {size[1]}"
        )


def check_selection(selection: object) -> None:
    """Raises InvalidInputError for what is no rule by which donors are selected."""
    if selection not in get_args(Selection):
        raise InvalidInputError(f"unknown selection {selection!r}: use {', '.join(get_args(Selection))}")


def check_as_many(pictures: Sequence[object], others: Sequence[object] | None, what: str) -> None:
    """Raises InvalidInputError unless there is one of the ``others``, if any are given, for each picture."""
    if others is not None and len(others) != len(pictures):
        raise InvalidInputError(f"{len(pictures)} pictures, but {what} for {len(others)}")
