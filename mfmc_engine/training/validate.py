"""The score that picks the weights: identity margin, attributes kept and realism, on faces never trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from mfmc_engine.donors import identities
from mfmc_engine.training import augment
from mfmc_engine.training.dataset import Portraits
from mfmc_engine.training.losses import Judges
from mfmc_engine.training.network import swap
from mfmc_engine.training.settings import Settings

PAIRS = 64
SEED = 1234  # the same pairs and the same augmentation at every step


@dataclass(frozen=True)
class Pairs:
    """Held-out targets and who they should become."""

    target: augment.Views
    wanted: Tensor  # (B, 128)
    own: Tensor  # (B, 128)
    donors: Tensor  # (B,) rows of the portraits wanted
    drawn: Tensor  # (B,) every other is nobody's identity instead


def held_out_pairs(portraits: Portraits, size: int, count: int = PAIRS) -> Pairs:
    """The same every time, whatever the device."""
    device = portraits.pictures.device
    count = min(count, len(portraits))
    rows = torch.arange(count, device=device)
    donors = (rows + max(1, len(portraits) // 2)) % len(portraits)
    pictures, marks, own = portraits.batch(rows)
    # made on the CPU: the views must not depend on the card
    views = augment.views(pictures.cpu(), marks.cpu(), torch.Generator().manual_seed(SEED))
    nobody = identities.donors().draw(np.random.default_rng(SEED), count)
    drawn = rows % 2 == 1
    wanted = torch.where(drawn[:, None], torch.from_numpy(nobody).to(device), portraits.identities[donors])
    return Pairs(views.to(device).reduced(size), wanted, own, donors, drawn)


@torch.no_grad()
def score(network: nn.Module, judges: Judges, portraits: Portraits, settings: Settings) -> dict[str, float]:
    """Figures of the swaps of held-out portraits.

    ``apart``: share of swaps farther than ``settings.margin`` from their target; ``distance``: the mean;
    ``toward``: mean distance to the wanted identity; ``marks``: landmark error in shares of the window; ``real``: what
    the critic grants, in [0, 2]; ``changed``: mean change outside the mask. ``score`` adds them up, higher is better.
    """
    pairs = held_out_pairs(portraits, settings.size)
    target = pairs.target
    swapped, mask = swap(network, target.seen, pairs.wanted)
    swapped = swapped.float()
    found = judges.identity(swapped, target.landmarks)
    distance = (found - pairs.own).norm(dim=1)
    apart = (distance > settings.margin).float().mean()
    toward = (found - pairs.wanted).norm(dim=1).mean()
    marks = (judges.marker(swapped) - judges.marker(target.clean)).norm(dim=2).mean() / settings.size
    real = torch.sigmoid(judges.critic(swapped) - judges.critic(target.clean)).mean() * 2
    changed = ((swapped - target.seen).abs() * (mask < 0.05)).mean()
    total = apart - 0.5 * toward - 8 * marks + 0.3 * real.clamp(max=1) - 2 * changed
    figures = {
        "apart": apart,
        "distance": distance.mean(),
        "toward": toward,
        "marks": marks,
        "real": real,
        "changed": changed,
    }
    return {"score": float(total), **{name: float(value) for name, value in figures.items()}}
