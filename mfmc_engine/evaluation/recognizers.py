"""The recognisers that judge decoys, behind one protocol. None of them is asked while a decoy is made, except dlib's.

``resolve`` turns names into recognisers and says why one is left out; nothing is ever downloaded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from mfmc_engine import parameters as P
from mfmc_engine.errors import EngineError
from mfmc_engine.evaluation.cache import digest, file_version, perception_version
from mfmc_engine.geometry import index_space, similarity
from mfmc_engine.landmarks import five_of
from mfmc_engine.onnx_sessions import session
from mfmc_engine.packs import store
from mfmc_engine.packs.catalogue import SOURCES
from mfmc_engine.types import FloatArray, Image

Metric = Literal["cosine", "euclidean", "euclidean_l2"]
Features = NDArray[Any]
ALIGNED = 112  # px, side of ArcFace's input (Deng et al. 2019)


class FaceRecognizer(Protocol):
    """Turns a face into features; features of one person lie near each other by ``metric``."""

    name: str
    metric: Metric  # the one its authors use
    version: str  # changes whenever its answers may

    def features(self, image: Image, landmarks: FloatArray) -> Features:
        """(D,) of the face with (68, 2) landmarks in px of ``image`` (H, W, 3)."""
        ...

    def fit(self, gallery: Features) -> Callable[[Features], FloatArray]:
        """What turns features (N, D) into vectors to compare, learned from the gallery's (M, D)."""
        ...


class _Plain:
    """A recogniser whose features are the vectors."""

    def fit(self, gallery: Features) -> Callable[[Features], FloatArray]:
        return lambda features: np.asarray(features, np.float32)


class Dlib(_Plain):
    """dlib's ResNet as the engine runs it."""

    name = "dlib"
    metric: Metric = "euclidean"

    def __init__(self, device: str = "cpu") -> None:
        from mfmc_engine.packs import load_pack

        self.pack = load_pack("builtin", device, 1)
        self.version = digest("dlib", perception_version())

    def features(self, image: Image, landmarks: FloatArray) -> Features:
        return self.pack.recognizer.embed(image, landmarks[None])[0]


class Onnx(_Plain):
    """An ArcFace-style network: five points aligned to 112 x 112 px, one vector out, length 1."""

    metric: Metric = "euclidean_l2"
    NORMALISATIONS = {
        "imagenet": (P.IMAGENET_MEAN, P.IMAGENET_DEVIATION),
        "arcface": ((127.5 / 255,) * 3, (127.5 / 255,) * 3),  # insightface's models
    }

    def __init__(self, name: str, path: Path, normalisation: str, device: str = "cpu") -> None:
        self.session = session(path, device, threads=1)
        self.input = self.session.get_inputs()[0].name
        self.mean, self.deviation = (np.array(v, np.float32) for v in self.NORMALISATIONS[normalisation])
        self.name = name
        self.version = digest("onnx", file_version(path, Path(f"{path}.data")), normalisation, _code())

    def features(self, image: Image, landmarks: FloatArray) -> Features:
        crop = aligned(image, landmarks).astype(np.float32) / 255
        batch = ((crop - self.mean) / self.deviation).transpose(2, 0, 1)[None]
        vector = np.asarray(self.session.run(None, {self.input: batch})[0][0], np.float32)
        return vector / max(float(np.linalg.norm(vector)), 1e-12)


class Lbph(_Plain):
    """Local binary pattern histograms (Ahonen, Hadid and Pietikäinen 2004), cells of uniform patterns.

    Square roots of the histograms are kept: their Euclidean distance is Hellinger's, which stands to the chi-square
    distance of the paper as a first-order approximation and makes plain vectors of them.
    """

    name = "lbph"
    metric: Metric = "euclidean"

    def __init__(self) -> None:
        self.version = digest("lbph", version("scikit-image"), _code())

    def features(self, image: Image, landmarks: FloatArray) -> Features:
        from skimage.feature import local_binary_pattern

        grey = grey_crop(image, landmarks)
        codes = local_binary_pattern(grey, P.LBPH_POINTS, 1, "nri_uniform").astype(np.int64)
        bins = P.LBPH_POINTS * (P.LBPH_POINTS - 1) + 3
        step = P.CLASSIC_CROP // P.LBPH_GRID
        cells = codes.reshape(P.LBPH_GRID, step, P.LBPH_GRID, step).transpose(0, 2, 1, 3).reshape(-1, step**2)
        counts = np.stack([np.bincount(cell, minlength=bins) for cell in cells])
        return np.sqrt(counts / step**2).astype(np.float16).ravel()


