"""The speed benchmark in its quick mode: that it measures what it says, not how fast this machine is."""

import json
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np

from mfmc_engine.cli import main
from mfmc_engine.evaluation import charts, scaling
from mfmc_engine.memory import peak_megabytes


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


def test_the_quick_benchmark_writes_figures_and_a_chart(six_people, tmp_path, capsys):
    arguments = ["benchmark", "speed", str(six_people), "--quick", "--repeats", "1", "--threads", "1"]
    assert main([*arguments, "--out", str(tmp_path)]) == 0
    report = json.loads((tmp_path / "speed.json").read_text())
    assert report["faces"] == 6
    assert report["memory"]["peak_mb"] >= report["memory"]["before_mb"] > 100
    assert report["memory"]["faces"] >= 2
    by_title = {curve["title"]: curve for curve in report["photos_per_second"]}
    assert len(by_title) == 4
    viewers = by_title["viewers of the photo"]
    assert min(viewers["ours"]) > 0  # how fast is for make bench, not for a test
    assert abs(viewers["baseline"][0] / viewers["baseline"][1] - 10) < 1e-6
    assert "peak_memory_mb" in capsys.readouterr().out
    ElementTree.parse(tmp_path / "speed.svg")
