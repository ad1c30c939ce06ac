"""The network, its losses and the loop: what they promise, on a network small enough to train here."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mfmc_engine import cli
from mfmc_engine.errors import EngineError, WeightsMissingError
from mfmc_engine.packs.builtin import dlib_weights
from mfmc_engine.swapping import neural
from mfmc_engine.training import augment, checkpoint
from mfmc_engine.training.losses import Identity
from mfmc_engine.training.network import Swapper, parameters, swap
from mfmc_engine.training.run import Trainer, train
from mfmc_engine.training.settings import SIZE, WINDOW, Settings

TINY = Settings(batch=2, width=16, blocks=1, warm_up=10, r1_every=4)


@pytest.fixture
def new_trainer(portraits):
    return lambda settings=TINY: Trainer.new(
        settings, portraits, dlib_weights("dlib_face_recognition_resnet_model_v1.dat")
    )


def test_the_shipped_size_fits_the_budget():
    network = Swapper()
    assert parameters(network) <= 8_000_000
    assert parameters(network) * 2 <= 16 * 2**20  # bytes in half precision


def test_an_untrained_network_leaves_nearly_everything_as_it_is():
    crops = torch.rand(2, 3, SIZE, SIZE)
    swapped, mask = swap(Swapper(16, 1), crops, torch.randn(2, 128))
    assert swapped.shape == crops.shape
    assert mask.shape == (2, 1, SIZE, SIZE)
    assert mask.max() < 0.2
    assert (swapped - crops).abs().mean() < 0.1


def test_the_identity_loss_sees_what_the_recogniser_sees(portraits, real_engine):
    pictures, marks, identities = portraits.batch(torch.arange(6))
    judge = Identity(real_engine.pack.recognizer.network)
    shift = torch.tensor(WINDOW, dtype=torch.float32)
    found = judge(augment.window(pictures), marks - shift)
    # through another resampling of a compressed crop: the same person, far from any other
    assert (found - identities).norm(dim=1).max() < 0.3
    window = augment.window(pictures).requires_grad_(True)
    judge(window, marks - shift).square().sum().backward()
    assert window.grad is not None
    assert window.grad.abs().sum() > 0


def test_a_run_goes_on_exactly_where_it_stopped(new_trainer, held_out, tmp_path):
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        whole = new_trainer()
        train(whole, held_out, tmp_path / "whole", seconds=600, steps=4, say=lambda _: None)
        first = new_trainer()
        train(first, held_out, tmp_path / "cut", seconds=600, steps=2, say=lambda _: None)
        second = new_trainer()
        train(second, held_out, tmp_path / "cut", seconds=600, steps=4, say=lambda _: None)
    finally:
        torch.use_deterministic_algorithms(False)
    for one, two in zip(whole.network.parameters(), second.network.parameters(), strict=True):
        assert torch.allclose(one, two, atol=1e-5)
    names = {path.name for path in (tmp_path / "cut").iterdir()}
    assert {"checkpoint.json", "curve.csv", "sheet-0000002.jpg", "sheet-0000004.jpg"} <= names
    assert (tmp_path / "cut" / "curve.csv").read_text().count("\n") == 3


def test_another_setting_is_another_run(new_trainer, held_out, tmp_path):
    train(new_trainer(), held_out, tmp_path, seconds=600, steps=1, say=lambda _: None)
    with pytest.raises(EngineError, match="other settings: batch"):
        train(
            new_trainer(replace(TINY, batch=1)), held_out, tmp_path, seconds=600, steps=2, say=lambda _: None
        )


def test_a_checkpoint_comes_in_pieces_and_a_broken_one_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "PIECE", 1000)
    state = {"weights": torch.arange(1000), "step": 7}
    checkpoint.save(tmp_path, state)
    pieces = sorted(tmp_path.glob("*.part"))
    assert len(pieces) > 4
    assert max(piece.stat().st_size for piece in pieces) <= 1000
    found = checkpoint.load(tmp_path)
    assert found is not None
    assert torch.equal(found["weights"], state["weights"])
    checkpoint.save(tmp_path, {"step": 8})  # old pieces go
    assert len(list(tmp_path.glob("*.part"))) < len(pieces)
    piece = next(tmp_path.glob("*.part"))
    piece.write_bytes(piece.read_bytes()[:-1] + b"x")
    with pytest.raises(EngineError, match="damaged"):
        checkpoint.load(tmp_path)
    piece.unlink()
    with pytest.raises(EngineError, match="missing"):
        checkpoint.load(tmp_path)
    assert checkpoint.load(tmp_path / "nowhere") is None


def test_a_bad_batch_does_not_end_in_nan(new_trainer, monkeypatch):
    trainer = new_trainer()
    trainer.advance()
    monkeypatch.setattr(
        "mfmc_engine.training.run.swapper_losses", lambda *_: {"identity": torch.tensor(float("nan"))}
    )
    trainer.advance()
    assert all(torch.isfinite(p).all() for p in trainer.network.parameters())


def test_it_learns(new_trainer):
    """A few steps on a few faces: nearer to the mesh's answer on the very batch it started with."""
    trainer = new_trainer(replace(TINY, batch=4, rate=2e-3, warm_up=10_000, r1_every=100))
    start = trainer.generator.get_state()

    def on_the_first_batch() -> dict[str, float]:
        trainer.generator.set_state(start)
        return trainer.advance()

    before = on_the_first_batch()
    for _ in range(12):
        trainer.advance()
    after = on_the_first_batch()
    assert after["pair"] + after["reconstruction"] < 0.98 * (before["pair"] + before["reconstruction"])
    assert after["marker"] < 0.5 * before["marker"]


def test_exported_weights_swap_crops_and_leave_the_rim_alone(new_trainer, held_out, tmp_path):
    train(new_trainer(), held_out, tmp_path / "run", seconds=600, steps=1, say=lambda _: None)
    size = neural.export(tmp_path / "run", tmp_path / "neural.npz")
    assert size == (tmp_path / "neural.npz").stat().st_size
    swapper = neural.NeuralSwapper(tmp_path / "neural.npz")
    crops = torch.rand(3, 3, 256, 256)
    out, mask = swapper.swap(crops, np.random.default_rng(0).normal(size=(3, 128)).astype(np.float32))
    assert out.shape == crops.shape
    assert torch.equal(out[..., :30, :], crops[..., :30, :])
    assert mask[..., :30, :].max() == 0
    assert swapper.about["step"] == 1
    with pytest.raises(WeightsMissingError, match="train run FACES OUT"):
        neural.NeuralSwapper(tmp_path / "none.npz")
    with pytest.raises(WeightsMissingError, match="no checkpoint"):
        neural.export(tmp_path, tmp_path / "x.npz")


def test_the_command_packs_trains_and_exports(portrait_folder, tmp_path, capsys):
    faces, out = tmp_path / "faces.npz", tmp_path / "out"
    assert cli.main(["train", "pack", str(portrait_folder), str(faces), "--limit", "24"]) == 0
    options = ["--batch", "2", "--width", "16", "--threads", "1"]
    assert cli.main(["train", "run", str(faces), str(out), "--steps", "1", *options]) == 0
    assert cli.main(["train", "export", str(out), str(tmp_path / "w.npz")]) == 0
    assert cli.main(["train", "profile", str(faces), str(out), "--minutes", "0.01", *options]) == 0
    assert "images_per_s" in capsys.readouterr().out
    assert cli.main(["train", "run", str(tmp_path / "no.npz"), str(out)]) == 2
    assert "no packed portraits" in capsys.readouterr().err
