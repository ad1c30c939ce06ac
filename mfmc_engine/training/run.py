"""The loop: bounded in time, resumable to the step, deterministic given a seed.

Scores, sheets and lines of the curve come by steps, never by the clock: where a run was interrupted changes nothing.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mfmc_engine.donors import identities
from mfmc_engine.errors import EngineError
from mfmc_engine.recognition.dlib_resnet import load_network
from mfmc_engine.training import augment, checkpoint, curve, pairs, sheet
from mfmc_engine.training.critic import Critic
from mfmc_engine.training.dataset import Portraits
from mfmc_engine.training.losses import Batch, Identity, Judges, Marker, judge_losses, swapper_losses
from mfmc_engine.training.network import Swapper, swap
from mfmc_engine.training.settings import Settings
from mfmc_engine.training.validate import score


@dataclass
class Trainer:
    """All that changes while training."""

    settings: Settings
    portraits: Portraits
    judges: Judges
    network: nn.Module
    ema: nn.Module
    optimizers: dict[str, torch.optim.Optimizer]
    generator: torch.Generator
    device: torch.device
    step: int = 0
    best: float = float("-inf")
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    sums: dict[str, float] = field(default_factory=dict)  # of the loss terms since the last score
    step_function: Callable[..., tuple[Tensor, Tensor]] = swap

    @classmethod
    def new(cls, settings: Settings, portraits: Portraits, resnet: Path, device: str = "cpu") -> Trainer:
        """A run at its first step. ``resnet``: dlib's weights."""
        torch.manual_seed(settings.seed)
        place = torch.device(device)
        network = Swapper(settings.width, settings.blocks).to(place).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        critic = Critic(settings.width).to(place)
        marker = Marker().to(place)
        judges = Judges(Identity(load_network(resnet)).to(place), critic, marker)

        def adam(module: nn.Module, betas: tuple[float, float] = settings.betas) -> torch.optim.Optimizer:
            return torch.optim.Adam(module.parameters(), lr=settings.rate, betas=betas)

        return cls(
            settings,
            portraits,
            judges,
            network,
            copy.deepcopy(network).eval().requires_grad_(False),
            {"swapper": adam(network), "critic": adam(critic), "marker": adam(marker, settings.marker_betas)},
            torch.Generator(place).manual_seed(settings.seed),
            place,
        )

    # --- one step ---

    def advance(self) -> dict[str, float]:
        """One step; the weighted loss terms by name."""
        batch = self.batch()
        share = max(0.0, 1 - self.step / max(1, self.settings.warm_up))
        with self._mixed():
            seen = batch.target.seen.to(memory_format=torch.channels_last)
            swapped, mask = self.step_function(self.network, seen, batch.wanted)
        output = swapped.float(), mask.float()
        terms = swapper_losses(self.settings, self.judges, batch, output, share)
        self._update(("swapper",), terms)
        judged = judge_losses(self.settings, self.judges, batch.target, output[0], self.step)
        self._update(("critic", "marker"), judged)
        with torch.no_grad():
            # young averages follow fast: 1 - 1 / step until the wanted memory is reached
            memory = min(self.settings.ema, self.step / (self.step + 10))
            for kept, new in zip(self.ema.parameters(), self.network.parameters(), strict=True):
                kept.lerp_(new, 1 - memory)
        self.step += 1
        found = {**terms, **judged}
        values = torch.stack([value.detach().float() for value in found.values()]).tolist()
        return dict(zip(found, values, strict=True))

    def _mixed(self) -> torch.autocast:
        """bf16 for the swapper on a card. Its judges keep full precision: margins are thin, and R1 is squared."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda")

    def _update(self, names: tuple[str, ...], terms: dict[str, Tensor]) -> None:
        total = torch.stack(list(terms.values())).sum()
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        if not torch.isfinite(total):
            return  # one bad batch must not end in weights of NaN
        total.backward()
        for name in names:
            weights = [p for group in self.optimizers[name].param_groups for p in group["params"]]
            nn.utils.clip_grad_norm_(weights, self.settings.clip)
            self.optimizers[name].step()

    def batch(self) -> Batch:
        """The next one."""
        g, settings = self.generator, self.settings
        count = settings.batch
        rows = torch.randint(len(self.portraits), (count,), generator=g, device=self.device)
        others = torch.randint(len(self.portraits), (count,), generator=g, device=self.device)
        others = torch.where(augment.rand(g, count) < settings.same, rows, others)
        same = rows == others
        pictures, marks, own = self.portraits.batch(rows)
        donors, donor_marks, theirs = self.portraits.batch(others)
        drawn = (augment.rand(g, count) < settings.sampled) & ~same
        wanted = torch.where(drawn[:, None], self._nobody(count), theirs)
        with torch.no_grad():
            target = augment.views(pictures, marks, g) if settings.augment else augment.plain(pictures, marks)
            answer, mask = pairs.mesh_swaps(target.clean, target.landmarks, donors, donor_marks)
            free = 1 - target.front
            answer, mask = answer * free + target.clean * target.front, mask * free
        pair = augment.reduced(answer, settings.size), augment.reduced(mask, settings.size)
        return Batch(target.reduced(settings.size), wanted, own, same, ~same & ~drawn, pair)

    def _nobody(self, count: int) -> Tensor:
        """(count, 128) identities drawn from the distribution of the shipped donors."""
        known = identities.donors()
        shares, means, factor = (
            torch.from_numpy(a).to(self.device) for a in (known.shares, known.means, known.factor)
        )
        cells = torch.multinomial(shares, count, replacement=True, generator=self.generator)
        return means[cells] + augment.randn(self.generator, count, len(factor)) @ factor.T

    # --- keeping ---

    def state(self) -> dict[str, Any]:
        """Everything, as tensors and plain values."""
        return {
            "settings": self.settings.as_dict(),
            "step": self.step,
            "network": self.network.state_dict(),
            "ema": self.ema.state_dict(),
            "critic": self.judges.critic.state_dict(),
            "marker": self.judges.marker.state_dict(),
            "optimizers": {name: o.state_dict() for name, o in self.optimizers.items()},
            "generator": self.generator.get_state(),
            "best": self.best,
            "best_weights": self.best_weights,
            "sums": self.sums,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from ``state``. Raises EngineError if it belongs to other settings."""
        own = {name: list(v) if isinstance(v, tuple) else v for name, v in self.settings.as_dict().items()}
        theirs = {n: list(v) if isinstance(v, tuple) else v for n, v in state["settings"].items()}
        if own != theirs:
            changed = sorted(name for name in own if own[name] != theirs.get(name))
            raise EngineError(f"the checkpoint was made with other settings: {', '.join(changed)}")
        self.step, self.best, self.best_weights = state["step"], state["best"], state["best_weights"]
        self.sums = state["sums"]
        self.network.load_state_dict(state["network"])
        self.ema.load_state_dict(state["ema"])
        self.judges.critic.load_state_dict(state["critic"])
        self.judges.marker.load_state_dict(state["marker"])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        self.generator.set_state(state["generator"])

    def consider(self, held_out: Portraits) -> dict[str, float]:
        """Score the averaged weights on held-out faces and keep them if they are the best so far."""
        found = score(self.ema, self.judges, held_out, self.settings)
        if found["score"] > self.best:
            self.best = found["score"]
            self.best_weights = {k: v.detach().cpu().half() for k, v in self.ema.state_dict().items()}
        return found


