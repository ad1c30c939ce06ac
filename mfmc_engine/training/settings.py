"""Every number of the training, with its unit and where it comes from."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from mfmc_engine import parameters as P

CROP = P.CROP_SIZE  # px, the canonical crop of the engine's meshes: what is packed
SIZE = 192  # px of the crop that the network sees: its middle, from above the brows to under the chin
WINDOW = (32, 40)  # x, y px of its corner in the crop
HELD_OUT = 0.05  # share of the identities that are never trained on
WEBP_QUALITY = 90  # of 100; 4,000 crops are about 40 MB


@dataclass(frozen=True, slots=True)
class Settings:
    """One training. Kept in its checkpoints; a run with other settings is another run."""

    seed: int = 0
    batch: int = 64  # pairs a step
    size: int = SIZE  # px the network sees them at, a multiple of 8: less in rehearsals on a CPU
    width: int = 32  # channels at full resolution, a multiple of 16; everything else follows
    blocks: int = 6  # identity blocks in the middle
    rate: float = 2e-4  # Adam, both networks (SimSwap: 4e-4; halved for the smaller batch)
    betas: tuple[float, float] = (0.0, 0.99)  # as R1-regularised critics want it (Karras et al. 2020)
    marker_betas: tuple[float, float] = (
        0.9,
        0.99,
    )  # no game, a regression: without momentum it blows up now and then
    clip: float = 10.0  # largest norm of a gradient; usual ones are below, rare bad batches are not
    ema: float = 0.999  # of the weights that are kept
    every: int = 500  # steps between two scores: not minutes, or the best weights would depend on the machine
    augment: bool = True  # False: crops as they are, for rehearsals that should overfit
    warm_up: int = 4000  # steps over which the mesh pairs fade out
    same: float = 0.25  # share of a batch in which donor and target are one portrait
    sampled: float = (
        0.3  # share of the others whose wanted identity is drawn from the donors' distribution: nobody's
    )
    identity: float = 10.0
    away: float = 5.0
    reconstruction: float = 10.0
    feature: float = 1.0
    attribute: float = 1.0
    landmark: float = 20.0
    pair: float = 10.0
    adversarial: float = 1.0
    r1: float = 10.0
    r1_every: int = 16
    mask: float = 2.0
    margin: float = 0.75  # Euclidean, what a swap should keep from its target in dlib's space (threshold .60)

    def as_dict(self) -> dict[str, object]:
        """Plain values, for a checkpoint."""
        return asdict(self)
