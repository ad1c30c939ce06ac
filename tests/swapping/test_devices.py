"""What OpenCV does on a CPU is what torch does on any other device."""

import numpy as np
import pytest
import torch

from mfmc_engine import imaging
from mfmc_engine.donors import bank
from mfmc_engine.draws import swap
from mfmc_engine.swapping import blending, fields

RANDOM = torch.rand(2, 3, 64, 48, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def portable(monkeypatch):
    """Call it, and tensors in main memory are treated as if they lay on a GPU."""
    return lambda: monkeypatch.setattr(fields, "on_cpu", lambda field: False)


@pytest.mark.parametrize(
    "job",
    [
        lambda f: fields.gaussian(f, 0.8),
        lambda f: fields.gaussian(f, 2.5),
        lambda f: fields.gaussian(f, 11.0),
        lambda f: fields.reduce(f, 4),
        lambda f: fields.reduce(f[..., :63, :45], 2),
        lambda f: fields.enlarge(f, (128, 96)),
        lambda f: fields.dilate(f, 5),
        lambda f: fields.dilate(f[:, 1:2], -3),
        lambda f: fields.exp(f[..., ::2] - 2),
        lambda f: fields.log(f + 0.05),
    ],
)
def test_fields_agree_to_rounding(job, portable):
    ours = job(RANDOM)
    portable()
    assert torch.allclose(ours, job(RANDOM), atol=1e-5)


def test_a_whole_swap_agrees_within_two_grey_levels(six_people, six_found, real_engine, portable):
    photo, faces = imaging.decode(six_people), six_found.faces[:2]
    donors = list(bank.load().values())[10:13]

    def swaps():
        with torch.inference_mode():
            targets = blending.prepare(photo, [face.landmarks for face in faces])
            return [
                patch
                for target in targets
                for patch in swap(real_engine.pack, photo, target, donors, 0.8, np.random.default_rng(1))[0]
            ]

    ours = swaps()
    portable()
    for one, other in zip(ours, swaps(), strict=True):
        assert one.origin == other.origin
        shown = one.alpha > 0
        assert np.abs(one.alpha.astype(int) - other.alpha).mean() < 1
        assert np.abs(one.pixels.astype(int) - other.pixels)[shown].mean() < 2
