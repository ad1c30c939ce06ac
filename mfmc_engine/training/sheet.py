"""Sheets to look at: what the network saw, the donor, the swap and the mask, a row a face; and augmentation alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image as PillowImage
from torch import Tensor, nn

from mfmc_engine.training import augment
from mfmc_engine.training.dataset import Portraits
from mfmc_engine.training.network import swap
from mfmc_engine.training.validate import held_out_pairs

ROWS = 12
COLUMNS = 8


@torch.no_grad()
def save(network: nn.Module, portraits: Portraits, path: Path, size: int, rows: int = ROWS) -> None:
    """Write a sheet of held-out swaps as JPEG; a grey square stands for a donor that is nobody."""
    pairs = held_out_pairs(portraits, size)
    rows = min(rows, len(pairs.wanted))
    seen = pairs.target.seen[:rows]
    swapped, mask = swap(network, seen, pairs.wanted[:rows])
    pictures = portraits.pictures[pairs.donors[:rows]].float() / 255
    donors = augment.reduced(augment.window(pictures), size)
    donors = torch.where(pairs.drawn[:rows, None, None, None], 0.5, donors)
    columns = [seen, donors, swapped.float(), mask.float().expand(-1, 3, -1, -1)]
    _write(torch.cat([torch.cat(list(column), 1) for column in columns], 2), path)


def augmented(portraits: Portraits, path: Path, seed: int = 0, rows: int = COLUMNS) -> None:
    """Write what the network sees of some portraits: eight views a row, as in ``augment.views``."""
    pictures, marks, _ = portraits.batch(
        torch.arange(rows, device=portraits.pictures.device) % len(portraits)
    )
    generator = torch.Generator(pictures.device).manual_seed(seed)
    views = [augment.views(pictures, marks, generator).seen for _ in range(COLUMNS)]
    _write(torch.cat([torch.cat(list(view), 1) for view in views], 2), path)


def _write(picture: Tensor, path: Path) -> None:
    pixels = (picture.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    path.parent.mkdir(parents=True, exist_ok=True)
    PillowImage.fromarray(np.ascontiguousarray(pixels)).save(path, quality=88)
