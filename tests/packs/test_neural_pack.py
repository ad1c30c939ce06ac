"""Our own swapper as a pack: never without weights, never without the promise, and content with an identity."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from mfmc_engine import cli
from mfmc_engine.donors import bank, identities
from mfmc_engine.engine import Engine
from mfmc_engine.errors import EngineError, WeightsMissingError
from mfmc_engine.evaluation import treatments
from mfmc_engine.imaging import decode, encode
from mfmc_engine.packs import RECIPES, load_pack, missing, recipe, sources, store
from mfmc_engine.packs.catalogue import NEURAL
from mfmc_engine.packs.pack import Pack
from mfmc_engine.recognition.space import DLIB
from mfmc_engine.swapping import blending
from mfmc_engine.swapping.neural import NeuralSwapper
from mfmc_engine.training.settings import SIZE, WINDOW
from mfmc_engine.types import DecoyRequest, Gallery
from tests.neural_weights import TINY, put


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MFMC_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path


@pytest.fixture
def rehearsed(home):
    """Call it with the mask's bias: weights of a tiny network are put where the pack looks for them."""
    return lambda mask, settings=TINY, name="run": put(home / name, mask, settings)


@pytest.fixture(scope="module")
def photo(six_people):
    return np.ascontiguousarray(decode(six_people)[100:560, :440])  # two people are enough


