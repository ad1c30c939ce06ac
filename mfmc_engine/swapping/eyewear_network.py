"""Where eyewear hides a face: a small network on the band round both eyes.

A U-Net (Ronneberger et al. 2015): an encoder whose coarsest features also say whether anything is worn, and a decoder
that says for each pixel whether it belongs to a frame or to a lens that nobody sees through. It was trained on eyewear
drawn before synthetic portraits, see eyewear_fit.py and eyewear.md.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mfmc_engine.errors import WeightsMissingError

WEIGHTS: Final = Path(__file__).with_name("eyewear.npz")
BAND: Final = (96, 208)  # rows and columns of what the network sees
EYES: Final = np.array([[72.0, 44.0], [136.0, 44.0]], np.float32)  # where the eyes' centres lie in it
NOTHING, CLEAR, DARK = range(3)  # what is worn
_CHANNELS: Final = (16, 32, 48, 64)  # from half the resolution to a sixteenth
_PARTS: Final = 2  # frame, lens
_LEAST_SPREAD: Final = (
    0.1  # half of what values in [0, 1] have in photos: flatter bands are no further blown up
)


class EyewearNetwork(nn.Module):
    """(N, 3, *BAND) RGB in [0, 1] to (N, 3) log-odds of what is worn and (N, 2, *BAND) of frame and lens."""

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d = _CHANNELS
        self.first = nn.Conv2d(3, a, 5, 2, 2)
        self.fine = _block(a, a, 1)
        self.down = nn.ModuleList([_block(a, b, 2), _block(b, c, 2), _block(c, d, 2)])
        self.same = nn.ModuleList([_block(b, b, 1), _block(c, c, 1), _block(d, d, 1)])
        self.worn = nn.Linear(2 * d, 3)
        self.up = nn.ModuleList([_block(d + c, c, 1), _block(c + b, b, 1), _block(b + a, a, 1)])
        self.parts = nn.Conv2d(a, 4 * _PARTS, 3, 1, 1)

    def forward(self, band: Tensor) -> tuple[Tensor, Tensor]:
        levels = self.encode(band)
        return self.what(levels), self.where(levels)

    def encode(self, band: Tensor) -> list[Tensor]:
        """Features, fine to coarse. Exposure and contrast of the band are taken out first."""
        spread, mean = torch.std_mean(band, (1, 2, 3), keepdim=True)
        x = F.relu(self.first((band - mean) / spread.clamp(min=_LEAST_SPREAD)))
        levels = [self.fine(x)]
        for down, same in zip(self.down, self.same, strict=True):
            levels.append(same(down(levels[-1])))
        return levels

    def what(self, levels: list[Tensor]) -> Tensor:
        """(N, 3) log-odds of NOTHING, CLEAR, DARK."""
        coarse = levels[-1]
        return self.worn(torch.cat([coarse.mean((2, 3)), coarse.amax((2, 3))], 1))

    def where(self, levels: list[Tensor]) -> Tensor:
        """(N, 2, *BAND) log-odds of frame and lens."""
        x = levels[-1]
        for up, finer in zip(self.up, reversed(levels[:-1]), strict=True):
            x = up(torch.cat([F.interpolate(x, scale_factor=2.0, mode="nearest"), finer], 1))
        return F.pixel_shuffle(self.parts(x), 2)


def _block(channels: int, out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)
    )


@cache
def load(device: torch.device) -> EyewearNetwork:
    """The network with its weights, each batch normalisation worked into the convolution before it.

    Raises WeightsMissingError."""
    with torch.inference_mode(False):
        network = EyewearNetwork().eval().requires_grad_(False)
        try:
            with np.load(WEIGHTS) as arrays:
                weights = {name: torch.from_numpy(arrays[name].astype(np.float32)) for name in arrays}
            network.load_state_dict(weights)
        except (OSError, ValueError, RuntimeError, BadZipFile) as error:
            raise WeightsMissingError(
                f"{WEIGHTS} is missing or damaged: install this package again"
            ) from error
        for block in [network.fine, *network.down, *network.same, *network.up]:
            block[0], block[1] = fuse_conv_bn_eval(block[0], block[1]), nn.Identity()
        return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def save(network: EyewearNetwork, file: Path) -> None:
    """Write its weights in half precision."""
    weights = {name: values.numpy().astype(np.float16) for name, values in network.state_dict().items()}
    np.savez_compressed(file, **weights)
