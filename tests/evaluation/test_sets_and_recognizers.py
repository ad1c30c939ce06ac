"""Protocols, treatments, recognisers and the cache."""

from __future__ import annotations

import csv
import sys

import numpy as np
import pytest
from skimage.data import astronaut

from mfmc_engine import imaging
from mfmc_engine import parameters as P
from mfmc_engine.errors import EngineError
from mfmc_engine.evaluation import protocols, visual
from mfmc_engine.evaluation.cache import Cache, digest
from mfmc_engine.evaluation.deepface_models import WEIGHTS
from mfmc_engine.evaluation.recognizers import Eigenfaces, Lbph, Onnx, distances, resolve
from mfmc_engine.evaluation.treatments import baseline, hide_by_hand

MARKS = np.random.default_rng(0).uniform(60, 200, (68, 2)).astype(np.float32)
FIVE = np.array([(100, 110), (160, 110), (130, 145), (108, 175), (152, 175)], np.float32)


@pytest.fixture(scope="module")
def marks() -> np.ndarray:
    marks = MARKS.copy()
    marks[36:42], marks[42:48], marks[30], marks[48], marks[54] = FIVE
    return marks


@pytest.fixture
def labelled(tmp_path):
    """Twelve pictures, eight of one class: what an equal distribution has to even out."""
    picture = imaging.encode(np.ascontiguousarray(astronaut()[:64, :64]), ".png")
    rows = [("male", "white")] * 8 + [("female", "white"), ("female", "asian")] * 2
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "gender", "group"])
        for number, (gender, group) in enumerate(rows):
            (tmp_path / f"{number}.png").write_bytes(picture)
            writer.writerow([f"{number}.png", gender, group])
    return tmp_path


def test_an_equal_distribution_takes_as_many_of_each_class(labelled):
    faces = protocols.read(labelled, "equal", 6, 0)
    chosen = [faces.samples[i] for i in faces.probes]
    classes = [(sample.male, sample.group) for sample in chosen]
    assert sorted(classes.count(c) for c in set(classes)) == [2, 2, 2]


def test_a_random_draw_follows_the_seed_and_keeps_the_majority(labelled):
    names = [[s.name for s in protocols.read(labelled, "random", 9, seed).samples] for seed in (1, 1, 2)]
    assert names[0] == names[1] != names[2]


def test_a_synthetic_identity_is_searched_by_a_second_view_of_it(labelled):
    faces = protocols.read(labelled, "random", 4, 0)
    first = faces.samples[faces.probes[0]]
    second = next(s for s in faces.samples if s.person == first.person and s.view)
    assert second.load().shape[0] == round(64 * P.EVAL_VIEW_SCALE)
    assert second.fingerprint() != first.fingerprint()


@pytest.mark.parametrize("limit", [0, 1])
def test_one_person_is_nobody_to_tell_apart(people, limit):
    with pytest.raises(EngineError, match="two people"):
        protocols.read(people, "folders", limit, 0)


def test_a_limit_anonymises_fewer_people_but_keeps_the_gallery(people):
    faces = protocols.read(people, None, 2, 0)
    assert faces.protocol == "folders"
    assert len(faces.samples) == 12
    assert len({faces.samples[i].person for i in faces.probes}) == 2


def test_baselines_change_the_box_and_nothing_else():
    image = np.ascontiguousarray(astronaut()[:300, 100:400])
    for kind in ("blur", "pixelate", "blackbox"):
        hidden = hide_by_hand(image, np.array([60, 40, 180, 170]), kind)
        changed = (hidden != image).any(2)
        assert changed[40:170, 60:180].mean() > 0.5
        changed[40:170, 60:180] = False
        assert not changed.any()
    with pytest.raises(EngineError, match="emoji"):
        baseline("emoji")


def test_recognisers_answer_the_same_for_the_same_face_and_tell_a_flipped_one_apart(tiny_onnx, marks):
    image = np.ascontiguousarray(astronaut()[:300, 100:400])
    for recognizer in (Lbph(), Eigenfaces(), Onnx("thumbnail", tiny_onnx, "arcface")):
        one, again = (recognizer.features(image, marks) for _ in range(2))
        other = recognizer.features(np.ascontiguousarray(image[::-1]), marks)
        assert np.array_equal(one, again)
        gallery = np.stack([one, other])
        vectors = recognizer.fit(gallery)(gallery)
        apart = distances(vectors, vectors, recognizer.metric)
        assert apart[0, 1] > 10 * max(apart[0, 0], 1e-4)


