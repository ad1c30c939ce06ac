"""Apparent gender and age of donors by a second network: the network, its weights' file, and the step of the bank."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mfmc_engine import cli, parameters
from mfmc_engine.donors import bank as donor_bank
from mfmc_engine.donors import second_opinion, selection
from mfmc_engine.donors.publish import seal
from mfmc_engine.errors import WeightsMissingError

CHANNELS = {
    "entry_flow/reduction_block_0": (32, 64),
    "entry_flow/reduction_block_1": (64, 128),
    "exit_flow/reduction_block": (128, 256),
}


def _shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of the network's weights, as its package lists them."""

    def separable(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
        return {
            f"{name}/depthwise_filter": (3, 3, inputs, 1),
            f"{name}/pointwise_filter": (1, 1, inputs, outputs),
            f"{name}/bias": (outputs,),
        }

    shapes: dict[str, tuple[int, ...]] = {
        "entry_flow/conv_in/filters": (3, 3, 3, 32),
        "entry_flow/conv_in/bias": (32,),
    }
    for name, (inputs, outputs) in CHANNELS.items():
        shapes |= separable(f"{name}/separable_conv0", inputs, outputs)
        shapes |= separable(f"{name}/separable_conv1", outputs, outputs)
        shapes[f"{name}/expansion_conv/filters"] = (1, 1, inputs, outputs)
        shapes[f"{name}/expansion_conv/bias"] = (outputs,)
    for block in (0, 1):
        for layer in range(3):
            shapes |= separable(f"middle_flow/main_block_{block}/separable_conv{layer}", 128, 128)
    shapes |= separable("exit_flow/separable_conv", 256, 512)
    return shapes | {
        "fc/age/weights": (512, 1),
        "fc/age/bias": (1,),
        "fc/gender/weights": (512, 2),
        "fc/gender/bias": (2,),
    }


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> tuple[Path, dict[str, np.ndarray]]:
    """A folder with made-up weights in the package's format, and what they are: kernels in bytes, the rest plain."""
    folder, random = tmp_path_factory.mktemp("model"), np.random.default_rng(0)
    entries, content, plain = [], b"", {}
    for name, shape in _shapes().items():
        entry: dict[str, object] = {"name": name, "shape": shape, "dtype": "float32"}
        if len(shape) == 1:
            values = random.normal(0, 0.1, shape).astype(np.float32)
            content += values.tobytes()
        else:
            steps = random.integers(0, 256, shape, np.uint8)
            inputs = 9 if shape[-1] == 1 and len(shape) == 4 else np.prod(shape[:-1])
            scale = 3 / np.sqrt(inputs) / 128
            entry["quantization"] = {"dtype": "uint8", "scale": scale, "min": -128 * scale}
            values = (steps * scale - 128 * scale).astype(np.float32)
            content += steps.tobytes()
        entries.append(entry)
        plain[name] = values
    (folder / second_opinion.MANIFEST).write_text(json.dumps([{"paths": ["a.bin"], "weights": entries}]))
    (folder / "a.bin").write_bytes(content)
    return folder, plain


def _windows(x: np.ndarray, side: int, stride: int, fill: float) -> np.ndarray:
    """(H, W, C, side, side) what a kernel sees where TensorFlow pads "same"."""
    before_after = []
    for length in x.shape[:2]:
        needed = max((-(-length // stride) - 1) * stride + side - length, 0)
        before_after.append((needed // 2, needed - needed // 2))
    padded = np.pad(x, (*before_after, (0, 0)), constant_values=fill)
    return np.lib.stride_tricks.sliding_window_view(padded, (side, side), (0, 1))[::stride, ::stride]


def _by_hand(weights: dict[str, np.ndarray], chip: np.ndarray) -> tuple[float, float]:
    """The network once more in NumPy, written from its package's TypeScript."""

    def conv(x: np.ndarray, name: str, stride: int) -> np.ndarray:
        kernel = weights[f"{name}/filters"]
        seen = _windows(x, kernel.shape[0], stride, 0)
        return np.einsum("hwcij,ijco->hwo", seen, kernel, optimize=True) + weights[f"{name}/bias"]

    def separable(x: np.ndarray, name: str) -> np.ndarray:
        spread = np.einsum(
            "hwcij,ijc->hwc", _windows(x, 3, 1, 0), weights[f"{name}/depthwise_filter"][..., 0]
        )
        return spread @ weights[f"{name}/pointwise_filter"][0, 0] + weights[f"{name}/bias"]

    def relu(x: np.ndarray) -> np.ndarray:
        return np.maximum(x, 0)

    def reduction(x: np.ndarray, active: np.ndarray, name: str) -> np.ndarray:
        inner = separable(relu(separable(active, f"{name}/separable_conv0")), f"{name}/separable_conv1")
        return _windows(inner, 3, 2, -np.inf).max((3, 4)) + conv(x, f"{name}/expansion_conv", 2)

    x = relu(conv((chip - np.array(second_opinion.RGB_MEAN)) / 255, "entry_flow/conv_in", 2))
    x = reduction(x, x, "entry_flow/reduction_block_0")
    x = reduction(x, relu(x), "entry_flow/reduction_block_1")
    for block in ("middle_flow/main_block_0", "middle_flow/main_block_1"):
        inner = x
        for layer in range(3):
            inner = separable(relu(inner), f"{block}/separable_conv{layer}")
        x = x + inner
    x = reduction(x, relu(x), "exit_flow/reduction_block")
    pooled = relu(separable(x, "exit_flow/separable_conv")).mean((0, 1))
    male, female = pooled @ weights["fc/gender/weights"] + weights["fc/gender/bias"]
    return float(male - female), float((pooled @ weights["fc/age/weights"] + weights["fc/age/bias"])[0])


def test_the_network_is_the_one_that_its_package_computes(weights):
    folder, plain = weights
    chips = np.random.default_rng(1).integers(0, 256, (2, 112, 112, 3), np.uint8)
    found = second_opinion.AgeGenderNet(folder)(chips)
    assert found.shape == (2, 2)
    assert np.ptp(found, 0).min() > 1e-3
    np.testing.assert_allclose(found, [_by_hand(plain, chip) for chip in chips], rtol=1e-3, atol=1e-3)


def test_missing_weights_are_named_with_where_they_come_from(tmp_path, capsys):
    with pytest.raises(WeightsMissingError, match=r"npm pack @vladmandic/face-api"):
        second_opinion.AgeGenderNet(tmp_path)
    bank = str(Path(donor_bank.__file__).parent / "faces")
    assert cli.main(["donors", "look", bank, "--weights", str(tmp_path)]) != 0
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0
    assert second_opinion.MANIFEST in said


def test_what_it_sees_is_noted_in_the_bank(weights, tmp_path):
    shipped = donor_bank.load()
    rows = np.concatenate([np.flatnonzero(shipped.gender == gender)[:3] for gender in ("female", "male")])
    source = Path(donor_bank.__file__).parent / "faces"
    with np.load(source / donor_bank.METADATA) as stored:
        arrays = {name: stored[name][rows] for name in stored.files}
    arrays["seen_age"], arrays["seen_male"] = arrays["age"], np.zeros(6, np.float32)
    np.savez_compressed(tmp_path / donor_bank.METADATA, allow_pickle=False, **arrays)
    for id_ in arrays["id"]:
        (tmp_path / f"{id_}.webp").write_bytes((source / f"{id_}.webp").read_bytes())
    (tmp_path / "PROVENANCE.md").write_text("# The donor bank\n")
    seal(tmp_path)

    assert second_opinion.look(tmp_path, weights[0]) == 6

    noted = donor_bank.DonorBank(tmp_path)
    noted.verify()
    assert np.ptp(noted.seen_male) > 0
    for gender in ("female", "male"):
        own = noted.gender == gender
        assert noted.seen_age[own].mean() == pytest.approx(noted.age[own].mean(), abs=1e-3)
        assert noted.seen_age[own].std() == pytest.approx(noted.age[own].std(), rel=1e-3)
    np.testing.assert_array_equal(noted.embeddings, shipped.embeddings[rows])
    assert "second opinion" in (tmp_path / "PROVENANCE.md").read_text()


def test_shipped_readings_are_a_second_opinion_that_mostly_agrees():
    shipped = donor_bank.load()
    alike = (shipped.seen_male > 0) == (shipped.gender == "male")
    assert 0.97 < alike.mean() < 1
    for gender in ("female", "male"):
        own = shipped.gender == gender
        assert 0.8 < np.corrcoef(shipped.seen_age[own], shipped.age[own])[0, 1] < 0.95


def test_donors_that_hardly_look_their_gender_come_late_for_the_sure_and_not_for_the_unsure():
    shipped = donor_bank.load()
    men = shipped.gender == "male"
    hardly = men & (shipped.seen_male < parameters.PLAINLY - parameters.KIN_PLAINLY)
    assert 5 < hardly.sum() < 0.2 * men.sum()

    def wanted(male: float) -> selection.Wanted:
        return selection.Wanted(shipped.embeddings[0], male=male)

    assert not selection.kin(shipped, wanted(1.0))[hardly].any()
    assert selection.kin(shipped, wanted(1.0))[men & ~hardly].all()
    assert selection.kin(shipped, wanted(0.6))[hardly & (shipped.seen_male > 0)].all()
    cost = selection.mismatch(shipped, wanted(1.0))
    assert cost[hardly].min() > cost[men & (shipped.seen_male > parameters.PLAINLY)].max()


def test_the_age_of_a_donor_is_of_two_opinions():
    shipped = donor_bank.load()
    cost = selection.mismatch(shipped, selection.Wanted(shipped.embeddings[0], age=30.0))
    bare = shipped.folds == 0
    best = np.flatnonzero(bare)[cost[bare].argmin()]
    assert (shipped.age[best] + shipped.seen_age[best]) / 2 == pytest.approx(30, abs=0.2)
