"""The donor bank: synthetic faces to draw decoys from, shipped with the package.

A bank is a folder: ``bank.npz`` (all that is known of the donors), one WebP picture per donor, ``SHA256SUMS`` over
them in the format of sha256sum, and PROVENANCE.md. ``python -m mfmc_engine donors build`` makes one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from mfmc_engine import parameters
from mfmc_engine.errors import DonorBankError
from mfmc_engine.types import FloatArray, Image

METADATA, CHECKSUMS = "bank.npz", "SHA256SUMS"


@dataclass(frozen=True, eq=False)
class Donor:
    """One synthetic face. Yaw and pitch in degrees (positive: to the image's right, up), as in donors/traits.py."""

    id: str
    gender: str  # female or male
    group: str  # asian, black, latino or white
    age: float  # years, estimated
    yaw: float
    pitch: float
    mouth: float  # gap between the inner lips, share of the inter-ocular distance
    smile: float  # see traits.smile
    eyes: float  # eye aspect ratio
    skin: FloatArray  # (3,) CIE L*, a*, b* of the cheeks
    beard: float  # see looks.beard
    folds: float  # strength of the folds drawn on it (folds.py), 0 for none
    seen_male: float  # log-odds of "male" that a second network sees (second_opinion.py)
    seen_age: float  # years that it sees, on the scale of ``age``
    landmarks: FloatArray  # (68, 2) px
    embedding: FloatArray  # (128,) in the builtin pack's space
    file: Traversable
    sha256: str

    @property
    def image(self) -> Image:
        """(256, 256, 3), read-only; read and checked on use. Raises DonorBankError if the file was changed."""
        return _picture(self)


def _checked(file: Traversable, expected: str | None) -> bytes:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise DonorBankError(f"the donor bank lacks {file.name}") from error
    if hashlib.sha256(content).hexdigest() != expected:
        raise DonorBankError(f"the donor bank's {file.name} is not the one its {CHECKSUMS} lists")
    return content


@lru_cache(parameters.DONOR_PICTURES_KEPT)
def _picture(donor: Donor) -> Image:
    with PillowImage.open(BytesIO(_checked(donor.file, donor.sha256))) as file:
        pixels = np.asarray(file.convert("RGB"))
    pixels.setflags(write=False)
    return pixels


class DonorBank(Mapping[str, Donor]):
    """Donors by id, with their traits also as arrays, row ``i`` of each belonging to ``ids[i]``."""

    def __init__(self, folder: Traversable) -> None:
        """Read the metadata of ``folder``; pictures load when first used. Raises DonorBankError if damaged."""
        checksums = _read_checksums(folder)
        with np.load(
            BytesIO(_checked(folder / METADATA, checksums.get(METADATA))), allow_pickle=False
        ) as data:
            arrays = {name: data[name] for name in data.files}
        for array in arrays.values():
            array.setflags(write=False)
        self.ids: NDArray[np.str_] = arrays["id"]
        self.gender: NDArray[np.str_] = arrays["gender"]
        self.group: NDArray[np.str_] = arrays["group"]
        self.age: FloatArray = arrays["age"]
        self.yaw: FloatArray = arrays["yaw"]
        self.pitch: FloatArray = arrays["pitch"]
        self.mouth: FloatArray = arrays["mouth"]
        self.smile: FloatArray = arrays["smile"]
        self.eyes: FloatArray = arrays["eyes"]
        self.skin: FloatArray = arrays["skin"]  # (N, 3)
        self.beard: FloatArray = arrays["beard"]
        self.folds: FloatArray = arrays["folds"]
        self.seen_male: FloatArray = arrays["seen_male"]
        self.seen_age: FloatArray = arrays["seen_age"]
        self.landmarks: FloatArray = arrays["landmarks"]  # (N, 68, 2)
        self.embeddings: FloatArray = arrays["embedding"]  # (N, 128)
        self.sources: NDArray[np.str_] = arrays[
            "sources"
        ]  # (N, S) file names of the portraits mixed, "" = none
        self._donors = {str(id_): self._donor(row, folder, checksums) for row, id_ in enumerate(self.ids)}

    def _donor(self, row: int, folder: Traversable, checksums: Mapping[str, str]) -> Donor:
        name = f"{self.ids[row]}.webp"
        if name not in checksums:
            raise DonorBankError(f"the donor bank's {CHECKSUMS} does not list {name}")
        return Donor(
            id=str(self.ids[row]),
            gender=str(self.gender[row]),
            group=str(self.group[row]),
            age=float(self.age[row]),
            yaw=float(self.yaw[row]),
            pitch=float(self.pitch[row]),
            mouth=float(self.mouth[row]),
            smile=float(self.smile[row]),
            eyes=float(self.eyes[row]),
            skin=self.skin[row],
            beard=float(self.beard[row]),
            folds=float(self.folds[row]),
            seen_male=float(self.seen_male[row]),
            seen_age=float(self.seen_age[row]),
            landmarks=self.landmarks[row],
            embedding=self.embeddings[row],
            file=folder / name,
            sha256=checksums[name],
        )

    def __getitem__(self, id_: str) -> Donor:
        return self._donors[id_]

    def __iter__(self) -> Iterator[str]:
        return iter(self._donors)

    def __len__(self) -> int:
        return len(self._donors)

    def verify(self) -> None:
        """Read and check every picture. Raises DonorBankError at the first that is missing or changed."""
        for donor in self.values():
            _checked(donor.file, donor.sha256)


def _read_checksums(folder: Traversable) -> dict[str, str]:
    try:
        lines = (folder / CHECKSUMS).read_text("ascii").splitlines()
    except OSError as error:
        raise DonorBankError(f"no donor bank at {folder}: {CHECKSUMS} is missing") from error
    pairs = (line.split("  ", 1) for line in lines)
    return {name: digest for digest, name in pairs}


@cache
def load() -> DonorBank:
    """The bank shipped with the package, read once per process."""
    return DonorBank(files("mfmc_engine.donors") / "faces")
