"""Make mfmc_engine/landmarks/facemesh.onnx of what tf2onnx makes of MediaPipe's face_landmark.tflite.

python scripts/facemesh_onnx.py CONVERTED OUT: see mfmc_engine/landmarks/PROVENANCE.md. Its weights are stored as the
16-bit numbers they are in the source and become 32-bit as the graph is loaded, so the answers are the same to the bit;
the batch gets a free size.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

# (axes of the converted graph, name here, its shape here; 0 keeps an axis, the batch)
OUTPUTS = {1404: ("points", (0, 468, 3)), 1: ("presence", (0, 1))}


def convert(source: Path, target: Path) -> None:
    """Write ``target``. Raises ValueError if a weight is no 16-bit number."""
    graph = onnx.load(source).graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    casts, weights = [], []
    for name, value in sorted(constants.items()):
        if value.dtype != np.float32:
            continue
        half = value.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), value):
            raise ValueError(f"{name} is not made of 16-bit numbers")
        weights.append(numpy_helper.from_array(half, f"{name}/half"))
        casts.append(helper.make_node("Cast", [f"{name}/half"], [name], to=onnx.TensorProto.FLOAT))
    others = [tensor for tensor in graph.initializer if constants[tensor.name].dtype != np.float32]
    nodes, outputs = [], []
    for node in graph.node:
        if node.op_type == "Reshape":  # the two answers, made for a batch of one
            name, shape = OUTPUTS[int(np.prod(constants[node.input[1]]))]
            others.append(numpy_helper.from_array(np.array(shape, np.int64), f"{name}/shape"))
            node = helper.make_node("Reshape", [node.input[0], f"{name}/shape"], [name])
            outputs.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["faces", *shape[1:]]))
        nodes.append(node)
    used = {name for node in nodes for name in node.input}
    others = [tensor for tensor in others if tensor.name in used]
    picture = helper.make_tensor_value_info(
        graph.input[0].name, onnx.TensorProto.FLOAT, ["faces", 192, 192, 3]
    )
    made = helper.make_graph([*casts, *nodes], "facemesh", [picture], outputs, [*weights, *others])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    target.write_bytes(model.SerializeToString(deterministic=True))


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
