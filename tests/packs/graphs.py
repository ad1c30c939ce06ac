"""Tiny ONNX graphs that keep the contracts of insightface's networks, and see something simple.

The detectors answer to bright squares, the landmarkers to a bright dot, the recognisers to colours: enough to tell
whether a picture reached the network upright, in the right place, scale and channel order, and came back right.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17


def save(path: Path, nodes: list, inputs: list, outputs: list, constants: dict[str, np.ndarray]) -> Path:
    initialisers = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, initialisers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def floats(name: str, *shape: int | str):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))


def detector(
    path: Path,
    stride: int = 8,
    strides: tuple[int, ...] = (8, 16, 32),
    anchors: int = 2,
    size: tuple[int | str, int | str] = ("h", "w"),
    reach: float = 2.0,
    points: bool = True,
    declared: int = 0,
    batched: bool = False,
) -> Path:
    """SCRFD: at ``stride`` a cell of pure white is a face whose box reaches ``reach`` strides to every side and
    whose five points lie at the corners and the middle of a square one stride wide. Other strides see nothing.

    ``declared``: the answers are declared to be those of a picture of that side. ``batched``: they have a batch axis.
    """
    nodes, scores, boxes, marks = [], [], [], []
    five = np.array([-1, -1, 1, -1, 0, 0, -1, 1, 1, 1], np.float32) / 2
    constants = {
        "mean": np.full((1, 3, 1, 1), 1 / 3, np.float32),
        "flat1": np.array([-1, 1], np.int64),
        "reach": np.full((1, 4), reach, np.float32),
        "five": five[None],
        "zero": np.zeros((), np.float32),
        "steep": np.array(400, np.float32),
        "first": np.array([0], np.int64),
    }
    nodes.append(helper.make_node("Conv", ["image", "mean"], ["grey"]))
    for s in strides:
        # the mean of a cell in the network's units; pure white is (255 - 127.5) / 128
        constants[f"threshold{s}"] = np.array(0.985 if s == stride else 9.0, np.float32)
        nodes += [
            helper.make_node("AveragePool", ["grey"], [f"cell{s}"], kernel_shape=[s, s], strides=[s, s]),
            helper.make_node("Sub", [f"cell{s}", f"threshold{s}"], [f"over{s}"]),
            helper.make_node("Mul", [f"over{s}", "steep"], [f"logit{s}"]),
            helper.make_node("Sigmoid", [f"logit{s}"], [f"one{s}"]),
            helper.make_node("Concat", [f"one{s}"] * anchors, [f"all{s}"], axis=1),
            helper.make_node("Transpose", [f"all{s}"], [f"last{s}"], perm=[0, 2, 3, 1]),
            helper.make_node("Reshape", [f"last{s}", "flat1"], [f"score{s}"]),
            helper.make_node("Mul", [f"score{s}", "zero"], [f"nothing{s}"]),
            helper.make_node("Add", [f"nothing{s}", "reach"], [f"box{s}"]),
            helper.make_node("Add", [f"nothing{s}", "five"], [f"points{s}"]),
        ]
        rows = (declared // s) ** 2 * anchors or f"n{s}"
        for group, name, columns in ((scores, "score", 1), (boxes, "box", 4), (marks, "points", 10)):
            if batched:
                nodes.append(helper.make_node("Unsqueeze", [f"{name}{s}", "first"], [f"{name}{s}of1"]))
            group.append(
                floats(f"{name}{s}of1", 1, rows, columns) if batched else floats(f"{name}{s}", rows, columns)
            )
    outputs = scores + boxes + (marks if points else [])
    return save(path, nodes, [floats("image", 1, 3, size[1], size[0])], outputs, constants)


def landmarker(path: Path, batch: int | str = "n", size: int = 192, outputs: int = 3309) -> Path:
    """1k3d68: every point lies where the picture's brightness has its centre; the depth is 0."""
    centres = (np.arange(size) - size / 2 + 0.0) / (size / 2)
    ys, xs = np.meshgrid(centres, centres, indexing="ij")
    constants = {
        "black": np.array(127.5 / 128, np.float32),
        "mean": np.full((1, 3, 1, 1), 1 / 3, np.float32),
        "flat": np.array([0, size * size], np.int64),
        "places": np.stack([xs.ravel(), ys.ravel()], 1).astype(np.float32),
        "ones": np.ones((size * size, 1), np.float32),
        "spread": np.tile(np.array([[1, 0, 0], [0, 1, 0]], np.float32), (1, outputs // 3 + 1))[:, :outputs],
    }
    nodes = [
        helper.make_node("Add", ["data", "black"], ["light"]),
        helper.make_node("Conv", ["light", "mean"], ["grey"]),
        helper.make_node("Reshape", ["grey", "flat"], ["row"]),
        helper.make_node("MatMul", ["row", "places"], ["moment"]),
        helper.make_node("MatMul", ["row", "ones"], ["mass"]),
        helper.make_node("Div", ["moment", "mass"], ["centre"]),
        helper.make_node("MatMul", ["centre", "spread"], ["fc1"]),
    ]
    return save(
        path, nodes, [floats("data", batch, 3, size, size)], [floats("fc1", batch, outputs)], constants
    )


def recognizer(
    path: Path,
    batch: int | str = "n",
    size: int = 112,
    declared: int | str | None = None,
    norms_itself: bool = False,
) -> Path:
    """ArcFace: the mean colours of 8 x 8 cells, red first (192 numbers).

    ``declared``: how many answers it says it gives, if not ``batch``. ``norms_itself``: it takes bytes, as MXNet's do.
    """
    cell = size // 8
    if norms_itself:
        constants = {"half": np.array(127.5, np.float32), "scale": np.array(1 / 127.5, np.float32)}
        nodes = [
            helper.make_node("Sub", ["bytes", "half"], ["centred"], name="_minusscalar0"),
            helper.make_node("Mul", ["centred", "scale"], ["data"], name="_mulscalar0"),
        ]
    else:
        constants, nodes = {}, []
    nodes += [
        helper.make_node("AveragePool", ["data"], ["cells"], kernel_shape=[cell, cell], strides=[cell, cell]),
        helper.make_node("Flatten", ["cells"], ["fc1"], axis=1),
    ]
    inputs = [floats("bytes" if norms_itself else "data", batch, 3, size, size)]
    return save(path, nodes, inputs, [floats("fc1", declared or batch, 192)], constants)


def gender_age(path: Path, batch: int | str = "n", size: int = 96) -> Path:
    """genderage: red counts for "female", green for "male", blue is the age."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["data"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["fc1"], axis=1),
    ]
    return save(path, nodes, [floats("data", batch, 3, size, size)], [floats("fc1", batch, 3)], {})


def inswapper(
    path: Path, batch: int | str = "n", size: int = 128, dimensions: int = 192, turns: bool = False
) -> Path:
    """inswapper: half the target, and the first three numbers of the mapped identity as a colour over all of it.

    The map turns an identity back to front, or with ``turns`` into anything.
    """
    constants = {
        "half": np.array(0.5, np.float32),
        "first": np.array([0], np.int64),
        "third": np.array([3], np.int64),
        "axis": np.array([1], np.int64),
        "plane": np.array([2, 3], np.int64),
        # last on purpose: the package takes the last initialiser for the matrix identities are mapped with
        "emap": np.random.default_rng(1).normal(size=(dimensions, dimensions)).astype(np.float32)
        if turns
        else np.eye(dimensions, dtype=np.float32)[::-1].copy(),
    }
    nodes = [
        helper.make_node("Mul", ["target", "half"], ["dim"]),
        helper.make_node("Slice", ["source", "first", "third", "axis"], ["colour"]),
        helper.make_node("Unsqueeze", ["colour", "plane"], ["tint"]),
        helper.make_node("Add", ["dim", "tint"], ["output"]),
    ]
    inputs = [floats("target", batch, 3, size, size), floats("source", batch, dimensions)]
    return save(path, nodes, inputs, [floats("output", batch, 3, size, size)], constants)
