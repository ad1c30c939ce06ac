"""Light and colour: the target's light and skin tone, the donor's detail, and no seam.

The model is multiplicative, as in ratio images (Liu, Shan and Zhang 2001): a face is smooth light times detail, and
detail is kept as a logarithm. Smooth light is a normalised convolution over bare skin, so brows, eyes and lips do not
leave shadows of themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar, cast

import numpy as np
import torch
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

    def detail(self, sigma: float) -> Tensor:
        """(B, 3, H, W) log ratio of the pictures to their light."""
        return self.once(("detail", sigma), lambda: _log_ratio(self.pictures, self.light(sigma)))

    def light(self, sigma: float) -> Tensor:
        """(B, 3, H, W) light on the bare skin, skin tone included, smooth over ``sigma`` px of the half-size image."""
        return self.once(("light", sigma), lambda: self._light(sigma))

    def _light(self, sigma: float) -> Tensor:
        bare, half = self.bare(), self.half()
        grey = fields.luminance(half)
        inner = fields.dilate(
            bare, -P.TINT_INSET
        )  # skin mixed with what it borders on says nothing of its hue
        shade = fields.spread(grey, bare, (sigma, *P.LIGHT_WIDE_SIGMAS))
        # Skin changes in brightness within a few px, in hue along with it, and otherwise hardly ever: a narrow look at
        # its colour would paint what passed for skin by mistake (a grey shirt behind a chin) onto the decoy.
        tint = fields.spread(half, inner, P.TINT_SIGMAS).clamp(min=P.LIGHT_DARKEST)
        level = fields.luminance(tint)
        light = shade * (tint / level) * torch.exp(self.toned(tones.log(level), tones.log(shade)))
        return fields.enlarge(light, self.size)

    def toned(self, before: Tensor, after: Tensor) -> Tensor:
        """(B, 3, H, W) log ratio by which the colour of its skin changes besides when its log luma does."""
        return tones.at(self._tones(), after) - tones.at(self._tones(), before)

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
        return self.once("bare", lambda: fields.reduce(self.plain() * certainty(self.skin), 2))

    def plain(self) -> Tensor:
        """(B, 1, H, W) the face without its features."""
        return self.once("plain", lambda: self.part(outlines.region) * (1 - self.part(outlines.features)))

    def clear(self) -> Tensor:
        """(B, 1, H, W) its skin clear of brows, lashes, lips and nostrils."""

        def work_out() -> Tensor:
            return self.part(outlines.region) * (
                1 - fields.dilate(self.part(outlines.features), P.CLEAR_ROOM)
            )

        return self.once("clear", work_out)


def relight(donor: Lit, target: Lit, sigma: float, folds: Sequence[float] = ()) -> Tensor:
    """The warped ``donor`` in the light and colours of ``target``: (B, 3, H, W) in [0, 1].

    What is finer than ``sigma`` is the donor's, what is coarser the target's. ``folds``: for each of the batch the
    share of the target's own folds and pores on its skin, none by default.
    """
    offset = P.LIGHT_OFFSET
    detail = _match_contrast(donor, target, sigma)
    detail = _match_parts(detail, donor, target, sigma)
    if any(folds):
        detail = _with_folds(detail, donor, target, sigma, folds)
    relit = (target.light(sigma) + offset) * torch.exp(_cap_highlights(detail, donor)) - offset
    return _roll_off(relit)


@dataclass(frozen=True, slots=True, eq=False)
class _Detail:
    """The detail of faces taken apart, and how strong each share of it is."""

    grey: Tensor  # (B, 1, H, W)
    rest: Tensor  # (B, 3, H, W) colour that does not go along with light
    tint: Tensor  # (B, 3, 1, 1) colour per unit of light
    contrast: Tensor  # (B, 1, 1, 1) of the features
    folds: Tensor  # (B, 1, 1, 1) contrast beside them
    colour: Tensor  # (B, 1, 1, 1) strength of the rest

    @classmethod
    def of(cls, face: Lit, sigma: float) -> _Detail:
        detail, core = face.detail(sigma), face.part(outlines.core)
        grey, tint = fields.luminance(detail), _shadow_tint(detail, face)
        rest = detail - grey - tint * grey.clamp(-P.TINT_RANGE, P.TINT_RANGE)
        folds = _deviation(grey, _beside_features(face))
        return cls(grey, rest, tint, _deviation(grey, core), folds, _deviation(rest, core))


def _match_contrast(donor: Lit, target: Lit, sigma: float) -> Tensor:
    """The donor's detail, scaled so that its contrast and colourfulness are the photo's own.

    A hazy photo gets a hazy decoy; a grey or toned photo has no colour detail, so its decoy has none either. Colour
    splits into what goes along with light (the tint of shadows, taken from the photo) and the rest (scaled).
    """
    own = _Detail.of(donor, sigma)
    wanted = target.once(("parts of detail", sigma), lambda: _Detail.of(target, sigma))
    contrast = (wanted.contrast / own.contrast).clamp(*P.CONTRAST_GAIN)
    # Folds and wrinkles beside the features: the photo's skin says how deep they are, its features how crisp.
    smoothness = contrast * (wanted.folds / (own.folds * contrast)).clamp(*P.SKIN_CONTRAST)
    cheek = fields.gaussian(1 - donor.part(outlines.core), P.CHEEK_FEATHER)
    colour = (wanted.colour / own.colour).clamp(*P.COLOUR_GAIN)
    grey = own.grey * (contrast * (1 - cheek) + smoothness * cheek)
    # Black brows beside orange skin look blue relative to it, and would turn truly blue on another skin.
    hair = fields.gaussian(fields.dilate(donor.part(outlines.brow_hair), P.BROW_REACH), P.BROW_REACH)
    rest = own.rest * ((1 - P.BROW_NEUTRAL * hair) * colour)
    grey = _not_darker(grey, donor, target, sigma)
    rest = _within_skin(rest, donor, target, sigma)
    luma = target.once(("luma", sigma), lambda: tones.log(fields.luminance(target.light(sigma))))
    return rest + grey + target.toned(luma, luma + grey.clamp(-P.TINT_RANGE, P.TINT_RANGE))


def _not_darker(grey: Tensor, donor: Lit, target: Lit, sigma: float) -> Tensor:
    """Brightness of detail (B, 1, H, W), bent where clear skin gets darker beside its light than the photo's own does:
    what a lamp of the donor's studio left in shade, or was exaggerated."""

    def usual() -> Tensor:
        own = fields.luminance(target.detail(sigma)) ** 2
        return fields.mean(own, target.clear() * certainty(target.skin)).sqrt()

    spread = target.once(("usual shade", sigma), usual)
    half = (spread * P.SHADE_DEVIATIONS).clamp(*P.SHADE_LARGEST) / 2
    bent = torch.where(grey < -half, -half + half * torch.tanh((grey + half) / half), grey)
    return grey + fields.gaussian(donor.clear(), P.PART_FEATHER) * (bent - grey)


