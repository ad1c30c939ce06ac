"""`benchmark swaps`: who of the annotated people is swapped, and why the others are not."""

import json

import numpy as np
import pytest

from mfmc_engine import engine, guarantee, imaging, swappable
from mfmc_engine import parameters as P
from mfmc_engine.cli import main
from mfmc_engine.evaluation.swaps import measure
from tests.conftest import SHARED
from tests.engine.test_detection import PEOPLE


@pytest.fixture
def folder(tmp_path, photo):
    """A function: a folder with one photo of which the first annotations are the people's, shrunk as told. With a
    ``width`` it ends there, and so do the people."""

    def folder(further=(), shrunk=1, width=9999):
        (tmp_path / "six.png").write_bytes(
            imaging.encode(np.ascontiguousarray(photo[::shrunk, :width:shrunk]), ".png")
        )
        shown = [box for box in PEOPLE if box[2] < width]
        marked = [{"box": [side / shrunk for side in box], "ignore": False} for box in shown]
        (tmp_path / "boxes.json").write_text(json.dumps({"six.png": [*marked, *further]}))
        return tmp_path

    return folder


@pytest.fixture
def run(monkeypatch, capsys, real_engine):
    """A function: the status and the output of the command, with the networks already loaded."""
    monkeypatch.setattr(engine, "Engine", lambda *arguments: real_engine)

    def run(*arguments):
        status = main(["benchmark", "swaps", *map(str, arguments)])
        return status, capsys.readouterr().out

    return run


@pytest.fixture
def drawn(monkeypatch, real_engine):
    """The donors of all photos so far, photo by photo."""
    donors = []
    make = type(real_engine).make_decoys

    def note(self, *arguments):
        decoys = make(self, *arguments)
        donors.append([decoy.donor for decoy in decoys])
        return decoys

    monkeypatch.setattr(type(real_engine), "make_decoys", note)
    return donors


def test_all_six_people_are_swapped_and_by_the_same_donors_again(run, folder, drawn, real_engine):
    status, output = run(folder(), "--json")
    figures = json.loads(output)
    assert status == 0
    assert (figures["photos"], figures["faces"], figures["found"], figures["swapped"]) == (1, 6, 6, 6)
    assert (figures["share"], figures["redacted"], figures["passed"]) == (1.0, [], True)
    # once more, with other annotations: only faces that are found count, and none that is ignored
    nobody = {"box": [600, 600, 660, 680], "ignore": False}
    # an ignored box around a face that is found, too, though somebody else is annotated there
    again = {"box": [side + 1 for side in PEOPLE[0]], "ignore": True}
    tally = measure(real_engine, folder([nobody, again]))
    assert (tally.faces, tally.found, tally.share) == (7, 6, 1.0)
    assert drawn[0] == drawn[1]
    assert all(drawn[0])


def test_faces_below_the_size_do_not_count_though_they_are_found(folder, real_engine):
    small = folder(shrunk=3)
    assert len(real_engine.analyze(imaging.decode(small / "six.png")).faces) == 6
    tally = measure(real_engine, small)
    assert (tally.faces, tally.found, tally.passed) == (0, 0, False)  # nothing was shown


def test_a_head_turned_too_far_misses_the_bar(run, folder, analysis, monkeypatch):
    turns = sorted(abs(face.quality.yaw) for face in analysis.faces)
    monkeypatch.setattr(P, "SWAP_MAX_YAW", (turns[-1] + turns[-2]) / 2)
    status, output = run(folder())
    assert status == 1
    assert "redacted: turned too far" in output
    assert "  1 turned too far" in output
    assert "FAIL  swapped" in output
    assert "0.8333 (>= 0.95)" in output


def test_landmarks_in_doubt_are_told_from_donors_that_fail(run, folder, monkeypatch, analysis):
    def searched_again(pack, image, faces):
        return np.stack([f.landmarks for f in faces]), [np.inf if f.box[0] < 300 else 0 for f in faces]

    monkeypatch.setattr(swappable, "searched_again", searched_again)
    monkeypatch.setattr(P, "FACEMESH_PRESENCE", 1.1)
    monkeypatch.setattr(guarantee, "best", lambda *_: None)
    monkeypatch.setattr(P, "RESORT_ROUND", 1)  # all are drawn, whatever is foretold of them
    status, output = run(folder(width=660), "--json")
    why = [one["why"] for one in json.loads(output)["redacted"]]
    assert status == 1
    assert why == ["landmarks in doubt"] * 2 + [f"none of {P.REDRAW_ROUNDS} donors kept the promise"]


@pytest.mark.shared
def test_profiles_are_redacted(tmp_path, run):
    """All nine large faces of this photo are seen from the side, but for one behind hands."""
    source = SHARED / "group_photos"
    boxes = json.loads((source / "boxes.json").read_text())
    (tmp_path / "boxes.json").write_text(json.dumps({"linzaer_24.jpg": boxes["linzaer_24.jpg"]}))
    (tmp_path / "linzaer_24.jpg").symlink_to(source / "linzaer_24.jpg")
    status, output = run(tmp_path, "--json")
    figures = json.loads(output)
    assert status == 1
    assert len(figures["redacted"]) == figures["found"] == 9
    assert {one["why"] for one in figures["redacted"]} == {"turned too far", "landmarks in doubt"}
