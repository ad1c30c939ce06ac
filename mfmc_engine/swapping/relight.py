"""Light and colour: the target's light and skin tone, the donor's detail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from mfmc_engine import parameters as P
from mfmc_engine.quality import yaw
from mfmc_engine.swapping import fields, outlines, tones
from mfmc_engine.swapping.lit import Lit, log_ratio
from mfmc_engine.swapping.skin import certainty


def relight(donor: Lit, target: Lit, folds: Sequence[float] = ()) -> Tensor:
    """The warped ``donor`` in the light and colours of ``target``: (B, 3, H, W) in [0, 1].

    What is finer than the light is the donor's, what is coarser the target's, and its highlights in between.
    ``folds``: for each of the batch the share of the target's own folds and pores on its skin, none by default.
    """
    offset = P.LIGHT_OFFSET
    detail = _match_contrast(donor, target)
    detail = _no_deeper(detail, donor, target)
    detail = _match_parts(detail, donor, target)
    detail = _match_irises(detail, donor, target)
    if any(folds):
        detail = _with_folds(detail, donor, target, folds)
    detail = _with_shine(_cap_highlights(detail, donor), donor, target)
    return _roll_off((target.light() + offset) * fields.exp(detail) - offset)


@dataclass(frozen=True, slots=True, eq=False)
class _Detail:
    """The detail of faces taken apart, and how strong each share of it is."""

    grey: Tensor  # (B, 1, H, W)
    rest: Tensor  # (B, 3, H, W) colour that does not go along with light
    contrast: Tensor  # (B, 1, 1, 1) of the features
    folds: Tensor  # (B, 1, 1, 1) contrast beside them
    colour: Tensor  # (B, 1, 1, 1) strength of the rest

    @classmethod
    def of(cls, face: Lit) -> _Detail:
        detail, core = face.detail(), face.part(outlines.core)
        grey = fields.luminance(detail)
        rest = detail - grey - _shadow_tint(detail, face) * grey.clamp(-P.TINT_RANGE, P.TINT_RANGE)
        folds = _deviation(grey, _beside_features(face))
        return cls(grey, rest, _deviation(grey, core), folds, _deviation(rest, core))


def _match_contrast(donor: Lit, target: Lit) -> Tensor:
    """The donor's detail, scaled so that its contrast and colourfulness are the photo's own.

    A hazy photo gets a hazy decoy; a grey or toned photo has no colour detail, so its decoy has none either. Colour
    splits into what goes along with light (the tint of shadows, on the photo's own curve) and the rest (scaled).
    """
    own = _Detail.of(donor)
    wanted = target.once("parts of detail", lambda: _Detail.of(target))
    contrast = (wanted.contrast / own.contrast).clamp(*P.CONTRAST_GAIN)
    # Folds and wrinkles beside the features: the photo's skin says how deep they are, its features how crisp.
    smoothness = contrast * (wanted.folds / (own.folds * contrast)).clamp(*P.SKIN_CONTRAST)
    smoothness = smoothness * (1 - target.once("folds lost", lambda: _folds_lost(target)))
    cheek = fields.gaussian(1 - donor.part(outlines.core), P.CHEEK_FEATHER)
    colour = (wanted.colour / own.colour).clamp(*P.COLOUR_GAIN)
    grey = own.grey * (contrast * (1 - cheek) + smoothness * cheek)
    # Black brows beside orange skin look blue relative to it, and would turn truly blue on another skin.
    hair = fields.gaussian(fields.dilate(donor.part(outlines.brow_hair), P.BROW_REACH), P.BROW_REACH)
    rest = own.rest * ((1 - P.BROW_NEUTRAL * hair) * colour)
    grey = _not_darker(grey, donor, target)
    rest = _within_skin(rest, donor, target)
    luma = target.once("luma", lambda: tones.log(fields.luminance(target.light())))
    hue = target.once("hue", lambda: target.chroma(luma))
    return rest + grey + target.chroma(luma + grey.clamp(-P.TINT_RANGE, P.TINT_RANGE)) - hue


def _folds_lost(target: Lit) -> float:
    """Share of their contrast that a donor's folds lose: a face that turns away shows more cheek than its donors do,
    and a fold drawn out over it looks like a scar."""
    low, high = P.TURNED_FOLDS_YAW
    turned = np.clip((abs(yaw(target.landmarks[0])) - low) / (high - low), 0, 1)
    return float(P.TURNED_FOLDS_LOST * turned)


def _no_deeper(detail: Tensor, donor: Lit, target: Lit) -> Tensor:
    """``detail`` with what is fine on skin no stronger than the photo's own skin has it at that place: lines on a
    forehead or round a mouth are age and expression, stubble and spots somebody's, and all of them the person's."""

    def strength(grey: Tensor, face: Lit) -> tuple[Tensor, Tensor]:
        """What is fine, and its root mean square around each place of the half-size image."""
        fine = grey - fields.gaussian(grey, P.FINE_SIGMA)
        bare = fields.reduce(face.clear_skin(), 2)
        return fine, (fields.spread(fields.reduce(fine**2, 2), bare, P.FINE_AROUND) + 1e-6).sqrt()

    def own() -> Tensor:
        return strength(fields.luminance(target.detail()), target)[1]

    fine, drawn = strength(fields.luminance(detail), donor)
    gain = (P.FINE_EXCESS * target.once("fine", own) / drawn).clamp(P.FINE_LEAST, 1)
    lost = donor.soft_clear() * (1 - fields.enlarge(gain, target.size))
    return detail - lost * fine


def _not_darker(grey: Tensor, donor: Lit, target: Lit) -> Tensor:
    """Brightness of detail (B, 1, H, W), bent where clear skin gets darker beside its light than the photo's own does:
    what a lamp of the donor's studio left in shade, or was exaggerated."""

    def usual() -> Tensor:
        own = fields.luminance(target.detail()) ** 2
        return fields.mean(own, target.clear_skin()).sqrt()

    spread = target.once("usual shade", usual)
    half = (spread * P.SHADE_DEVIATIONS).clamp(*P.SHADE_LARGEST) / 2
    bent = -fields.bent(-grey, half, half)
    return grey + donor.soft_clear() * (bent - grey)


def _within_skin(cast: Tensor, donor: Lit, target: Lit) -> Tensor:
    """Colour that does not go along with light (B, 3, H, W), bent where it is stronger on a donor's skin than it is on
    the photo's: brown lids would turn blue on an orange face."""

    def usual() -> Tensor:
        own = target.once("parts of detail", lambda: _Detail.of(target)).rest ** 2
        return fields.mean(own, target.plain_skin()).sqrt()

    spread = target.once("usual colour", usual)
    half = (spread * P.CAST_DEVIATIONS).clamp(*P.CAST_LARGEST) / 2
    bent = torch.copysign(fields.bent(cast.abs(), half, half), cast)
    own = torch.maximum(donor.part(outlines.eye_openings), donor.part(outlines.mouth))
    return cast + fields.gaussian(1 - own, P.PART_FEATHER) * (bent - cast)


def _with_folds(detail: Tensor, donor: Lit, target: Lit, shares: Sequence[float]) -> Tensor:
    """What is fine on the photo's own skin, instead of the donor's, by the shares: how old somebody looks is theirs."""

    def clear(face: Lit) -> Tensor:
        return fields.gaussian(face.clear_skin(), P.CHEEK_FEATHER)

    both = target.once("skin with folds", lambda: clear(target)) * clear(donor)
    change = target.detail() - detail
    fine = change - fields.gaussian(change, P.FOLDS_SIGMA)
    return detail + both * torch.tensor(shares, device=detail.device).view(-1, 1, 1, 1) * fine


def _beside_features(face: Lit) -> Tensor:
    """(B, 1, H, W) weights of bare skin away from brows, eyes, nose and mouth."""
    outside = face.part(outlines.jaw_skin) * (1 - face.part(outlines.core))
    return outside * certainty(face.skin)


def _shadow_tint(detail: Tensor, face: Lit) -> Tensor:
    """(B, 3, 1, 1) how much each channel's colour changes per unit of light on skin: least squares without offset."""
    skin = face.plain()
    grey = fields.luminance(detail)
    light = grey.clamp(-P.TINT_RANGE, P.TINT_RANGE)
    slope = fields.mean((detail - grey) * light, skin) / (fields.mean(light**2, skin) + P.TINT_PRIOR)
    return slope.clamp(-P.TINT_LARGEST, P.TINT_LARGEST)


def _deviation(values: Tensor, weights: Tensor) -> Tensor:
    """(B, 1, 1, 1) root mean square over channels and weighted pixels."""
    return (fields.mean(values**2, weights).mean(1, keepdim=True) + 1e-8).sqrt()


def _match_parts(detail: Tensor, donor: Lit, target: Lit) -> Tensor:
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
        (outlines.upper_lip, _darkened, P.LIP_LIGHTER),
        (outlines.lower_lip, _darkened, P.LIP_LIGHTER),
    ):
        around = _around(outline, donor)
        local, mask = detail[around], donor.part(outline)[around]
        if outline is outlines.inner_mouth:  # teeth that show beyond landmarks a little off would be fangs
            lips = donor.part(outlines.lips)[around] * fields.dilate(mask, P.TEETH_REACH)
            mask = torch.maximum(mask, lips * (fields.luminance(local) > P.TEETH_TONE))
        tone = partial(_tone, target.detail(), target.part(outline))
        wanted = target.once(("tone", outline), tone)
        missing = change(local, _tone(local, mask), wanted, *shares)
        if fields.on_cpu(missing) and not missing.any():
            continue  # a card would have to be waited for to know
        seen = (mask.sum((-2, -1), keepdim=True) >= P.PART_SMALLEST).float()
        # A donor's brows are broader than dlib's strip; scaling changes nothing of the skin around.
        cover = fields.dilate(mask, P.BROW_REACH) if outline is outlines.brow_hair else mask
        local += fields.gaussian(cover, P.PART_FEATHER) * seen * missing
    return detail


