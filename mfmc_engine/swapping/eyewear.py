"""What people wear before their eyes, put on their decoys: spectacles, or dark lenses."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import torch
from torch import Tensor

from mfmc_engine import parameters as P
from mfmc_engine.swapping import fields, glasses, shades
from mfmc_engine.swapping.lit import Lit


@dataclass(frozen=True, slots=True, eq=False)
class Eyewear:
    """What one person wears before their eyes, drawn again."""

    hides: Tensor  # (1, 1, H, W) share of what is behind
    colour: Tensor  # (1, 3, H, W) in [0, 1]
    rounds: int  # of draws whose decoys wear it
    lost: float  # what it costs a decoy's looks to go without

    def on(self, decoys: Tensor) -> Tensor:
        """Decoys (B, 3, H, W) that wear it."""
        return decoys + self.hides * (self.colour - decoys)

    def around(self) -> Tensor:
        """(1, 1, H, W) 1 on it, on what it encloses and a little beyond: where the person's own may be seen."""
        drawn = (self.hides[0, 0] > 0).to(torch.uint8).cpu().numpy()
        outer, _ = cv2.findContours(drawn, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(drawn, outer, -1, 1, cv2.FILLED)
        return fields.dilate(torch.from_numpy(drawn)[None, None].to(self.hides), P.EYEWEAR_ROOM)

    def beside(self) -> Tensor:
        """(1, 1, H, W) 1 where it does not touch what is seen."""
        return 1 - fields.dilate((self.hides > 0).float(), P.BLOTCH_REDUCTION)


def of(target: Lit) -> Eyewear | None:
    """What the person in the photo wears; None if that is nothing, or not surely found."""

    def look() -> Eyewear | None:
        if dark := shades.drawn(target):
            return Eyewear(*dark, P.SHADES_ROUNDS, P.LOOKS_SHADES)
        if clear := glasses.drawn(target):
            return Eyewear(*clear, P.GLASSES_ROUNDS, P.LOOKS_GLASSES)
        return None

    return target.once("eyewear", look)