def test_metrics_agree_on_unit_vectors():
    vectors = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)
    cosine, unit = (distances(vectors, vectors, metric) for metric in ("cosine", "euclidean_l2"))
    assert np.allclose(unit**2 / 2, cosine, atol=1e-5)


def test_what_is_not_there_is_left_out_by_name(tmp_path):
    found, skipped = resolve(["lbph", "mobilefacenet", "deepface", "nonsense"], tmp_path / "set", "cpu")
    assert [r.name for r in found] == ["lbph"]
    assert {"mobilefacenet", "deepface:VGG-Face", "deepface:SFace", "nonsense"} <= set(skipped)
    assert all(skipped.values())


@pytest.fixture
def deepface(tmp_path, monkeypatch):
    """A package of that name which notes how it is called, and an empty folder for its weights."""
    package = tmp_path / "packages" / "deepface"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "DeepFace.py").write_text(
        "import os\n"
        "calls = []\n"
        "def represent(picture, **options):\n"
        "    calls.append((picture.shape, options, os.environ.get('DEEPFACE_BACKEND_ENGINE')))\n"
        "    return [{'embedding': [3.0, 4.0]}]\n"
    )
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    monkeypatch.delenv("DEEPFACE_BACKEND_ENGINE", raising=False)
    folder = tmp_path / ".deepface" / "weights"
    folder.mkdir(parents=True)
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == "deepface"]:
        del sys.modules[name]


def test_without_the_package_every_model_of_deepface_is_left_out_by_name_with_the_command(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    found, skipped = resolve(["deepface"], tmp_path, "cpu")
    assert found == []
    assert set(skipped) == {f"deepface:{model}" for model in WEIGHTS}
    assert len(WEIGHTS) == 8
    assert all('pip install "my-face-my-choice[deepface]"' in why for why in skipped.values())


def test_a_model_of_deepface_counts_only_if_the_very_file_it_opens_is_there(deepface, tmp_path):
    (deepface / "vgg_face_weights.h5").touch()  # TensorFlow's: with it alone deepface would go and download
    (deepface / "arcface_weights.onnx").touch()
    found, skipped = resolve(["deepface", "deepface:Nonsense"], tmp_path, "cpu")
    assert [recognizer.name for recognizer in found] == ["deepface:ArcFace"]
    assert skipped["deepface:VGG-Face"].startswith(f"weights missing: {deepface / 'vgg_face_weights.onnx'}")
    assert "it has VGG-Face" in skipped["deepface:Nonsense"]
    assert len(skipped) == 8


def test_deepface_gets_our_crop_and_neither_detects_nor_downloads(deepface, tmp_path):
    (deepface / "facenet_weights.onnx").touch()
    (recognizer,), _ = resolve(["deepface:Facenet"], tmp_path, "cpu")
    marks = np.random.default_rng(0).uniform(20, 80, (68, 2)).astype(np.float32)
    vector = recognizer.features(np.zeros((100, 100, 3), np.uint8), marks)
    assert vector.tolist() == [3.0, 4.0]
    ((shape, options, backend),) = sys.modules["deepface.DeepFace"].calls
    assert (shape, backend) == ((112, 112, 3), "onnx")
    assert (options["model_name"], options["detector_backend"]) == ("Facenet", "skip")
    assert recognizer.fit(vector[None])(vector[None]).shape == (1, 2)


def test_the_cache_answers_and_forgets_what_is_damaged(tmp_path):
    cache, made = Cache(tmp_path), []

    def make() -> dict[str, np.ndarray]:
        made.append(1)
        return {"value": np.arange(3)}

    key = digest("a", 1)
    assert cache.get(key, make)["value"].tolist() == [0, 1, 2]
    cache.get(key, make)
    assert len(made) == 1
    next(tmp_path.rglob("*.npz")).write_bytes(b"PK\x03\x04 not a record")
    cache.get(key, make)
    assert len(made) == 2


def test_kid_and_fid_grow_with_the_difference():
    random = np.random.default_rng(0)
    real = random.normal(size=(120, 20))
    same, shifted = random.normal(size=(120, 20)), random.normal(size=(120, 20)) + 2
    found = visual.compare(real, {"same": same, "shifted": shifted}, 0)
    assert found["shifted"]["fid"] > 5 * found["same"]["fid"]
    assert found["shifted"]["kid"]["mean"] > 5 * abs(found["same"]["kid"]["mean"])
