"""CPU and CUDA agree. Needs a card; without one test_on_a_device.py runs the same code on tensors in main memory."""

import numpy as np
import pytest
import torch

from mfmc_engine.engine import Engine
from mfmc_engine.landmarks import five_of
from mfmc_engine.types import DecoyRequest

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")


@pytest.fixture(scope="module")
def card() -> Engine:
    return Engine(device="cuda", threads=2)


def test_the_forest_adds_its_leaves_in_dlibs_order_there_too(card, real_engine, photo, analysis) -> None:
    points = five_of(np.stack([face.landmarks for face in analysis.faces]))
    theirs = real_engine.pack.landmarker.mark(photo, points, passes=1)
    np.testing.assert_allclose(card.pack.landmarker.mark(photo, points, passes=1), theirs, atol=0.01)


def test_the_same_faces_are_found_alone_and_in_company(card, photo, analysis) -> None:
    other = np.ascontiguousarray(photo[:, ::-1])
    for found in (card.analyze(photo), card.analyze_many([photo, other, photo])[2]):
        assert len(found.faces) == len(analysis.faces)
        for ours, theirs in zip(found.faces, analysis.faces, strict=True):
            assert np.abs(ours.landmarks - theirs.landmarks).mean() < 0.01 * theirs.quality.size
            assert np.linalg.norm(ours.embedding - theirs.embedding) < 0.05


def test_decoys_of_the_same_faces_agree_within_two_grey_levels(card, real_engine, photo, analysis) -> None:
    requests = [DecoyRequest(face, b"card %d" % i) for i, face in enumerate(analysis.faces)]
    there, here = (engine.make_decoys(photo, requests) for engine in (card, real_engine))
    assert [decoy.kind for decoy in there] == [decoy.kind for decoy in here]
    same = [(one, other) for one, other in zip(there, here, strict=True) if one.donor == other.donor]
    assert len(same) >= len(here) - 1  # a distance right at a threshold may fall on either side
    hidden = range(len(here))
    apart = np.abs(
        real_engine.compose(photo, there, hidden).astype(int) - real_engine.compose(photo, here, hidden)
    )
    for one, other in same:
        (x, y), (height, width) = other.origin, other.alpha.shape
        assert apart[y : y + height, x : x + width].mean() < 2
        assert one.distance_to_original > one.threshold or one.kind == "redaction"


@pytest.mark.parametrize("launch", ["graphs", "compile"])
def test_however_the_networks_are_launched_they_find_the_same(card, photo, launch, caplog) -> None:
    other = Engine(device="cuda", threads=2, launch=launch)
    plain = card.analyze(photo)
    mirrored = np.ascontiguousarray(photo[:, ::-1])
    for found in (
        other.analyze(photo),  # captured or compiled here
        other.analyze(photo),
        other.analyze_many([mirrored, photo, mirrored])[1],
    ):
        assert len(found.faces) == len(plain.faces)
        for ours, theirs in zip(found.faces, plain.faces, strict=True):
            assert np.abs(ours.landmarks - theirs.landmarks).mean() < 0.01 * theirs.quality.size
            assert np.linalg.norm(ours.embedding - theirs.embedding) < 0.05
    assert "cannot be" not in caplog.text, "nothing fell back to single kernels"
    if launch == "graphs":
        search = other.pack.detector.search
        for network in (search.rnet, search.onet, other.pack.recognizer._embed):
            assert network.network._replays


def test_insightfaces_graphs_run_on_the_card(tmp_path) -> None:
    """With onnxruntime-gpu: tiny graphs, batched, on CUDA as on the CPU."""
    import onnxruntime

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has no CUDA: pip install onnxruntime-gpu")
    from mfmc_engine.recognition.arcface import ArcFace
    from tests.packs import graphs

    path = graphs.recognizer(tmp_path / "r.onnx")
    chips = np.random.default_rng(0).integers(0, 256, (20, 112, 112, 3), np.uint8)
    there = ArcFace(path, "cuda", 1)
    assert there.network.session.get_providers()[0] == "CUDAExecutionProvider"
    np.testing.assert_allclose(
        there.embed_chips(chips), ArcFace(path, "cpu", 1).embed_chips(chips), atol=1e-4
    )