def _match_irises(detail: Tensor, donor: Lit, target: Lit) -> Tensor:
    """On dark skin, irises no paler than the photo's own and of their colour: blue ones are seen at once there."""
    dark = target.once("dark skin", lambda: _darkness(target))
    if fields.on_cpu(dark) and not dark.any():
        return detail
    around = _around(outlines.eye_openings, donor)
    local, mask = detail[around], _irises(donor)[around]
    wanted = target.once("irises", lambda: fields.mean(target.detail(), _irises(target)))
    own = fields.mean(local, mask)
    light_share, darker = P.IRIS_DARKER
    light = ((fields.luminance(wanted) - fields.luminance(own)) * light_share).clamp(-darker, 0)
    change = light + _recoloured(own, wanted, *P.IRIS_COLOUR)
    seen = (mask.sum((-2, -1), keepdim=True) >= P.PART_SMALLEST).float()
    detail = detail.clone()
    detail[around] += fields.gaussian(mask, P.IRIS_FEATHER) * seen * dark * change
    return detail


def _irises(face: Lit) -> Tensor:
    """(B, 1, H, W) mask of what lids leave of them."""
    return face.part(outlines.irises) * face.part(outlines.eye_openings)


def _darkness(face: Lit) -> Tensor:
    """(B, 1, 1, 1) in [0, 1], 1 on skin that is as dark as IRIS_SKIN's first luma, 0 from its second on."""
    dark, light = P.IRIS_SKIN
    luma = fields.mean(fields.luminance(face.pictures), face.plain_skin())
    return ((light - luma) / (light - dark)).clamp(0, 1)


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


