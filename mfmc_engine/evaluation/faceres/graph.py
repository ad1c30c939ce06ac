"""HSE-FaceRes as an ONNX graph, made in memory: MobileNet v1 (Howard et al. 2017) at 224 px with two dense heads.

Batch norms are folded into the convolutions already; those of the depthwise ones are left as a factor, folded here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from mfmc_engine import parameters as P
from mfmc_engine.onnx_graphs import GraphBuilder
from mfmc_engine.types import FloatArray

INPUT: Final = "chips"
OUTPUTS: Final = {"male": 1, "ages": 100}
BLOCKS: Final = 13
HALVING: Final = (2, 4, 6, 12)  # blocks whose depthwise convolution has stride 2


def graph(weights: Mapping[str, FloatArray]) -> bytes:
    """From (N, 3, 224, 224) float32 ``chips`` (BGR, less their mean) to (N, 1) log-odds ``male`` and (N, 100) ``ages``,
    log-probabilities up to a constant of one year to a hundred."""
    made = _Graph()

    def pointwise(x: str, name: str, stride: int) -> str:
        kernel = weights[f"{name}/convolution/merged_input"].transpose(3, 2, 0, 1)
        return made.same(x, kernel, weights[f"{name}_bn/batchnorm_1/sub"], stride)

    def depthwise(x: str, name: str, stride: int) -> str:
        factor = weights[f"{name}_bn/batchnorm_1/mul"].reshape(-1, 1, 1, 1)
        kernel = weights[f"{name}/depthwise_kernel"].transpose(2, 3, 0, 1) * factor
        return made.same(x, kernel, weights[f"{name}_bn/batchnorm_1/sub"], stride, len(kernel))

    x = pointwise(INPUT, "conv1", 2)
    for block in range(1, BLOCKS + 1):
        x = depthwise(x, f"conv_dw_{block}", 2 if block in HALVING else 1)
        x = pointwise(x, f"conv_pw_{block}", 1)
    x = made.node("Flatten", made.node("GlobalAveragePool", x))
    x = made.node("Relu", made.dense(x, weights, "feats"))
    made.dense(x, weights, "gender_pred", output="male")
    made.dense(x, weights, "age_pred", output="ages")
    side = P.JUDGE_SIDE
    return made.serialised("faceres", {INPUT: (3, side, side)}, {name: (n,) for name, n in OUTPUTS.items()})


class _Graph(GraphBuilder):
    def same(self, x: str, kernel: FloatArray, bias: FloatArray, stride: int, groups: int = 1) -> str:
        """TensorFlow's "same" convolution of a picture with even sides, then ReLU6."""
        around = kernel.shape[2] - 1
        before = (
            around // 2 if stride == 1 else 0
        )  # what is left of an odd number TensorFlow adds on the far side
        pads = [before, before, around - before, around - before]
        given = self.constant(kernel), self.constant(bias)
        found = self.node("Conv", x, *given, strides=[stride, stride], pads=pads, group=groups)
        return self.node("Clip", found, self.constant(np.float32(0)), self.constant(np.float32(6)))

    def dense(self, x: str, weights: Mapping[str, FloatArray], name: str, output: str = "") -> str:
        given = self.constant(weights[f"{name}/kernel"]), self.constant(weights[f"{name}/bias"])
        return self.node("Gemm", x, *given, output=output)
