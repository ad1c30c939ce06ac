"""CenterFace as an ONNX graph, for CPUs that multiply in single precision: ONNX Runtime takes half of torch's time.

(torch has no fast kernel for pointwise convolutions where it works on one thread.) The graph is made in memory from the
torch network's weights; answers agree to 1e-4.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from torch import nn

from mfmc_engine.onnx_graphs import GraphBuilder

if TYPE_CHECKING:
    from mfmc_engine.detection.centerface import CenterFace, _Block

INPUT, OUTPUT = "pictures", "maps"


def graph(network: CenterFace) -> bytes:
    """A serialised graph of what ``network`` does in single precision, for pictures of any size."""
    made = GraphBuilder()
    x = made.node("Relu", made.convolution(INPUT, network.first))
    feeding = {}  # by channels: the last block of each stage stays
    for block in cast("Iterable[_Block]", network.blocks):
        inner = x if block.expand is None else made.node("Relu", made.convolution(x, block.expand))
        out = made.convolution(made.node("Relu", made.convolution(inner, block.filter)), block.project)
        x = made.node("Add", x, out) if block.residual else out
        feeding[block.project.out_channels] = x
    x = made.node("Relu", made.convolution(x, network.top))
    for up, lateral in zip(network.up, network.lateral, strict=True):
        finer, coarser = cast("nn.Conv2d", lateral), cast("nn.ConvTranspose2d", up)
        seen = made.node("Relu", made.convolution(feeding[finer.in_channels], finer))
        x = made.node("Add", made.node("Relu", made.convolution(x, coarser)), seen)
    x = made.node("Relu", made.convolution(x, network.last))
    heat, *others = (made.convolution(x, cast("nn.Conv2d", head)) for head in network.heads)
    made.node("Concat", made.node("Sigmoid", heat), *others, output=OUTPUT, axis=1)
    channels = sum(cast("nn.Conv2d", head).out_channels for head in network.heads)
    shapes = {INPUT: (3, "height", "width")}, {OUTPUT: (channels, "rows of cells", "cells")}
    return made.serialised("centerface", *shapes)
