"""What is wrong with a decoy's looks, measured on the decoy beside the photo it stands in.

Light, hue and contrast of a swap are matched as a whole; what still tells it from a photo are patches: shadows of the
donor's own studio light round nose and eyes, lids and folds of another hue. A patch is a place where skin departs from
the smooth light on the face farther than the photo's own skin does anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mfmc_engine import attributes
from mfmc_engine import parameters as P
from mfmc_engine.donors import traits
from mfmc_engine.swapping import fields, tones
from mfmc_engine.swapping.lit import Lit, log_ratio
from mfmc_engine.types import FloatArray


@dataclass(frozen=True, slots=True)
class Looks:
    """What speaks against the looks of one decoy."""

    unlike: float  # the donor to the face, selection.mismatch beyond the best donor's
    share: float  # of the donor's own shape
    dark: float  # blotches, log units
    hue: float  # the same
    lost: float = 0.0  # LOOKS_GLASSES where the person wears glasses and the decoy does not
    misfit: float = 0.0
    seeming: float = 0.0

    @property
    def cost(self) -> float:
        """All of it in one number: 0 for none, 1 where one thing is plain to see."""
        bent = max(0.0, self.share - P.DRAW_ROUNDS[0][0]) / P.LOOKS_SHAPE
        return self.unlike / P.LOOKS_UNLIKE + bent**2 + self.blotched + self.lost + self.misfit + self.seeming

    @property
    def blotched(self) -> float:
        """The share of it that patches have."""
        return self.dark / P.LOOKS_DARK + self.hue / P.LOOKS_HUE


def misfit(wanted: FloatArray, found: FloatArray) -> float:
    """How far landmarks (68, 2) found on a decoy lie from the person's, 1 where that or the mouth is plainly off."""
    moved = np.linalg.norm(found - wanted, axis=1).mean() / max(float(traits.interocular(wanted)), 1.0)
    mouth = traits.mouth_opening(found) - traits.mouth_opening(wanted)
    return float((moved / P.LOOKS_MOVED) ** 2 + (mouth / P.LOOKS_MOUTH) ** 2)


def seeming(face: FloatArray, decoy: FloatArray) -> float:
    """How far a ``decoy`` (128,) seems of another gender or age than the ``face`` (128,), 1 where either is plain to
    see; embeddings of dlib's ResNet."""
    found = attributes.load()(np.stack([face, decoy]))
    gender = float(found.male[1] - found.male[0]) / P.LOOKS_GENDER
    age = float(found.age[1] - found.age[0]) / P.LOOKS_AGE
    return gender**2 + age**2


def blotches(decoys: Tensor, alpha: Tensor, donor: Lit, target: Lit) -> Tensor:
    """(B, 2) how far the skin of ``decoys`` (B, 3, H, W) shown through ``alpha`` (B, 1, H, W) departs in lightness and
    in hue beyond what the ``target``'s own does: root mean square over the skin, log units, 0 for none."""
    usual = target.once("usual departure", lambda: _usual(target))
    skin = fields.reduce(donor.clear() * alpha, P.BLOTCH_REDUCTION)
    excess = (_departure(decoys, target).abs() - usual).clamp(min=0).square()
    return fields.mean(excess, skin).sqrt().flatten(1)


def _usual(target: Lit) -> Tensor:
    """(1, 2, 1, 1) what the photo's own skin hardly ever departs beyond."""
    bare = fields.reduce(target.clear() * target.skin, P.BLOTCH_REDUCTION)
    spread = fields.mean(_departure(target.pictures, target).square(), bare).sqrt()
    least = torch.tensor(P.BLOTCH_LEAST, device=spread.device).view(1, 2, 1, 1)
    return torch.maximum(spread * P.BLOTCH_DEVIATIONS, least)


def _departure(pictures: Tensor, target: Lit) -> Tensor:
    """(B, 2, h, w) log ratio of reduced pictures to the light on the target: of the brightness, and of the hue beside
    the one that its skin has at that brightness."""
    expected, usual = target.once("light for blotches", lambda: _expected(target))
    seen = fields.reduce(pictures.clamp(min=0), P.BLOTCH_REDUCTION)
    ratio = log_ratio(seen, expected)
    grey = fields.luminance(ratio)
    own = target.chroma(tones.log(fields.luminance(seen)))
    hue = (ratio - grey - (own - usual)).square().sum(1, keepdim=True).sqrt()
    return torch.cat([grey, hue], 1)


def _expected(target: Lit) -> tuple[Tensor, Tensor]:
    """(1, 3, h, w) the reduced light on the target, and the hue that its skin has at that brightness."""
    light = fields.reduce(target.light().clamp(min=0), P.BLOTCH_REDUCTION)
    return light, target.chroma(tones.log(fields.luminance(light)))
