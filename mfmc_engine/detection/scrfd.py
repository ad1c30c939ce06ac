"""SCRFD (Guo et al. 2021) as insightface ships it: one graph, boxes and five points at several strides.

Anchors, decoding and suppression are those of the ``insightface`` package. What is added here: pixel coordinates with
centres at .5, looks at the picture in the other quarter turns, a second look at large photos in finer tiles, and points
for faces whose box the caller knows.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mfmc_engine.detection import Detection
from mfmc_engine.detection.candidates import suppress
from mfmc_engine.detection.tiles import tiles
from mfmc_engine.errors import WeightsMissingError
from mfmc_engine.geometry import apply, invert, overlap, turning
from mfmc_engine.landmarks import FIVE_POINTS
from mfmc_engine.onnx_sessions import wrapped
from mfmc_engine.parameters import (
    APART_OVERLAP,
    DUPLICATE_OVERLAP,
    SCRFD_INPUT,
    SCRFD_LARGE_INPUT,
    SCRFD_SCORE,
)
from mfmc_engine.resampling import Picture, on_host
from mfmc_engine.types import FloatArray, Image

LOCATE_MARGIN = 0.5  # of a known box, on each side: what the network sees of a face it did not find itself


class SCRFD:
    """Finds faces with an insightface detection graph."""

    def __init__(self, weights: Path, device: str = "cpu", threads: int = 2) -> None:
        from insightface.model_zoo import scrfd

        self.network = wrapped(scrfd.SCRFD, weights, device, threads)
        if not self.network.use_kps:
            raise WeightsMissingError(f"{weights.name} finds faces without their five points")
        self.fixed = self.network.static_input_size  # (width, height) px, None if the graph takes any size

    def detect(self, image: Picture) -> list[Detection]:
        """The faces of a picture in the four quarter turns. A photo larger than the network's input is also seen in
        tiles, turned as most faces of the whole one stand. The surest of that turn come first."""
        image = on_host(image)
        seen = {quarters: self._turned(image, quarters, self._run) for quarters in range(4)}
        ways = sorted(seen, key=lambda quarters: -sum(found.score for found in seen[quarters]))
        if max(image.shape[:2]) > SCRFD_INPUT[0]:
            for quarters in ways[:1] if any(seen.values()) else ways:
                seen[quarters] += self._turned(image, quarters, self._tiled)
        faces: list[Detection] = []
        for quarters in ways:  # what is new in a turn, not what another misreads
            faces += _apart(seen[quarters], faces)
        return faces

    def _turned(
        self, image: Image, quarters: int, look: Callable[[Image], list[Detection]]
    ) -> list[Detection]:
        """What a look at the picture turned by so many quarters shows, in px of the picture as it is."""
        if not quarters:
            return look(image)
        transform = invert(turning(image.shape[1], image.shape[0], 90 * quarters)[0])
        found = look(np.ascontiguousarray(np.rot90(image, quarters)))
        corners = [np.sort(apply(transform, d.box.reshape(2, 2)), 0).reshape(4) for d in found]
        return [
            Detection(box, d.score, apply(transform, d.points)) for box, d in zip(corners, found, strict=True)
        ]

    def _tiled(self, image: Image) -> list[Detection]:
        height, width = image.shape[:2]
        large = self.fixed or SCRFD_LARGE_INPUT
        return [
            _moved(found, x0, y0)
            for x0, y0, x1, y1 in tiles(width, height, max(large) // 4, large)
            for found in self._run(np.ascontiguousarray(image[y0:y1, x0:x1]), large)
        ]

    def locate(self, image: Picture, boxes: FloatArray) -> list[Detection]:
        """The five points of faces known to be in (N, 4) boxes; where nothing is found there, an upright face's."""
        image = on_host(image)
        return [self._locate(image, box) for box in np.asarray(boxes, np.float32)]

    def _locate(self, image: Image, box: FloatArray) -> Detection:
        margin = (box[2:] - box[:2]) * LOCATE_MARGIN
        height, width = image.shape[:2]
        x0, y0 = np.floor(np.maximum(box[:2] - margin, 0)).astype(int)
        x1, y1 = np.ceil(np.minimum(box[2:] + margin, [width, height])).astype(int)
        around = self._run(np.ascontiguousarray(image[y0:y1, x0:x1]))
        moved = [_moved(d, int(x0), int(y0)) for d in around]
        if moved:
            shares = overlap(np.stack([d.box for d in moved]), box[None])[:, 0]
            if shares.max() > DUPLICATE_OVERLAP:
                return Detection(box, 1.0, moved[int(shares.argmax())].points)
        return Detection(box, 1.0, (box[:2] + FIVE_POINTS * (box[2:] - box[:2])).astype(np.float32))

    def _run(self, image: Image, size: tuple[int, int] = SCRFD_INPUT) -> list[Detection]:
        height, width = image.shape[:2]
        side = max(self.fixed or size)
        if side * min(height, width) < max(
            height, width
        ):  # fitted in, nothing would be left of a narrow picture
            return []
        # as a list: a bare pair would also be read as one size, but a graph of fixed size needs no other
        bgr = np.ascontiguousarray(image[:, :, ::-1])
        boxes, points = self.network.detect(bgr, input_size=[self.fixed or size], det_thresh=SCRFD_SCORE)
        return [
            Detection(
                np.clip(row[:4], 0, [width, height, width, height]).astype(np.float32),
                float(np.clip(row[4], 0, 1)),
                five.astype(np.float32),
            )
            for row, five in zip(boxes, points, strict=True)
        ]


def _moved(detection: Detection, x: int, y: int) -> Detection:
    shift = np.array([x, y], np.float32)
    return Detection(detection.box + np.tile(shift, 2), detection.score, detection.points + shift)


def _apart(found: list[Detection], others: list[Detection]) -> list[Detection]:
    """The best of those that are one face, without those near one of the others, best first."""
    if not found:
        return []
    boxes, scores = np.stack([d.box for d in found]), np.array([d.score for d in found], np.float32)
    known = np.array([d.box for d in others], np.float32).reshape(-1, 4)
    new = overlap(boxes, known, smaller=True).max(1, initial=0) <= APART_OVERLAP
    return [found[i] for i in suppress(boxes, scores, DUPLICATE_OVERLAP) if new[i]]
