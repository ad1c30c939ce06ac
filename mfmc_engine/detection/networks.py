"""MTCNN's three networks in torch, with the weights that the ``mtcnn`` wheel carries.

Zhang, Zhang, Li, Qiao: "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks", 2016.
Inputs are RGB ``(x - 127.5) / 128``; every network answers face probability and box regression, the O-net also five
points. The weights were trained on pictures with swapped axes, which shows in the flattening (width, height, channel).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import joblib
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mfmc_engine.errors import WeightsMissingError


class _Convolutions(nn.Module):
    """Convolution, PReLU and pooling in turn. ``spec``: (in, out, kernel, pooling kernel or 0) per layer."""

    def __init__(self, spec: Sequence[tuple[int, int, int, int]]) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv2d(i, o, k) for i, o, k, _ in spec)
        self.slopes = nn.ParameterList(torch.zeros(o) for _, o, _, _ in spec)
        self.pools = [pool for *_, pool in spec]

    def forward(self, x: Tensor) -> Tensor:
        for convolution, slope, pool in zip(self.convolutions, self.slopes, self.pools, strict=True):
            x = _prelu(convolution(x), slope)
            if pool == 2 and not (x.shape[2] % 2 or x.shape[3] % 2):
                x = _halve(x)
            elif pool == 3 and x.device.type == "cpu":
                x = _third(_third(x, 2), 3)
            elif pool:
                x = F.max_pool2d(x, pool, stride=2, ceil_mode=True)
        return x


def _prelu(x: Tensor, slope: Tensor) -> Tensor:
    """``F.prelu``, on a CPU along whole rows of pixels: five times faster where channels do not fill its vectors."""
    if x.device.type != "cpu" or not x.is_contiguous(memory_format=torch.channels_last):
        return F.prelu(x, slope)
    count, channels, height, width = x.shape
    rows = x.permute(0, 2, 3, 1).reshape(count * height, width * channels)
    bent = F.prelu(rows, slope.repeat(width))
    return bent.view(count, height, width, channels).permute(0, 3, 1, 2)


def _halve(x: Tensor) -> Tensor:
    """``max_pool2d(x, 2)`` for even sizes; ten times faster than torch's on a CPU."""
    x = torch.maximum(x[:, :, ::2], x[:, :, 1::2])
    return torch.maximum(x[..., ::2], x[..., 1::2]).contiguous(memory_format=torch.channels_last)


def _third(x: Tensor, axis: int) -> Tensor:
    """One axis of ``max_pool2d(x, 3, stride=2, ceil_mode=True)``: a third of the time on a CPU."""
    x = x.movedim(axis, 0)
    pooled = torch.maximum(x[:-1:2], x[1::2])
    last = x[2::2]
    torch.maximum(pooled[: len(last)], last, out=pooled[: len(last)])
    return pooled.movedim(0, axis)


class PNet(nn.Module):
    """(N, 3, H, W) to the face probability (N, h, w) of 12 px windows, 2 px apart, and their features (N, 32, h, w)."""

    def __init__(self) -> None:
        super().__init__()
        self.features = _Convolutions([(3, 10, 3, 2), (10, 16, 3, 0), (16, 32, 3, 0)])
        self.box = nn.Conv2d(32, 4, 1)
        self.face = nn.Conv2d(32, 2, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.features(x)
        # of a softmax over two classes only the difference counts: one map to compute instead of two
        weight, bias = self.face.weight, self.face.get_parameter("bias")
        logits = F.conv2d(x, weight[1:] - weight[:1], bias[1:] - bias[:1])
        return torch.sigmoid(logits[:, 0]), x

    @staticmethod
    def side(length: int) -> int:
        """Windows along a side of ``length`` px."""
        return -(-(length - 2) // 2) - 4

    def regression(self, features: Tensor) -> Tensor:
        """(n, 32) features of single windows to their box regression (n, 4): few windows need it."""
        return F.linear(features, self.box.weight.flatten(1), self.box.bias)


class RNet(nn.Module):
    """(N, 3, 24, 24) crops to face probability (N,) and regression (N, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.features = _Convolutions([(3, 28, 3, 3), (28, 48, 3, 3), (48, 64, 2, 0)])
        self.dense = nn.Linear(576, 128)
        self.slope = nn.Parameter(torch.zeros(128))
        self.box = nn.Linear(128, 4)
        self.face = nn.Linear(128, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.features(x).permute(0, 3, 2, 1).flatten(1)
        x = F.prelu(self.dense(x), self.slope)
        return torch.softmax(self.face(x), 1)[:, 1], self.box(x)


class ONet(nn.Module):
    """(N, 3, 48, 48) crops to face probability (N,), regression (N, 4) and points (N, 10): five x, then five y."""

    def __init__(self) -> None:
        super().__init__()
        self.features = _Convolutions([(3, 32, 3, 3), (32, 64, 3, 3), (64, 64, 3, 2), (64, 128, 2, 0)])
        self.dense = nn.Linear(1152, 256)
        self.slope = nn.Parameter(torch.zeros(256))
        self.box = nn.Linear(256, 4)
        self.points = nn.Linear(256, 10)
        self.face = nn.Linear(256, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = self.features(x).permute(0, 3, 2, 1).flatten(1)
        x = F.prelu(self.dense(x), self.slope)
        return torch.softmax(self.face(x), 1)[:, 1], self.box(x), self.points(x)


def load_networks(folder: Path, device: torch.device) -> tuple[PNet, RNet, ONet]:
    """The three networks with the weights (``pnet.lz4``, ...) of ``folder``. Raises WeightsMissingError.

    They run on channels-last tensors: three times as fast on a CPU at these few channels.
    """
    pnet, rnet, onet = PNet(), RNet(), ONet()
    pairs: tuple[tuple[PNet | RNet | ONet, str], ...] = ((pnet, "pnet"), (rnet, "rnet"), (onet, "onet"))
    for network, name in pairs:
        try:
            _fill(network, iter(joblib.load(folder / f"{name}.lz4")))
        except (OSError, ValueError, StopIteration, RuntimeError) as error:
            raise WeightsMissingError(
                f"{folder / name}.lz4 is missing or damaged: pip install --force-reinstall --no-deps mtcnn==1.0.0"
            ) from error
        network.eval().requires_grad_(False).to(device)
        for parameter in network.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return pnet, rnet, onet


def _fill(network: PNet | RNet | ONet, arrays: Iterator[np.ndarray]) -> None:
    """Copy the wheel's arrays, which come in the order of the layers."""

    def copy(parameter: Tensor, array: np.ndarray) -> None:
        parameter.copy_(torch.from_numpy(np.ascontiguousarray(array, np.float32)).view(parameter.shape))

    def copy_layer(layer: nn.Module) -> None:
        kernel = next(arrays)
        copy(layer.get_parameter("weight"), kernel.transpose(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T)
        copy(layer.get_parameter("bias"), next(arrays))

    with torch.no_grad():
        for layer, slope in zip(network.features.convolutions, network.features.slopes, strict=True):
            copy_layer(layer)
            copy(slope, next(arrays))
        if not isinstance(network, PNet):
            copy_layer(network.dense)
            copy(network.slope, next(arrays))
        copy_layer(network.box)
        if isinstance(network, ONet):
            copy_layer(network.points)
        copy_layer(network.face)
