"""One picture in one orientation: CenterFace on a few levels of its pyramid, then a second opinion on what it found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from mfmc_engine.batching.cores import shared_out
from mfmc_engine.batching.launching import Rows, launched
from mfmc_engine.batching.lockstep import Shared
from mfmc_engine.detection.candidates import Candidates, suppress
from mfmc_engine.detection.centerface import Bands, CenterFaceOn, as_input, peaks
from mfmc_engine.detection.closer import faces, warmth
from mfmc_engine.detection.looks import Evidence, gather, points_in
from mfmc_engine.detection.networks import load_networks
from mfmc_engine.detection.pieces import Piece, pieces
from mfmc_engine.detection.pyramid import Pyramid
from mfmc_engine.geometry import overlap, sizes
from mfmc_engine.parameters import (
    CLEAR_FACE,
    CLOSER_MOST,
    CLOSER_SMALLEST,
    HEAT_NMS,
    KNOWN_OVERLAP,
    LARGE_FACE,
    LEAST_HEAT,
    LEVEL_FACTOR,
    PIECES_AT_ONCE,
    SEARCH_SCALE,
)
from mfmc_engine.types import FloatArray

NOTHING: Final[FloatArray] = np.empty((0, 4), np.float32)


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to look."""

    scale: float = SEARCH_SCALE  # of the finest level; what is too small there is not found
    large: bool = True  # look for faces that are too large for that level, too
    least_heat: float = LEAST_HEAT  # of candidates that are looked at
    hidden: bool = False  # look for faces behind something, too, which are never sure

    def scales(self, size: FloatArray) -> list[float]:
        """Of the levels that show all faces of a picture of (width, height) px, also those as large as that."""
        scales = [self.scale]
        while self.large and float(size.min()) * scales[-1] > CLEAR_FACE:
            scales.append(scales[-1] * LEVEL_FACTOR)
        return scales


class Search:
    """The networks on one picture in one orientation."""

    def __init__(self, folder: Path, device: str = "cpu", launch: str = "eager") -> None:
        self.device = torch.device(device)
        self.centerface = Shared(CenterFaceOn(self.device, launch))
        rnet, onet = load_networks(folder, self.device)
        self.rnet = Shared(launched(rnet, launch, self.device, Rows()))
        self.onet = Shared(launched(onet, launch, self.device, Rows()))

    def run(self, pyramid: Pyramid, effort: Effort, known: FloatArray = NOTHING) -> Candidates:
        """Faces of one orientation, best score first, but not those in (M, 4) ``known`` boxes."""
        (proposed,) = self.propose([(pyramid, effort)])
        return self.judged(pyramid, proposed, effort, known)

    def judged(
        self, pyramid: Pyramid, proposed: Candidates, effort: Effort, known: FloatArray = NOTHING
    ) -> Candidates:
        """The faces among what was proposed, as ``run`` gives them."""
        evidence = self.evidence(pyramid, proposed, known)
        found = evidence.judged()
        if not effort.hidden:
            return found
        return found.joined(self.hidden(pyramid, evidence, np.concatenate([found.boxes, known])))

    @torch.inference_mode()
    def hidden(self, pyramid: Pyramid, evidence: Evidence, known: FloatArray) -> Candidates:
        """What a closer look shows away from the (M, 4) ``known`` faces."""
        return evidence.hidden(partial(faces, self.centerface, pyramid), known)

    @torch.inference_mode()
    def warmth(self, pyramid: Pyramid, windows: Candidates) -> float:
        """How much of faces a closer look sees in the hottest windows, in all: 0 where it takes none for one."""
        boxes = windows.boxes[sizes(windows.boxes) >= CLOSER_SMALLEST][:CLOSER_MOST]
        return warmth(self.centerface, pyramid, boxes)

    @torch.inference_mode()
    def evidence(
        self,
        pyramid: Pyramid,
        proposed: Candidates,
        known: FloatArray = NOTHING,
        least_heat: float = LEAST_HEAT,
    ) -> Evidence:
        """What speaks for proposed faces, but not for those in (M, 4) ``known`` boxes; see ``gather``."""
        return gather(self.rnet, self.onet, pyramid, without(proposed, known), least_heat)

    def points_in(self, pyramid: Pyramid, boxes: FloatArray) -> FloatArray:
        """(N, 5, 2) points of the faces known to be in (N, 4) boxes."""
        return points_in(self.onet, pyramid, boxes)

    @torch.inference_mode()
    def propose(self, looks: Sequence[tuple[Pyramid, Effort]]) -> list[Candidates]:
        """What CenterFace finds at each look, the hottest first. Cores share out the looks, their levels, and bands."""
        cut = [[(piece, effort) for piece in pieces(pyramid)] for pyramid, effort in looks]
        parts = list(chain(*cut))
        groups = [parts[start : start + PIECES_AT_ONCE] for start in range(0, len(parts), PIECES_AT_ONCE)]
        found = iter([one for group in groups for one in self._proposed(group)])
        proposed = []
        for own in cut:
            every = reduce(Candidates.joined, [piece.in_whole(next(found)) for piece, _ in own])
            proposed.append(every.take(suppress(every.boxes, every.scores, HEAT_NMS)))
        return proposed

    def _proposed(self, parts: Sequence[tuple[Piece, Effort]]) -> list[Candidates]:
        """What CenterFace finds in each piece, in its px."""
        all_levels = [
            [_Level.of(piece.pyramid, scale, self.device) for scale in effort.scales(piece.pyramid.size)]
            for piece, effort in parts
        ]
        bands = [band for levels in all_levels for level in levels for band in level.bands.cut(level.given)]
        maps = iter(shared_out(self.centerface, bands, self.device.type))
        proposed = []
        for levels, (_, effort) in zip(all_levels, parts, strict=True):
            finest, *others = [level.faces(maps, effort.least_heat) for level in levels]
            for level, more in zip(levels[1:], others, strict=True):
                # smaller ones are the finer levels'
                finest = finest.joined(more.take(sizes(more.boxes) * level.scale >= LARGE_FACE))
            proposed.append(finest)
        return proposed


@dataclass(frozen=True, slots=True)
class _Level:
    """A level of a pyramid as CenterFace takes it."""

    scale: float
    given: Tensor
    corner: FloatArray  # px of the input, where the picture's corner lies
    exact: FloatArray  # px of the pyramid per px of the level, x and y
    bands: Bands

    @classmethod
    def of(cls, pyramid: Pyramid, scale: float, device: torch.device) -> _Level:
        level = pyramid.level(scale)
        given, corner = as_input(level, device)
        exact = np.asarray(pyramid.size / np.array(level.shape[1::-1], np.float32), np.float32)
        return cls(scale, given, corner, exact, Bands.of((given.shape[2], given.shape[3])))

    def faces(self, maps: Iterator[Tensor], least_heat: float) -> Candidates:
        """What its bands' maps, the next ones, show, in px of the pyramid."""
        found = peaks(self.bands.joined([next(maps) for _ in self.bands.starts]), least_heat)
        boxes = (found.boxes - np.tile(self.corner, 2)) * np.tile(self.exact, 2)
        return Candidates(boxes, found.scores, (found.points - self.corner) * self.exact)


def without(found: Candidates, known: FloatArray) -> Candidates:
    """The candidates that do not lie on one of the (M, 4) known boxes."""
    return found.take(overlap(found.boxes, known, smaller=True).max(1, initial=0) <= KNOWN_OVERLAP)
