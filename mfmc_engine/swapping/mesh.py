"""The mesh half of a swap: the canonical frame of a face, its triangulation, and the piecewise-affine warp.

All faces of a photo live in one batch of canonical crops: ``CROP_SIZE`` px square, upright, eyes level,
``INTEROCULAR`` px between the eye centres of an average frontal face (the frame of the donor bank).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.spatial import Delaunay
from torch import Tensor

from mfmc_engine import parameters as P
from mfmc_engine.geometry import apply, invert, similarity
from mfmc_engine.swapping import fields, gaze, outlines
from mfmc_engine.types import FloatArray, Image


@dataclass(frozen=True, slots=True)
class Frame:
    """A similarity between a photo and a canonical crop."""

    to_crop: FloatArray  # (2, 3), photo px -> crop px
    to_photo: FloatArray  # (2, 3), crop px -> photo px
    scale: float  # crop px per photo px
    size: tuple[int, int] = (P.CROP_SIZE, P.CROP_SIZE)  # rows and columns of the crop

    @classmethod
    def of(cls, landmarks: FloatArray) -> Frame:
        """Least-squares similarity of the inner landmarks (68, 2) onto the mean face (Umeyama 1991).

        Raises ValueError if the landmarks do not span an area.
        """
        to_crop = similarity(landmarks[17:], mean_face()[17:])
        scale = float(np.hypot(*to_crop[0, :2]))
        if not np.isfinite(to_crop).all() or not P.FRAME_SCALES[0] < scale < P.FRAME_SCALES[1]:
            raise ValueError("the landmarks of a face must be finite and span an area")
        return cls(to_crop, invert(to_crop), scale)

    def window(self, points: FloatArray) -> Frame:
        """The part of the crop that holds ``points`` (N, 2) of the photo and WINDOW_ROOM around them.

        Its sides are whole numbers of WINDOW_STEP px, so that fields can be worked on at a fraction of the resolution.
        """
        inside = apply(self.to_crop, points)
        step, (height, width) = P.WINDOW_STEP, self.size
        low = np.floor((inside.min(0) - P.WINDOW_ROOM) / step).clip(
            0, [width // step - 1, height // step - 1]
        )
        high = np.ceil((inside.max(0) + P.WINDOW_ROOM) / step).clip(low + 1, [width // step, height // step])
        x0, y0, x1, y1 = (int(v) * step for v in (*low, *high))
        to_crop = self.to_crop.copy()
        to_crop[:, 2] -= [x0, y0]
        return Frame(to_crop, invert(to_crop), self.scale, (y1 - y0, x1 - x0))

    def bounds(
        self, part: tuple[int, int, int, int] | None, shape: tuple[int, int]
    ) -> tuple[int, int, int, int] | None:
        """x0, y0, x1, y1 px of a photo of ``shape`` that hold that part (the same, px of the crop); None if none do."""
        if part is None:
            return None
        left, top, right, bottom = part
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
        moved = apply(self.to_photo, corners)
        x0, y0 = np.maximum(np.floor(moved.min(0)).astype(int) - 1, 0)
        x1, y1 = np.minimum(np.ceil(moved.max(0)).astype(int) + 1, [shape[1], shape[0]])
        return (int(x0), int(y0), int(x1), int(y1)) if x1 > x0 and y1 > y0 else None


@cache
def mean_face() -> FloatArray:
    """(68, 2) mean landmarks of the canonical frame, px."""
    return np.array(P.MEAN_FACE, np.float32).reshape(68, 2)


def outer_points(landmarks: FloatArray) -> FloatArray:
    """(N, 2) mesh points beside the 68: forehead arch, a ring round the head, far corners, and the brows' lower edges.

    dlib has no forehead points; they continue the brows upward along the face's own axis by a share of the
    brow-to-nose length, so donor and target get them by the same rule and they correspond.
    """
    brows, nose_base = landmarks[17:27], landmarks[33]
    up = brows.mean(0) - nose_base
    forehead = np.concatenate([brows + up * share for share in P.MESH_FOREHEAD_SHARES])
    centre = landmarks[27:36].mean(0)
    ring = centre + (
        np.concatenate([landmarks[0:17], brows[[8, 5, 4, 1]] + up * P.MESH_FOREHEAD_SHARES[-1]]) - centre
    ) * (P.MESH_RING_SCALE)
    half = P.MESH_FAR_CORNER * float(np.linalg.norm(up))
    corners = centre + half * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)
    return np.concatenate([forehead, ring, corners, _below_brows(landmarks)]).astype(np.float32)


def _below_brows(landmarks: FloatArray) -> FloatArray:
    """(10, 2) the lower edges of the brows, where the skin between them and the lids begins.

    Without them a brow is drawn out with that skin: over lowered lids it would be twice as heavy as the donor's, a
    frown. Where the eyes lie close below, brow and skin share what room there is.
    """
    rise = outlines.up(landmarks)
    eyes = np.repeat([eye.mean(0) for eye in outlines.eye_openings(landmarks)], 5, 0)
    room = ((landmarks[17:27] - eyes) @ rise).clip(0)
    return landmarks[17:27] - np.minimum(P.MESH_BROW, P.MESH_BROW_SHARE * room)[:, None] * rise


@cache
def triangles() -> NDArray[np.int32]:
    """(T, 3) vertex numbers: the Delaunay triangulation of the mean face, the same for every face.

    A fixed topology keeps upper and lower lip apart when a mouth is shut: its triangles then have no area.
    """
    face = mean_face()
    return Delaunay(np.concatenate([face, outer_points(face)])).simplices.astype(np.int32)


def warp_grid(
    target: FloatArray, source: FloatArray, size: tuple[int, int] = (P.CROP_SIZE, P.CROP_SIZE)
) -> FloatArray:
    """Where each pixel of a crop of ``size`` rows and columns comes from: (*size, 2) source px for pixel centres.

    ``target`` and ``source`` are (68, 2) landmarks; triangles that fold over on the target are drawn first, so
    that they lose against the ones facing the viewer.
    """
    to, origin = (np.concatenate([points, outer_points(points)]) for points in (target, source))
    corners, sources = to[triangles()], origin[triangles()]
    edges = corners[:, 1:] - corners[:, :1]
    areas = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]
    reference = _reference_orientation()
    visible = areas * reference
    inside = (corners.max(1) > -1).all(1) & (corners.min(1) < np.array(size[::-1]) + 1).all(1)
    drawable = np.flatnonzero(inside & (np.abs(areas) > P.MESH_SMALLEST_AREA))
    homogeneous = np.concatenate([corners[drawable], np.ones((len(drawable), 3, 1), np.float32)], 2).astype(
        np.float64
    )
    affine = np.linalg.solve(homogeneous, sources[drawable].astype(np.float64))  # (T, 3, 2)
    numbers = np.zeros(size, np.uint8)  # there are 220 triangles
    fixed_point = np.round((corners - 0.5) * 16).astype(np.int32)
    for number in drawable[np.argsort(visible[drawable], kind="stable")].tolist():
        cv2.fillConvexPoly(numbers, fixed_point[number], number, shift=4)
    # A pixel's source is a dot product: (x, y, 1) times the affine map of its triangle. Coordinate by coordinate and
    # number by number, which is four times faster than rows of six numbers.
    tables = np.zeros((3, 2, 256), np.float32)
    tables[..., drawable] = affine.transpose(1, 2, 0)
    by_x, by_y, shift = tables
    xs = np.arange(size[1], dtype=np.float32) + 0.5
    ys = np.arange(size[0], dtype=np.float32)[:, None] + 0.5
    grid = np.empty((2, *size), np.float32)
    for i, plane in enumerate(grid):
        np.multiply(cv2.LUT(numbers, by_x[i]), xs, out=plane)
        plane += cv2.LUT(numbers, by_y[i]) * ys
        plane += cv2.LUT(numbers, shift[i])
        # A light blur of the map rounds the kinks that straight lines get at triangle edges.
        cv2.GaussianBlur(plane, (0, 0), P.MESH_MAP_BLUR, dst=plane)
    return np.moveaxis(grid, 0, -1)


@cache
def _reference_orientation() -> FloatArray:
    face = mean_face()
    corners = np.concatenate([face, outer_points(face)])[triangles()]
    edges = corners[:, 1:] - corners[:, :1]
    return np.sign(edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]).astype(np.float32)


def sample(images: Tensor, grids: Sequence[FloatArray]) -> Tensor:
    """Bicubic samples of ``images`` (B, C, H, W) at ``grids``, B of (h, w, 2) px, reflected at the border."""
    height, width = images.shape[-2:]
    if fields.on_cpu(images):
        out = np.empty((*images.shape[:2], *grids[0].shape[:2]), np.float32)
        # all channels of a pixel at once: the weights of the four rows and columns around it are the same
        pictures = images.permute(0, 2, 3, 1).contiguous().numpy()
        for picture, grid, sampled in zip(pictures, grids, out, strict=True):
            xs, ys = (np.ascontiguousarray(grid[..., i] - 0.5) for i in (0, 1))
            there = cv2.remap(picture, xs, ys, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
            cv2.split(there, list(sampled))
        return torch.from_numpy(out)
    lying = np.stack(grids) * (2 / np.array([width, height], np.float32)) - 1
    normal = torch.from_numpy(lying.astype(np.float32)).to(images.device)
    return F.grid_sample(images, normal, mode="bicubic", padding_mode="reflection", align_corners=False)


# The parts whose place and size a donor partly keeps: brows, nose and eyes. Where the landmarks of each begin, how many
# they are, and which part each landmark from the first one on belongs to.
_STARTS: Final = np.array([17, 22, 27, 36, 42])
_MIXED: Final = slice(17, 48)
_COUNTS: Final = np.diff(_STARTS, append=_MIXED.stop)
_BROWS, _EYES = slice(0, 2), slice(3, 5)
_PART: Final = np.repeat(np.arange(len(_STARTS)), _COUNTS)


def mixed_landmarks(target: FloatArray, donor: FloatArray, share: float) -> FloatArray:
    """(68, 2) landmarks of the decoy: the target's, with each part moved and resized a little toward the donor's.

    The spacing of eyes, brows and nose tells people apart; how far an eye is open is expression, and so is most of how
    high brows are above the eyes. So only a part's centre and size change, by ``share`` of the difference (brows by
    less) and never by more than a few px; a share above 1 goes past the donor, away from the target.
    ``donor`` is first laid onto the target by a similarity; jaw and mouth stay the person's own.
    """
    mixed = target.copy()
    # A difference in pose is no difference in shape: the less the heads point the same way, the less is mixed in.
    share *= float(np.exp(-(((_turn(target) - _turn(donor)) / P.SHAPE_TURN) ** 2)))
    aligned = apply(similarity(donor, target), donor)
    (own, own_widths), (other, widths) = _centres_and_widths(target), _centres_and_widths(aligned)
    shares = np.full(len(_STARTS), share, np.float32)
    shares[_BROWS] *= P.SHAPE_BROWS_SHARE
    shift = (other - own) * shares[:, None]
    lengths = np.linalg.norm(shift, axis=1, keepdims=True)
    shift *= np.minimum(1, P.SHAPE_LARGEST_SHIFT / np.maximum(lengths, 1e-6))
    rise = outlines.up(target)
    lifted = (shift[_BROWS] - shift[_EYES]) @ rise
    shift[_BROWS] += (lifted.clip(*P.SHAPE_BROWS) - lifted)[:, None] * rise
    ratios = widths / np.maximum(own_widths, 1)
    larger = np.clip(1 + (ratios - 1) * shares, *P.SHAPE_SCALES)[:, None]
    mixed[_MIXED] = (target[_MIXED] - own[_PART]) * larger[_PART] + (own + shift)[_PART]
    return mixed


def _centres_and_widths(landmarks: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(P, 2) centres and (P,) widths of the parts of (68, 2) landmarks."""
    within, firsts = landmarks[_MIXED], _STARTS - _MIXED.start
    xs = within[:, 0]
    widths = np.maximum.reduceat(xs, firsts) - np.minimum.reduceat(xs, firsts)
    return np.asarray(np.add.reduceat(within, firsts) / _COUNTS[:, None], np.float32), widths


