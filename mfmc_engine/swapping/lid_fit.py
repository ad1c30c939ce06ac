"""How shut lids are shaded: ``python -m mfmc_engine.swapping.lid_fit --lfw DIR``.

The mean over people of LFW with shut or lowered eyes, chosen by eye, of the log ratio between what their lids look like
and the skin around carried on over them. A mean of many is smooth and flat, so it is sharpened and its contrast raised.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch

from mfmc_engine import parameters as P
from mfmc_engine.donors.embedding import lfw_picture
from mfmc_engine.donors.looks import upright_crop
from mfmc_engine.swapping import blending, eyes, fields, skin, tones
from mfmc_engine.types import FloatArray

SOURCES: Final = (
    "Amanda_Bynes_0003",
    "Barbara_Brezigar_0001",
    "Billy_Crystal_0002",
    "Denise_Johnson_0002",
    "Gary_Winnick_0002",
    "Gunter_Pleuger_0002",
    "Kate_Hudson_0003",
    "Matthew_Broderick_0002",
    "Mikhail_Wehbe_0001",
    "Milo_Djukanovic_0001",
    "Nan_Wang_0003",
    "Raghad_Saddam_Hussein_0002",
    "Venus_Williams_0001",
    "Vince_Gill_0002",
)


def learn(folder: Path) -> FloatArray:
    """(*LID_SAMPLES, 3) log gain, from a folder of LFW crops."""
    usual = np.mean([_of_both_eyes(folder / f"{name}.jpg") for name in SOURCES], axis=(0, 1)) * P.LID_GAIN
    fine = usual - cv2.GaussianBlur(usual, (0, 0), P.LID_FINE)
    return np.asarray(usual + P.LID_SHARPENING * fine, np.float32)


def _of_both_eyes(file: Path) -> FloatArray:
    """(2, *LID_SAMPLES, 3)."""
    picture, points = upright_crop(*lfw_picture(file))
    marks = eyes.close(points.astype(np.float32))
    seen = blending.to_tensor([picture])
    likelihood = skin.likelihood(seen, [points.astype(np.float32)])
    bare, _ = eyes.bare_lids(seen, likelihood, [marks], [eyes.beside_lids(marks, fields.SQUARE)])
    ratio = (tones.log(seen) - tones.log(bare))[0].permute(1, 2, 0).contiguous().numpy()
    rows, columns = P.LID_SAMPLES
    u, v = np.meshgrid(np.linspace(*P.LID_ALONG, columns), np.linspace(*P.LID_ACROSS, rows))
    sampled = []
    for lid in eyes.LIDS:
        places = eyes.Lids.of(marks[lid]).place(u, v) - 0.5
        xs, ys = (places[..., i].astype(np.float32) for i in (0, 1))
        sampled.append(cv2.remap(ratio, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
    return np.stack(sampled)


def main(arguments: Sequence[str] | None = None) -> None:
    """Learn the shading and write it."""
    parser = argparse.ArgumentParser(
        prog="python -m mfmc_engine.swapping.lid_fit", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--lfw", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "lids.npz")
    options = parser.parse_args(arguments)
    with torch.inference_mode():
        log_gain = learn(options.lfw)
    np.savez_compressed(options.out, log_gain=log_gain.astype(np.float16))
    print(f"{options.out}: {len(SOURCES)} people, log gain {log_gain.min():.2f} to {log_gain.max():.2f}")


if __name__ == "__main__":
    main()
