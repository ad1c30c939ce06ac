"""What a swap should be: the donor's identity, not the target's; the target's pose, expression and light; a picture."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mfmc_engine import parameters as P
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
        index = torch.arange(P.CHIP_SIZE, device=pictures.device, dtype=torch.float32)
        ys, xs = torch.meshgrid(index, index, indexing="ij")
        chip = torch.stack([xs, ys, torch.ones_like(xs)], -1).view(-1, 3)
        grid = chip @ transforms.transpose(1, 2) + 0.5  # px of the window
        chips = bilinear(pictures.float(), grid).view(len(pictures), 3, P.CHIP_SIZE, P.CHIP_SIZE)
        embeddings: Tensor = self.network(chips * 255)
        return embeddings


def bilinear(pictures: Tensor, points: Tensor) -> Tensor:
    """(B, C, S, S) at (B, M, 2) px: (B, C, M); beyond the border its last pixels.

    On a card grid_sample adds its gradients up in any order; where results must repeat to the bit, gathered corners do.
    """
    size = pictures.shape[-1]
    if not (pictures.is_cuda and torch.are_deterministic_algorithms_enabled()):
        normal = (points * (2 / size) - 1).unsqueeze(2)
        return F.grid_sample(pictures, normal, padding_mode="border", align_corners=False).squeeze(-1)
    return gathered(pictures, points)


def gathered(pictures: Tensor, points: Tensor) -> Tensor:
    """``bilinear`` out of single pixels."""
    size = pictures.shape[-1]
    places = (points - 0.5).clamp(0, size - 1)
    low = places.floor().clamp(max=size - 2)
    (right, down), (column, row) = (places - low).unsqueeze(1).unbind(-1), low.long().unbind(-1)
    flat = pictures.flatten(2)

    def at(y: int, x: int) -> Tensor:
        number = ((row + y) * size + column + x).unsqueeze(1)
        return flat.gather(2, number.expand(-1, flat.shape[1], -1))

    upper = at(0, 0) * (1 - right) + at(0, 1) * right
    lower = at(1, 0) * (1 - right) + at(1, 1) * right
    return upper * (1 - down) + lower * down


class Marker(nn.Module):
    """(B, 3, S, S) windows to (B, 68, 2) landmarks in their px: a small differentiable stand-in for the forest.

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
        size = pictures.shape[-1]
        x = pictures * 2 - 1
        if size != SIZE:  # only in rehearsals: its gradient has no fixed order on a card
            x = F.interpolate(x, size=(SIZE, SIZE), mode="bilinear")
        points: Tensor = self.head(self.layers(x).flatten(1)).view(-1, 68, 2)
        return points * (size / 4) + size / 2


@dataclass(frozen=True)
class Judges:
    """The networks that losses ask."""

    identity: Identity
    critic: Critic
    marker: Marker


@dataclass(frozen=True)
class Batch:
    """What one step works on. Windows of S px."""

    target: Views
    wanted: Tensor  # (B, 128) identities to show
    original: Tensor  # (B, 128) the targets' own
    same: Tensor  # (B,) wanted is the target's own
    pictured: Tensor  # (B,) wanted is another portrait's; else the target's own, or drawn and nobody's
    pair: tuple[
        Tensor, Tensor
    ]  # the mesh's answers (B, 3, S, S) where pictured, and everybody's masks (B, 1, S, S)


def swapper_losses(
    settings: Settings, judges: Judges, batch: Batch, output: tuple[Tensor, Tensor], pair_share: float
) -> dict[str, Tensor]:
    """Weighted terms by name, of swaps ``output`` (pictures, masks); the mesh's answers count ``pair_share``."""
    (swapped, mask), target = output, batch.target
    other, same = (~batch.same).float(), batch.same.float()
    free = 1 - target.front  # what is in front of a face is nobody's
    terms = _identity_losses(settings, judges, batch, swapped)
    terms["reconstruction"] = settings.reconstruction * _mean((swapped - target.clean).abs() * free, same)
    with torch.no_grad():
        real = judges.critic.features(target.clean)
    fake = judges.critic.features(swapped)
    # in shares of the features: they grow as the critic learns
    distances = [
        (a - b).abs().mean((1, 2, 3)) / b.abs().mean().clamp(min=1e-3)
        for a, b in zip(fake, real, strict=True)
    ]
    terms["feature"] = settings.feature * _mean(distances[0] + distances[1], same)
    # deep features only: light, pose and expression, not the pixels that tell who it is
    terms["attribute"] = settings.attribute * _mean(distances[2] + distances[3], other)
    misplaced = (judges.marker(swapped) - target.landmarks) / swapped.shape[-1]
    terms["landmark"] = settings.landmark * misplaced.square().mean()
    answer, face = batch.pair
    pair = _mean((swapped - answer).abs() * free, batch.pictured.float())
    terms["pair"] = settings.pair * pair_share * pair
    terms["adversarial"] = settings.adversarial * F.softplus(-judges.critic.score(fake)).mean()
    rough = (mask.diff(dim=2).abs().mean() + mask.diff(dim=3).abs().mean()) * 4
    # an entropy, whose pull does not fade: a mask that shrinks to nothing leaves nothing to learn from
    misfit = F.binary_cross_entropy(mask.clamp(1e-4, 1 - 1e-4), face.clamp(0, 1))
    terms["mask"] = settings.mask * (rough + misfit)
    return terms


def _identity_losses(settings: Settings, judges: Judges, batch: Batch, swapped: Tensor) -> dict[str, Tensor]:
    """Toward the wanted identity, and away from the target's own unless that is the wanted one."""
    found = judges.identity(swapped, batch.target.landmarks)
    # dlib's embeddings are not normed: distances are its metric
    near = F.relu(settings.margin - (found - batch.original).norm(dim=1)).square()
    return {
        "identity": settings.identity * (found - batch.wanted).square().sum(1).mean(),
        "away": settings.away * (near * ~batch.same).mean(),
    }


def judge_losses(
    settings: Settings, judges: Judges, target: Views, swapped: Tensor, step: int
) -> dict[str, Tensor]:
    """Terms for the critic and the marker; ``swapped`` is detached here."""
    fooled = swapped.detach()
    terms = {"critic": critics.critic_loss(judges.critic, target.clean, fooled)}
    if step % settings.r1_every == 0:
        penalty = critics.r1_penalty(judges.critic, target.clean)
        terms["r1"] = settings.r1 * settings.r1_every * 0.01 * penalty
    misplaced = (judges.marker(target.seen) - target.landmarks) / target.seen.shape[-1]
    terms["marker"] = misplaced.square().mean() * 100
    return terms


def _mean(values: Tensor, chosen: Tensor) -> Tensor:
    """Mean over the chosen of a batch; 0 if there are none."""
    per_picture = values.flatten(1).mean(1) if values.dim() > 1 else values
    return (per_picture * chosen).sum() / chosen.sum().clamp(min=1)
