"""Networks launched as a whole: padded to a few sizes they answer as ever, and what cannot be captured runs as ever.

CUDA graphs themselves need a card (tests/engine/test_on_a_card.py). Here ``buffers`` takes their place: like them it
answers one shape only, out of memory that the next replay writes over.
"""

from __future__ import annotations

import shutil
import threading

import pytest
import torch

from mfmc_engine import parameters as P
from mfmc_engine.batching.launching import Captured, Compiled, Rows, launched
from mfmc_engine.detection.networks import load_networks
from mfmc_engine.errors import EngineError
from mfmc_engine.packs import load_pack
from mfmc_engine.packs.builtin import dlib_weights, weights_folder
from mfmc_engine.recognition.dlib_resnet import load_network

CPU = torch.device("cpu")


class Buffers:
    """A capture in main memory; ``shapes`` are those it was asked for."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, network, batch):
        self.shapes.append(tuple(batch.shape))
        given = batch.clone()
        answers = network(given)

        def replay(again):
            given.copy_(again)
            found = network(given)
            pairs = (
                [(answers, found)] if isinstance(found, torch.Tensor) else zip(answers, found, strict=True)
            )
            for kept, new in pairs:
                kept.copy_(new)
            return answers

        return replay


@pytest.fixture(scope="module")
def networks():
    rnet, onet = load_networks(weights_folder("mtcnn") / "assets/weights", CPU)
    resnet = load_network(dlib_weights("dlib_face_recognition_resnet_model_v1.dat"))
    return {"rnet": rnet, "onet": onet, "resnet": resnet}


def batch(*shape: int, seed: int = 0) -> torch.Tensor:
    found = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return found.contiguous(memory_format=torch.channels_last)


def answers(network, rows) -> tuple[torch.Tensor, ...]:
    with torch.inference_mode():
        found = network(rows)
    return (found,) if isinstance(found, torch.Tensor) else found


def assert_alike(network, other, rows) -> None:
    for ours, theirs in zip(answers(network, rows), answers(other, rows), strict=True):
        assert ours.shape == theirs.shape
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("name", "side"), [("rnet", 24), ("onet", 48), ("resnet", 150)])
def test_padded_to_a_size_it_answers_as_ever(networks, name, side):
    capture = Buffers()
    other = Captured(networks[name], Rows((4, 16)), capture)
    for count in (3, 1, 4, 7, 3):
        assert_alike(other, networks[name], batch(count, 3, side, side, seed=count))
    assert capture.shapes == [(4, 3, side, side), (16, 3, side, side)], "each size is captured once"


def test_answers_stay_when_the_next_batch_goes_through(networks):
    other = Captured(networks["rnet"], Rows((4,)), Buffers())
    first = answers(other, batch(2, 3, 24, 24, seed=1))
    before = [answer.clone() for answer in first]
    answers(other, batch(2, 3, 24, 24, seed=2))
    for kept, was in zip(first, before, strict=True):
        assert torch.equal(kept, was)


def test_threads_do_not_get_each_others_answers(networks):
    other = Captured(networks["rnet"], Rows((4,)), Buffers())
    wrong = []

    def run(seed: int) -> None:
        for n in range(20):
            rows = batch(1 + n % 4, 3, 24, 24, seed=100 * seed + n)
            score, _ = answers(other, rows)
            if not torch.allclose(score, answers(networks["rnet"], rows)[0], atol=1e-5):
                wrong.append((seed, n))

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_what_is_larger_than_every_size_and_what_is_empty_is_not_captured(networks):
    capture = Buffers()
    rows = Captured(networks["rnet"], Rows((4,)), capture)
    for count in (5, 0):
        assert_alike(rows, networks["rnet"], batch(count, 3, 24, 24))
    assert capture.shapes == []


def test_a_size_that_cannot_be_captured_runs_as_ever_and_is_not_tried_again(networks, caplog):
    tried = []

    def refuse(network, rows):
        tried.append(len(rows))
        if len(rows) == 4:
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing\nmore")
        return network

    other = Captured(networks["rnet"], Rows((4, 16)), refuse)
    for count in (3, 4, 9, 2):
        assert_alike(other, networks["rnet"], batch(count, 3, 24, 24))
    assert tried == [4, 16]
    (message,) = [record.getMessage() for record in caplog.records]
    assert message == (
        "RNet cannot be captured at (4, 3, 24, 24): CUDA error: operation not permitted when stream is capturing"
    )


def test_the_networks_own_failure_is_still_seen(networks):
    def out_of_memory(network, rows):
        raise torch.OutOfMemoryError("CUDA out of memory")

    def broken(rows):
        raise torch.OutOfMemoryError("CUDA out of memory, again")

    with pytest.raises(torch.OutOfMemoryError, match="again"):
        Captured(broken, Rows(), out_of_memory)(batch(1, 3, 24, 24))


def test_sizes_not_used_for_long_make_room(networks, monkeypatch):
    monkeypatch.setattr(P, "GRAPHS_KEPT", 2)
    capture = Buffers()
    other = Captured(networks["rnet"], Rows((1, 2, 4)), capture)
    for count in (1, 2, 1, 4, 1, 2):
        answers(other, batch(count, 3, 24, 24))
    assert [shape[0] for shape in capture.shapes] == [1, 2, 4, 2]


# --- which way ---


def test_off_it_is_the_network_itself(networks, caplog):
    for launch in ("eager", "graphs"):
        assert launched(networks["rnet"], launch, CPU, Rows()) is networks["rnet"]
    assert "CUDA graphs asked for on the cpu" in caplog.text
    pack = load_pack("builtin", threads=1)
    assert pack.detector.search.rnet.network.__class__.__name__ == "RNet"
    assert pack.recognizer._embed.network == pack.recognizer._forward


def test_an_unknown_way_is_refused():
    with pytest.raises(EngineError, match="use eager, graphs, compile"):
        load_pack("builtin", launch="warp")


needs_compiler = pytest.mark.skipif(
    not (shutil.which("g++") or shutil.which("clang++")), reason="torch.compile needs a C++ compiler"
)


@needs_compiler
def test_compiled_it_answers_as_ever_for_any_number_of_rows(caplog):
    """Two layers of the R-net's kind: the compiler takes a minute for all of it."""
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.PReLU(4))
    other = launched(network, "compile", CPU, Rows())
    for count in (2, 5):
        assert_alike(other, network, batch(count, 3, 24, 24))
    assert isinstance(other, Compiled)
    assert not other.failed, caplog.text


def test_where_nothing_can_be_compiled_it_runs_as_ever_and_says_so_once(networks, caplog, monkeypatch):
    def no_compiler(network, **options):
        def fail(rows):
            raise RuntimeError("InvalidCxxCompiler: No working C++ compiler found\nhow to get one")

        return fail

    monkeypatch.setattr(torch, "compile", no_compiler)
    other = launched(networks["rnet"], "compile", CPU, Rows())
    for count in (2, 5):
        assert_alike(other, networks["rnet"], batch(count, 3, 24, 24))
    assert other.failed
    assert [record.getMessage() for record in caplog.records] == [
        "RNet cannot be compiled: InvalidCxxCompiler: No working C++ compiler found"
    ]