def _turn(landmarks: FloatArray) -> float:
    """How far the nose tip stands from the middle of the eyes along their line, in inter-ocular distances."""
    left, right = (eye.mean(0) for eye in outlines.eye_openings(landmarks))
    axis = right - left
    return float((landmarks[30] - (left + right) / 2) @ axis / max(float(axis @ axis), 1e-6))


def warp_donors(
    donors: Tensor,
    donor_landmarks: Sequence[FloatArray],
    target_landmarks: Sequence[FloatArray],
    size: tuple[int, int] = (P.CROP_SIZE, P.CROP_SIZE),
    turns: Sequence[tuple[float, float] | None] | None = None,
) -> Tensor:
    """Fields of donors (B, C, S, S) in the poses of the targets (landmarks in crop px): (B, C, *size) in [0, 1].

    ``turns`` are those of their eyes, see ``gaze.wanted_turns``.
    """
    pairs = zip(target_landmarks, donor_landmarks, strict=True)
    grids = [warp_grid(target, donor, size) for target, donor in pairs]
    for i, chosen in enumerate(turns or ()):
        grids[i] = gaze.behind_lids(grids[i], target_landmarks[i], donor_landmarks[i], chosen)
    return sample(donors, grids).clamp(0, 1)


def crop(image: Image, frame: Frame) -> Image:
    """(*frame.size, 3) canonical crop; a face larger than the crop is reduced by area averaging first."""
    x0, y0, x1, y1, reduced = crop_region(image.shape, frame)
    region = image[y0:y1, x0:x1]
    if reduced is not None:
        region = np.asarray(cv2.resize(region, reduced, interpolation=cv2.INTER_AREA), np.uint8)
    sampled = cv2.warpAffine(
        region,
        crop_transform(region.shape, (x0, y0, x1, y1), frame),
        frame.size[::-1],
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return np.asarray(sampled, np.uint8)


def crop_region(shape: Sequence[int], frame: Frame) -> tuple[int, int, int, int, tuple[int, int] | None]:
    """x0, y0, x1, y1 px of a photo of ``shape`` that a crop reads, and the width and height they are reduced to."""
    rows, columns = frame.size
    corners = apply(frame.to_photo, np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32))
    height, width = shape[:2]
    low = np.clip(np.floor(corners.min(0)).astype(int) - 2, 0, [width - 1, height - 1])
    high = np.clip(np.ceil(corners.max(0)).astype(int) + 2, low + 1, [width, height])
    reduction = max(1.0, 1 / frame.scale)
    wide, tall = (max(1, round(side / reduction)) for side in (high - low).tolist())
    reduced = (wide, tall) if reduction > P.CROP_AREA_REDUCTION else None
    return int(low[0]), int(low[1]), int(high[0]), int(high[1]), reduced


def crop_transform(
    shape: Sequence[int], region: tuple[int, int, int, int], frame: Frame
) -> NDArray[np.float64]:
    """(2, 3) from pixel indices of the crop to those of the ``region`` (x0, y0, x1, y1) reduced to ``shape``."""
    x0, y0, x1, y1 = region
    stretch = np.array([shape[1] / (x1 - x0), shape[0] / (y1 - y0)])
    # indices count from pixel centres: shift by half a pixel on both sides.
    inverse = frame.to_photo.astype(np.float64)
    linear = stretch[:, None] * inverse[:, :2]
    offset = stretch * (inverse @ [0.5, 0.5, 1] - [x0, y0]) - 0.5
    return np.column_stack([linear, offset])
