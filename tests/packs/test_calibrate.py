"""Measuring a recogniser's thresholds: what comes out, where it goes, and that it counts from then on."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mfmc_engine import guarantee
from mfmc_engine import parameters as P
from mfmc_engine.calibration.thresholds import Sample, calibrate, embed_all, equal_error, labelled
from mfmc_engine.cli import main
from mfmc_engine.errors import EngineError
from mfmc_engine.packs import load_pack
from mfmc_engine.recognition import space as spaces
from mfmc_engine.recognition.space import ARCFACE, DLIB, space_of
from tests.packs import graphs

LFW = Path(__file__).parents[3] / "shared/data/lfw"


@pytest.fixture(autouse=True)
def weights(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MFMC_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


def sample(noise: float, people: int = 300, pictures: int = 2) -> Sample:
    """People at random on a sphere of 32 dimensions, their pictures ``noise`` apart."""
    rng = np.random.default_rng(5)
    person = np.repeat(np.arange(people), pictures)
    rows = rng.normal(size=(people, 32))[person] + noise * rng.normal(size=(len(person), 32))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    files = tuple(f"{p}/{i}.jpg" for i, p in enumerate(person))
    return Sample(files, person, rows.astype(np.float32), 0)


def distances(of: Sample) -> tuple[np.ndarray, np.ndarray]:
    apart = np.linalg.norm(of.embeddings[:, None] - of.embeddings[None], axis=2)
    upper, same = np.triu(np.ones_like(apart, bool), 1), of.person[:, None] == of.person[None]
    return apart[upper & same], apart[upper & ~same]


def test_every_threshold_has_the_share_of_pairs_that_dlibs_has():
    people = sample(noise=1.5)  # a poor recogniser: most pictures of one person are no nearer than strangers'
    own, strangers = distances(people)
    found = calibrate(people, "tiny")
    space = found.space
    assert (found.own_pairs, found.stranger_pairs) == (len(own), len(strangers)) == (300, 600 * 598 // 2)
    shares = {
        space.match: P.CALIBRATION_MATCH,
        space.claim: P.CALIBRATION_CLAIM,
        space.original: P.CALIBRATION_ORIGINAL,
        space.preferred: P.CALIBRATION_PREFERRED,
        space.apart: P.CALIBRATION_APART,
    }
    for distance, share in shares.items():
        assert np.mean(strangers < distance) == pytest.approx(share, abs=2 / len(strangers))
    assert np.mean(own < space.same_person) == pytest.approx(P.CALIBRATION_SAME_PERSON, abs=0.01)
    assert space.margin == pytest.approx(space.claim - space.match)
    assert np.mean(own > space.claim_limit) == pytest.approx(
        np.mean(strangers <= space.claim_limit), abs=0.01
    )
    assert np.mean(strangers < space.tail_distance) == pytest.approx(space.tail_rate, abs=2 / len(strangers))
    assert found.kept == {
        size: np.mean(own <= guarantee.gallery_threshold(size, space)) for size in P.CALIBRATION_GALLERIES
    }


def test_a_better_recogniser_is_stricter_than_the_share_of_strangers_asks():
    people = sample(noise=0.2)
    own, strangers = distances(people)
    space = calibrate(people, "tiny").space
    assert space.match == space.claim == pytest.approx(np.quantile(own, P.CALIBRATION_OWN_KEPT))
    assert space.match < np.quantile(strangers, P.CALIBRATION_MATCH)
    assert space.claim <= space.claim_limit < strangers.min()
    assert spaces.keep("tiny", space).is_file(), "they make sense together"


def test_the_nearest_strangers_are_named():
    people = sample(noise=0.2)
    twice = people.embeddings.copy()
    twice[10] = twice[42] + np.float32(1e-4)  # person 5 and person 21
    one, other, distance = calibrate(replace(people, embeddings=twice), "tiny").nearest[0]
    assert (one, other) == ("5/10.jpg", "21/42.jpg")
    assert 0 < distance < 1e-3
    twice[10] = twice[42]
    with pytest.raises(EngineError, match=r"5/10\.jpg and 21/42\.jpg are one picture under two names"):
        calibrate(replace(people, embeddings=twice), "tiny")


@pytest.mark.parametrize(("people", "pictures"), [(40, 2), (600, 1)])
def test_too_few_pictures_are_refused_with_what_is_needed(people, pictures):
    with pytest.raises(EngineError, match=r"100,000 and 100 are needed"):
        calibrate(sample(1.0, people, pictures), "tiny")


def test_where_as_many_are_refused_as_let_through():
    own, strangers = np.arange(10) / 10, 0.65 + np.arange(10) / 10
    # at .8 one in ten lies beyond, and of strangers .65 and .75 within: two in ten
    assert equal_error(own, strangers) == pytest.approx(0.8)


# --- folders ---


def test_people_are_read_off_subfolders_a_few_pictures_each(tmp_path):
    for path in ("ada/1.jpg", "ada/2.png", "ada/3.JPG", "ada/4.jpg", "bo/1.jpg", "bo/notes.txt"):
        (tmp_path / "set" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / path).touch()
    found = labelled(tmp_path / "set")
    assert sorted((name, path.name) for name, path in found) == [
        *(("ada", name) for name in ("1.jpg", "2.png", "3.JPG")),
        ("bo", "1.jpg"),
    ]
    assert len({name for name, _ in labelled(tmp_path / "set", people=1)}) == 1
    with pytest.raises(EngineError, match="no subfolders with pictures of one person each"):
        labelled(tmp_path / "set" / "ada")
    with pytest.raises(EngineError, match="no such folder"):
        labelled(tmp_path / "nowhere")


def test_the_largest_face_of_a_picture_counts_and_one_without_is_left_out(tmp_path, six_people):
    (tmp_path / "set/crowd").mkdir(parents=True)
    (tmp_path / "set/crowd/six.jpg").write_bytes(six_people.read_bytes())
    Image.new("RGB", (200, 200)).save(tmp_path / "set/crowd/none.png")
    found = embed_all(load_pack("builtin", threads=1), tmp_path / "set")
    assert (found.files, found.without_face) == (("crowd/six.jpg",), 1)
    assert found.embeddings.shape == (1, 128)
    (tmp_path / "set/crowd/six.jpg").unlink()
    with pytest.raises(EngineError, match="no face was found"):
        embed_all(load_pack("builtin", threads=1), tmp_path / "set")


# --- the command ---


@pytest.fixture(scope="module")
def crops(tmp_path_factory) -> Path:
    """A people.csv beside crops: everybody has a colour, and two pictures of nearly that colour."""
    folder = tmp_path_factory.mktemp("crops")
    rng = np.random.default_rng(7)
    rows = []
    for person in range(120):
        colour = rng.integers(40, 215, 3)
        for number in range(2):
            noise = rng.integers(-8, 9, (90, 90, 3)) + rng.integers(-4, 5, 3)
            rows.append((f"{person}_{number}.png", str(person)))
            picture = np.clip(colour + noise, 0, 255).astype(np.uint8)
            Image.fromarray(picture).save(folder / rows[-1][0])
    with (folder / "people.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "person"), *rows])
    return folder


def test_a_tiny_recogniser_is_measured_and_its_thresholds_are_used_from_then_on(
    weights, crops, capsys, monkeypatch
):
    looked = []  # once is enough: the second run gets what the first one saw

    def once(*arguments: object) -> Sample:
        if not looked:
            looked.append(embed_all(*arguments))
        return looked[0]

    monkeypatch.setattr("mfmc_engine.commands.calibrate.embed_all", once)
    monkeypatch.setattr(
        P, "CALIBRATION_TAIL_PAIRS", P.CALIBRATION_TAIL_PAIRS // 4
    )  # enough for half the people
    (weights / "buffalo_s").mkdir(parents=True)
    graphs.recognizer(weights / "buffalo_s" / "w600k_mbf.onnx")
    pack = "builtin+recognizer=buffalo_s"
    assert load_pack(pack).space is ARCFACE

    assert main(["packs", "calibrate", pack, str(crops)]) == 0
    told = capsys.readouterr().out
    assert "buffalo_s on 240 pictures of 120 people: 120 pairs of one person, 28,560 of strangers" in told
    assert f"with --write they are kept in {spaces.measured_in('buffalo_s')}" in told
    assert load_pack(pack).space is ARCFACE, "nothing was asked to be kept"

    assert main(["packs", "calibrate", pack, str(crops), "--write", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert load_pack(pack).space == spaces.Space(**found["space"])
    assert asdict(space_of("buffalo_s")) == found["space"]
    assert space_of("buffalo_l") is ARCFACE, "every recogniser has its own"
    assert found["space"]["match"] < 0.5 < ARCFACE.match
    assert main(["packs", "show", pack]) == 0
    assert f"thresholds: measured here: {spaces.measured_in('buffalo_s')}" in capsys.readouterr().out


def test_dlibs_thresholds_are_not_kept_in_a_file(weights):
    with pytest.raises(EngineError, match=r"parameters\.py"):
        spaces.keep("dlib-resnet", DLIB)


@pytest.mark.parametrize(
    "change",
    [
        {"match": float("nan")},
        {"match": 0.0},
        {"match": 1.4},
        {"original": 2.5, "preferred": 2.6},
        {"claim_limit": 1.0},
        {"name": "buffalo_l"},
    ],
)
def test_thresholds_that_make_no_sense_are_neither_kept_nor_read(weights, change):
    good = replace(ARCFACE, name="buffalo_s")
    with pytest.raises(EngineError):
        spaces.keep("buffalo_s", replace(good, **change))
    path = spaces.keep("buffalo_s", good)
    path.write_text(json.dumps({**asdict(good), **change}))
    with pytest.raises(EngineError, match="measure them again"):
        space_of("buffalo_s")
    path.unlink()
    assert space_of("buffalo_s") is ARCFACE


@pytest.mark.shared
@pytest.mark.skipif("CALIBRATION" not in os.environ, reason="three quarters of a minute: part of make proof")
def test_the_builtin_recognisers_own_thresholds_come_out_again():
    if not LFW.is_dir():
        pytest.skip(f"{LFW} is not there")
    found = calibrate(embed_all(load_pack("builtin", threads=1), LFW, people=200), "dlib-resnet").space
    for field in ("match", "claim", "original", "preferred", "apart", "claim_limit", "same_person", "margin"):
        assert getattr(found, field) == pytest.approx(getattr(DLIB, field), abs=0.02), field
    assert found.tail_distance == pytest.approx(DLIB.tail_distance, abs=0.015)
    assert found.tail_exponent == pytest.approx(DLIB.tail_exponent, rel=0.35)
