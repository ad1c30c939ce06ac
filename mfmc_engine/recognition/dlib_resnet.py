"""dlib's face recognition ResNet in torch: aligned 150 x 150 chips to 128-d embeddings.

The network is "dlib_face_recognition_resnet_model_v1" (Davis King, 2017; public domain), a 29-layer ResNet trained
with a metric loss so that Euclidean distance tells people apart. The weights are read straight from dlib's own
file; architecture: dlib's examples/dnn_face_recognition_ex.cpp. Results agree with dlib to float rounding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mfmc_engine.batching.cores import rows_shared_out
from mfmc_engine.batching.launching import Rows, launched
from mfmc_engine.batching.lockstep import Shared
from mfmc_engine.dlib_files import integer
from mfmc_engine.errors import WeightsMissingError
from mfmc_engine.onnx_sessions import instead_of_torch
from mfmc_engine.parameters import EMBED_BATCH, EMBED_BATCH_CUDA, RESNET_MEAN
from mfmc_engine.recognition import resnet_graph
from mfmc_engine.recognition.chips import extract_chips
from mfmc_engine.resampling import Picture
from mfmc_engine.types import FloatArray

# (channels, halves the resolution) of the fourteen residual blocks, from input to output
BLOCKS = (
    *((32, False),) * 3,
    *((64, True), (64, False), (64, False), (64, False)),
    *((128, True), (128, False), (128, False)),
    *((256, True), (256, False), (256, False)),
    (256, True),
)


class DlibResNet(nn.Module):
    """(N, 3, 150, 150) RGB chips in [0, 255] to (N, 128) embeddings."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(RESNET_MEAN).view(1, 3, 1, 1))
        self.stem = nn.Conv2d(3, 32, 7, stride=2)
        blocks, channels = [], 32
        for width, halves in BLOCKS:
            blocks.append(_Block(channels, width, halves))
            channels = width
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(256, 128, bias=False)

    def forward(self, chips: Tensor) -> Tensor:
        x = (chips - self.mean) / 256
        x = F.max_pool2d(F.relu(self.stem(x)), 3, stride=2)
        features: Tensor = self.blocks(x).mean(dim=(2, 3))
        embeddings: Tensor = self.head(features)
        return embeddings


