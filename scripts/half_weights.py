"""Store the weights of an ONNX graph as the 16-bit numbers they are: python scripts/half_weights.py GRAPH OUT.

tf2onnx widens the 16-bit weights of a TFLite model. They become 32-bit again as the graph is loaded, so the answers
stay the same to the bit, in half the bytes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper


def store_half(source: Path, target: Path) -> None:
    """Write ``target``. Raises ValueError if a weight is no 16-bit number."""
    model = onnx.load(source)
    weights, casts = [], []
    for tensor in model.graph.initializer:
        value = numpy_helper.to_array(tensor)
        if value.dtype != np.float32 or value.ndim == 0:
            weights.append(tensor)
            continue
        half = value.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), value):
            raise ValueError(f"{tensor.name} is not made of 16-bit numbers")
        weights.append(numpy_helper.from_array(half, f"{tensor.name}/half"))
        casts.append(
            helper.make_node("Cast", [f"{tensor.name}/half"], [tensor.name], to=onnx.TensorProto.FLOAT)
        )
    nodes = [*casts, *model.graph.node]
    graph = helper.make_graph(nodes, model.graph.name, model.graph.input, model.graph.output, weights)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    target.write_bytes(made.SerializeToString(deterministic=True))


if __name__ == "__main__":
    store_half(Path(sys.argv[1]), Path(sys.argv[2]))
