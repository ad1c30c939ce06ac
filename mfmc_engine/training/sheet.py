"""Sheets to look at: what the network saw, the donor, the swap and the mask, a row a face."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image as PillowImage
from torch import nn

from mfmc_engine.training.augment import window
from mfmc_engine.training.dataset import Portraits
from mfmc_engine.training.network import swap
from mfmc_engine.training.validate import held_out_pairs

ROWS = 12


@torch.no_grad()
def save(network: nn.Module, portraits: Portraits, path: Path, rows: int = ROWS) -> None:
    """Write a sheet of held-out swaps as JPEG."""
    target, wanted, _ = held_out_pairs(portraits)
    rows = min(rows, len(wanted))
    swapped, mask = swap(network, target.seen[:rows], wanted[:rows])
    count = min(len(wanted), len(portraits))
    others = (torch.arange(count) + max(1, len(portraits) // 2)) % len(portraits)
    donors = window(portraits.pictures[others[:rows].to(portraits.pictures.device)].float() / 255)
    columns = [target.seen[:rows], donors, swapped.float(), mask.float().expand(-1, 3, -1, -1)]
    picture = torch.cat([torch.cat(list(column), 1) for column in columns], 2)
    pixels = (picture.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    PillowImage.fromarray(np.ascontiguousarray(pixels)).save(path, quality=88)
