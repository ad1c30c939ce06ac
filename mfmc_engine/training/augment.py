"""Studio portraits made into photos as they come. Batched, on any device, all chance from one generator.

Geometry first (mirrored, turned, scaled, shifted; other poses and expressions by a spline through moved landmarks),
then light, then what a camera does. Light belongs to the picture a swap should match; blur, grain and compression only
to what the network sees. Things in front of a face stay there: they are laid over both, and the mask leaves them out.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional as F

from mfmc_engine import parameters as P
from mfmc_engine.swapping.fields import gaussian
from mfmc_engine.training import warp
from mfmc_engine.training.settings import CROP, SIZE, WINDOW

# standard deviations or ranges, by eye on sheets of 64 (``train sheet``)
TURN = 0.12  # rad
SCALE = 0.08  # log
WIDE = 0.75  # how small a face of a wide crop can be, of its size
SHIFT = 5.0  # px
PARTS = {"brows": range(17, 27), "eyes": range(36, 48), "mouth": range(48, 68), "jaw": range(4, 13)}
PART_SHIFT = 3.0  # px
MOUTH_OPENING = 6.0  # px
YAW = 0.14  # of the distance from the face's middle, as if the head turned
EXTREME = 2.2  # times all of these, for some
LIGHT = 0.35  # log, across the face
COLOUR = 0.08  # log, per channel
SHADOW = (0.35, 0.8)  # what is left of the light inside one
CHANCES = {
    "expression": 0.6,
    "extreme": 0.15,
    "wide": 0.1,
    "light": 0.7,
    "shadow": 0.25,
    "grey": 0.06,
    "blur": 0.4,
    "small": 0.4,
    "front": 0.3,
}


@dataclass(frozen=True)
class Views:
    """One batch, windows of SIZE px."""

    seen: Tensor  # (B, 3, S, S) what the network gets, in [0, 1]
    clean: Tensor  # (B, 3, S, S) the same without what the camera did
    front: Tensor  # (B, 1, S, S) 1 where something is in front of the face
    landmarks: Tensor  # (B, 68, 2) px of the window

    def to(self, device: torch.device) -> Views:
        """The same on another device."""
        return Views(*(getattr(self, f.name).to(device) for f in fields(self)))

    def reduced(self, size: int) -> Views:
        """The same with windows of ``size`` px."""
        if size == SIZE:
            return self
        seen, clean, front = (reduced(x, size) for x in (self.seen, self.clean, self.front))
        return Views(seen, clean, (front > 0.5).float(), self.landmarks * (size / SIZE))


def reduced(pictures: Tensor, size: int) -> Tensor:
    """(B, C, S, S) to (B, C, size, size), by area."""
    return pictures if pictures.shape[-1] == size else F.interpolate(pictures, size=(size, size), mode="area")


def rand(generator: torch.Generator, *shape: int) -> Tensor:
    """Uniform numbers in [0, 1)."""
    return torch.rand(*shape, generator=generator, device=generator.device)


def randn(generator: torch.Generator, *shape: int) -> Tensor:
    """Normal numbers."""
    return torch.randn(*shape, generator=generator, device=generator.device)


def window(pictures: Tensor) -> Tensor:
    """(B, C, CROP, CROP) to what the network sees of them."""
    x, y = WINDOW
    return pictures[..., y : y + SIZE, x : x + SIZE]


def views(pictures: Tensor, landmarks: Tensor, generator: torch.Generator) -> Views:
    """Augmented views of canonical crops (B, 3, CROP, CROP) in [0, 1] with (B, 68, 2) landmarks in px."""
    pictures, landmarks = geometry(pictures, landmarks, generator)
    pictures = light(pictures, generator)
    clean = window(pictures)
    things, front = in_front(len(clean), generator)
    clean = torch.where(front > 0.5, things, clean)
    landmarks = landmarks - _corner(landmarks)
    clean = within_reach(clean, landmarks)
    return Views(within_reach(camera(clean, generator), landmarks), clean, front, landmarks)


def plain(pictures: Tensor, landmarks: Tensor) -> Views:
    """The crops as they are: nothing is moved, lit or spoilt."""
    landmarks = landmarks - _corner(landmarks)
    seen = within_reach(window(pictures), landmarks)
    return Views(seen, seen, torch.zeros_like(seen[:, :1]), landmarks)


def _corner(landmarks: Tensor) -> Tensor:
    return torch.tensor(WINDOW, dtype=landmarks.dtype, device=landmarks.device)


def within_reach(pictures: Tensor, landmarks: Tensor) -> Tensor:
    """Windows as the engine cuts them: what lies too far from a face repeats the last pixel that does not.

    The engine works in a box round all that it may replace (``mesh.Frame.window``) and has no pixels outside.
    """
    rise = landmarks[:, 17:27].mean(1) - landmarks[:, 33]
    rise = rise / rise.norm(dim=1, keepdim=True).clamp(min=1e-3) * P.REGION_FOREHEAD
    outline = torch.cat([landmarks[:, :17], landmarks[:, 17:27] + rise[:, None]], 1)
    step = P.WINDOW_STEP
    low = ((outline.amin(1) - P.WINDOW_ROOM) / step).floor() * step  # (B, 2)
    high = ((outline.amax(1) + P.WINDOW_ROOM) / step).ceil() * step - 1
    places = torch.arange(pictures.shape[-1], device=pictures.device)
    inside = places[None, :, None].clamp(low[:, None], high[:, None]).clamp(0, len(places) - 1).long()
    rows, columns = inside[..., 1], inside[..., 0]  # (B, S)
    batch = torch.arange(len(pictures), device=pictures.device)
    channels = torch.arange(pictures.shape[1], device=pictures.device)
    return pictures[
        batch[:, None, None, None],
        channels[None, :, None, None],
        rows[:, None, :, None],
        columns[:, None, None],
    ]


def geometry(pictures: Tensor, landmarks: Tensor, g: torch.Generator) -> tuple[Tensor, Tensor]:
    """Mirrored, with another expression and pose, turned, scaled and shifted."""
    batch, device = len(pictures), pictures.device
    pictures, landmarks = warp.mirror(pictures, landmarks, rand(g, batch) < 0.5)
    moved = _expression(landmarks, g)
    angle, scale = randn(g, batch) * TURN, (randn(g, batch) * SCALE).exp()
    wide = (rand(g, batch) < CHANCES["wide"]).float()
    scale = scale * (1 - wide * rand(g, batch) * (1 - WIDE))
    linear = torch.stack(
        [torch.stack([angle.cos(), -angle.sin()], -1), torch.stack([angle.sin(), angle.cos()], -1)], 1
    ) * scale.view(-1, 1, 1)
    middle = torch.tensor([CROP / 2, CROP / 2], device=device)
    shift = randn(g, batch, 1, 2) * SHIFT
    wanted = (moved - middle) @ linear.transpose(1, 2) + middle + shift
    fixed = warp.anchors(device).expand(batch, -1, -1)
    to = (fixed - middle) @ linear.transpose(1, 2) + middle + shift
    grid = warp.spline_grid(torch.cat([wanted, to], 1), torch.cat([landmarks, fixed], 1), CROP)
    return warp.sample(pictures, grid), wanted


def _expression(landmarks: Tensor, g: torch.Generator) -> Tensor:
    batch = len(landmarks)
    chosen = (rand(g, batch, 1, 1) < CHANCES["expression"]).float()
    chosen = chosen * (1 + (EXTREME - 1) * (rand(g, batch, 1, 1) < CHANCES["extreme"]).float())
    moved = landmarks.clone()
    for numbers in PARTS.values():
        part = list(numbers)
        moved[:, part] += (
            randn(g, batch, 1, 2) * PART_SHIFT * chosen * torch.tensor([0.5, 1.0], device=landmarks.device)
        )
    opening = (rand(g, batch, 1) * 2 - 0.7).clamp(min=0) * MOUTH_OPENING * chosen[..., 0]
    lower = [*range(55, 60), 65, 66, 67]
    moved[:, lower, 1] += opening
    moved[:, 6:11, 1] += 0.7 * opening
    # a head that turns: what is near the middle moves along, the far side is drawn together
    yaw = randn(g, batch, 1) * YAW * chosen[..., 0]
    x = (landmarks[..., 0] - CROP / 2) / (CROP / 4)
    moved[..., 0] += yaw * (1 - x.square()).clamp(min=-0.5) * (CROP / 4)
    return moved


def _smooth(batch: int, channels: int, cells: int, size: int, g: torch.Generator) -> Tensor:
    """(B, C, size, size) of normal numbers that vary over ``size / cells`` px."""
    coarse = randn(g, batch, channels, cells, cells)
    return F.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=False)


def light(pictures: Tensor, g: torch.Generator) -> Tensor:
    """Light from a side, coloured, with shadows; sometimes a grey picture."""
    batch, size = len(pictures), pictures.shape[-1]
    device = pictures.device
    ys, xs = torch.meshgrid(*(torch.linspace(-1, 1, size, device=device),) * 2, indexing="ij")
    angle = rand(g, batch, 1, 1) * 2 * torch.pi
    across = (xs * angle.cos() + ys * angle.sin()).unsqueeze(1)
    tint = 1 + randn(g, batch, 3, 1, 1) * 0.25
    strength = randn(g, batch, 1, 1, 1) * LIGHT
    field = strength * across * tint + _smooth(batch, 1, 3, size, g) * LIGHT * 0.4
    field = field + randn(g, batch, 3, 1, 1) * COLOUR + randn(g, batch, 1, 1, 1) * 0.2
    lit = (rand(g, batch, 1, 1, 1) < CHANCES["light"]).float()
    out = pictures * (field * lit).exp()
    edge = torch.sigmoid((_smooth(batch, 1, 4, size, g) - 0.6) * (4 + 20 * rand(g, batch, 1, 1, 1)))
    left = SHADOW[0] + (SHADOW[1] - SHADOW[0]) * rand(g, batch, 1, 1, 1)
    shaded = (rand(g, batch, 1, 1, 1) < CHANCES["shadow"]).float()
    out = out * (1 - shaded * edge * (1 - left))
    grey = (rand(g, batch, 1, 1, 1) < CHANCES["grey"]).float()
    luma = (out * out.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
    return (out * (1 - grey) + luma * grey).clamp(0, 1)


def in_front(batch: int, g: torch.Generator) -> tuple[Tensor, Tensor]:
    """Things (B, 3, S, S) and where they are (B, 1, S, S): blobs and bars in plain or mottled colours."""
    ys, xs = torch.meshgrid(*(torch.linspace(-1, 1, SIZE, device=g.device),) * 2, indexing="ij")
    centre = rand(g, batch, 2, 1, 1) * 2.4 - 1.2
    angle = rand(g, batch, 1, 1) * torch.pi
    x, y = xs - centre[:, 0], ys - centre[:, 1]
    along, across = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()
    long = 0.2 + rand(g, batch, 1, 1) * 1.2
    wide = 0.08 + rand(g, batch, 1, 1) * 0.35
    rough = _smooth(batch, 1, 6, SIZE, g)[:, 0] * 0.25
    inside = (along / long).square() + (across / wide).square() + rough < 1
    chosen = rand(g, batch, 1, 1) < CHANCES["front"]
    front = (inside & chosen).float().unsqueeze(1)
    colour = rand(g, batch, 3, 1, 1)
    mottled = _smooth(batch, 3, 24, SIZE, g) * 0.12 * rand(g, batch, 1, 1, 1)
    return (colour + mottled).clamp(0, 1), front


def camera(pictures: Tensor, g: torch.Generator) -> Tensor:
    """Out of focus, too few pixels, grain, coarse compression (8 x 8 cosine coefficients rounded off)."""
    batch = len(pictures)
    soft = gaussian(pictures, 0.6 + 1.8 * float(rand(g, 1)))
    blurred = (rand(g, batch, 1, 1, 1) < CHANCES["blur"]).float() * rand(g, batch, 1, 1, 1)
    out = pictures * (1 - blurred) + soft * blurred
    small = round(SIZE * (0.25 + 0.6 * float(rand(g, 1))))
    shrunk = F.interpolate(out, size=(small, small), mode="area")
    shrunk = F.interpolate(shrunk, size=(SIZE, SIZE), mode="bicubic", align_corners=False)
    chosen = (rand(g, batch, 1, 1, 1) < CHANCES["small"]).float()
    out = out * (1 - chosen) + shrunk * chosen
    out = out + randn(g, *out.shape) * (rand(g, batch, 1, 1, 1) * 0.03)
    return compressed(out.clamp(0, 1), rand(g, batch, 1, 1, 1) * 0.25).clamp(0, 1)


def compressed(pictures: Tensor, step: Tensor) -> Tensor:
    """Each 8 x 8 block's cosine coefficients rounded to multiples of ``step`` (B, 1, 1, 1) times their frequency."""
    k = torch.arange(8, device=pictures.device, dtype=pictures.dtype)
    basis = torch.cos(torch.pi * (2 * k.view(1, -1) + 1) * k.view(-1, 1) / 16) * 0.5
    basis[0] /= 2**0.5
    batch, channels, height, width = pictures.shape
    blocks = pictures.view(batch, channels, height // 8, 8, width // 8, 8).permute(0, 1, 2, 4, 3, 5)
    coefficients = basis @ blocks @ basis.T
    weight = 0.2 + (k.view(-1, 1) + k.view(1, -1)) / 7
    quantum = (step.view(-1, 1, 1, 1, 1, 1) * weight).clamp(min=1e-4)
    kept = (coefficients / quantum).round() * quantum
    return (basis.T @ kept @ basis).permute(0, 1, 2, 4, 3, 5).reshape(pictures.shape)