def _darkened(local: Tensor, own: Tensor, wanted: Tensor, low: float, high: float) -> Tensor:
    """A shift of the whole tone where it is plainly lighter than ``wanted``, by log ratios from ``low`` to ``high``.

    On dark skin a lip may be no darker than what is round it. Nothing of that can be scaled, and on pale skin it would
    pass for skin.
    """
    missing = wanted - own
    return ((-fields.luminance(missing) - low) / (high - low)).clamp(0, 1) * missing


def _recoloured(own: Tensor, wanted: Tensor, share: float, limit: float) -> Tensor:
    """(B, 3, 1, 1) change of colour, brightness left out."""
    change = (wanted - fields.luminance(wanted)) - (own - fields.luminance(own))
    return (change * share).clamp(-limit, limit)


def _tone(detail: Tensor, mask: Tensor) -> Tensor:
    """(B, 3, 1, 1) mean over a part, bright pixels counting more: the tint of an eye is that of its white."""
    return fields.mean(detail, mask * fields.exp(fields.luminance(detail).clamp(max=1)))


def _with_shine(detail: Tensor, donor: Lit, target: Lit) -> Tensor:
    """``detail`` with what is brighter on the photo's skin within its light: light that smooth leaves a face mat. Shade
    as fine as that would be the shape of the person's features."""

    def shine() -> Tensor:
        fine, wide = (fields.luminance(target.light(sigma)) for sigma in (P.SHINE_SIGMA, P.LIGHT_SIGMA))
        return log_ratio(fine, wide).clamp(min=0)

    return detail + donor.soft_clear() * target.once("shine", shine)


def _cap_highlights(detail: Tensor, donor: Lit) -> Tensor:
    """Skin is hardly ever much brighter than the smooth light on it; eyes and teeth may be."""
    shiny = torch.maximum(donor.part(outlines.eye_openings), donor.part(outlines.inner_mouth))
    shiny = fields.gaussian(shiny, P.PART_FEATHER)
    half = (P.SKIN_HIGHLIGHT + (P.SHINY_HIGHLIGHT - P.SKIN_HIGHLIGHT) * shiny) / 2
    return fields.bent(detail, half, half).clamp(min=P.DETAIL_FLOOR)


def _roll_off(colour: Tensor) -> Tensor:
    """Bend values above the knee so that they reach white only asymptotically."""
    knee = P.HIGHLIGHT_KNEE
    over = (colour - knee).clamp(min=0)
    return colour.clamp(max=knee) + (1 - knee) * (1 - fields.exp(-over / (1 - knee)))
