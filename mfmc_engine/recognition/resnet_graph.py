"""dlib's ResNet as an ONNX graph, for CPUs: ONNX Runtime lays out weights and activations for them once and for all.

A chip takes two thirds of torch's time alone and four fifths in a batch of eight, and less suffers from neighbours on
the same cores. The graph is made in memory from the torch network's weights; answers agree to 1e-6.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

import numpy as np

from mfmc_engine.onnx_graphs import GraphBuilder
from mfmc_engine.parameters import CHIP_SIZE

if TYPE_CHECKING:
    from mfmc_engine.recognition.dlib_resnet import DlibResNet, _Block

INPUT, OUTPUT = "chips", "embeddings"


def graph(network: DlibResNet) -> bytes:
    """A serialised graph from (N, 3, CHIP_SIZE, CHIP_SIZE) float32 ``chips`` to (N, 128) ``embeddings``."""
    made = _Graph()
    x = made.node("Sub", INPUT, made.constant(network.mean.detach().cpu()))
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
    made.node("Gemm", x, made.constant(network.head.weight.detach().cpu()), output=OUTPUT, transB=1)
    shapes = {INPUT: (3, CHIP_SIZE, CHIP_SIZE)}, {OUTPUT: (128,)}
    return made.serialised("dlib_face_recognition_resnet_model_v1", *shapes)


class _Graph(GraphBuilder):
    def padded(self, x: str, channels: int, sides: int) -> str:
        """With zeros for as many more channels, rows and columns (see ``dlib_resnet._add_padded``)."""
        if not channels and not sides:
            return x
        return self.node("Pad", x, self.constant(np.array([0] * 5 + [channels, sides, sides], np.int64)))
