"""Portraits as one file: canonical crops, landmarks, labels, identities and who is held out.

The crops are stored as WebP, so that the file travels; ``Portraits`` decodes them once into main memory or onto the
card.
"""

from __future__ import annotations

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage
from torch import Tensor
from tqdm import tqdm

from mfmc_engine.errors import EngineError
from mfmc_engine.geometry import apply
from mfmc_engine.recognition import Recognizer
from mfmc_engine.swapping.mesh import Frame, crop
from mfmc_engine.training.settings import CROP, HELD_OUT, WEBP_QUALITY
from mfmc_engine.types import FloatArray


def pack(folder: Path, recognizer: Recognizer, out: Path, limit: int | None = None) -> int:
    """Write the portraits of ``folder`` (NNNN.webp and meta.npz) to ``out``; returns how many.

    Raises EngineError if the folder is not one of labelled portraits.
    """
    try:
        with np.load(folder / "meta.npz", allow_pickle=False) as meta:
            labels = {key: meta[key][:limit] for key in ("name", "gender", "group", "age", "landmarks")}
    except (OSError, KeyError, ValueError) as error:
        raise EngineError(f"{folder}: no folder of labelled portraits ({error})") from None
    blobs, marks, identities = [], [], []
    for name, points in tqdm(
        list(zip(labels["name"], labels["landmarks"].astype(np.float32), strict=True)), disable=None
    ):
        with PillowImage.open(folder / str(name)) as file:
            image = np.asarray(file.convert("RGB"))
        frame = Frame.of(points)
        buffer = io.BytesIO()
        PillowImage.fromarray(crop(image, frame)).save(buffer, "WEBP", quality=WEBP_QUALITY, method=4)
        blobs.append(buffer.getvalue())
        marks.append(apply(frame.to_crop, points))
        identities.append(recognizer.embed(image, points[None])[0])
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_suffix(".part")
    with partial.open("wb") as file:
        np.savez(
            file,
            pictures=np.frombuffer(b"".join(blobs), np.uint8),
            ends=np.cumsum([len(blob) for blob in blobs]),
            landmarks=np.array(marks, np.float32),
            identities=np.array(identities, np.float32),
            name=labels["name"],
            gender=labels["gender"],
            group=labels["group"],
            age=labels["age"].astype(np.float32),
            held_out=np.array([held_out(str(name)) for name in labels["name"]]),
        )
    partial.replace(out)
    return len(blobs)


def held_out(name: str) -> bool:
    """Whether a portrait is kept for validation: by its name, so that the choice survives repacking."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) / 2**32 < HELD_OUT


@dataclass(frozen=True)
class Portraits:
    """Decoded portraits on one device."""

    pictures: Tensor  # (N, 3, CROP, CROP) uint8
    landmarks: Tensor  # (N, 68, 2) px of the crop
    identities: Tensor  # (N, 128) dlib's embedding
    gender: NDArray[np.str_]
    group: NDArray[np.str_]
    age: FloatArray

    def __len__(self) -> int:
        return len(self.pictures)

    @classmethod
    def load(
        cls, path: Path, device: str | torch.device, validation: bool = False, limit: int | None = None
    ) -> Portraits:
        """The training portraits of a packed file, or the held-out ones. Raises EngineError if it is none."""
        try:
            with np.load(path, allow_pickle=False) as file:
                data = {key: file[key] for key in file.files}
            chosen = np.flatnonzero(data["held_out"] == validation)[:limit]
            ends = np.concatenate([[0], data["ends"]])
        except (OSError, KeyError, ValueError) as error:
            raise EngineError(f"{path}: no packed portraits ({error})") from None
        raw = data["pictures"].tobytes()

        def decode(row: int) -> NDArray[np.uint8]:
            with PillowImage.open(io.BytesIO(raw[ends[row] : ends[row + 1]])) as picture:
                return np.asarray(picture.convert("RGB")).transpose(2, 0, 1)

        pictures = np.empty((len(chosen), 3, CROP, CROP), np.uint8)
        with ThreadPoolExecutor() as pool:  # Pillow lets go of the interpreter while it decodes
            for place, picture in enumerate(pool.map(decode, chosen)):
                pictures[place] = picture
        return cls(
            torch.from_numpy(pictures).to(device),
            torch.from_numpy(data["landmarks"][chosen]).to(device),
            torch.from_numpy(data["identities"][chosen]).to(device),
            data["gender"][chosen],
            data["group"][chosen],
            data["age"][chosen],
        )

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, 3, CROP, CROP) in [0, 1], (B, 68, 2) landmarks and (B, 128) identities of those rows."""
        return self.pictures[rows].float() / 255, self.landmarks[rows], self.identities[rows]
