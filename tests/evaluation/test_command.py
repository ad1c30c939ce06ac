"""The whole command on six people: report, determinism, resuming, study material."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from mfmc_engine import parameters as P
from mfmc_engine.cli import main
from mfmc_engine.errors import EngineError
from mfmc_engine.evaluation import attacks, bars, figures, measures, protocols, treatments, worker
from mfmc_engine.evaluation.ablation import ablated
from mfmc_engine.evaluation.settings import Settings
from mfmc_engine.evaluation.treatments import Arm
from tests import neural_weights


def _evaluate(people, tiny_onnx, out, cache, *more: str) -> int:
    recognizers = f"dlib,lbph,{tiny_onnx},deepface"
    return main(
        [
            "evaluate",
            "--data",
            str(people),
            "--out",
            str(out),
            "--cache",
            str(cache),
            "--jobs",
            "1",
            "--limit",
            "3",
        ]
        + ["--recognizers", recognizers, "--baselines", "none,blackbox", *more]
    )


@pytest.fixture(scope="module", autouse=True)
def _few_are_compared():
    """Half of the faces have decoys for several viewers, who compare them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(P, "COMPARED_FACES", 3)
        yield


@pytest.fixture(scope="module")
def run(people, tiny_onnx, tmp_path_factory):
    """(report folder, cache folder) of one run that also exports a study."""
    root = tmp_path_factory.mktemp("evaluation")
    study = ["--export-study", str(root / "study")]
    assert _evaluate(people, tiny_onnx, root / "report", root / "cache", *study) == 0
    return root / "report", root / "cache"


@pytest.fixture(scope="module")
def results(run):
    return json.loads((run[0] / "results.json").read_text())


def test_people_are_accepted_before_and_not_after(results):
    arms = results["recognizers"]["dlib"]["arms"]
    # of six people; among so few, who is nearest says nothing about a decoy
    assert arms["none"]["rank1"] == 1
    assert arms["none"]["accepts"]["0.01"] == 1
    assert arms["decoy"]["accepts"]["0.01"] == 0
    assert min(arms["decoy"]["mated_distances"]) > max(arms["none"]["mated_distances"])
    assert results["averaged"]["paper_relative_drop"] == 0.61


def test_missing_weights_are_named_in_the_report(run, results):
    assert "deepface:Facenet512" in results["skipped"]
    assert "deepface:Facenet512" in (run[0] / "report.html").read_text()


def test_the_report_needs_no_other_file_and_has_its_figures_beside_it(run):
    html = (run[0] / "report.html").read_text()
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert "data:image/svg+xml;base64," in html
    for name in ("roc", "det", "cmc", "distances", "drop", "kept"):
        assert (run[0] / f"{name}.svg").stat().st_size > 1000
        assert (run[0] / f"{name}.png").stat().st_size > 1000


def test_raw_scores_and_every_decoy_are_kept(results):
    assert len(results["decoys"]["decoy"]) == 6
    assert len(results["recognizers"]["dlib"]["arms"]["decoy"]["mated_distances"]) == 6


def test_viewers_who_compare_learn_where_a_face_is_shown_to_one_and_nothing_of_whose_it_is(run, results):
    found = results["attacks"]["decoy"]["comparing"]
    assert found["identical"] == 1
    assert found["located"] > 0.8
    assert found["changed_elsewhere"] < 0.02
    assert set(found["recognizers"]) == set(results["recognizers"])
    for judged in found["recognizers"]["dlib"].values():
        assert set(judged) == {"accepts", "strangers", "rank1"}
        assert judged["accepts"] <= 0.5
    assert "Had every viewer been given a decoy of their own" in (run[0] / "report.html").read_text()


def test_bars_that_cannot_be_measured_are_said_to_be_so(results):
    states = {row["name"]: row["passed"] for row in bars.rows({**results, "attributes": {}})}
    assert states["gender kept"] is None
    assert states["outside untouched"] is True


def test_gender_and_age_are_judged_though_folders_carry_no_labels(results):
    values = {row["name"]: row["value"] for row in results["bars"]}
    assert 0 <= values["gender kept"] <= 1
    assert values["age difference, median"] > 0
    assert "gender_accuracy" not in results["attributes"]["decoy"]["estimator"]


@pytest.fixture
def drawn(monkeypatch):
    """Call it with the names of the only figures to draw: all of them take longer than what they show."""
    chosen = figures.FIGURES
    return lambda *names: monkeypatch.setattr(figures, "FIGURES", {name: chosen[name] for name in names})