def _within_skin(cast: Tensor, donor: Lit, target: Lit, sigma: float) -> Tensor:
    """Colour that does not go along with light (B, 3, H, W), bent where it is stronger on a donor's skin than it is on
    the photo's: brown lids would turn blue on an orange face."""

    def usual() -> Tensor:
        own = target.once(("parts of detail", sigma), lambda: _Detail.of(target, sigma)).rest ** 2
        return fields.mean(own, target.plain() * certainty(target.skin)).sqrt()

    spread = target.once(("usual colour", sigma), usual)
    half = (spread * P.CAST_DEVIATIONS).clamp(*P.CAST_LARGEST) / 2
    size = cast.abs()
    bent = torch.where(size > half, half + half * torch.tanh((size - half) / half), size)
    own = torch.maximum(donor.part(outlines.eye_openings), donor.part(outlines.mouth))
    return cast + fields.gaussian(1 - own, P.PART_FEATHER) * (cast.sign() * bent - cast)


def _with_folds(detail: Tensor, donor: Lit, target: Lit, sigma: float, shares: Sequence[float]) -> Tensor:
    """What is fine on the photo's own skin, instead of the donor's, by the shares: how old somebody looks is theirs."""

    def clear(face: Lit) -> Tensor:
        return fields.gaussian(face.clear() * certainty(face.skin), P.CHEEK_FEATHER)

    both = target.once("clear skin", lambda: clear(target)) * clear(donor)
    change = target.detail(sigma) - detail
    fine = change - fields.gaussian(change, P.FOLDS_SIGMA)
    return detail + both * torch.tensor(shares, device=detail.device).view(-1, 1, 1, 1) * fine


