"""A handful of portraits of nobody: the shipped donors, laid out as a folder of labelled portraits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from mfmc_engine.donors import bank
from mfmc_engine.training import curve, dataset
from mfmc_engine.training.dataset import Portraits


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def portrait_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("portraits")
    donors = list(bank.load().values())[::13][:24]
    for i, donor in enumerate(donors):
        Image.fromarray(donor.image).save(folder / f"{i:04d}.webp", quality=95)
    np.savez(
        folder / "meta.npz",
        name=np.array([f"{i:04d}.webp" for i in range(len(donors))]),
        gender=np.array([d.gender for d in donors]),
        group=np.array([d.group for d in donors]),
        age=np.array([d.age for d in donors], np.float32),
        landmarks=np.array([d.landmarks for d in donors], np.float16),
    )
    return folder


@pytest.fixture(scope="session")
def faces(portrait_folder, tmp_path_factory, real_engine):
    out = tmp_path_factory.mktemp("packed") / "faces.npz"
    assert dataset.pack(portrait_folder, real_engine.pack.recognizer, out) == 24
    return out


@pytest.fixture(scope="session")
def portraits(faces):
    return Portraits.load(faces, "cpu")


@pytest.fixture(scope="session")
def held_out(faces):
    """The same few faces for validation: of two dozen, the rule may hold out none."""
    return Portraits.load(faces, "cpu", limit=4)


@pytest.fixture
def _undrawn(monkeypatch):
    """The curve is written and not drawn: a drawing takes longer than the steps between two of them."""
    monkeypatch.setattr(curve, "draw", lambda out: False)
