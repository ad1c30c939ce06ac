"""Getting weights: the licence first, broken downloads continued, nothing in place that is not what was listed."""

import hashlib
import json
import threading
import zipfile
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from mfmc_engine import cli
from mfmc_engine.errors import EngineError, WeightsMissingError
from mfmc_engine.packs import RECIPES, catalogue, load_pack, missing, recipe, store
from mfmc_engine.packs.catalogue import RESEARCH, Source, Weights
from mfmc_engine.packs.download import download
from tests.packs import graphs

CONTENTS = {"one.onnx": np.random.default_rng(1).bytes(300_000), "two.onnx": b"second" * 20_000}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home of its own: the weights of whoever runs the tests are neither used nor touched."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MFMC_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path


def weights_of(name: str) -> Weights:
    digest = hashlib.sha256(CONTENTS[name]).hexdigest()
    return Weights(name, "recognizer", len(CONTENTS[name]), digest, "tells people apart")


@pytest.fixture
def archive(tmp_path):
    """A zip as a release has it: a folder, the files, and one more that nobody asked for."""
    path = tmp_path / "tiny.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name, content in CONTENTS.items():
            file.writestr(f"tiny/{name}", content)
        file.writestr("../../evil.onnx", b"x")
    return path


class Server(ThreadingHTTPServer):
    """Sends one file; ``cut`` bytes into a response it hangs up, as often as ``cuts`` says."""

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.cut, self.cuts, self.ranges = content, 0, 0, True
        self.asked: list[str | None] = []


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server: Server = self.server  # type: ignore[assignment]
        asked = self.headers.get("Range")
        server.asked.append(asked)
        start = int(asked[6:-1]) if asked and server.ranges else 0
        body = server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        if start:
            self.send_header(
                "Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}"
            )
        self.end_headers()
        if server.cuts:
            server.cuts -= 1
            body = body[: server.cut]
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(archive):
    running = Server(archive.read_bytes())
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


@pytest.fixture
def source(archive, server, monkeypatch) -> Source:
    content = archive.read_bytes()
    made = Source(
        "tiny",
        tuple(weights_of(name) for name in CONTENTS),
        RESEARCH,
        f"http://127.0.0.1:{server.server_port}/tiny.zip",
        len(content),
        hashlib.sha256(content).hexdigest(),
    )
    monkeypatch.setitem(catalogue.SOURCES, "tiny", made)
    return made


def states(source: Source) -> list[str]:
    return [check.state for check in store.check(source)]


def test_nothing_is_downloaded_before_the_licence_is_accepted(source, server):
    with pytest.raises(EngineError, match="not accepted: python -m mfmc_engine packs download tiny"):
        download(source)
    assert server.asked == []
    store.accept(source)
    download(source)
    assert states(source) == ["ok", "ok"]
    noted = json.loads((store.root() / store.ACCEPTED).read_text())
    assert noted[RESEARCH.name]["text"] == RESEARCH.text


def test_a_download_puts_exactly_the_listed_files_in_place(source, home):
    store.accept(source)
    arrived = []
    paths = download(source, arrived.append)
    assert [path.read_bytes() for path in paths] == list(CONTENTS.values())
    assert sum(arrived) == source.size
    assert sorted(p.name for p in (store.root() / "tiny").iterdir()) == sorted(CONTENTS)
    assert not list(home.rglob("evil.onnx"))


def test_a_broken_download_is_continued_where_it_stopped(source, server):
    store.accept(source)
    server.cut, server.cuts = 100_000, 1
    with pytest.raises(EngineError, match="run the same command again"):
        download(source)
    assert states(source) == ["missing", "missing"]
    download(source)
    assert server.asked == [None, "bytes=100000-"]
    assert states(source) == ["ok", "ok"]


def test_a_server_that_cannot_continue_sends_all_of_it_again(source, server):
    store.accept(source)
    server.cut, server.cuts, server.ranges = 100_000, 1, False
    with pytest.raises(EngineError):
        download(source)
    download(source)
    assert states(source) == ["ok", "ok"]