def _beside_features(face: Lit) -> Tensor:
    """(B, 1, H, W) weights of bare skin away from brows, eyes, nose and mouth."""
    outside = face.part(outlines.jaw_skin) * (1 - face.part(outlines.core))
    return outside * certainty(face.skin)


def _log_ratio(value: Tensor, reference: Tensor) -> Tensor:
    return torch.log((value.clamp(min=0) + P.LIGHT_OFFSET) / (reference + P.LIGHT_OFFSET))


def _shadow_tint(detail: Tensor, face: Lit) -> Tensor:
    """(B, 3, 1, 1) how much each channel's colour changes per unit of light on skin: least squares without offset."""
    skin = face.plain()
    grey = fields.luminance(detail).clamp(-P.TINT_RANGE, P.TINT_RANGE)
    slope = fields.mean((detail - grey) * grey, skin) / (fields.mean(grey**2, skin) + P.TINT_PRIOR)
    return slope.clamp(-P.TINT_LARGEST, P.TINT_LARGEST)


def _deviation(values: Tensor, weights: Tensor) -> Tensor:
    """(B, 1, 1, 1) root mean square over channels and weighted pixels."""
    return (fields.mean(values**2, weights).mean(1, keepdim=True) + 1e-8).sqrt()


def _match_parts(detail: Tensor, donor: Lit, target: Lit, sigma: float) -> Tensor:
    """Move the mean tone of lips, brows, eyes and open mouth toward the photo's own.

    Make-up, the colour of the hair (brows), the whites' tint under coloured light and the darkness of an open mouth
    belong to the person's picture, not to the donor's. Lips and brows are scaled, so that skin beside them, which
    has no contrast to scale, stays as it is even where landmarks are a little off; eyes and mouth are shifted.
    """
    detail = detail.clone()
    for outline, change, shares in (
        (outlines.lips, _scaled, P.LIPS_SHARES),
        (outlines.brow_hair, _scaled, P.BROWS_SHARES),
        (outlines.eye_openings, _shifted, P.EYES_SHARES),
        (outlines.inner_mouth, _shifted, P.INNER_MOUTH_SHARES),
    ):
        around = _around(outline, donor)
        local, mask = detail[around], donor.part(outline)[around]
        if outline is outlines.inner_mouth:  # teeth that show beyond landmarks a little off would be fangs
            lips = donor.part(outlines.lips)[around] * fields.dilate(mask, P.TEETH_REACH)
            mask = torch.maximum(mask, lips * (fields.luminance(local) > P.TEETH_TONE))
        tone = partial(_tone, target.detail(sigma), target.part(outline))
        wanted = target.once(("tone", outline, sigma), tone)
        seen = (mask.sum((-2, -1), keepdim=True) >= P.PART_SMALLEST).float()
        # A donor's brows are broader than dlib's strip; scaling changes nothing of the skin around.
        cover = fields.dilate(mask, P.BROW_REACH) if outline is outlines.brow_hair else mask
        soft = fields.gaussian(cover, P.PART_FEATHER) * seen
        local += soft * change(local, _tone(local, mask), wanted, *shares)
    return detail


