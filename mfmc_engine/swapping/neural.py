"""Our own swapper: a target crop and an identity to a swapped crop. Training: docs/training.md; model card:
docs/model-card-neural.md. No pack but ``neural`` uses it.

It wants no picture of a donor: an embedding in dlib's space is enough, that of a donor of the bank or one drawn from
their distribution (donors/identities.py).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol
from zipfile import BadZipFile

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mfmc_engine.errors import WeightsMissingError
from mfmc_engine.swapping.blending import Target
from mfmc_engine.swapping.lit import Lit
from mfmc_engine.swapping.mesh import Frame
from mfmc_engine.training.network import Swapper, swap
from mfmc_engine.training.settings import SIZE, WINDOW
from mfmc_engine.types import FloatArray


class Identified(Protocol):
    """What the network needs of a donor."""

    @property
    def embedding(self) -> FloatArray: ...  # (128,) in dlib's space


class NeuralSwapper:
    """The trained network on one device; called as every swapper is (swapping/swappers.py)."""

    def __init__(self, weights: Path, device: str = "cpu") -> None:
        """Raises WeightsMissingError if ``weights`` are none that ``train export`` wrote."""
        try:
            with np.load(weights, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            self.about: dict[str, Any] = json.loads(str(arrays.pop("about")))
            settings = self.about["settings"]
            self.size = int(settings["size"])
            self.network = Swapper(settings["width"], settings["blocks"])
            self.network.load_state_dict({name: torch.from_numpy(a).float() for name, a in arrays.items()})
        except (OSError, ValueError, KeyError, RuntimeError, BadZipFile) as error:
            raise WeightsMissingError(f"{weights}: no weights of our swapper ({error})") from None
        self.network.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]

    def __call__(self, target: Target, donors: Sequence[Identified], shape_share: float) -> Lit:
        """The target with each donor's identity; the network keeps the person's own pose, expression and light."""
        pictures = target.lit.pictures
        rows, columns = _window(target)
        height, width = target.frame.size
        # the target's window may end before the network's: its last pixels are repeated, as in training
        seen = pictures[..., rows.clamp(0, height - 1)[:, None], columns.clamp(0, width - 1)]
        wanted = np.stack([donor.embedding for donor in donors])
        swapped, _ = self.swap(seen.expand(len(donors), -1, -1, -1), wanted)
        inside_rows = (rows >= 0) & (rows < height)
        inside_columns = (columns >= 0) & (columns < width)
        out = pictures.repeat(len(donors), 1, 1, 1)
        kept = swapped[..., inside_rows, :][..., inside_columns]
        out[..., rows[inside_rows][:, None], columns[inside_columns]] = kept
        return target.repainted(out)

    @torch.inference_mode()
    def swap(self, windows: Tensor, identities: FloatArray) -> tuple[Tensor, Tensor]:
        """(B, 3, SIZE, SIZE) windows of canonical crops in [0, 1] and (B, 128) identities in dlib's space: the windows
        with the faces swapped, and the masks (B, 1, SIZE, SIZE) of what changed."""
        wanted = torch.from_numpy(np.asarray(identities, np.float32)).to(windows.device)
        if self.size == SIZE:
            return swap(self.network, windows.contiguous(memory_format=torch.channels_last), wanted)
        # a rehearsal's network sees less: what it changes is enlarged, what it leaves stays sharp
        small = F.interpolate(windows, size=(self.size, self.size), mode="area")
        picture, mask = (
            F.interpolate(x, size=(SIZE, SIZE), mode="bicubic", align_corners=False).clamp(0, 1)
            for x in self.network(small, wanted)
        )
        return picture * mask + windows * (1 - mask), mask


def _window(target: Target) -> tuple[Tensor, Tensor]:
    """Rows and columns (SIZE,) of the target's pictures that the network wants to see; some may lie outside.

    The pictures are a part of the canonical crop, shifted by whole pixels: the similarity back is that shift.
    """
    corner = WINDOW - Frame.of(target.landmarks).to_crop[:, 2]
    x, y = (int(value) for value in np.round(corner))
    places = torch.arange(SIZE, device=target.lit.pictures.device)
    return places + y, places + x
