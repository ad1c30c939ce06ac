"""A film for Chromium's fake camera, made of a real face: it looks to one side, then (mirrored) to the other."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from mfmc_engine import imaging

SIZE = (640, 480)  # px
FRAMES = 75  # of each side; Chromium shows 30 a second, over and over


def film(group_photo: Path, to: Path) -> Path:
    """Motion JPEG of the rightmost person of ``t1.jpg``, whose yaw is about -17 degrees."""
    group = imaging.decode(group_photo)
    face = Image.fromarray(np.ascontiguousarray(group[180:500, 1030:1280]))
    frame = Image.new("RGB", SIZE, (150, 140, 130))
    face = face.resize((round(face.width * SIZE[1] / face.height), SIZE[1]), Image.Resampling.BICUBIC)
    frame.paste(face, ((SIZE[0] - face.width) // 2, 0))
    with to.open("wb") as stream:
        for picture in (frame, frame.transpose(Image.Transpose.FLIP_LEFT_RIGHT)):
            data = io.BytesIO()
            picture.save(data, "JPEG", quality=92)
            stream.write(data.getvalue() * FRAMES)
    return to