def _around(outline: fields.Outline, faces: Lit) -> fields.Window:
    """The window (of all dimensions of a field) that holds a part of every face with room for soft edges."""
    points = np.concatenate([polygon for marks in faces.landmarks for polygon in outline(marks)])
    return fields.window(points, P.PART_ROOM, faces.size)


def _scaled(
    local: Tensor, own: Tensor, wanted: Tensor, colour_share: float, light_share: float, limit: float
) -> Tensor:
    """What to add to a part's detail for its mean tone to go from ``own`` toward ``wanted`` by the shares."""
    grey, grey_wanted = (fields.luminance(tone).clamp(max=-P.PART_CONTRAST) for tone in (own, wanted))
    factor = (1 + (grey_wanted / grey - 1) * light_share).clamp(1 - limit, 1 + limit)
    tones = fields.luminance(local)
    depth = (tones / grey).clamp(0, 1)  # 1 on hair and lip, 0 on bare skin
    return tones * (factor - 1) + _recoloured(own, wanted, colour_share, limit) * depth


def _shifted(
    local: Tensor, own: Tensor, wanted: Tensor, colour_share: float, light_share: float, limit: float
) -> Tensor:
    """The same by a shift."""
    light = ((fields.luminance(wanted) - fields.luminance(own)) * light_share).clamp(-limit, limit)
    flatter = P.DARKENED_CONTRAST * light.clamp(max=0)  # teeth in the dark show less of themselves
    return (local - own) * flatter + light + _recoloured(own, wanted, colour_share, limit)


def _recoloured(own: Tensor, wanted: Tensor, share: float, limit: float) -> Tensor:
    """(B, 3, 1, 1) change of colour, brightness left out."""
    change = (wanted - fields.luminance(wanted)) - (own - fields.luminance(own))
    return (change * share).clamp(-limit, limit)


def _tone(detail: Tensor, mask: Tensor) -> Tensor:
    """(B, 3, 1, 1) mean over a part, bright pixels counting more: the tint of an eye is that of its white."""
    return fields.mean(detail, mask * torch.exp(fields.luminance(detail).clamp(max=1)))


def _cap_highlights(detail: Tensor, donor: Lit) -> Tensor:
    """Skin is hardly ever much brighter than the smooth light on it; eyes and teeth may be."""
    shiny = torch.maximum(donor.part(outlines.eye_openings), donor.part(outlines.inner_mouth))
    shiny = fields.gaussian(shiny, P.PART_FEATHER)
    half = (P.SKIN_HIGHLIGHT + (P.SHINY_HIGHLIGHT - P.SKIN_HIGHLIGHT) * shiny) / 2
    return _bent(detail, half, half).clamp(min=P.DETAIL_FLOOR)


def _bent(values: Tensor, knee: Tensor, room: Tensor) -> Tensor:
    """Values above ``knee`` bent so that they reach ``knee + room`` only asymptotically."""
    over = (values - knee).clamp(min=0)  # without torch.where, which takes longer than the hyperbolic tangent
    return torch.minimum(values, knee) + room * torch.tanh(over / room)


def _roll_off(colour: Tensor) -> Tensor:
    """Bend values above the knee so that they reach white only asymptotically."""
    knee = P.HIGHLIGHT_KNEE
    over = (colour - knee).clamp(min=0)
    return colour.clamp(max=knee) - (1 - knee) * torch.expm1(-over / (1 - knee))


def close_seam(decoys: Tensor, donor: Lit, target: Lit, alpha: Tensor) -> Tensor:
    """Carry the difference along the mask's edge smoothly into the decoy, where both sides are skin (a membrane), and
    that of hue from all of the photo's bare skin: a cheek keeps its colour, whatever its donor's was."""
    both = target.skin * donor.skin
    edge = 4 * alpha * (1 - alpha) * both
    apart = target.pictures - decoys
    difference = fields.gaussian(apart * edge, P.SEAM_SIGMA)
    closed = decoys + difference / (fields.gaussian(edge, P.SEAM_SIGMA) + P.SEAM_PRIOR)
    return closed * torch.exp(_hue_missing(closed, donor, target))