def test_a_finished_run_is_read_back_to_the_same_bytes(run, drawn, people, tiny_onnx, tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(worker, "make_decoy", fail)
    monkeypatch.setattr(worker.Worker, "_with_features", fail)
    drawn("roc")
    assert _evaluate(people, tiny_onnx, tmp_path, run[1]) == 0
    for name in ("results.json", "roc.svg"):
        assert (tmp_path / name).read_bytes() == (run[0] / name).read_bytes()


def test_a_lost_record_is_made_again_alike(run, drawn, people, tiny_onnx, tmp_path):
    drawn()
    for record in list(run[1].rglob("*.npz"))[::5]:
        record.unlink()
    assert _evaluate(people, tiny_onnx, tmp_path, run[1]) == 0
    assert (tmp_path / "results.json").read_bytes() == (run[0] / "results.json").read_bytes()


def test_a_study_is_balanced_and_its_key_fits_the_files(run):
    study = run[0].parent / "study"
    with (study / "answer_key.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    single = [row["answer"] for row in rows if row["set"] == "real_or_decoy"]
    assert single.count("real") == single.count("decoy") > 0
    for row in rows:
        assert (study / row["left"]).is_file()
        assert (study / row["right"]).is_file()
        assert row["person"] not in row["left"]
    decoys = [row for row in rows if row["answer"] == "decoy"]
    assert all(row["donor"] for row in decoys)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--selection", "best"), "--selection"),
        (("--baselines", "emoji"), "emoji"),
        (("--swapper", "none"), "none"),
    ],
)
def test_what_cannot_be_done_is_one_line(people, tiny_onnx, tmp_path, capsys, monkeypatch, option, message):
    monkeypatch.delenv("MFMC_DEBUG", raising=False)
    assert _evaluate(people, tiny_onnx, tmp_path / "out", tmp_path / "cache", *option) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert message in error
    assert "Traceback" not in error


def test_our_own_swapper_is_judged_beside_the_mesh(people, tmp_path, monkeypatch):
    monkeypatch.setenv("MFMC_WEIGHTS", str(tmp_path / "weights"))
    arm = Arm("decoy", "decoy", swapper="neural-sampled")
    faces = protocols.read(people, None, 2, 0)
    task = worker.Task(faces, ("dlib",), people, tmp_path / "cache", 0, "cpu", (arm,))
    index = faces.probes[0]
    with pytest.raises(EngineError, match="not trained yet"):
        worker.Worker(task).treated(index, arm)
    neural_weights.put(tmp_path / "run", 30.0)  # noise is far from everybody
    row = worker.Worker(task).structure(index, arm)
    assert row["kind"] == "swap"
    assert row["donor"].startswith("drawn-")
    assert row["distance_to_donor"] is None  # nobody's picture to be compared with
    assert measures.donors_in_use([row]) == {}
    assert attacks.inversion(None, "decoy", None, np.array([row["donor"]] * 20), 0) == {}
    usable, skipped = treatments.swappers("cpu")
    assert {"mesh", "neural", "neural-sampled"} <= usable.keys()
    assert {arm.swapper for arm in ablated(Settings(people, tmp_path)).extra_arms} == usable.keys()
    assert "swapper inswapper_128" in skipped


def test_decoys_that_follow_the_person_are_linked_and_random_ones_are_not():
    from mfmc_engine.evaluation.judging import Vectors
    from mfmc_engine.evaluation.verification import Trial

    random = np.random.default_rng(0)
    people = np.repeat(np.arange(40), 2).astype(str)
    own = np.repeat(random.normal(size=(40, 16)), 2, axis=0)
    noise = random.normal(size=(80, 16))
    arms = {"telling": own + 0.1 * noise, "silent": noise}
    vectors = Vectors("dlib", "euclidean", own + 0.05 * random.normal(size=own.shape), arms)
    trial = Trial(np.arange(80), people)
    vectors.prepare(trial)
    cells = np.array(["female white"] * 80)
    assert attacks.linkage(vectors, "telling", people, cells)["excess"] > 0.9
    assert abs(attacks.linkage(vectors, "silent", people, cells)["excess"]) < 0.05
    assert attacks.parrot(vectors, "telling", trial, 0)["decoy_gallery"] > 0.9
    assert attacks.parrot(vectors, "silent", trial, 0)["decoy_gallery"] < 0.2
    assert attacks.visibility(noise, noise + 3, people, 0) > 0.99
    assert attacks.visibility(noise, random.normal(size=(80, 16)), people, 0) == pytest.approx(0.5, abs=0.15)


def test_anonymize_reports_what_each_decoy_kept(people, tmp_path, capsys):
    photo = people / "person-0" / "a.png"
    assert main(["anonymize", str(photo), str(tmp_path / "out.png"), "--report", "--seed", "1"]) == 0
    faces = json.loads(capsys.readouterr().out)["faces"]
    assert faces[0]["structure"]["untouched"] is True
    assert 0 < faces[0]["structure"]["landmark_error"] < 0.2
