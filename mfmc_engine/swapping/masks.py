"""The soft mask of a swap: skin is replaced, what lies in front of it stays, identity features always go."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mfmc_engine import parameters as P
from mfmc_engine.swapping import eyewear, fields, outlines
from mfmc_engine.swapping.eyewear import Eyewear
from mfmc_engine.swapping.lit import Lit, log_ratio


def swap_mask(target: Lit, donor: Lit, barred: Tensor, worn: bool = True) -> Tensor:
    """(B, 1, H, W) alpha in [0, 1]; 1 means decoy only.

    ``donor`` holds the warped donors, whose landmarks are the decoy's; ``barred`` is 1 on pixels that belong to
    another face in front; ``worn``: whether decoys wear the person's eyewear, if there is any. Brows, eyes, nose and
    mouth come out as 1 whatever the colour model says; a moustache and a beard, which hang before them, as 0.
    """
    region = target.part(outlines.region)
    inner = target.once("inner", lambda: fields.dilate(region, -P.CORE_INSET))
    own_core = target.part(outlines.core)
    core = torch.maximum(own_core, donor.part(outlines.core)) * inner
    edge = target.once("edge", lambda: _edge(region))
    front = target.once(
        "front", lambda: occluders(target.skin, region, own_core * inner, target.part(outlines.glasses))
    )
    if not worn and (lost := eyewear.of(target)):
        front = target.once("front without eyewear", lambda: front * (1 - _soft_around(lost)))
    hair = occluders(donor.skin, region, core)
    alpha = edge * (1 - torch.maximum(front, hair))
    certain = fields.gaussian(core, P.CORE_FEATHER)
    certain = (certain * 2).clamp(0, 1)
    moustache = target.once("moustache", lambda: _moustache(target))
    beard = target.once("beard", lambda: _beard(target))
    alpha = torch.maximum(alpha, certain) * (1 - moustache) * (1 - beard) * (1 - barred)
    return F.threshold(alpha, P.MASK_SMALLEST, 0.0)


def heads_in_front(target: Lit, crowns: Tensor) -> Tensor:
    """(1, 1, H, W) soft mask of the hair of somebody in front: what is no skin within ``crowns`` (1, 1, H, W), where
    such hair may be, a mouth or not; and of their head below it."""
    features = target.part(outlines.core) * (1 - crowns)
    hair = crowns * occluders(target.skin, target.part(outlines.region), features)
    return crowns * hair.cummax(2).values


def is_behind(target: Lit, others: Tensor) -> bool:
    """Whether another face, ``others`` (1, 1, H, W), hides more than a corner of brows, eyes, nose and mouth of a
    target, a batch of one.

    Which of two is nearer is a guess from their sizes. A child before a grown-up would keep what it is known by.
    """
    return _hides(others, target.part(outlines.core))


def are_eyes_behind(target: Lit, heads: Tensor) -> bool:
    """Whether somebody's head, ``heads`` (1, 1, H, W), hides more than a corner of a target's brows and eyes. Somebody
    in the row behind has hair of the row in front before their mouth, never before eyes and not the mouth."""
    return _hides(heads, torch.maximum(target.part(outlines.eye_openings), target.part(outlines.brow_hair)))


def _hides(front: Tensor, features: Tensor) -> bool:
    return float(fields.mean(front, features)) > P.BEHIND_MOST


def _soft_around(lost: Eyewear) -> Tensor:
    """(1, 1, H, W) soft mask of what the person wears before their eyes and a decoy does not: it would keep an arc over
    the brows and stumps beside the eyes."""
    return fields.gaussian(lost.around(), P.PART_FEATHER)


def _moustache(target: Lit) -> Tensor:
    """(1, 1, H, W) soft mask of a moustache, which is worn in front of whatever face is below it; 0 without one."""
    lip = target.part(outlines.moustache)
    hairy = _ramp(-fields.luminance(target.detail(P.MOUSTACHE_LIGHT)), P.MOUSTACHE_DEPTH)
    # The nose's shadow falls on the middle, or under side light to one side.
    less = _less_covered(target, hairy, outlines.moustache_left, outlines.moustache_right)
    return fields.gaussian(hairy * lip, P.MOUSTACHE_FEATHER) * _ramp(less, P.MOUSTACHE_COVERED)


def _beard(target: Lit) -> Tensor:
    """(1, 1, H, W) soft mask of a beard, which is worn in front of whatever face it frames; 0 without one."""
    chin = target.part(outlines.beard) * (1 - target.part(outlines.whole_lips))
    depth = -_beside_upper_face(target)
    less = _less_covered(target, _ramp(depth, P.BEARD_DENSE), outlines.beard_left, outlines.beard_right)
    return fields.gaussian(_ramp(depth, P.BEARD_DEPTH) * chin, P.MOUSTACHE_FEATHER) * _ramp(
        less, P.BEARD_COVERED
    )


def _less_covered(target: Lit, hair: Tensor, *ends: fields.Outline) -> Tensor:
    """(1, 1, 1, 1) share of that of both ends which has less of it: shade falls to one side."""
    return torch.minimum(*(fields.mean(hair, target.part(end)) for end in ends))


def _beside_upper_face(target: Lit) -> Tensor:
    """(1, 1, H, W) log ratio of its brightness to the light on the upper face carried on downward."""
    bare = fields.reduce(target.part(outlines.upper_face) * target.plain_skin(), 2)
    light = fields.enlarge(fields.spread(fields.luminance(target.half()), bare, P.BEARD_LIGHT), target.size)
    return log_ratio(fields.luminance(target.pictures), light)


def _edge(region: Tensor) -> Tensor:
    """The jaw's edge stays the person's own: feather inward only, never past the contour."""
    edge = fields.gaussian(fields.dilate(region, -P.MASK_INSET), P.MASK_FEATHER)
    return _smoothstep((edge - 0.08) / 0.84)


def occluders(skin: Tensor, region: Tensor, core: Tensor, glasses: Tensor | None = None) -> Tensor:
    """Soft mask of what reaches into the face from outside: hair, hats, hands with other colours.

    Morphological reconstruction at a quarter of the resolution: "not skin" grown inward from the border of the
    region. A shadow or a spot in the middle of the face is not connected to the border and is replaced. So is what is
    connected along the band that ``glasses`` (B, 1, H, W) are worn in: where eyes are replaced, frames would be stumps.
    Hair hangs into that band from above.
    """
    bare = ((1 - skin) * (1 - core)).clamp(0, 1)
    bare = fields.gaussian(bare, P.OCCLUDER_SMOOTH)
    blocked = _ramp(bare, (P.OCCLUDER_LOW, P.OCCLUDER_HIGH))
    coarse = F.max_pool2d(blocked, 4)
    rim = 1 - fields.reduce(fields.dilate(region, -P.OCCLUDER_RIM), 4)
    band = None if glasses is None else fields.reduce(glasses, 4)
    grown = coarse * rim if band is None else coarse * rim * (1 - band)
    for _ in range(P.OCCLUDER_STEPS):
        spread = fields.dilate(grown, 1)
        if band is not None:
            spread = torch.where(band > 0, F.max_pool2d(grown, (3, 1), 1, (1, 0)), spread)
        before, grown = grown, torch.minimum(spread, coarse)
        if fields.on_cpu(grown) and torch.equal(before, grown):
            break  # a card would have to be waited for to know
    reach = fields.enlarge(fields.dilate(grown, 1), (skin.shape[-2], skin.shape[-1]))
    return torch.minimum(blocked, reach)


def _ramp(value: Tensor, ends: tuple[float, float]) -> Tensor:
    """0 up to the first end, 1 from the second, straight between."""
    return ((value - ends[0]) / (ends[1] - ends[0])).clamp(0, 1)


def _smoothstep(value: Tensor) -> Tensor:
    value = value.clamp(0, 1)
    return value * value * (3 - 2 * value)
