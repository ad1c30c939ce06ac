"""A face under its light: smooth light times detail, as in ratio images (Liu, Shan and Zhang 2001).

Smooth light is a normalised convolution over bare skin, so brows, eyes and lips do not leave shadows of themselves;
detail is kept as a logarithm.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from torch import Tensor

from mfmc_engine import parameters as P
from mfmc_engine.swapping import fields, outlines, tones
from mfmc_engine.swapping.skin import certainty
from mfmc_engine.types import FloatArray

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Lit:
    """Faces under their light: pictures (B, 3, H, W), skin likelihood (B, 1, H, W) in [0, 1], landmarks in their px.

    What is worked out of them is kept: one target stands beside many donors. A target is a batch of one, which
    broadcasts against the batch of donors tried on it.
    """

    pictures: Tensor
    skin: Tensor
    landmarks: Sequence[FloatArray]
    _known: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    def once(self, key: Hashable, work_out: Callable[[], T]) -> T:
        """What ``work_out`` returned the first time this key was asked for."""
        if key not in self._known:
            self._known[key] = work_out()
        return cast(T, self._known[key])

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the pictures."""
        return self.pictures.shape[-2], self.pictures.shape[-1]

    def part(self, outline: fields.Outline) -> Tensor:
        """(B, 1, H, W) mask of one part of the face."""
        return self.once(
            outline, lambda: fields.rasterise(outline, self.landmarks, self.pictures.device, self.size)
        )

    def detail(self, sigma: float | None = None) -> Tensor:
        """(B, 3, H, W) log ratio of the pictures to their light, LIGHT_SIGMA by default."""
        return self.once(("detail", sigma), lambda: log_ratio(self.pictures, self.light(sigma)))

    def light(self, sigma: float | None = None) -> Tensor:
        """(B, 3, H, W) light on the bare skin, skin tone included, smooth over ``sigma`` px of the half-size image,
        LIGHT_SIGMA by default."""
        if sigma is None:
            sigma = P.LIGHT_SIGMA
        return self.once(("light", sigma), lambda: self._light(sigma))

    def _light(self, sigma: float) -> Tensor:
        bare, grey = self.bare(), fields.luminance(self.half())
        shade = fields.spread(grey, bare, (sigma, *P.LIGHT_WIDE_SIGMAS))
        light = shade * self.once("tint", self._tint) * fields.exp(self.chroma(tones.log(shade)))
        return fields.enlarge(light, self.size)

    def _tint(self) -> Tensor:
        """(B, 3, H/2, W/2) ratio of the skin's wide colour to its brightness, beyond what the curve has of it."""
        # Skin changes in brightness within a few px, in hue along with it, and otherwise hardly ever: a narrow look at
        # its colour would paint what passed for skin by mistake (a grey shirt behind a chin) onto the decoy.
        # Skin mixed with what it borders on says nothing of its hue.
        inner = fields.dilate(self.bare(), -P.TINT_INSET)
        tint = fields.spread(self.half(), inner, P.TINT_SIGMAS).clamp(min=P.LIGHT_DARKEST)
        level = fields.luminance(tint)
        return tint / level * fields.exp(-self.chroma(tones.log(level)))

    def chroma(self, luma: Tensor) -> Tensor:
        """(B, 3, H, W) log ratio of its skin's channels to their luma, where that is ``luma`` (B, 1, H, W, log)."""
        return tones.at(self._tones(), luma)

    def _tones(self) -> Tensor:
        def work_out() -> Tensor:
            half = self.half()
            luma = tones.log(fields.luminance(half))
            return tones.fit(luma, tones.log(half) - luma, self.bare())

        return self.once("tones", work_out)

    def half(self) -> Tensor:
        return self.once("half", lambda: fields.reduce(self.pictures, 2))

    def bare(self) -> Tensor:
        """(B, 1, H/2, W/2) how surely the pixels of the half-size image are bare skin."""
        return self.once("bare", lambda: fields.reduce(self.plain_skin(), 2))

    def plain(self) -> Tensor:
        """(B, 1, H, W) the face without its features, and without what may be no face."""

        def work_out() -> Tensor:
            beyond = fields.dilate(self.part(outlines.far_side), P.FAR_SIDE_ROOM)
            return self.part(outlines.region) * (1 - self.part(outlines.features)) * (1 - beyond)

        return self.once("plain", work_out)

    def plain_skin(self) -> Tensor:
        """(B, 1, H, W) how surely that is bare skin."""
        return self.once("plain skin", lambda: self.plain() * certainty(self.skin))

    def clear(self) -> Tensor:
        """(B, 1, H, W) its skin clear of brows, lashes, lips and nostrils."""

        def work_out() -> Tensor:
            return self.part(outlines.region) * (
                1 - fields.dilate(self.part(outlines.features), P.CLEAR_ROOM)
            )

        return self.once("clear", work_out)

    def soft_clear(self) -> Tensor:
        """(B, 1, H, W) the same with soft edges."""
        return self.once("soft clear", lambda: fields.gaussian(self.clear(), P.PART_FEATHER))

    def clear_skin(self) -> Tensor:
        """(B, 1, H, W) how surely it is bare skin that is clear of them."""
        return self.once("clear skin", lambda: self.clear() * certainty(self.skin))


def log_ratio(value: Tensor, reference: Tensor) -> Tensor:
    """Logarithm of ``value`` over ``reference``, both in [0, 1], tamed near black."""
    return fields.log((value.clamp(min=0) + P.LIGHT_OFFSET) / (reference + P.LIGHT_OFFSET))
