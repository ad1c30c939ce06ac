"""ONNX graphs made in memory, node by node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import ArrayLike
from onnx import TensorProto, helper, numpy_helper
from torch import nn

OPSET: Final = 17  # of 2022, as is the format: any ONNX Runtime since 1.14 reads them
FORMAT: Final = 9
Shape = tuple[int | str, ...]  # lengths, or names of those that are free


@dataclass(slots=True)
class GraphBuilder:
    """What has been put into a graph so far. Inputs and answers of nodes are names."""

    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def node(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """The name of what a new node answers."""
        output = output or f"node {len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def constant(self, values: ArrayLike) -> str:
        """The name of a new constant."""
        name = f"constant {len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def convolution(self, x: str, layer: nn.Conv2d | nn.ConvTranspose2d) -> str:
        """What a layer of a torch network answers, without what comes after it."""
        weights = [
            self.constant(values.detach().float().cpu())
            for values in (layer.weight, layer.get_parameter("bias"))
        ]
        kind = "ConvTranspose" if isinstance(layer, nn.ConvTranspose2d) else "Conv"
        strides, pads = list(layer.stride), [int(n) for n in layer.padding] * 2
        return self.node(kind, x, *weights, group=layer.groups, strides=strides, pads=pads)

    def serialised(self, name: str, inputs: Mapping[str, Shape], outputs: Mapping[str, Shape]) -> bytes:
        """The checked graph. Shapes, of float32, are those of one row; graphs take any number of rows at once."""

        def declared(shapes: Mapping[str, Shape]) -> list[Any]:
            return [
                helper.make_tensor_value_info(key, TensorProto.FLOAT, ["rows", *shape])
                for key, shape in shapes.items()
            ]

        graph = helper.make_graph(self.nodes, name, declared(inputs), declared(outputs), self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=FORMAT)
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())
