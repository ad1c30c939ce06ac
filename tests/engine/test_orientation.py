"""Which way up a face is read: the points of a misread face are all wrong, and so is everything made from them."""

import numpy as np
import pytest


@pytest.mark.parametrize("margin", [40, 60, 75])
def test_upright_people_are_never_read_upside_down(photo, analysis, real_engine, margin) -> None:
    boxes = [face.box.astype(int) for face in analysis.faces]
    assert len(boxes) == 6
    for x0, y0, x1, y1 in boxes:
        left, top = max(0, x0 - margin), max(0, y0 - margin)
        alone = np.ascontiguousarray(photo[top : y1 + margin, left : x1 + margin])
        face = max(real_engine.analyze(alone).faces, key=lambda face: face.quality.size)
        assert face.landmarks[36:48, 1].mean() < face.landmarks[48:68, 1].mean(), (
            "the eyes are above the mouth"
        )