class _Block(nn.Module):
    """relu(conv(relu(conv(x))) + skip(x)); dlib's affine layers are folded into the convolutions."""

    def __init__(self, channels: int, width: int, halves: bool) -> None:
        super().__init__()
        self.halves = halves
        self.first = nn.Conv2d(channels, width, 3, stride=2 if halves else 1, padding=0 if halves else 1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        skip = F.avg_pool2d(x, 2) if self.halves else x
        x = self.second(F.relu(self.first(x)))
        return F.relu(_add_padded(x, skip))


def _add_padded(a: Tensor, b: Tensor) -> Tensor:
    """dlib's add_prev: the smaller tensor counts as zero outside its extent (channels, rows, columns)."""
    if a.shape == b.shape:
        return a + b
    shape = [max(m, n) for m, n in zip(a.shape, b.shape, strict=True)]
    return _padded(a, shape) + _padded(b, shape)


def _padded(x: Tensor, shape: list[int]) -> Tensor:
    channels, rows, columns = (wanted - own for wanted, own in zip(shape[1:], x.shape[1:], strict=True))
    return F.pad(x, (0, columns, 0, rows, 0, channels)) if channels or rows or columns else x


class DlibRecognizer:
    """Embeds faces with :class:`DlibResNet`."""

    dimensions = 128

    def __init__(
        self,
        weights: Path,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
        *,
        launch: str = "eager",
    ) -> None:
        """A CPU runs ONNX Runtime, unless another ``dtype`` than float32 or ``launch`` than eager is asked for."""
        self.device, self.dtype = torch.device(device), dtype
        self.network = load_network(weights).to(self.device)
        self.graph = instead_of_torch(lambda: resnet_graph.graph(self.network), self.device, dtype, launch)
        self._embed = Shared(launched(self._forward, launch, self.device, Rows()))

    def chips(self, image: Picture, landmarks: FloatArray, mirrored: bool = False) -> Picture:
        """(N, 68, 2) landmarks in px of ``image`` to (N, 150, 150, 3) aligned chips, which lie where ``image`` does."""
        return extract_chips(image, landmarks, mirrored=mirrored)

    def embed(self, image: Picture, landmarks: FloatArray) -> FloatArray:
        """(N, 68, 2) landmarks in px of ``image`` to (N, 128) embeddings."""
        return self.embed_chips(self.chips(image, landmarks))

    def embed_chips(self, chips: Picture) -> FloatArray:
        """(N, 150, 150, 3) uint8 RGB chips to (N, 128) embeddings."""
        found = [np.empty((0, self.dimensions), np.float32)]
        at_once = EMBED_BATCH if self.device.type == "cpu" else EMBED_BATCH_CUDA
        for start in range(0, len(chips), at_once):
            part = chips[start : start + at_once]
            batch = part if isinstance(part, Tensor) else torch.from_numpy(np.ascontiguousarray(part))
            found.append(self._embed(batch.to(self.device).permute(0, 3, 1, 2).float()).cpu().numpy())
        return np.concatenate(found)

    @torch.inference_mode()
    def _forward(self, chips: Tensor) -> Tensor:
        """(N, 3, 150, 150) to (N, 128), its convolutions in ``dtype``."""
        if self.graph is not None:
            (found,) = rows_shared_out(self.graph, chips.contiguous().numpy())
            return torch.from_numpy(found)
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            embeddings: Tensor = self.network(chips)
        return embeddings.float()


# --- dlib's file format ---


def load_network(path: Path) -> DlibResNet:
    """The network with the weights of ``path``. Raises WeightsMissingError if the file is not the known one."""
    network = DlibResNet()
    tensors = _tensors(path.read_bytes())
    convolutions = [network.stem]
    for block in network.blocks:
        convolutions += [
            c for c in block.children() if isinstance(c, nn.Conv2d)
        ]  # in the order of definition
    try:
        with torch.no_grad():
            for convolution in convolutions:
                _fill(convolution, next(tensors), next(tensors))
            network.head.weight.copy_(next(tensors).view(256, 128).T)
    except (StopIteration, RuntimeError, ValueError) as error:
        raise WeightsMissingError(
            f"{path} does not hold the expected network; reinstall it: pip install --force-reinstall "
            "face_recognition_models==0.3.0"
        ) from error
    return network.eval()


def _fill(convolution: nn.Conv2d, weights: Tensor, affine: Tensor) -> None:
    """Fold ``gamma * (conv(x) + bias) + beta`` into one convolution."""
    filters, bias = weights[: -convolution.out_channels], weights[-convolution.out_channels :]
    gamma, beta = affine.view(2, -1)
    convolution.weight.copy_(filters.view(convolution.weight.shape) * gamma.view(-1, 1, 1, 1))
    convolution.get_parameter("bias").copy_(bias * gamma + beta)
    # Chips come channels last; kept so, the first layer takes a fifth of its time on a CPU.
    convolution.weight.data = convolution.weight.data.contiguous(memory_format=torch.channels_last)


def _tensors(data: bytes) -> Iterator[Tensor]:
    """The parameter tensors of a serialised dlib network, from the input to the output, flattened.

    Every parameter tensor follows the name of its layer; a tensor is its version (2), four sizes and raw
    little-endian float32. Everything else in the file (hyper-parameters, empty caches) is skipped over.
    """
    layer = re.compile(rb"\x01(?:\x05con_4|\x07affine_|(\x04fc_2))")
    position = 0
    while match := layer.search(data, position):
        position = match.end()
        if match.group(1):  # the dense layer states its outputs and inputs first
            for _ in range(2):
                _, position = integer(data, position)
        version, position = integer(data, position)
        if version != 2:
            raise ValueError(f"tensor version {version}, expected 2")
        count = 1
        for _ in range(4):
            size, position = integer(data, position)
            count *= size
        yield torch.from_numpy(np.frombuffer(data, "<f4", count, position).copy())
        position += 4 * count
