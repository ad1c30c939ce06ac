"""Before/after sheets: rows of one face under every treatment, for the eye."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from mfmc_engine.evaluation.experiment import Experiment
from mfmc_engine.imaging import encode
from mfmc_engine.types import Image

ROWS, TILE, GAP, LABEL = 12, 150, 4, 22  # px but the first


def write(found: Experiment, folder: Path, sheets: int = 3) -> list[str]:
    """JPEG sheets of the first probes, one person after another; returns their file names."""
    arms = [arm for arm in found.settings.arms() if arm.kind != "context"]
    every = found.indices[:: max(1, len(found.indices) // (ROWS * sheets))][: ROWS * sheets]
    names = []
    for number in range(0, len(every), ROWS):
        rows = []
        for index in every[number : number + ROWS]:
            original, _ = found.worker.rendition(index, arms[0])
            rows.append([original, *(found.worker.rendition(index, arm)[1] for arm in arms)])
        name = f"sheet-{1 + number // ROWS}.jpg"
        (folder / name).write_bytes(
            encode(_sheet(rows, ["original", *(arm.name for arm in arms)]), ".jpg", 85)
        )
        names.append(name)
    return names


def _sheet(rows: Sequence[Sequence[Image]], titles: Sequence[str]) -> Image:
    step = TILE + GAP
    sheet = np.full((LABEL + step * len(rows), step * len(titles), 3), 255, np.uint8)
    for column, title in enumerate(titles):
        place = (column * step + 2, LABEL - 7)
        cv2.putText(sheet, title, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (40, 40, 40), 1, cv2.LINE_AA)
    for row, images in enumerate(rows):
        for column, image in enumerate(images):
            scale = TILE / max(image.shape[:2])
            size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
            tile = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            y, x = LABEL + row * step, column * step
            sheet[y : y + tile.shape[0], x : x + tile.shape[1]] = tile
    return sheet
