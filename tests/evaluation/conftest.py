"""A face set of six people cut from the bundled photo, and a recogniser made of nothing but ONNX operators."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from mfmc_engine import imaging


@pytest.fixture(scope="session")
def people(tmp_path_factory, six_people) -> Path:
    """A folder per person with two crops each; the second is lighter and a little smaller."""
    photo = imaging.decode(six_people)
    root = tmp_path_factory.mktemp("people")
    from mfmc_engine.engine import Engine

    faces = Engine(threads=1).analyze(photo).faces
    assert len(faces) == 6
    for number, face in enumerate(faces):
        x0, y0, x1, y1 = face.box
        side, centre = 1.9 * max(x1 - x0, y1 - y0), np.array([x0 + x1, y0 + y1]) / 2
        low = np.clip(centre - side / 2, 0, None).astype(int)
        high = (centre + side / 2).astype(int)
        crop = photo[low[1] : high[1], low[0] : high[0]]
        other = cv2.resize(cv2.convertScaleAbs(crop, alpha=1.05, beta=8), None, fx=0.9, fy=0.9)
        folder = root / f"person-{number}"
        folder.mkdir()
        for name, image in (("a", crop), ("b", other)):
            (folder / f"{name}.png").write_bytes(imaging.encode(np.asarray(image, np.uint8), ".png"))
    return root


@pytest.fixture(scope="session")
def tiny_onnx(tmp_path_factory) -> Path:
    """An ArcFace-shaped network: 112 px average-pooled to 8 x 8, so that a vector is a thumbnail."""
    pool = helper.make_node("AveragePool", ["input"], ["pooled"], kernel_shape=[14, 14], strides=[14, 14])
    flat = helper.make_node("Flatten", ["pooled"], ["vector"])
    graph = helper.make_graph(
        [pool, flat],
        "thumbnail",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 112, 112])],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, 192])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path = tmp_path_factory.mktemp("onnx") / "thumbnail.onnx"
    onnx.save(model, path)
    return path