@pytest.fixture(scope="module")
def one(photo):
    """The part of the photo with one face, for what would say no more of two."""
    face = Engine(threads=1).analyze(photo).faces[0]
    x0, y0, x1, y1 = face.box.round().astype(int)
    margin = int(0.7 * (y1 - y0))
    return np.ascontiguousarray(
        photo[max(0, y0 - margin) : y1 + margin, max(0, x0 - margin // 2) : x1 + margin // 2]
    )


def decoys(engine: Engine, photo: np.ndarray, gallery: Gallery | None = None):
    faces = engine.analyze(photo).faces
    requests = [DecoyRequest(face, b"%d" % i) for i, face in enumerate(faces)]
    return faces, engine.make_decoys(photo, requests, gallery)


def test_without_weights_the_command_that_trains_them_is_told(photo, capsys):
    for name in ("neural", "builtin+swapper=neural", "builtin+swapper=neural-sampled"):
        assert [check.weights.file for check in missing(name)] == ["neural.npz"]
        with pytest.raises(WeightsMissingError, match=r"not trained yet.*train run .* --device cuda"):
            _ = load_pack(name).swapper
    assert cli.main(["packs", "list"]) == 0
    listed = capsys.readouterr().out
    assert "neural       not trained yet" in listed
    assert cli.main(["packs", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["weights"]
    assert next(row for row in rows if row["name"] == "neural")["state"] == "not trained yet"
    assert cli.main(["packs", "show", "neural"]) == 0
    assert "train export var/train" in capsys.readouterr().out
    assert cli.main(["packs", "download", "neural"]) == 2
    assert "cannot be downloaded" in capsys.readouterr().err
    with pytest.raises(EngineError, match=r"neural\.npz.*not trained yet"):
        treatments.make_engine("neural", "cpu")


def test_no_pack_uses_it_unasked():
    using = {name for name, parts in RECIPES.items() if parts["swapper"].startswith("neural")}
    assert using == {"neural"}
    assert recipe("builtin")["swapper"] == "mesh"
    assert Engine().pack.recipe["swapper"] == "mesh"
    assert {source.name for source in sources("buffalo_s+swapper=neural")} >= {"neural", "buffalo_s"}


def test_a_network_that_changes_nothing_ends_in_redactions(rehearsed, one):
    rehearsed(mask=-30.0)
    for name in ("neural", "builtin+swapper=neural-sampled"):
        faces, made = decoys(Engine(name, threads=1), one)
        assert len(faces) == 1
        assert {decoy.kind for decoy in made} == {"redaction"}
        assert all(decoy.attempts > 1 for decoy in made)  # it was tried, looked at and turned down


@pytest.fixture
def any_distance(monkeypatch):
    """Nothing is promised: a network that was never trained gets through, and how it is wired can be seen."""
    space = replace(DLIB, original=0.0, preferred=0.0, match=0.0, apart=0.0)
    monkeypatch.setattr(Pack, "space", property(lambda self: space))


@pytest.fixture
def _blind(monkeypatch):
    def seen(donor: object) -> None:
        raise AssertionError("a donor's picture was looked at")

    monkeypatch.setattr(bank, "_picture", seen)


@pytest.mark.usefixtures("any_distance", "_blind")
@pytest.mark.parametrize("name", ["neural", "builtin+swapper=neural-sampled"])
def test_decoys_need_no_donors_picture_and_touch_the_face_only(rehearsed, photo, name):
    rehearsed(mask=3.0)
    engine = Engine(name, threads=1)
    _, made = decoys(engine, photo)
    again = decoys(engine, photo)[1]
    assert all(decoy.kind == "swap" for decoy in made)
    drawn = [str(decoy.donor).startswith("drawn-") for decoy in made]
    assert all(drawn) if "sampled" in name else all(decoy.donor in bank.load() for decoy in made)
    assert len({decoy.donor for decoy in made}) == len(made)
    assert all(len(str(decoy.donor)) <= 40 for decoy in made)  # what the site's table keeps
    out = engine.compose(photo, made, range(len(made)))
    covered = np.zeros(photo.shape[:2], bool)
    for decoy in made:
        x, y = decoy.origin
        covered[y : y + decoy.alpha.shape[0], x : x + decoy.alpha.shape[1]] |= decoy.alpha > 0
    assert (out[~covered] == photo[~covered]).all()
    assert not np.array_equal(out[covered], photo[covered])
    for one, other in zip(made, again, strict=True):
        assert np.array_equal(one.pixels, other.pixels)
        assert one.donor == other.donor
        assert one.views.shape == (3, 128)


def test_the_promise_is_measured_on_what_the_network_made(rehearsed, photo):
    """Whatever comes out as a swap lies as far away as is promised, from the face and from everybody enrolled."""
    rehearsed(mask=30.0)
    engine = Engine("neural", threads=1)
    faces = engine.analyze(photo).faces
    crowd = Gallery(tuple("ab"), np.stack([face.embedding for face in faces]))
    _, made = decoys(engine, photo, crowd)
    for face, decoy in zip(faces, made, strict=True):
        seen = engine.pack.recognizer.embed(engine.compose(photo, [decoy], [0]), face.landmarks[None])[0]
        apart = float(np.linalg.norm(seen - face.embedding))
        assert decoy.kind == "redaction" or apart > decoy.threshold > 0.5


def test_the_network_sees_the_canonical_window_and_puts_it_back(rehearsed, photo, real_engine):
    swapper = NeuralSwapper(rehearsed(mask=0.0))
    faces = real_engine.analyze(photo).faces
    donors = list(bank.load().values())[:2]
    seen = []
    with torch.inference_mode():
        targets = blending.prepare(photo, [face.landmarks for face in faces])
        swapper.swap = lambda windows, wanted: (seen.append(windows), (windows + 0.1, None))[1]
        for target in targets:
            lit = swapper(target, donors, 0.0)
            before = target.lit.pictures
            assert lit.pictures.shape == (2, *before.shape[1:])
            changed = (lit.pictures - before).abs().amax((0, 1)) > 0.05
            rows, columns = torch.where(changed)
            x, y = (int(v) for v in target.landmarks[30])  # the nose is in what was changed
            assert changed[y, x]
            assert rows.max() - rows.min() < SIZE
            assert columns.max() - columns.min() < SIZE
            assert torch.equal(lit.pictures[:, :, ~changed], before.expand(2, -1, -1, -1)[:, :, ~changed])
    # the eyes of the canonical frame, wherever the face's own window began
    eyes = torch.tensor([128.0, 98.0]) - torch.tensor(WINDOW)
    for windows, target in zip(seen, targets, strict=True):
        assert windows.shape == (2, 3, SIZE, SIZE)
        middle = target.landmarks[[*range(36, 48)]].mean(0)
        value = target.lit.pictures[0, :, int(middle[1]), int(middle[0])]
        found = windows[0, :, int(eyes[1]) - 6 : int(eyes[1]) + 7, int(eyes[0]) - 6 : int(eyes[0]) + 7]
        assert (found - value[:, None, None]).abs().sum(0).min() < 0.02


def test_a_rehearsals_smaller_network_fits_the_same_place(rehearsed):
    small = NeuralSwapper(rehearsed(mask=-30.0, settings=replace(TINY, size=96)))
    windows = torch.rand(1, 3, SIZE, SIZE)
    out, mask = small.swap(windows, np.ones((1, 128), np.float32))
    assert mask.shape == (1, 1, SIZE, SIZE)
    assert torch.allclose(out, windows, atol=1e-4)


def test_weights_come_in_offline_and_damage_is_told(rehearsed, home, capsys):
    path = rehearsed(mask=0.0)
    assert [check.state for check in store.check(NEURAL)] == ["ok"]
    first = treatments.weights_version("neural")
    assert treatments.weights_version("mesh") == ""
    elsewhere = path.rename(home / "neural.npz")
    assert missing("neural")
    assert cli.main(["packs", "import", "neural", str(elsewhere)]) == 0
    assert missing("neural") == []
    assert treatments.weights_version("neural") == first
    rehearsed(mask=1.0, name="other")
    assert treatments.weights_version("neural") != first  # cached decoys of the older weights are not taken
    path.write_bytes(b"no weights")
    assert [check.state for check in store.check(NEURAL)] == ["damaged"]
    with pytest.raises(WeightsMissingError, match="no weights of our swapper"):
        _ = load_pack("neural").swapper


def test_the_command_line_takes_the_pack(rehearsed, one, home, capsys):
    picture = home / "one.png"
    picture.write_bytes(encode(one, ".png"))
    assert cli.main(["anonymize", str(picture), str(home / "out.png"), "--pack", "neural"]) == 2
    assert "not trained yet" in capsys.readouterr().err
    rehearsed(mask=-30.0)
    assert cli.main(["anonymize", str(picture), str(home / "out.png"), "--pack", "neural", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {face["decoy"]["kind"] for face in report["faces"]} == {"redaction"}
    speed = ["benchmark", "speed", str(picture), "--repeats", "1", "--pack", "neural", "--threads", "1"]
    assert cli.main(speed) == 0
    assert "pack neural, 1 faces" in capsys.readouterr().out


def test_drawn_identities_are_nobodys_and_like_the_face_asked_for():
    shipped = bank.load()
    drawn = identities.donors().draw(np.random.default_rng(3), 300)
    near = np.linalg.norm(drawn[:, None] - shipped.embeddings[None], axis=2).min(1)
    assert near.min() > 0.3  # a donor's own embedding would lie at 0
    own = np.linalg.norm(shipped.embeddings[:, None] - shipped.embeddings[None], axis=2)
    assert np.median(near) == pytest.approx(np.median((own + 9 * np.eye(len(own))).min(1)), abs=0.1)
    spread = [np.linalg.norm(e - e.mean(0), axis=1).mean() for e in (drawn, shipped.embeddings)]
    assert spread[0] == pytest.approx(spread[1], rel=0.1)


def test_drawn_identities_keep_away_from_everybody_named_and_come_from_the_seed():
    from mfmc_engine.donors.selection import Avoid, Wanted

    shipped = bank.load().embeddings
    someone, crowd = shipped[7], shipped[20:60]
    avoid = Avoid(original=0.68, gallery=crowd, gallery_distance=0.5)
    wanted = Wanted(someone, male=0.99, age=30.0, group=np.array([0, 0, 0, 1], np.float32))

    def drawn(seed: int):
        random = np.random.default_rng(seed)
        return list(identities.candidates(wanted, avoid, shipped[60:61], 0.68, random, "random"))

    found = drawn(0)
    assert len(found) > 20
    assert [one.id for one in found] == [one.id for one in drawn(0)]
    assert {one.id for one in found}.isdisjoint(one.id for one in drawn(1))
    embeddings = np.stack([one.embedding for one in found])
    assert np.linalg.norm(embeddings - someone, axis=1).min() > 0.68
    assert np.linalg.norm(embeddings[:, None] - crowd[None], axis=2).min() > 0.5
    from mfmc_engine import attributes

    looks = attributes.load()(embeddings[:10])
    assert looks.male.min() > 0.5
    assert (looks.group.argmax(1) == 3).mean() > 0.8


def test_a_distribution_needs_more_than_one():
    with pytest.raises(ValueError, match="at least two"):
        identities.Distribution.of(np.zeros((1, 128), np.float32), np.array(["a"]))
