"""CenterFace in torch: what may be a face, everywhere in a picture at once.

Xu, Yan, Yang et al.: "CenterFace: Joint Face Detection and Alignment Using Face as Point", 2019; weights: see
PROVENANCE.md. A MobileNetV2 (Sandler et al. 2018) and a feature pyramid (Lin et al. 2017) end in maps of a fourth of
the picture's sides: the heat, which is the network's confidence that a face is centred in a cell, that face's size,
where in the cell its centre is, and five points. The network sees a face with what surrounds it, so that it tells
hands and cloth from faces, also from half-hidden ones, that a window alone leaves in doubt.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mfmc_engine.batching.launching import Rows, launched
from mfmc_engine.detection import centerface_graph
from mfmc_engine.detection.candidates import Candidates, suppress
from mfmc_engine.detection.pyramid import GREY
from mfmc_engine.errors import WeightsMissingError
from mfmc_engine.onnx_sessions import instead_of_torch
from mfmc_engine.parameters import BAND_LONGEST, BAND_MARGIN, BAND_WHOLE, HEAT_NMS, ROOM
from mfmc_engine.types import FloatArray

WEIGHTS: Final = Path(__file__).with_name("centerface.npz")
SIDE_STEP: Final = 32  # the network's coarsest features; sides are padded to a multiple
STRIDE: Final = 4  # px of the picture per cell of the maps
NECK: Final = 24  # channels of the feature pyramid
# MobileNetV2: expansion, channels, blocks, stride of the first; the last of each stride feeds the pyramid
BLOCKS: Final = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
FEEDING: Final = (24, 32, 96, 320)  # channels of the blocks that feed the pyramid, fine to coarse
HEADS: Final = (1, 2, 2, 10)  # heat; logarithms of height and width; offset y, x; five points as y, x


class _Block(nn.Module):
    """Inverted residual: expand, filter each channel, project."""

    def __init__(self, channels: int, wider: int, out: int, stride: int) -> None:
        super().__init__()
        inner = channels * wider
        self.expand = nn.Conv2d(channels, inner, 1) if wider > 1 else None
        self.filter = nn.Conv2d(inner, inner, 3, stride, 1, groups=inner)
        self.project = nn.Conv2d(inner, out, 1)
        self.residual = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        inner = x if self.expand is None else F.relu_(self.expand(x))
        out = self.project(F.relu_(self.filter(inner)))
        return x + out if self.residual else out


class CenterFace(nn.Module):
    """(N, 3, H, W) RGB from 0 to 255, sides multiples of SIDE_STEP, to maps (N, 15, H / 4, W / 4): see HEADS."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 32, 3, 2, 1)
        blocks, channels = [], 32
        for wider, out, count, stride in BLOCKS:
            for i in range(count):
                blocks.append(_Block(channels, wider, out, stride if i == 0 else 1))
                channels = out
        self.blocks = nn.ModuleList(blocks)
        self.top = nn.Conv2d(FEEDING[-1], NECK, 1)
        self.up, self.lateral = nn.ModuleList(), nn.ModuleList()
        for feeding in reversed(FEEDING[:-1]):
            self.up.append(nn.ConvTranspose2d(NECK, NECK, 2, 2))
            self.lateral.append(nn.Conv2d(feeding, NECK, 1))
        self.last = nn.Conv2d(NECK, NECK, 3, 1, 1)
        self.heads = nn.ModuleList(nn.Conv2d(NECK, channels, 1) for channels in HEADS)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu_(self.first(x))
        feeding: dict[int, Tensor] = {}  # by channels: the last block of each stage stays
        for block in self.blocks:
            x = block(x)
            feeding[x.shape[1]] = x
        x = F.relu_(self.top(x))
        for up, lateral, channels in zip(self.up, self.lateral, reversed(FEEDING[:-1]), strict=True):
            x = F.relu_(up(x)) + F.relu_(lateral(feeding[channels]))
        x = F.relu_(self.last(x))
        heat, *others = (head(x) for head in self.heads)
        return torch.cat([torch.sigmoid(heat), *others], 1)


class CenterFaceOn:
    """:class:`CenterFace` as it is fastest on a device: in ONNX Runtime on a CPU, unless another ``launch`` than eager
    is asked for; else in torch."""

    def __init__(self, device: torch.device, launch: str = "eager") -> None:
        """Raises WeightsMissingError."""
        network = load_network(device)
        self.graph = instead_of_torch(lambda: centerface_graph.graph(network), device, torch.float32, launch)
        # every photo has a size of its own, so CUDA graphs would hardly be used again
        self.in_torch = launched(network, "eager" if launch == "graphs" else launch, device, Rows())

    def __call__(self, pictures: Tensor) -> Tensor:
        """Maps as :class:`CenterFace` gives them."""
        if self.graph is None:
            maps: Tensor = self.in_torch(pictures)
            return maps
        (found,) = self.graph(pictures.numpy())
        return torch.from_numpy(found)


