"""The documented command line: its output, its files, its one-line errors."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image as PILImage

from mfmc_engine import cli
from mfmc_engine.commands import analyze, anonymize
from mfmc_engine.errors import EngineError
from mfmc_engine.imaging import decode
from tests.engine.test_imaging import png_header


@pytest.fixture
def run(monkeypatch, capsys, real_engine):
    """A function: run a command line with the networks already loaded; (status, output, errors)."""
    for module in (analyze, anonymize):
        monkeypatch.setattr(module, "Engine", lambda *pack, **options: real_engine)

    def run(*arguments: object) -> tuple[int, str, str]:
        try:
            status = cli.main([str(a) for a in arguments])
        except SystemExit as stop:
            status = int(stop.code or 0)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture(scope="module")
def two_people(photo, tmp_path_factory):
    """A file with two of the six, for what is no question of how many there are."""
    path = tmp_path_factory.mktemp("two") / "two.jpg"
    PILImage.fromarray(photo[200:520, 420:880]).save(path)
    return path


@pytest.fixture
def refuse(run):
    """A function: run a command line that must fail with one line, and return that line."""

    def refuse(*arguments: object) -> str:
        status, output, errors = run(*arguments)
        assert (status, output) == (2, "")
        assert errors.count("\n") == 1
        assert "Traceback" not in errors
        return errors

    return refuse


@pytest.fixture
def bad_files(tmp_path, six_people) -> dict[str, bytes]:
    """Files nobody can anonymise."""
    tiny = io.BytesIO()
    PILImage.new("RGB", (1, 1)).save(tiny, "PNG")
    empty_room = io.BytesIO()
    PILImage.new("RGB", (300, 200), "grey").save(empty_room, "PNG")
    contents = {
        "text.jpg": b"no picture",
        "empty.jpg": b"",
        "truncated.jpg": six_people.read_bytes()[:50_000],
        "tiny.png": tiny.getvalue(),
        "bomb.png": png_header(20_000, 20_000),
        "nobody.png": empty_room.getvalue(),
    }
    folder = tmp_path / "bad"
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return {name: folder / name for name in contents}


def test_analyze_prints_the_documented_json(run, six_people) -> None:
    status, output, errors = run("analyze", six_people, "--json")
    assert (status, errors) == (0, "")
    report = json.loads(output)
    assert (report["width"], report["height"]) == (1280, 886)
    assert len(report["faces"]) == 6
    for face in report["faces"]:
        assert set(face) == {"box", "score", "landmarks", "quality"}
        assert np.array(face["box"]).shape == (4,)
        assert np.array(face["landmarks"]).shape == (68, 2)
        assert 0 <= face["quality"] <= 1
        assert 0 <= face["score"] <= 1


def test_analyze_without_faces_is_a_result(run, bad_files) -> None:
    status, output, _ = run("analyze", bad_files["nobody.png"], "--json")
    assert status == 0
    assert json.loads(output)["faces"] == []


def test_anonymize_replaces_every_face_but_the_kept(run, six_people, photo, tmp_path) -> None:
    out = tmp_path / "out.png"
    status, output, _ = run("anonymize", six_people, out, "--keep", "0,2", "--seed", 1, "--json")
    assert status == 0
    report = json.loads(output)
    assert [face["kept"] for face in report["faces"]] == [True, False, True, False, False, False]
    result = decode(out).astype(int)
    assert result.shape == photo.shape
    for face in report["faces"]:
        x0, y0, x1, y1 = (int(v) for v in face["box"])
        change = np.abs(result[y0:y1, x0:x1] - photo[y0:y1, x0:x1]).mean()
        if face["kept"]:
            assert face["decoy"] is None
            assert change == 0
        else:
            decoy = face["decoy"]
            assert decoy["kind"] in ("swap", "redaction")
            assert decoy["nearest_gallery"] is None
            assert decoy["distance_to_original"] > decoy["threshold"] or decoy["kind"] == "redaction"
            assert change > 3


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(run, two_people, tmp_path) -> None:
    contents = []
    for name, seed in (("a.jpg", 1), ("b.jpg", 1), ("c.jpg", 2)):
        assert run("anonymize", two_people, tmp_path / name, "--seed", seed)[0] == 0
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1] != contents[2]


def test_the_written_file_has_no_metadata(run, two_people, tmp_path) -> None:
    exif = PILImage.Exif()
    exif[0x010E] = "a secret place"
    tagged = tmp_path / "tagged.jpg"
    PILImage.open(two_people).save(tagged, exif=exif, comment=b"a secret name")
    out = tmp_path / "out.jpg"
    assert run("anonymize", tagged, out, "--seed", 1)[0] == 0
    assert b"secret" in tagged.read_bytes()
    assert b"secret" not in out.read_bytes()
    assert not PILImage.open(out).getexif()


def test_bad_files_are_refused_in_one_line_and_nothing_is_written(refuse, bad_files, tmp_path) -> None:
    for path in bad_files.values():
        assert path.name in refuse("anonymize", path, tmp_path / "out.jpg")
        assert not (tmp_path / "out.jpg").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["anonymize", "missing.jpg", "out.jpg"],
        ["anonymize", "PHOTO", "out.gif"],
        ["anonymize", "PHOTO", "no/such/folder/out.jpg"],
        ["anonymize", "PHOTO", "PHOTO"],
        ["anonymize", "PHOTO", "out.jpg", "--keep", "one"],
        ["anonymize", "PHOTO", "out.jpg", "--keep", "6"],
        ["anonymize", "PHOTO", "out.jpg", "--keep", "-1"],
        ["anonymize", "PHOTO", "out.jpg", "--gallery", "no/such/folder"],
        ["anonymize", "PHOTO", "out.jpg", "--boxes", "no.json"],
        ["anonymize", "PHOTO", "out.jpg", "--device", "abacus"],
        ["analyze", "missing.jpg"],
        ["analyze", "."],
        ["frobnicate"],
        [],
        ["benchmark", "recall", "."],
        ["benchmark", "recall", ".", "--angles", "up"],
        ["benchmark", "recall", ".", "--spoiled"],
        ["benchmark", "recall", ".", "--spoiled", "--angles", "0"],
        ["benchmark", "recall", ".", "--covered"],
        ["benchmark", "recall", ".", "--covered", "--spoiled"],
        ["benchmark", "swaps", "."],
        ["benchmark", "cutouts", "."],
        ["benchmark", "cutouts", ".", "--every", "0"],
    ],
)
def test_a_wrong_command_line_is_one_line_and_writes_nothing(
    refuse, six_people, tmp_path, monkeypatch, arguments
) -> None:
    monkeypatch.chdir(tmp_path)
    refuse(*[str(six_people) if a == "PHOTO" else a for a in arguments])
    assert list(tmp_path.rglob("out*")) == []


def test_a_failure_on_the_way_leaves_no_file(refuse, two_people, tmp_path, monkeypatch, real_engine) -> None:
    def fail(*_: object) -> None:
        raise EngineError("no decoy")

    monkeypatch.setattr(type(real_engine), "compose", staticmethod(fail))
    assert "no decoy" in refuse("anonymize", two_people, tmp_path / "out.jpg")
    assert list(tmp_path.iterdir()) == []


def test_an_unforeseen_error_is_one_line_too(refuse, six_people, tmp_path, monkeypatch, real_engine) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr(type(real_engine), "analyze", fail)
    assert "internal error" in refuse("anonymize", six_people, tmp_path / "out.jpg")


def test_boxes_add_faces_the_caller_knows(run, six_people, photo, tmp_path) -> None:
    known = tmp_path / "boxes.json"
    known.write_text(json.dumps({"t1.jpg": [[600, 600, 660, 680]]}))
    out = tmp_path / "out.png"
    status, output, _ = run("anonymize", six_people, out, "--boxes", known, "--seed", 1, "--json")
    assert status == 0
    faces = json.loads(output)["faces"]
    assert len(faces) == 7
    assert faces[6]["decoy"]["kind"] in ("swap", "redaction")
    assert (decode(out)[620:660, 615:645] != photo[620:660, 615:645]).any()


@pytest.mark.parametrize("content", ["[1, 2]", '{"t1.jpg": [[1, 2, 3]]}', '{"t1.jpg": 5}', "no json"])
def test_boxes_of_another_form_are_refused(refuse, six_people, tmp_path, content) -> None:
    (tmp_path / "boxes.json").write_text(content)
    refuse("anonymize", six_people, tmp_path / "out.jpg", "--boxes", tmp_path / "boxes.json")


@pytest.mark.parametrize("command", ["anonymize", "analyze"])
def test_boxes_of_a_photo_that_is_not_there_are_refused(refuse, six_people, tmp_path, command) -> None:
    """By a slip in its name the face would stay bare."""
    known = tmp_path / "boxes.json"
    known.write_text(json.dumps({"t1.jpg": [], "T1.jpg": [[0, 0, 9, 9]], "t2.jpg": []}))
    out = [tmp_path / "out.jpg"] if command == "anonymize" else []
    line = refuse(command, six_people, *out, "--boxes", known)
    assert "boxes.json: 'T1.jpg' is not among the photos (nor are 1 more)" in line


def test_a_box_outside_the_photo_is_no_internal_error(refuse, run, two_people, tmp_path) -> None:
    known = tmp_path / "boxes.json"
    known.write_text(json.dumps({"two.jpg": [[0, 0, 9000, -4]]}))
    line = refuse("anonymize", two_people, tmp_path / "out.jpg", "--boxes", known)
    assert "internal" not in line
    assert "every box needs" in line
    status, _, errors = run("anonymize", two_people.parent, tmp_path / "out", "--boxes", known)
    assert status == 1
    assert errors.startswith("two.jpg: every box needs")


@pytest.mark.parametrize(
    "arguments",
    [
        ["benchmark", "speed", "x.jpg", "--repeats", "0"],
        ["benchmark", "speed", "x.jpg", "--threads", "0"],
        ["packs", "calibrate", "builtin", ".", "--people", "-3"],
        ["train", "pack", ".", "x.npz", "--limit", "0"],
        ["evaluate", "--data", ".", "--out", "x", "--jobs", "none"],
    ],
)
def test_counts_are_whole_numbers_from_one(refuse, arguments) -> None:
    assert "is not a whole number from 1 on" in refuse(*arguments)


@pytest.fixture
def tree(two_people, tmp_path):
    """A folder with somebody in it and somebody in a subfolder, and in both the wall of a room."""
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    PILImage.open(two_people).crop((0, 0, 230, 320)).save(folder / "one.png")
    PILImage.open(two_people).crop((0, 0, 230, 320)).save(folder / "sub" / "one.png")
    for place in (folder, folder / "sub"):
        PILImage.new("RGB", (64, 48), "grey").save(place / "wall.png")
    return folder


def test_subfolders_are_left_out_aloud(run, tree, tmp_path) -> None:
    _, _, errors = run("anonymize", tree, tmp_path / "out")
    assert "1 subfolders are left out (see --recursive)" in errors
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["one.png"]


def test_subfolders_are_done_if_asked_for_and_faceless_photos_copied(run, tree) -> None:
    out = tree / "out"  # within: what a run has written is not taken up by the next
    known = tree.parent / "boxes.json"
    known.write_text(json.dumps({"sub/wall.png": [[8, 8, 40, 40]]}))
    for _ in range(2):
        status, output, errors = run(
            "anonymize", tree, out, "--recursive", "--copy-faceless", "--json", "--boxes", known, "--seed", 5
        )
        assert status == 0
        assert errors == "wall.png: no face found, so it is copied as it is\n"
        reports = {report["file"]: report for report in map(json.loads, output.splitlines())}
        assert {name: len(report["faces"]) for name, report in reports.items()} == {
            "one.png": 1,
            "sub/one.png": 1,
            "sub/wall.png": 1,
            "wall.png": 0,
        }
        assert np.array_equal(decode(out / "wall.png"), decode(tree / "wall.png"))
        assert (decode(out / "sub" / "wall.png") != decode(tree / "sub" / "wall.png")).any()
        assert (decode(out / "one.png") != decode(tree / "one.png")).any()


def test_an_original_is_never_written_over(refuse, tree) -> None:
    (tree / "sub" / "sub").mkdir()
    (tree / "sub" / "one.png").rename(tree / "sub" / "sub" / "wall.png")
    before = (tree / "sub" / "wall.png").read_bytes()
    # sub/sub/wall.png would come to lie where sub/wall.png is
    assert "would overwrite an original" in refuse("anonymize", tree / "sub", tree, "--recursive")
    assert (tree / "sub" / "wall.png").read_bytes() == before


def test_a_run_without_a_seed_tells_the_one_it_drew(run, tree, tmp_path) -> None:
    status, output, _ = run("anonymize", tree / "one.png", tmp_path / "a.png", "--json")
    seed = json.loads(output)["seed"]
    assert (status, len(seed)) == (0, 64)
    assert run("anonymize", tree / "one.png", tmp_path / "b.png", "--seed", seed)[0] == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_the_gallery_is_measured_against(run, refuse, two_people, photo, analysis, tmp_path) -> None:
    people = tmp_path / "people"
    (people / "ann").mkdir(parents=True)
    x0, y0, x1, y1 = (int(v) for v in analysis.faces[3].box)
    PILImage.fromarray(photo[y0 - 60 : y1 + 60, x0 - 60 : x1 + 60]).save(people / "ann" / "1.png")
    status, output, _ = run(
        "anonymize", two_people, tmp_path / "o.jpg", "--gallery", people, "--seed", 1, "--json"
    )
    assert status == 0
    faces = json.loads(output)["faces"]
    assert len(faces) == 2
    assert all(face["decoy"]["nearest_gallery"] > 0 for face in faces)
    PILImage.new("RGB", (100, 100)).save(people / "wall.png")
    assert "wall.png" in refuse("anonymize", two_people, tmp_path / "p.jpg", "--gallery", people)


def test_a_folder_is_done_photo_by_photo_and_bad_ones_are_reported(
    run, two_people, bad_files, tmp_path
) -> None:
    folder, out = bad_files["text.jpg"].parent, tmp_path / "out"
    for name in ("two.jpg", "two.gif"):
        PILImage.open(two_people).save(folder / name)
    (folder / "notes.txt").write_text("left out")
    status, output, errors = run("anonymize", folder, out, "--seed", 1, "--json")
    assert status == 1
    reports = [json.loads(line) for line in output.splitlines()]
    assert [report["file"] for report in reports] == ["two.gif", "two.jpg"]
    assert {path.name for path in out.iterdir()} == {"two.gif.png", "two.jpg"}
    for name in bad_files:
        assert errors.count(name) == 1
    assert "Traceback" not in errors


def test_a_folder_cannot_be_combined_with_kept_numbers(refuse, six_people, tmp_path) -> None:
    refuse("anonymize", six_people.parent, tmp_path / "out", "--keep", "0")
    assert not (tmp_path / "out").exists()


def test_the_module_itself_runs(tmp_path) -> None:
    """In a process of its own, on input that needs no network."""
    command = [sys.executable, "-m", "mfmc_engine", "analyze", str(tmp_path / "none.jpg")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
