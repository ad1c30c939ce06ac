"""Packs put together from several sources, through the whole engine, on tiny graphs in the weights' places."""

from dataclasses import replace

import numpy as np
import pytest

from mfmc_engine.engine import Engine
from mfmc_engine.errors import WeightsMissingError
from mfmc_engine.imaging import decode
from mfmc_engine.packs.pack import Pack
from mfmc_engine.recognition.space import ARCFACE, DLIB
from mfmc_engine.types import DecoyRequest, Gallery
from tests.packs import graphs


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A weights folder with graphs for the recogniser, gender and age, and inswapper."""
    root = tmp_path / "weights"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MFMC_WEIGHTS", str(root))
    for folder in ("buffalo_l", "buffalo_s", "inswapper_128"):
        (root / folder).mkdir(parents=True)
    graphs.recognizer(root / "buffalo_l" / "w600k_r50.onnx")
    graphs.recognizer(root / "buffalo_s" / "w600k_mbf.onnx")
    graphs.gender_age(root / "buffalo_s" / "genderage.onnx")
    graphs.inswapper(root / "inswapper_128" / "inswapper_128.onnx")
    return root


@pytest.fixture(scope="module")
def photo(six_people):
    image = decode(six_people)
    return np.ascontiguousarray(image[:, : image.shape[1] // 2])  # three people are enough


@pytest.fixture
def near_space(monkeypatch):
    """Distances as the tiny recogniser has them: it knows colours, and colours of faces are much alike."""
    space = replace(ARCFACE, original=0.02, preferred=0.03, match=0.01, margin=0.005, apart=0.02)
    monkeypatch.setattr(Pack, "space", property(lambda self: space))
    return space


def decoys(engine: Engine, photo: np.ndarray, gallery: Gallery | None = None):
    faces = engine.analyze(photo).faces
    requests = [DecoyRequest(face, b"%d" % i) for i, face in enumerate(faces)]
    return faces, engine.make_decoys(photo, requests, gallery)


def test_faces_are_embedded_in_the_packs_space_and_donors_chosen_in_the_banks(weights, photo, near_space):
    engine = Engine("builtin+recognizer=buffalo_s", threads=1)
    faces, made = decoys(engine, photo)
    assert len(faces) >= 3
    assert {face.embedding.shape for face in faces} == {(192,)}
    assert all(decoy.kind == "swap" for decoy in made)
    for face, decoy in zip(faces, made, strict=True):
        assert decoy.views.shape == (3, 192)
        apart = np.linalg.norm(decoy.views - face.embedding, axis=1).min()
        assert apart > near_space.original
        assert decoy.distance_to_original == pytest.approx(apart, abs=1e-5)
    others = np.stack([face.embedding for face in faces])
    crowd = Gallery(tuple(map(str, range(len(others)))), others)
    assert [found.person for found in engine.match(faces, crowd)] == [str(i) for i in range(len(others))]


def test_a_promise_the_space_cannot_keep_ends_in_redaction(weights, photo):
    _, made = decoys(Engine("builtin+recognizer=buffalo_s", threads=1), photo)
    assert {decoy.kind for decoy in made} == {"redaction"}
    assert {decoy.threshold for decoy in made} == {ARCFACE.original}


def test_inswapper_swaps_inside_the_face_only(weights, photo, monkeypatch):
    engine = Engine("builtin+swapper=inswapper_128", threads=1)
    # half the face and a colour for an identity is nobody a recogniser of people knows: any distance will do
    monkeypatch.setattr(
        Pack, "space", property(lambda self: replace(DLIB, original=0.0, preferred=0.0, match=0.0))
    )
    faces, made = decoys(engine, photo)
    mesh = decoys(Engine("builtin", threads=1), photo)[1]
    assert all(decoy.kind == "swap" for decoy in made)
    out = engine.compose(photo, made, range(len(made)))
    covered = np.zeros(photo.shape[:2], bool)
    for decoy in made:
        x, y = decoy.origin
        height, width = decoy.alpha.shape
        covered[y : y + height, x : x + width] |= decoy.alpha > 0
    assert (out[~covered] == photo[~covered]).all()
    assert not np.array_equal(out[covered], photo[covered])
    assert any(not np.array_equal(a.pixels, b.pixels) for a, b in zip(made, mesh, strict=True))
    assert len(faces) == len(made)


def test_gender_and_age_come_from_the_packs_network(weights, photo, near_space, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "mfmc_engine.donors.candidates.selection.rank",
        lambda bank, wanted, *rest: seen.append(wanted) or list(bank)[:40],
    )
    decoys(Engine("builtin+recognizer=buffalo_s+attributes=buffalo_s", threads=1), photo)
    assert seen
    # the tiny graph says 100 times the mean blue in the network's units, which on these faces is below zero
    assert all(wanted.age < 5 for wanted in seen)


def test_a_missing_part_is_told_when_it_is_needed(weights, photo):
    (weights / "buffalo_s" / "w600k_mbf.onnx").unlink()
    with pytest.raises(WeightsMissingError, match="packs download buffalo_s"):
        Engine("builtin+recognizer=buffalo_s", threads=1).analyze(photo)
