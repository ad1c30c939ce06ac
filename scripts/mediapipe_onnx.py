"""Make the networks in mfmc_engine/landmarks of what tf2onnx makes of MediaPipe's .tflite files.

python scripts/mediapipe_onnx.py NAME CONVERTED OUT, NAME facemesh or eyelids: see mfmc_engine/landmarks/PROVENANCE.md.
Weights are stored as 16-bit numbers and become 32-bit as the graph is loaded: facemesh's are such in the source, so its
answers are the same to the bit. The batch gets a free size.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

EXACT = {"facemesh"}  # networks whose weights are 16-bit numbers in the source
# By network: side of its input, px; by their names in the converted graph, its answers' names and shapes (0 keeps an
# axis, the batch)
NETWORKS = {
    "facemesh": (192, {"conv2d_21": ("points", (0, 468, 3)), "conv2d_31": ("presence", (0, 1))}),
    "eyelids": (64, {"output_eyes_contours_and_brows": ("contours", (0, 71, 3))}),
}
ZERO = "zero"  # the name of that constant


def convert(name: str, source: Path, target: Path) -> None:
    """Write ``target``. Raises ValueError if a weight is no 16-bit number in a network of such."""
    side, answers = NETWORKS[name]
    graph = onnx.load(source).graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    others = [tensor for tensor in graph.initializer if constants[tensor.name].dtype != np.float32]
    nodes, outputs = [], []
    for node in graph.node:
        if node.op_type == "Reshape":  # an answer, made for a batch of one
            if node.output[0] not in answers:
                continue
            answer, shape = answers[node.output[0]]
            others.append(numpy_helper.from_array(np.array(shape, np.int64), f"{answer}/shape"))
            node = helper.make_node("Reshape", [node.input[0], f"{answer}/shape"], [answer])
            outputs.append(
                helper.make_tensor_value_info(answer, onnx.TensorProto.FLOAT, ["faces", *shape[1:]])
            )
        nodes.append(node)
    nodes = [
        part for node in _needed(nodes, {output.name for output in outputs}) for part in _taken_apart(node)
    ]
    others.append(numpy_helper.from_array(np.float32(0), ZERO))
    used = {source for node in nodes for source in node.input}
    others = [tensor for tensor in others if tensor.name in used]
    casts, weights = [], []
    for key, value in sorted(constants.items()):
        if value.dtype != np.float32 or key not in used:
            continue
        half = value.astype(np.float16)
        if name in EXACT and not np.array_equal(half.astype(np.float32), value):
            raise ValueError(f"{key} is not made of 16-bit numbers")
        weights.append(numpy_helper.from_array(half, f"{key}/half"))
        casts.append(helper.make_node("Cast", [f"{key}/half"], [key], to=onnx.TensorProto.FLOAT))
    picture = helper.make_tensor_value_info(
        graph.input[0].name, onnx.TensorProto.FLOAT, ["faces", side, side, 3]
    )
    made = helper.make_graph([*casts, *nodes], name, [picture], outputs, [*weights, *others])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    target.write_bytes(model.SerializeToString(deterministic=True))


def _needed(nodes: list[onnx.NodeProto], wanted: set[str]) -> list[onnx.NodeProto]:
    """Those of the nodes, in order of work, that lead to what is wanted."""
    kept = []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    return kept[::-1]


def _taken_apart(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """Nodes that do the work of ``node``: of PRelu max(x, 0) + slope min(x, 0). To the bit the same, and ONNX Runtime,
    which takes most of such a network's time for PRelu, needs half as long for the whole of it."""
    if node.op_type != "PRelu":
        return [node]
    (values, slope), (out,) = node.input, node.output
    return [
        helper.make_node("Relu", [values], [f"{out}/above"]),
        helper.make_node("Min", [values, ZERO], [f"{out}/below"]),
        helper.make_node("Mul", [f"{out}/below", slope], [f"{out}/leaked"]),
        helper.make_node("Add", [f"{out}/above", f"{out}/leaked"], [out]),
    ]


if __name__ == "__main__":
    convert(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