@pytest.mark.parametrize("change", ["other bytes", "longer"])
def test_a_file_that_is_not_the_listed_one_is_thrown_away(source, server, change):
    store.accept(source)
    content = bytearray(server.content)
    if change == "longer":
        content += b"more"
    else:
        content[1000] ^= 1
    server.content = bytes(content)
    with pytest.raises(EngineError, match="nothing was installed"):
        download(source)
    assert states(source) == ["missing", "missing"]


def test_a_server_out_of_reach_is_one_line_with_the_way_around(source, server):
    store.accept(source)
    with pytest.raises(EngineError, match="packs import tiny FILE") as caught:
        download(replace(source, url="http://127.0.0.1:1/tiny.zip"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_weights_come_in_offline(source, archive, tmp_path, kind):
    package = archive
    if kind == "folder":
        package = tmp_path / "folder"
        with zipfile.ZipFile(archive) as file:
            for name in CONTENTS:
                file.extract(f"tiny/{name}", package)
    store.install(source, package)
    assert states(source) == ["ok", "ok"]


def test_an_import_with_one_wrong_file_changes_nothing(source, tmp_path):
    store.install(source, tmp_path / "tiny.zip")
    package = tmp_path / "folder"
    package.mkdir()
    (package / "one.onnx").write_bytes(CONTENTS["one.onnx"])
    (package / "two.onnx").write_bytes(b"x" * len(CONTENTS["two.onnx"]))
    with pytest.raises(EngineError, match=r"two\.onnx .* is not the file"):
        store.install(source, package)
    assert states(source) == ["ok", "ok"]
    with pytest.raises(EngineError, match="no such file"):
        store.install(source, tmp_path / "nowhere")
    (package / "two.onnx").unlink()
    with pytest.raises(EngineError, match=r"two\.onnx is not in"):
        store.install(source, package)
    assert not list(store.root().rglob("*.part"))


def test_damage_is_found_by_its_bytes(source, archive):
    path = store.install(source, archive)[0]
    content = bytearray(path.read_bytes())
    content[5] ^= 1
    path.write_bytes(content)
    assert states(source) == ["damaged", "ok"]


def test_what_insightface_has_downloaded_is_used_as_it_is(source, home):
    theirs = home / "home" / ".insightface" / "models" / "tiny"
    theirs.mkdir(parents=True)
    for name, content in CONTENTS.items():
        (theirs / name).write_bytes(content)
    assert states(source) == ["ok", "ok"]
    assert store.find(source, source.weights[0]) == theirs / "one.onnx"


def test_missing_weights_say_the_exact_command():
    with pytest.raises(
        WeightsMissingError, match=r"det_10g\.onnx .* python -m mfmc_engine packs download buffalo_l"
    ):
        _ = load_pack("buffalo_l").detector
    with pytest.raises(WeightsMissingError, match=r"inswapper_128\.onnx .* packs download inswapper_128"):
        _ = load_pack("builtin+swapper=inswapper_128").swapper


def test_a_pack_is_a_recipe_with_parts_of_others():
    mixed = recipe("builtin+detector=buffalo_s+recognizer=buffalo_l")
    assert mixed["detector"] == "buffalo_s"
    assert mixed["recognizer"] == "buffalo_l"
    assert mixed["landmarker"] == "dlib-68"
    assert recipe("insightface") == recipe("buffalo_l")
    assert {check.source.name for check in missing("builtin+recognizer=buffalo_l")} == {"buffalo_l"}
    assert missing("builtin") == []
    for wrong in ("nonsense", "builtin+detector=dlib-resnet", "builtin+detector", "builtin+hat=buffalo_l"):
        with pytest.raises(EngineError, match="unknown"):
            recipe(wrong)


# --- the command ---


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    status = cli.main(["packs", *arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_the_list_tells_what_is_ready_and_what_is_missing(capsys):
    status, output, _ = run(capsys, "list")
    assert status == 0
    assert "builtin      ready" in output
    assert "needs buffalo_l, inswapper_128" in output
    rows = {row["name"]: row for row in json.loads(run(capsys, "list", "--json")[1])["weights"]}
    assert rows["buffalo_l"]["state"] == "missing"
    assert rows["buffalo_l"]["bytes"] == 288_621_354
    assert rows["dlib-resnet"]["state"] == "here"


def test_every_source_can_be_shown_with_licence_and_checksums(capsys):
    for name in catalogue.SOURCES:
        status, output, _ = run(capsys, "show", name)
        assert status == 0
        assert "licence" in output
        assert all(weights.sha256 in output for weights in catalogue.SOURCES[name].weights)
    assert "non-commercial" in run(capsys, "show", "buffalo_l")[1]


def test_the_installed_weights_are_what_the_catalogue_lists(capsys):
    status, output, _ = run(capsys, "verify", "centerface", "dlib-68", "dlib-resnet")
    assert status == 0, output
    assert output.count("ok ") == 4


def test_verify_fails_where_something_is_missing_and_says_how_to_get_it(capsys):
    status, output, _ = run(capsys, "verify", "buffalo_s")
    assert status == 1
    assert "packs download buffalo_s" in output


def test_the_command_asks_and_downloads(capsys, source, monkeypatch):
    status, _, errors = run(capsys, "download", "tiny")
    assert status == 2
    assert errors.splitlines()[-1].endswith("add --accept-licence to accept it")
    status, _, errors = run(capsys, "download", "tiny", "--accept-licence")
    assert status == 0, errors
    assert RESEARCH.text in errors
    assert states(source) == ["ok", "ok"]


def test_a_packs_name_stands_for_the_weights_it_needs(capsys):
    mixed = "builtin+recognizer=buffalo_s"
    shown = run(capsys, "show", mixed)[1]
    assert "recognizer   buffalo_s      missing, insightface non-commercial" in shown
    assert "swapper      mesh           needs no weights" in shown
    status, output, _ = run(capsys, "verify", mixed)
    assert status == 1
    assert output.count("ok ") == 4
    assert "missing  buffalo_s/w600k_mbf.onnx" in output
    assert run(capsys, "download", "builtin")[1].count("is here already") == 3
    assert "licence of buffalo_l was not accepted" in run(capsys, "download", "insightface")[2]


def test_whoever_gets_weights_with_the_name_of_a_pack_is_told_what_the_pack_needs_besides(
    capsys, source, monkeypatch
):
    monkeypatch.setitem(RECIPES, "tiny", {"recognizer": "tiny", "swapper": "inswapper_128"})
    output = run(capsys, "download", "tiny", "--accept-licence")[1]
    assert (
        "the pack tiny still needs inswapper_128: python -m mfmc_engine packs download inswapper_128"
        in output
    )


@pytest.mark.parametrize(("answer", "status"), [("yes\n", 0), ("no\n", 2), ("", 2)])
def test_at_a_terminal_only_yes_accepts(capsys, source, monkeypatch, answer, status):
    import io
    import sys

    terminal = io.StringIO(answer)
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    assert run(capsys, "download", "tiny")[0] == status
    assert (states(source) == ["ok", "ok"]) == (status == 0)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("show", "nonsense"), "unknown name 'nonsense': the packs are builtin, neural"),
        (("show", "builtin+hat=buffalo_l"), "unknown part 'hat=buffalo_l'"),
        (("download", "centerface"), "comes from PyPI: pip install"),
        (("import", "centerface", "/"), "comes from PyPI: pip install"),
        (("import", "neural", "/dev/null"), "neural.npz is not in /dev/null"),
        (("calibrate", "buffalo_s", "/nowhere"), "/nowhere: no such folder"),
        (("import", "buffalo_l", "/nowhere.zip"), "/nowhere.zip: no such file or folder"),
        (("import", "insightface", "/"), "import buffalo_l and inswapper_128 by name"),
    ],
)
def test_wrong_names_are_one_line(capsys, arguments, says):
    status, _, errors = run(capsys, *arguments)
    assert status == 2
    assert says in errors
    assert errors.count("\n") == 1


# --- graphs as a release has them, from a zip to an embedding ---


@pytest.fixture
def tiny_buffalo(tmp_path, monkeypatch):
    """A zip like buffalo_s's with tiny graphs in it, and the catalogue as if that were the release."""
    folder = tmp_path / "made"
    folder.mkdir()
    graphs.detector(folder / "det_500m.onnx")
    graphs.landmarker(folder / "1k3d68.onnx")
    graphs.landmarker(folder / "2d106det.onnx", outputs=212)
    graphs.gender_age(folder / "genderage.onnx")
    graphs.recognizer(folder / "w600k_mbf.onnx")
    listed = tuple(
        replace(w, size=(folder / w.file).stat().st_size, sha256=store.sha256(folder / w.file))
        for w in catalogue.BUFFALO_S.weights
    )
    monkeypatch.setitem(catalogue.SOURCES, "buffalo_s", replace(catalogue.BUFFALO_S, weights=listed))
    with zipfile.ZipFile(tmp_path / "buffalo_s.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, f"buffalo_s/{path.name}")
    return tmp_path / "buffalo_s.zip"


def test_a_zip_of_graphs_is_imported_verified_and_used(capsys, tiny_buffalo):
    status, _, errors = run(capsys, "import", "buffalo_s", str(tiny_buffalo))
    assert status == 2
    assert errors.splitlines()[-1].endswith("was not accepted: add --accept-licence to accept it")
    assert "not accepted here yet" in run(capsys, "show", "buffalo_s")[1]
    status, output, _ = run(capsys, "import", "buffalo_s", str(tiny_buffalo), "--accept-licence")
    assert status == 0
    assert output.count(".onnx") == 5
    assert ", accepted here: " in run(capsys, "show", "buffalo_s")[1]
    assert run(capsys, "verify", "buffalo_s")[0] == 0
    assert "buffalo_s    ready" in run(capsys, "list")[1]
    assert missing("buffalo_s") == []
    pack = load_pack("buffalo_s", threads=1)
    image = np.zeros((640, 640, 3), np.uint8)
    image[320:328, 320:328] = 255
    (found,) = pack.detector.detect(image)
    marks = pack.landmarker.mark(image, found.points[None])
    assert pack.recognizer.embed(image, marks).shape == (1, 192)
    assert pack.gender_age(image, found.points[None])[1].shape == (1,)


def test_a_file_of_another_size_is_told_from_one_that_is_not_there(capsys, tiny_buffalo, monkeypatch, home):
    monkeypatch.setitem(catalogue.SOURCES, "buffalo_s", catalogue.BUFFALO_S)
    status, _, errors = run(capsys, "import", "buffalo_s", str(tiny_buffalo), "--accept-licence")
    assert status == 2
    assert "bytes, the one that the catalogue lists 2,524,817: it is damaged, or of another release" in errors
    assert not (store.root() / "buffalo_s").exists(), "nothing is left of it"
    (home / "other.zip").write_bytes(tiny_buffalo.read_bytes())
    errors = run(capsys, "import", "inswapper_128", str(home / "other.zip"))[2]
    assert "inswapper_128.onnx is not in" in errors


def test_only_the_files_that_a_pack_works_with_are_missed():
    def lacking(pack: str) -> set[str]:
        return {check.weights.file for check in missing(pack)}

    assert lacking("builtin") == set()
    assert lacking("builtin+detector=buffalo_s") == {"det_500m.onnx"}
    assert lacking("builtin+swapper=inswapper_128") == {"inswapper_128.onnx", "w600k_r50.onnx"}
    whole = {"det_10g.onnx", "1k3d68.onnx", "genderage.onnx", "w600k_r50.onnx", "inswapper_128.onnx"}
    assert lacking("insightface") == whole, "all but the 106 points"
    assert lacking("builtin+swapper=neural-sampled") in ({"neural.npz"}, set())