def train(
    trainer: Trainer,
    held_out: Portraits,
    out: Path,
    seconds: float,
    steps: int | None = None,
    say: Callable[[str], None] = print,
) -> dict[str, float]:
    """Train for ``seconds`` (or to step ``steps``), leaving checkpoint, curve and sheets in ``out``; the last score.

    Goes on from a checkpoint that is already there.
    """
    kept = checkpoint.load(out)
    if kept is not None:
        trainer.restore(kept)
        curve.cut(out, trainer.step)  # of a run that was killed after its last checkpoint
        say(f"going on from step {trainer.step}")
    start, first = time.monotonic(), trainer.step
    found: dict[str, float] = {}
    while time.monotonic() - start < seconds and (steps is None or trainer.step < steps):
        for name, value in trainer.advance().items():
            trainer.sums[name] = trainer.sums.get(name, 0.0) + value
        if trainer.step % trainer.settings.every == 0:
            found = _report(trainer, held_out, out, say)
            checkpoint.save(out, trainer.state())
    if trainer.step > first:
        checkpoint.save(out, trainer.state())
        rate = (trainer.step - first) * trainer.settings.batch / (time.monotonic() - start)
        say(f"step {trainer.step}, {rate:.4g} images a second, scores included")
    return found


def _report(trainer: Trainer, held_out: Portraits, out: Path, say: Callable[[str], None]) -> dict[str, float]:
    found = trainer.consider(held_out)
    means = {n: total / trainer.settings.every for n, total in sorted(trainer.sums.items())}
    trainer.sums = {}
    row = {"step": float(trainer.step), **found, **means}
    curve.add(out, row)
    sheet.save(trainer.ema, held_out, out / f"sheet-{trainer.step:07d}.jpg", trainer.settings.size)
    say(" ".join(f"{name} {value:.4g}" for name, value in row.items()))
    return found
