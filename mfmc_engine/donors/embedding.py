"""Embeddings for building: dlib's ResNet run by dlib-bin, with a cache on disk.

Used where the bank and the attribute estimators are made; the running engine has its own, faster port.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import dlib
import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image as PillowImage
from tqdm import tqdm

from mfmc_engine.packs.builtin import dlib_weights
from mfmc_engine.types import FloatArray, Image


@cache
def _network() -> Any:
    return dlib.face_recognition_model_v1(str(dlib_weights("dlib_face_recognition_resnet_model_v1.dat")))


@cache
def _predictor() -> Any:
    return dlib.shape_predictor(str(dlib_weights("shape_predictor_68_face_landmarks.dat")))


def embed(image: Image, landmarks: ArrayLike) -> FloatArray:
    """The 128-d embedding of the face at ``landmarks`` (68, 2) px in ``image`` (H, W, 3); about 80 ms."""
    points = np.rint(np.asarray(landmarks, np.float64) - 0.5).astype(
        int
    )  # dlib counts from the pixel's centre
    box = dlib.rectangle(*(int(v) for v in (*points.min(0), *points.max(0))))
    shape = dlib.full_object_detection(box, dlib.points([dlib.point(int(x), int(y)) for x, y in points]))
    return np.array(_network().compute_face_descriptor(np.ascontiguousarray(image), shape), np.float32)


def predict_landmarks(image: Image, box: tuple[float, float, float, float]) -> FloatArray:
    """68 landmarks (68, 2) px of the face in ``box`` (x0, y0, x1, y1) px of ``image`` (H, W, 3); about 2 ms."""
    rectangle = dlib.rectangle(*(round(v) for v in box))
    shape = _predictor()(np.ascontiguousarray(image), rectangle)
    return np.array([(point.x + 0.5, point.y + 0.5) for point in shape.parts()], np.float32)


def _cached(path: Path, make: Callable[[], FloatArray]) -> FloatArray:
    if path.is_file():
        return np.load(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    embeddings = make()
    np.save(path, embeddings)
    return embeddings


def portrait_embeddings(folder: Path, cache_folder: Path) -> FloatArray:
    """(N, 128) of a portrait folder, in the order of its meta.npz."""

    def make() -> FloatArray:
        with np.load(folder / "meta.npz") as meta:
            names, landmarks = meta["name"], meta["landmarks"]
        rows = []
        for name, points in tqdm(list(zip(names, landmarks, strict=True)), desc="portraits", disable=None):
            with PillowImage.open(folder / str(name)) as file:
                rows.append(embed(np.asarray(file.convert("RGB")), points))
        return np.array(rows)

    return _cached(cache_folder / "synthetic_embeddings.npy", make)


# LFW crops are too tight for dlib's alignment: doubled, padded, and the face's box given (see the set's README).
_LFW_SIDE, _LFW_PAD, _LFW_BOX = 180, 60, (75, 85, 225, 235)


def lfw_picture(path: Path) -> tuple[Image, FloatArray]:
    """One prepared LFW crop (300, 300, 3) and its 68 landmarks (68, 2) px."""
    with PillowImage.open(path) as file:
        crop = file.convert("RGB").resize((_LFW_SIDE, _LFW_SIDE), PillowImage.Resampling.BICUBIC)
    image = np.pad(np.asarray(crop), ((_LFW_PAD, _LFW_PAD), (_LFW_PAD, _LFW_PAD), (0, 0)), mode="edge")
    return image, predict_landmarks(image, _LFW_BOX)


def lfw_embeddings(folder: Path, cache_folder: Path) -> tuple[NDArray[np.str_], FloatArray]:
    """File names (N,) and embeddings (N, 128) of a folder of LFW crops."""
    paths = sorted(folder.glob("*.jpg"))

    def make() -> FloatArray:
        return np.array([embed(*lfw_picture(path)) for path in tqdm(paths, desc="LFW", disable=None)])

    return np.array([path.name for path in paths]), _cached(cache_folder / "lfw_embeddings.npy", make)
