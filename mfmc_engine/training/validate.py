"""The score that picks the weights: identity margin, attributes kept and realism, on faces never trained on."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mfmc_engine.training import augment
from mfmc_engine.training.dataset import Portraits
from mfmc_engine.training.losses import Judges
from mfmc_engine.training.network import swap
from mfmc_engine.training.settings import SIZE, Settings

PAIRS = 64
SEED = 1234  # the same pairs and the same augmentation at every step


def held_out_pairs(portraits: Portraits, count: int = PAIRS) -> tuple[augment.Views, Tensor, Tensor]:
    """The same views every time, the donors' identities and the targets' own."""
    device = portraits.pictures.device
    count = min(count, len(portraits))
    rows = torch.arange(count, device=device)
    others = (rows + max(1, len(portraits) // 2)) % len(portraits)
    pictures, marks, own = portraits.batch(rows)
    wanted = portraits.identities[others]
    # made on the CPU: the views must not depend on the card
    views = augment.views(pictures.cpu(), marks.cpu(), torch.Generator().manual_seed(SEED))
    moved = augment.Views(
        *(getattr(views, name).to(device) for name in ("seen", "clean", "front", "landmarks"))
    )
    return moved, wanted, own


@torch.no_grad()
def score(network: nn.Module, judges: Judges, portraits: Portraits, settings: Settings) -> dict[str, float]:
    """Figures of the swaps of held-out portraits.

    ``apart``: share of swaps farther than ``settings.margin`` from their target; ``toward``: mean distance to the
    donor's identity; ``marks``: landmark error in shares of the window; ``real``: what the critic grants, in [0, 1];
    ``untouched``: mean change outside the face. ``score`` adds them up, higher is better.
    """
    target, wanted, own = held_out_pairs(portraits)
    swapped, mask = swap(network, target.seen, wanted)
    swapped = swapped.float()
    judges.critic.eval()  # looking must change nothing: spectral norms move on with every pass in training
    found = judges.identity(swapped, target.landmarks)
    apart = ((found - own).norm(dim=1) > settings.margin).float().mean()
    toward = (found - wanted).norm(dim=1).mean()
    marks = (judges.marker(swapped) - judges.marker(target.clean)).norm(dim=2).mean() / SIZE
    real = torch.sigmoid(judges.critic(swapped) - judges.critic(target.clean)).mean() * 2
    changed = ((swapped - target.seen).abs() * (mask < 0.05)).mean()
    judges.critic.train()
    total = apart - 0.5 * toward - 8 * marks + 0.3 * real.clamp(max=1) - 2 * changed
    figures = {"apart": apart, "toward": toward, "marks": marks, "real": real, "untouched": changed}
    return {"score": float(total), **{name: float(value) for name, value in figures.items()}}
