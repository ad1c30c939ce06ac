"""dlib's ResNet as an ONNX graph, for CPUs: ONNX Runtime lays out weights and activations for them once and for all.

A chip takes two thirds of torch's time alone and four fifths in a batch of eight, and less suffers from neighbours on
the same cores. The graph is made in memory from the torch network's weights; answers agree to 1e-6.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from mfmc_engine.parameters import CHIP_SIZE

if TYPE_CHECKING:
    from mfmc_engine.recognition.dlib_resnet import DlibResNet, _Block

INPUT, OUTPUT = "chips", "embeddings"
OPSET, FORMAT = 17, 9  # of 2022: any ONNX Runtime since 1.14 reads them


def graph(network: DlibResNet) -> bytes:
    """A serialised graph from (N, 3, CHIP_SIZE, CHIP_SIZE) float32 ``chips`` to (N, 128) ``embeddings``."""
    made = _Graph()
    x = made.node("Sub", INPUT, made.constant(network.mean))
    x = made.node("Mul", x, made.constant(np.float32(1 / 256)))
    x = made.node("Relu", made.convolution(x, network.stem))
    x = made.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2])
    channels, side = network.stem.out_channels, (((CHIP_SIZE - 7) // 2 + 1) - 3) // 2 + 1
    for block in cast("Iterable[_Block]", network.blocks):
        width, halves = block.first.out_channels, block.halves
        inner = made.convolution(made.node("Relu", made.convolution(x, block.first)), block.second)
        skip = made.node("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2]) if halves else x
        inner_side, skip_side = ((side - 3) // 2 + 1, side // 2) if halves else (side, side)
        side = max(inner_side, skip_side)
        inner = made.padded(inner, 0, side - inner_side)
        skip = made.padded(skip, width - channels, side - skip_side)
        x, channels = made.node("Relu", made.node("Add", inner, skip)), width
    x = made.node("Flatten", made.node("GlobalAveragePool", x))
    made.node("Gemm", x, made.constant(network.head.weight), output=OUTPUT, transB=1)
    return made.serialised()


@dataclass(slots=True)
class _Graph:
    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def node(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """The name of what a new node answers."""
        output = output or f"node {len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def constant(self, values: Tensor | np.ndarray | np.float32) -> str:
        array = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
        name = f"constant {len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(array, order="C"), name))
        return name

    def convolution(self, x: str, layer: nn.Conv2d) -> str:
        weights = self.constant(layer.weight), self.constant(layer.get_parameter("bias"))
        padding = [int(n) for n in layer.padding] * 2
        return self.node("Conv", x, *weights, strides=list(layer.stride), pads=padding)

    def padded(self, x: str, channels: int, sides: int) -> str:
        """With zeros for as many more channels, rows and columns (see ``dlib_resnet._add_padded``)."""
        if not channels and not sides:
            return x
        return self.node("Pad", x, self.constant(np.array([0] * 5 + [channels, sides, sides], np.int64)))

    def serialised(self) -> bytes:
        kind, size = TensorProto.FLOAT, CHIP_SIZE
        made = helper.make_graph(
            self.nodes,
            "dlib_face_recognition_resnet_model_v1",
            [helper.make_tensor_value_info(INPUT, kind, ["faces", 3, size, size])],
            [helper.make_tensor_value_info(OUTPUT, kind, ["faces", 128])],
            self.constants,
        )
        model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=FORMAT)
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())
