"""How dlib writes numbers to its files (serialize.h, float_details.h; Boost licence), as far as its weights need it."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from mfmc_engine.types import FloatArray

# A float in its usual form: three bytes of mantissa, one of exponent, each after its control byte
_USUAL: Final = rb"(?:[\x03\x83].{3}[\x01\x81].)"
_SIZE: Final = 6  # bytes of that form


def integer(data: bytes, position: int) -> tuple[int, int]:
    """The integer at ``position`` and the position after it.

    One byte with sign (bit 7) and length (bits 0-3), then that many little-endian bytes. Raises ValueError if the
    data ends inside.
    """
    if position >= len(data):
        raise ValueError("file ends before an integer")
    control = data[position]
    length = control & 0x0F
    value = int.from_bytes(data[position + 1 : position + 1 + length], "little")
    if len(data) < position + 1 + length:
        raise ValueError("file ends inside an integer")
    return (-value if control & 0x80 else value), position + 1 + length


class Floats:
    """Gathers the floats of a file in the order they are read, and makes an array of them all at once.

    A float is an integer mantissa and an integer exponent of two. Their lengths vary, so they can only be read one
    after the other; but nearly all have the same form, and runs of those are taken as they are.
    """

    def __init__(self) -> None:
        self._runs: dict[int, re.Pattern[bytes]] = {}
        self._taken: list[bytes] = []

    def take(self, data: bytes, position: int, count: int) -> int:
        """Gather ``count`` floats from ``position``; the position after them. Raises ValueError."""
        while count:
            if count not in self._runs:
                self._runs[count] = re.compile(b"%b{0,%d}" % (_USUAL, count), re.DOTALL)
            run = self._runs[count].match(data, position)
            length = run.end() - position if run else 0
            self._taken.append(data[position : position + length])
            position += length
            count -= length // _SIZE
            if count:
                position = self._take_unusual(data, position)
                count -= 1
        return position

    def _take_unusual(self, data: bytes, position: int) -> int:
        """A float with trailing zeros in its mantissa, or 0, brought to the usual form."""
        mantissa, middle = integer(data, position)
        exponent, end = integer(data, middle)
        if abs(mantissa) >= 2**24 or abs(exponent) > 255:  # also how dlib marks infinities and NaN
            raise ValueError(f"{mantissa} * 2**{exponent} is no finite 32-bit float")
        signs = (0x83 if mantissa < 0 else 0x03), (0x81 if exponent < 0 else 0x01)
        digits = abs(mantissa).to_bytes(3, "little")
        self._taken.append(bytes([signs[0], *digits, signs[1], abs(exponent)]))
        return end

    def array(self) -> FloatArray:
        """(N,) all that was gathered since the last call."""
        raw = np.frombuffer(b"".join(self._taken), np.uint8).reshape(-1, _SIZE)
        self._taken.clear()
        mantissa = (
            raw[:, 1].astype(np.int32) | raw[:, 2].astype(np.int32) << 8 | raw[:, 3].astype(np.int32) << 16
        )
        exponent = raw[:, 5].astype(np.int32)
        mantissa = np.where(raw[:, 0] & 0x80, -mantissa, mantissa)
        exponent = np.where(raw[:, 4] & 0x80, -exponent, exponent)
        # in double, where no intermediate result is subnormal
        return np.ldexp(mantissa.astype(np.float64), exponent).astype(np.float32)
