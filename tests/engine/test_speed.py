"""The speed benchmark in its quick mode: that it measures what it says, not how fast this machine is."""

import json
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

from mfmc_engine import imaging, parameters
from mfmc_engine.cli import main
from mfmc_engine.commands.benchmark import _print_device
from mfmc_engine.engine import Engine
from mfmc_engine.evaluation import charts, device_speed, scaling, speed
from mfmc_engine.evaluation.speed import Stage
from mfmc_engine.memory import peak_megabytes


@pytest.fixture
def two_faces(photo, tmp_path):
    """A file with two of the six faces: every figure is there, and most of the work is per face."""
    path = tmp_path / "two.png"
    path.write_bytes(imaging.encode(photo[300:, 250:900], ".png"))
    return path


def test_a_crowd_holds_as_many_faces_as_asked_for(photo, analysis, real_engine):
    crowd = scaling.crowd(photo, analysis.faces, 7)
    assert len(real_engine.analyze(crowd).faces) >= 7


def test_strangers_are_spread_like_the_donors():
    from mfmc_engine.donors import bank

    known, drawn = bank.load().embeddings, scaling.strangers(2000).embeddings
    np.testing.assert_allclose(drawn.mean(0), known.mean(0), atol=0.02)
    apart = [np.linalg.norm(e[:300, None] - e[None, 300:400], axis=2).mean() for e in (known, drawn)]
    assert abs(apart[0] - apart[1]) < 0.1


def test_a_chart_shows_every_measured_point():
    curve = scaling.Curve("people <in the gallery>", (0, 100, 1000), (5.0, 4.0, 2.0), None)
    both = scaling.Curve("faces", (1, 2), (5.0, 4.0), (2.0, 1.0))
    root = ElementTree.fromstring(charts.draw([curve, both], "2 threads"))
    circles = root.findall(".//{http://www.w3.org/2000/svg}circle")
    assert len(circles) == 3 + 4


def test_peak_memory_is_the_process_own_and_not_its_parents():
    held = np.ones(200 * 2**20, np.uint8)  # touched, so resident here
    code = "from mfmc_engine.memory import peak_megabytes; print(peak_megabytes())"
    child = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert 5 < float(child.stdout) < held.nbytes / 2**20 < peak_megabytes()


def test_the_quick_benchmark_writes_figures_and_a_chart(two_faces, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(scaling, "REPEATS", 1)
    arguments = ["benchmark", "speed", str(two_faces), "--quick", "--repeats", "1", "--threads", "1"]
    assert main([*arguments, "--out", str(tmp_path)]) == 0
    report = json.loads((tmp_path / "speed.json").read_text())
    assert report["faces"] == 2
    assert report["memory"]["peak_mb"] >= report["memory"]["before_mb"] > 100
    assert report["memory"]["faces"] >= 2
    by_title = {curve["title"]: curve for curve in report["photos_per_second"]}
    assert len(by_title) == 4
    viewers = by_title["viewers of the photo"]
    assert min(viewers["ours"]) > 0  # how fast is for make bench, not for a test
    assert abs(viewers["baseline"][0] / viewers["baseline"][1] - 10) < 1e-6
    assert "peak_memory_mb" in capsys.readouterr().out
    ElementTree.parse(tmp_path / "speed.svg")


def test_a_device_is_measured_against_batches_and_its_own_arithmetic(two_faces, monkeypatch, capsys):
    nothing = {
        name: Stage(name, 1.0, 1.0)
        for name in ("analyse", "decoys", "compose", "encode", "baseline, one pass")
    }
    monkeypatch.setattr(speed, "measure", lambda *_: (2, nothing))  # has a test of its own
    monkeypatch.setattr(parameters, "MATMUL_SIDE_CPU", 256)
    arguments = ["benchmark", "speed", str(two_faces), "--repeats", "1", "--threads", "1", "--batches", "1,2"]
    assert main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["device"]
    assert [point["batch"] for point in found["batches"]] == [1, 2]
    faces = found["operations"]["faces"]
    assert [point["faces"] for point in found["batches"]] == [faces, 2 * faces]
    assert faces == 2
    assert set(found["stages_s"]) == {"upload", "detect", "landmarks", "chips", "embed", "decoys"}
    # dlib's ResNet takes .5 GFLOP a chip and more; every face is looked at once, every decoy from three sides
    assert found["operations"]["analyse"] > faces * 0.4e9
    assert found["operations"]["decoys"] > faces * 0.8e9
    assert 0 < found["share_of_floor"] < 1  # nothing is faster than its arithmetic
    engine = Engine(threads=1)
    ways = device_speed.launches(imaging.decode(two_faces), engine, [1], 1, ["eager", "graphs"])
    assert [(way["launch"], way["batch"]) for way in ways] == [("eager", 1), ("graphs", 1)]
    eager, graphs = ways
    assert eager["times_eager"] == 1
    assert not eager["pays"]
    assert graphs["times_eager"] == graphs["photos_per_s"] / eager["photos_per_s"]
    assert graphs["pays"] == (graphs["times_eager"] >= parameters.LAUNCH_PAYS)
    ways = [eager, {**graphs, "times_eager": 1.2, "pays": True}]
    _print_device({**found, "launches": ways, "faster_than_cpu": 21.0, "cpu_photos_per_s": 1.0})
    printed = capsys.readouterr().out
    assert "2 at once" in printed
    assert "photos/s, 1.00 times eager\n" in printed
    assert "photos/s, 1.20 times eager pays\n" in printed
    assert "FAIL  photos a second" in printed
    assert "pass  times the CPU" in printed


@pytest.mark.parametrize("batches", ["0", "one", "1,-2", ""])
def test_batches_that_are_none_are_refused(six_people, batches, capsys):
    assert main(["benchmark", "speed", str(six_people), "--batches", batches]) != 0
    assert "--batches" in capsys.readouterr().err


def test_bars_of_a_card_are_told_apart_from_what_was_reached():
    point = {"photos_per_s": 70.0, "faces_per_s": 400.0}
    lines = device_speed.bars({"batches": [point, {**point, "photos_per_s": 3.0}], "faster_than_cpu": 20.0})
    assert [met for *_, met in lines] == [True, False, True]