def _hue_missing(decoys: Tensor, donor: Lit, target: Lit) -> Tensor:
    """(B, 3, H, W) log ratio from the hue of the decoys' skin to the one that the photo's has there, smooth; each at
    the decoy's brightness, for skin that is darker is not grey."""
    half = fields.reduce(decoys, 2)
    luma = tones.log(fields.luminance(half))
    own = target.once("luma", lambda: tones.log(fields.luminance(target.half())))
    hue = target.once("hue", lambda: tones.log(target.half()) - own)
    bare = target.bare() * donor.bare()
    missing = (hue + target.toned(own, luma) - (tones.log(half) - luma)) * bare
    smooth = fields.gaussian(missing, P.HUE_SIGMA / 2) / (fields.gaussian(bare, P.HUE_SIGMA / 2) + P.HUE_PRIOR)
    return fields.enlarge(smooth, target.size)


def keep_in_range(decoys: Tensor, target: Lit) -> Tensor:
    """Bend what is brighter than the photo's own skin, eyes or teeth are there; (B, 3, H, W) in and out.

    A donor's lids or whites lit by a studio lamp would glare in a photo taken in the shade.
    """
    ceiling = target.once("ceiling", lambda: _ceiling(target))
    own = fields.luminance(decoys).clamp(min=P.LIGHT_DARKEST)
    knee = P.CEILING_KNEE * ceiling
    room = (ceiling - knee).clamp(min=P.LIGHT_DARKEST)
    return decoys * (_bent(own, knee, room) / own)


def _ceiling(target: Lit) -> Tensor:
    """(B, 1, H, W) the brightest that the photo's own skin, eyes or teeth are around each pixel."""
    grey = fields.luminance(target.pictures)
    half = fields.gaussian(fields.reduce(grey, 2), P.CEILING_SMOOTH)
    bare = target.bare()
    usual = fields.mean(half, bare) + P.CEILING_DEVIATIONS * _spread_of(half, bare)
    highest = fields.dilate(torch.where(bare > P.CEILING_CERTAIN, half, 0), P.CEILING_REACH)
    skin = fields.gaussian(torch.where(highest > 0, highest, usual), P.CEILING_FEATHER)
    ceiling = fields.enlarge(skin, target.size)
    for outline in (outlines.eye_openings, outlines.inner_mouth):
        part = target.part(outline)
        brightest = (grey * part).amax((-2, -1), keepdim=True)
        seen = (part.sum((-2, -1), keepdim=True) >= P.PART_SMALLEST).float()
        soft = (2 * fields.gaussian(part, P.PART_FEATHER) - 1).clamp(
            min=0
        ) * seen  # 0 at the lids and outside
        ceiling = ceiling + soft * (brightest - ceiling)
    return ceiling


def darken_rim(decoys: Tensor, target: Lit) -> Tensor:
    """Where a turned head ends right behind nose and lips, skin as light as a cheek would be a halo: what is lighter
    there than the photo (blurred) takes its colour. (B, 3, H, W) in and out."""
    photo = target.once("smooth", lambda: fields.gaussian(target.pictures, P.RIM_FEATHER))
    rim = target.once("rim", lambda: _rim(target))
    excess = (_log_ratio(fields.luminance(decoys), fields.luminance(photo)) - P.RIM_EXCESS) / P.RIM_EXCESS
    return decoys + rim * excess.clamp(0, 1) * (photo - decoys)


def _rim(target: Lit) -> Tensor:
    """(B, 1, H, W) where the face's edge is no skin."""
    inner = fields.gaussian(fields.dilate(target.part(outlines.region), -P.RIM_WIDTH), P.RIM_FEATHER)
    return (1 - inner) * (1 - target.skin)


def _spread_of(values: Tensor, weights: Tensor) -> Tensor:
    """(B, C, 1, 1) weighted standard deviation."""
    return fields.mean((values - fields.mean(values, weights)) ** 2, weights).sqrt()