def load_network(device: torch.device) -> CenterFace:
    """The network with its weights, on channels-last tensors. Raises WeightsMissingError.

    In single precision on every device: with less, what is found would depend on the processor.
    """
    network = CenterFace()
    try:
        with np.load(WEIGHTS) as arrays, torch.no_grad():
            for parameter, name in zip(_in_order(network), arrays.files, strict=True):
                parameter.copy_(torch.from_numpy(arrays[name].astype(np.float32)))
    except (OSError, ValueError, RuntimeError) as error:
        raise WeightsMissingError(f"{WEIGHTS} is missing or damaged: install this package again") from error
    network.eval().requires_grad_(False)
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def _in_order(network: CenterFace) -> list[nn.Parameter]:
    """Its parameters in the order in which the layers are run and the file has them."""
    layers: list[nn.Module] = [network.first, *network.blocks, network.top]
    for up, lateral in zip(network.up, network.lateral, strict=True):
        layers += [up, lateral]
    return [
        parameter for layer in [*layers, network.last, *network.heads] for parameter in layer.parameters()
    ]


def as_input(level: np.ndarray | Tensor, device: torch.device) -> tuple[Tensor, FloatArray]:
    """(h, w, 3) uint8 to (1, 3, H, W) with grey around it, and where in there its corner lies (x, y), px.

    A picture smaller than ROOM comes into the middle: without something around it the network hardly sees a face.
    """
    pixels = (level if isinstance(level, Tensor) else torch.from_numpy(level)).to(device).permute(2, 0, 1)
    height, width = level.shape[:2]
    left, top = (max(0, ROOM - side) // 2 for side in (width, height))
    right, bottom = (max(ROOM, _stepped(side)) - side for side in (width, height))
    padded = F.pad(pixels[None].float(), (left, right - left, top, bottom - top), value=GREY[0])
    return padded.contiguous(memory_format=torch.channels_last), np.array([left, top], np.float32)


@dataclass(frozen=True, slots=True)
class Bands:
    """An input cut across its longer side into parts that overlap, so that several cores can share it.

    How it is cut depends on its size alone, so the maps are the same on any number of cores. What a band sees of faces
    beyond its own part is BAND_MARGIN; larger ones are also found on a coarser level.
    """

    axis: int  # of (N, C, H, W)
    length: int  # px, of all bands along the axis
    starts: tuple[int, ...]  # px, multiples of SIDE_STEP, so that cells lie where they would in the whole

    @classmethod
    def of(cls, size: tuple[int, int]) -> Bands:
        """For an input of (H, W) px."""
        axis = 2 if size[0] > size[1] else 3
        side, shared = max(size), 2 * BAND_MARGIN
        count = max(1 if side <= BAND_WHOLE else 2, -(-(side - shared) // (BAND_LONGEST - shared)))
        length = min(side, _stepped((side + (count - 1) * shared) / count))
        starts = (_stepped(i * (side - length) / max(1, count - 1)) for i in range(count))
        return cls(axis, length, tuple(min(start, side - length) for start in starts))

    def cut(self, given: Tensor) -> list[Tensor]:
        """The bands of an input."""
        return [given.narrow(self.axis, start, self.length) for start in self.starts]

    def joined(self, maps: list[Tensor]) -> Tensor:
        """The maps of the whole: of neighbours' common part each gives the half that lies on its side."""
        ends = [start + self.length for start in self.starts]
        # between a band's end and the next one's start, at a cell's border
        meet = [(end + start) // 2 // STRIDE for end, start in zip(ends[:-1], self.starts[1:], strict=True)]
        own = zip([0, *meet], [*meet, ends[-1] // STRIDE], self.starts, maps, strict=True)
        parts = [part.narrow(self.axis, a - start // STRIDE, b - a) for a, b, start, part in own]
        return torch.cat(parts, self.axis) if len(parts) > 1 else parts[0]


def _stepped(length: float) -> int:
    """The next multiple of SIDE_STEP."""
    return int(-(-length // SIDE_STEP)) * SIDE_STEP


def peaks(maps: Tensor, least: float) -> Candidates:
    """The faces of one picture's (1, 15, h, w) maps, in px of the network's input; scores are heats from ``least`` on.

    Cells hotter than their neighbours (Zhou, Wang, Krähenbühl: "Objects as Points", 2019), then the hottest of
    overlapping boxes.
    """
    heat = maps[0, :1]
    hottest = (heat >= F.max_pool2d(heat, 3, 1, 1)) & (heat >= least)
    _, rows, columns = hottest.nonzero(as_tuple=True)
    # brought to the host in one go: every copy waits for the device
    answers = torch.column_stack([rows, columns, maps[0, :, rows, columns].T]).cpu().numpy()
    cell, score, size, offset, points = np.split(answers, np.cumsum([2, *HEADS[:-1]]), 1)
    centre = ((cell + offset + 0.5) * STRIDE)[:, ::-1]
    half = (np.exp(size) * STRIDE / 2)[:, ::-1]
    corner = centre - half
    boxes = np.concatenate([corner, centre + half], 1).astype(np.float32)
    marks = corner[:, None] + points.reshape(-1, 5, 2)[..., ::-1] * 2 * half[:, None]
    found = Candidates(boxes, score[:, 0].astype(np.float32), marks.astype(np.float32))
    return found.take(suppress(found.boxes, found.scores, HEAT_NMS))
