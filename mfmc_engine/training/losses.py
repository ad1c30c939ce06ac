"""What a swap should be: the donor's identity, not the target's; the target's pose, expression and light; a picture."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mfmc_engine.recognition.chips import chip_transforms
from mfmc_engine.recognition.dlib_resnet import DlibResNet
from mfmc_engine.training import critic as critics
from mfmc_engine.training.augment import Views
from mfmc_engine.training.critic import Critic
from mfmc_engine.training.settings import SIZE, Settings


class Identity(nn.Module):
    """dlib's ResNet as a loss: differentiable embeddings of windows with known landmarks. Its weights stay."""

    def __init__(self, network: DlibResNet) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)

    def forward(self, pictures: Tensor, landmarks: Tensor) -> Tensor:
        """(B, 3, S, S) in [0, 1] and (B, 68, 2) px to (B, 128)."""
        transforms = torch.from_numpy(chip_transforms(landmarks.detach().float().cpu().numpy())).to(
            pictures.device
        )
        index = torch.arange(150, device=pictures.device, dtype=torch.float32)
        ys, xs = torch.meshgrid(index, index, indexing="ij")
        chip = torch.stack([xs, ys, torch.ones_like(xs)], -1).view(-1, 3)
        grid = chip @ transforms.transpose(1, 2)  # px indices of the window
        normal = (grid.view(-1, 150, 150, 2) + 0.5) * (2 / SIZE) - 1
        chips = F.grid_sample(pictures.float(), normal, padding_mode="border", align_corners=False)
        embeddings: Tensor = self.network(chips * 255)
        return embeddings


class Marker(nn.Module):
    """(B, 3, S, S) windows to (B, 68, 2) landmarks in px: a small differentiable stand-in for the engine's forest.

    Trained on the portraits' own landmarks along with the swapper, on real crops only.
    """

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        channels = [3, width, 2 * width, 3 * width, 4 * width, 6 * width]
        self.layers = nn.Sequential(
            *(
                nn.Sequential(
                    nn.Conv2d(a, b, 3, stride=2, padding=1), nn.GroupNorm(b // 8, b), nn.LeakyReLU(0.2)
                )
                for a, b in itertools.pairwise(channels)
            )
        )
        self.head = nn.Linear(channels[-1] * 36, 136)

    def forward(self, pictures: Tensor) -> Tensor:
        x = self.layers(F.interpolate(pictures * 2 - 1, size=(192, 192), mode="bilinear"))
        points: Tensor = self.head(x.flatten(1)).view(-1, 68, 2)
        return points * (SIZE / 4) + SIZE / 2


@dataclass(frozen=True)
class Judges:
    """The networks that losses ask."""

    identity: Identity
    critic: Critic
    marker: Marker


def swapper_losses(
    settings: Settings,
    judges: Judges,
    target: Views,
    wanted: Tensor,
    original: Tensor,
    same: Tensor,
    output: tuple[Tensor, Tensor],
    pair: tuple[Tensor, Tensor],
    pair_share: float,
) -> dict[str, Tensor]:
    """Weighted terms by name, of swaps ``output`` (pictures, masks) of ``target`` toward identities ``wanted``.

    ``original`` (B, 128): the targets' own identities; ``same`` (B,): donor and target are one; ``pair``: the mesh's
    answer (pictures, masks), weighted by ``pair_share``.
    """
    swapped, mask = output
    other = (~same).float()
    found = judges.identity(swapped, target.landmarks)
    free = 1 - target.front  # what is in front of a face is nobody's
    terms = {
        # dlib's embeddings are not normed: distances are its metric
        "identity": settings.identity * (found - wanted).square().sum(1).mean(),
        "away": settings.away
        * (F.relu(settings.margin - (found - original).norm(dim=1)).square() * other).mean(),
    }
    terms["reconstruction"] = settings.reconstruction * _mean(
        (swapped - target.clean).abs() * free, same.float()
    )
    with torch.no_grad():
        real = judges.critic.features(target.clean)
    fake = judges.critic.features(swapped)
    distances = [(a - b).abs().mean((1, 2, 3)) for a, b in zip(fake, real, strict=True)]
    terms["feature"] = settings.feature * _mean(distances[0] + distances[1], same.float())
    # deep features only: light, pose and expression, not the pixels that tell who it is
    terms["attribute"] = settings.attribute * _mean(distances[2] + distances[3], other)
    marks = judges.marker(swapped)
    terms["landmark"] = settings.landmark * ((marks - target.landmarks) / SIZE).square().mean()
    answer, answer_mask = pair
    terms["pair"] = settings.pair * pair_share * _mean((swapped - answer).abs() * free, other)
    terms["adversarial"] = settings.adversarial * F.softplus(-judges.critic(swapped)).mean()
    rough = (mask.diff(dim=2).abs().mean() + mask.diff(dim=3).abs().mean()) * 4
    outside = (mask * (1 - answer_mask)).mean() + (mask * target.front).mean() * 2
    inside = ((1 - mask) * answer_mask * free).mean()
    terms["mask"] = settings.mask * (rough + 4 * outside + inside)
    return terms


def judge_losses(
    settings: Settings, judges: Judges, target: Views, swapped: Tensor, step: int
) -> dict[str, Tensor]:
    """Terms for the critic and the marker; ``swapped`` is detached here."""
    fooled = swapped.detach()
    terms = {"critic": critics.critic_loss(judges.critic, target.clean, fooled)}
    if step % settings.r1_every == 0:
        penalty = critics.r1_penalty(judges.critic, target.clean)
        terms["r1"] = settings.r1 * settings.r1_every * 0.01 * penalty
    marks = judges.marker(target.seen)
    terms["marker"] = ((marks - target.landmarks) / SIZE).square().mean() * 100
    return terms


def _mean(values: Tensor, chosen: Tensor) -> Tensor:
    """Mean over the chosen of a batch; 0 if there are none."""
    per_picture = values.flatten(1).mean(1) if values.dim() > 1 else values
    return (per_picture * chosen).sum() / chosen.sum().clamp(min=1)