class Eigenfaces:
    """Principal components of aligned, equalised grey faces (Turk and Pentland 1991), learned on the gallery."""

    name = "eigenfaces"
    metric: Metric = "euclidean"

    def __init__(self) -> None:
        self.version = digest("eigenfaces", _code())

    def features(self, image: Image, landmarks: FloatArray) -> Features:
        grey = cv2.equalizeHist(grey_crop(image, landmarks))
        return cv2.resize(grey, (P.EIGEN_SIDE, P.EIGEN_SIDE), interpolation=cv2.INTER_AREA).ravel()

    def fit(self, gallery: Features) -> Callable[[Features], FloatArray]:
        rows = gallery.astype(np.float64)
        mean = rows.mean(0)
        centred = rows - mean
        width = centred.shape[1]
        first = max(0, width - min(P.EIGEN_COMPONENTS, len(rows) - 1))
        _, basis = eigh(centred.T @ centred, subset_by_index=(first, width - 1))
        return lambda features: np.asarray((features.astype(np.float64) - mean) @ basis, np.float32)


def aligned(image: Image, landmarks: FloatArray) -> Image:
    """(112, 112, 3) crop with the five points where ArcFace wants them."""
    target = np.array(P.MOBILEFACENET_POINTS, np.float32)
    transform = index_space(similarity(five_of(landmarks), target))
    return np.asarray(cv2.warpAffine(image, transform, (ALIGNED, ALIGNED)), np.uint8)


def grey_crop(image: Image, landmarks: FloatArray) -> NDArray[np.uint8]:
    """The aligned crop in grey levels, as the classical recognisers see it."""
    grey = cv2.cvtColor(aligned(image, landmarks), cv2.COLOR_RGB2GRAY)
    size = (P.CLASSIC_CROP, P.CLASSIC_CROP)
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)


def distances(a: FloatArray, b: FloatArray, metric: Metric) -> FloatArray:
    """(N, D) and (M, D) vectors to (N, M) distances: 1 - cosine, Euclidean, or Euclidean of unit vectors."""
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if metric != "euclidean":
        x, y = (v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12) for v in (x, y))
    if metric == "cosine":
        return np.asarray(1 - x @ y.T, np.float32)
    squared = (x**2).sum(1)[:, None] + (y**2).sum(1)[None] - 2 * x @ y.T
    return np.asarray(np.sqrt(np.maximum(squared, 0)), np.float32)


def _code() -> str:
    return file_version(Path(__file__))


def resolve(names: Sequence[str], data: Path, device: str) -> tuple[list[FaceRecognizer], dict[str, str]]:
    """The recognisers of these names, and of those left out why.

    A name is ``dlib``, ``lbph``, ``eigenfaces``, ``mobilefacenet``, ``buffalo_l``, ``deepface`` (all its models),
    ``deepface:MODEL``, or ``PATH.onnx`` with an optional ``@imagenet`` or ``@arcface`` for how pixels are normalised.
    """
    from mfmc_engine.evaluation import deepface_models

    found: list[FaceRecognizer] = []
    skipped: dict[str, str] = {}
    for name in deepface_models.expanded(names):
        try:
            found.append(_make(name, data, device))
        except (ImportError, OSError, EngineError) as error:
            skipped[name] = " ".join(str(error).split())
    return found, skipped


def _make(name: str, data: Path, device: str) -> FaceRecognizer:
    from mfmc_engine.evaluation import deepface_models

    if name == "dlib":
        return Dlib(device)
    if name == "lbph":
        return Lbph()
    if name == "eigenfaces":
        return Eigenfaces()
    if name.startswith("deepface:"):
        return deepface_models.DeepFaceModel(name.removeprefix("deepface:"))
    path, _, normalisation = name.partition("@")
    if name == "mobilefacenet":
        path = str(data.resolve().parent / "recognizers" / "MobileFaceNet.onnx")
    elif name == "buffalo_l":
        path = str(store.find(SOURCES["buffalo_l"], SOURCES["buffalo_l"].of("recognizer")))
    elif not path.endswith(".onnx"):
        raise FileNotFoundError(f"no recogniser of the name {name}")
    if not Path(path).is_file():
        raise FileNotFoundError(f"weights missing: {path}")
    short = name if name in ("mobilefacenet", "buffalo_l") else Path(path).stem.lower()
    default = "imagenet" if "mobilefacenet" in short else "arcface"
    if (normalisation or default) not in Onnx.NORMALISATIONS:
        raise FileNotFoundError(f"unknown normalisation {normalisation}: use imagenet or arcface")
    return Onnx(short, Path(path), normalisation or default, device)
