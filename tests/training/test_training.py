"""The network, its losses and the loop: what they promise, on a network small enough to train here."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from mfmc_engine import cli
from mfmc_engine.errors import EngineError, WeightsMissingError
from mfmc_engine.packs.builtin import dlib_weights
from mfmc_engine.swapping import neural
from mfmc_engine.swapping.fields import gaussian
from mfmc_engine.training import augment, checkpoint, curve, profile, rehearsal
from mfmc_engine.training.critic import Critic, critic_loss, r1_penalty
from mfmc_engine.training.dataset import Portraits
from mfmc_engine.training.export import export
from mfmc_engine.training.losses import Identity, bilinear, gathered
from mfmc_engine.training.network import Swapper, parameters, swap
from mfmc_engine.training.run import Trainer, train
from mfmc_engine.training.settings import SIZE, WINDOW, Settings

TINY = Settings(batch=2, size=96, width=16, blocks=1, warm_up=10, r1_every=4, every=2)
RESNET = "dlib_face_recognition_resnet_model_v1.dat"


@pytest.fixture
def new_trainer(portraits):
    return lambda settings=TINY: Trainer.new(settings, portraits, dlib_weights(RESNET))


def test_the_shipped_size_fits_the_budget():
    network = Swapper()
    assert parameters(network) <= 8_000_000
    assert parameters(network) * 2 <= 16 * 2**20  # bytes in half precision


def test_the_result_is_the_crop_where_the_mask_is_none():
    crops = torch.rand(2, 3, SIZE, SIZE)
    network = Swapper(16, 1)
    swapped, mask = swap(network, crops, torch.randn(2, 128))
    assert swapped.shape == crops.shape
    assert mask.shape == (2, 1, SIZE, SIZE)
    assert torch.allclose(mask, torch.full_like(mask, 0.5))  # half of both to begin with: both learn
    with torch.no_grad():
        network.head.bias[3] = -30
    assert torch.allclose(swap(network, crops, torch.randn(2, 128))[0], crops, atol=1e-6)


def test_who_is_wanted_changes_the_picture():
    torch.manual_seed(0)
    network, crops = Swapper(16, 2), torch.rand(1, 3, SIZE, SIZE)
    one, other = (network(crops, torch.randn(1, 128))[0] for _ in range(2))
    assert (one - other).abs().mean() > 1e-5


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


def same_weights(one: Trainer, other: Trainer) -> bool:
    networks = zip(
        (one.network, one.ema, one.judges.critic, one.judges.marker),
        (other.network, other.ema, other.judges.critic, other.judges.marker),
        strict=True,
    )
    return all(
        torch.equal(a, b)
        for first, second in networks
        for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


@pytest.mark.usefixtures("_undrawn")
def test_a_run_goes_on_exactly_where_it_stopped(new_trainer, held_out, tmp_path):
    """Interrupted between two scores, killed after a row of the curve: to the bit what it would have been."""
    whole = new_trainer()
    train(whole, held_out, tmp_path / "whole", seconds=600, steps=5, say=lambda _: None)
    first = new_trainer()
    train(first, held_out, tmp_path / "cut", seconds=600, steps=3, say=lambda _: None)
    curve.add(tmp_path / "cut", {**curve.read(tmp_path / "cut")[-1], "step": 4.0})  # what nobody saved
    second = new_trainer()
    train(second, held_out, tmp_path / "cut", seconds=600, steps=5, say=lambda _: None)
    assert same_weights(whole, second)
    assert whole.best == second.best
    assert all(torch.equal(whole.best_weights[n], second.best_weights[n]) for n in whole.best_weights)
    names = {path.name for path in (tmp_path / "cut").iterdir()}
    assert {"checkpoint.json", "curve.csv", "sheet-0000002.jpg", "sheet-0000004.jpg"} <= names
    tables = [(tmp_path / name / "curve.csv").read_text() for name in ("whole", "cut")]
    assert tables[0] == tables[1]
    assert tables[0].count("\n") == 3


def test_a_curve_is_drawn_with_every_row_and_once_when_it_is_cut(tmp_path, monkeypatch):
    curve.add(tmp_path, {"step": 1.0, "score": 0.5})
    assert "<svg" in (tmp_path / "curve.svg").read_text()
    drawn = []
    monkeypatch.setattr(curve, "draw", lambda out: drawn.append(len(curve.read(out))))
    for step in (2.0, 3.0, 4.0):
        curve.add(tmp_path, {"step": step, "score": 0.25})
    curve.cut(tmp_path, 3)
    assert drawn == [2, 3, 4, 3]
    assert [row["step"] for row in curve.read(tmp_path)] == [1.0, 2.0, 3.0]


def test_a_seed_is_a_run_and_another_seed_another(new_trainer):
    one, same, other = (new_trainer(replace(TINY, seed=seed)) for seed in (0, 0, 1))
    for trainer in (one, same, other):
        trainer.advance()
    assert same_weights(one, same)
    assert not same_weights(one, other)


def test_time_ends_a_run_and_its_checkpoint_holds_what_was_done(new_trainer, held_out, tmp_path):
    trainer = new_trainer(replace(TINY, every=100))
    train(trainer, held_out, tmp_path, seconds=0.01, say=lambda _: None)
    assert trainer.step == 1
    kept = checkpoint.load(tmp_path)
    assert kept is not None
    assert kept["step"] == 1
    assert kept["best_weights"] == {}  # nothing was scored: nothing can be exported
    with pytest.raises(WeightsMissingError, match="no checkpoint with scored weights"):
        export(tmp_path, tmp_path / "w.npz")


def test_the_weights_kept_are_the_best_scored_not_the_last(new_trainer, held_out, monkeypatch):
    trainer = new_trainer()
    scores = iter((0.2, 0.5, 0.4))
    monkeypatch.setattr("mfmc_engine.training.run.score", lambda *_: {"score": next(scores)})
    kept = []
    for _ in range(3):
        trainer.advance()
        trainer.consider(held_out)
        kept.append({name: value.clone() for name, value in trainer.best_weights.items()})
    assert trainer.best == 0.5
    name = "head.weight"
    assert not torch.equal(kept[0][name], kept[1][name])
    assert torch.equal(kept[1][name], kept[2][name])


def test_identities_are_donors_ones_own_or_nobodys(new_trainer, portraits):
    batch = new_trainer(replace(TINY, batch=64, sampled=0.4)).batch()
    known = (batch.wanted[:, None] - portraits.identities).norm(dim=2).amin(1) == 0
    assert torch.equal(known, batch.same | batch.pictured)
    assert not (batch.same & batch.pictured).any()
    drawn = ~batch.same & ~batch.pictured
    assert 10 < drawn.sum() < 35
    assert torch.equal(batch.wanted[batch.same], batch.original[batch.same])
    # as long as embeddings are, and nobody's: no two alike
    assert batch.wanted[drawn].norm(dim=1).mean() == pytest.approx(
        portraits.identities.norm(dim=1).mean().item(), rel=0.15
    )
    assert (
        torch.cdist(batch.wanted[drawn], batch.wanted[drawn]) + 9 * torch.eye(int(drawn.sum()))
    ).min() > 0.2


def test_every_loss_pulls_at_the_swapper(new_trainer):
    """Term by term: its gradient reaches the weights, and a step along it makes the term smaller."""
    from mfmc_engine.training.losses import swapper_losses

    trainer = new_trainer(replace(TINY, batch=4, size=64, same=0.5, sampled=0.0))
    batch = trainer.batch()
    assert batch.same.any()
    assert batch.pictured.any()

    torch.manual_seed(0)
    torch.nn.init.normal_(trainer.network.head.weight, std=0.05)  # away from the kink of an even mask

    def terms() -> dict[str, torch.Tensor]:
        output = swap(trainer.network, batch.target.seen, batch.wanted)
        return swapper_losses(trainer.settings, trainer.judges, batch, output, 1.0)

    start = {name: value.clone() for name, value in trainer.network.state_dict().items()}
    for name in terms():
        trainer.network.load_state_dict(start)
        trainer.network.zero_grad()
        before = terms()[name]
        before.backward()
        slope = sum(float(p.grad.square().sum()) for p in trainer.network.parameters() if p.grad is not None)
        assert slope > 0, name
        with torch.no_grad():
            for p in trainer.network.parameters():
                if p.grad is not None:
                    p -= p.grad * (0.001 * float(before) / slope)
            assert terms()[name] < before, name


def test_the_critic_learns_to_tell_blurred_faces_from_sharp_ones(portraits):
    torch.manual_seed(0)
    critic, generator = Critic(16), torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(critic.parameters(), lr=1e-3, betas=Settings().betas)
    losses = []
    for step in range(80):
        rows = torch.randint(len(portraits), (8,), generator=generator)
        sharp = augment.reduced(augment.window(portraits.batch(rows)[0]), 96)
        loss = critic_loss(critic, sharp, gaussian(sharp, 2.0))
        losses.append(float(loss.detach()))
        if step % 16 == 0:
            loss = loss + 1.6 * r1_penalty(critic, sharp)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(critic.parameters(), Settings().clip)
        optimizer.step()
    assert losses[0] > 1.38  # knows nothing: twice the logarithm of two
    assert sorted(losses[-16:])[8] < 1.3  # steps with R1 throw it back for a moment


def test_gathered_corners_are_what_grid_sample_takes():
    pictures = torch.rand(2, 3, 24, 24, requires_grad=True)
    points = torch.rand(2, 50, 2) * 30 - 3  # beyond all borders, too
    one, other = bilinear(pictures, points), gathered(pictures, points)
    assert torch.allclose(one, other, atol=1e-5)
    weight = torch.randn(one.shape)
    slopes = [torch.autograd.grad((found * weight).sum(), pictures)[0] for found in (one, other)]
    assert torch.allclose(*slopes, atol=1e-4)


@pytest.mark.usefixtures("_undrawn")
def test_thirty_two_faces_are_learnt_by_heart(faces, tmp_path):
    """A short rehearsal; ``train overfit`` is the long one, in which identities and masks have to be learnt, too."""
    settings = replace(rehearsal.SMALL, batch=4, size=64, blocks=1, every=15)
    trainer = Trainer.new(settings, Portraits.load(faces, "cpu", limit=32), dlib_weights(RESNET))
    bars = {"reconstruction": 0.6, "pair": 0.8, "marker": 0.5}
    lessons = rehearsal.rehearse(trainer, tmp_path, 30, say=lambda _: None, bars=bars)
    assert {lesson.name for lesson in lessons} == set(bars)
    assert all(lesson.learnt for lesson in lessons), "\n".join(map(str, lessons))
    # a mask that shrinks to nothing would please all that compares swaps with their targets
    assert curve.read(tmp_path)[-1]["distance"] > 0.2
    assert (tmp_path / "sheet-0000030.jpg").stat().st_size > 5000


@pytest.mark.usefixtures("_undrawn")
def test_a_rehearsal_that_learns_nothing_fails(new_trainer, tmp_path):
    still = new_trainer(replace(TINY, rate=0.0, every=1, augment=False))
    lessons = rehearsal.rehearse(still, tmp_path, 1, say=lambda _: None)
    assert not any(lesson.learnt for lesson in lessons if lesson.name == "marker")
    assert not all(
        lesson.learnt for lesson in rehearsal.rehearse(still, tmp_path / "none", 0, say=lambda _: None)
    )


def test_work_is_counted_as_worked_out_by_hand(new_trainer):
    work = profile.count(new_trainer(), images=2)
    per_image = profile.count(new_trainer(), images=4)
    assert per_image.swapper_flops == pytest.approx(2 * work.swapper_flops, rel=0.01)
    # the stem alone: 2 x 27 x 16 a pixel forward, as much again for its weights (nothing flows into the picture)
    stem = 2 * 27 * 16 * 96 * 96
    assert work.swapper_flops > 2 * 2 * stem
    assert work.judge_flops > 0
    fast, slow = (profile.Card(n, r, r / 2, 1e12) for n, r in (("fast", 1e14), ("slow", 1e13)))
    one, other = (profile.predict(work, card, 64) for card in (fast, slow))
    assert one["at_most_images_per_s"] == pytest.approx(10 * other["at_most_images_per_s"], rel=0.01)
    assert one["likely_images_per_s"] <= one["at_most_images_per_s"]


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


@pytest.mark.usefixtures("_undrawn")
def test_exported_weights_swap_windows(new_trainer, held_out, tmp_path):
    train(new_trainer(), held_out, tmp_path / "run", seconds=600, steps=2, say=lambda _: None)
    size = export(tmp_path / "run", tmp_path / "neural.npz")
    assert size == (tmp_path / "neural.npz").stat().st_size
    swapper = neural.NeuralSwapper(tmp_path / "neural.npz")
    windows = torch.rand(3, 3, SIZE, SIZE)
    out, mask = swapper.swap(windows, np.random.default_rng(0).normal(size=(3, 128)).astype(np.float32))
    assert out.shape == windows.shape
    assert mask.shape == (3, 1, SIZE, SIZE)
    assert swapper.about["step"] == 2
    with pytest.raises(WeightsMissingError, match="no weights of our swapper"):
        neural.NeuralSwapper(tmp_path / "none.npz")
    with pytest.raises(WeightsMissingError, match="no checkpoint"):
        export(tmp_path, tmp_path / "x.npz")


def test_the_command_packs_trains_and_exports(portrait_folder, tmp_path, capsys):
    faces, out = tmp_path / "faces.npz", tmp_path / "out"
    assert cli.main(["train", "pack", str(portrait_folder), str(faces), "--limit", "12"]) == 0
    options = ["--batch", "2", "--width", "16", "--threads", "1", "--size", "64", "--every", "1"]
    assert cli.main(["train", "run", str(faces), str(out), "--steps", "1", *options]) == 0
    assert cli.main(["train", "export", str(out), str(tmp_path / "w.npz")]) == 0
    assert cli.main(["train", "profile", str(faces), str(out), "--minutes", "0.01", *options]) == 0
    printed = capsys.readouterr().out
    report = json.loads(printed[printed.index("{\n") :])
    assert report["measured"]["images_per_s"] > 0
    assert report["counted_per_image"]["gflop_swapper"] > 0
    assert {card["card"] for card in report["predicted"]["cards"]} >= {"H100", "H200"}
    assert cli.main(["train", "sheet", str(faces), str(tmp_path / "views.jpg")]) == 0
    assert (tmp_path / "views.jpg").stat().st_size > 10_000
    assert cli.main(["train", "overfit", str(faces), str(tmp_path / "o"), "--steps", "1", *options]) == 1
    assert "FAIL" in capsys.readouterr().out
    assert cli.main(["train", "run", str(tmp_path / "no.npz"), str(out)]) == 2
    assert "no packed portraits" in capsys.readouterr().err
