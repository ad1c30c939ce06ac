"""What networks do differently on a CPU for speed answers the same as torch's own way."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mfmc_engine import onnx_sessions
from mfmc_engine.detection import centerface, centerface_graph
from mfmc_engine.onnx_sessions import OnCpu


def test_the_graph_embeds_as_the_torch_network_does(real_engine):
    recognizer = real_engine.pack.recognizer
    chips = np.random.default_rng(0).integers(0, 256, (3, 150, 150, 3), np.uint8)
    with torch.inference_mode():
        wanted = recognizer.network(torch.from_numpy(chips).permute(0, 3, 1, 2).float()).numpy()
    assert np.abs(recognizer.embed_chips(chips) - wanted).max() < 1e-5
    assert np.abs(wanted).max() > 0.1


@pytest.mark.parametrize(("rows", "height", "width"), [(1, 160, 160), (3, 224, 96), (1, 352, 448)])
def test_the_graph_sees_pictures_of_any_size_as_the_torch_network_does(photo, rows, height, width):
    device = torch.device("cpu")
    network = centerface.load_network(device)
    shown = OnCpu(lambda: centerface_graph.graph(network))
    given = torch.from_numpy(np.stack([photo[i : i + height, 300 : 300 + width] for i in range(rows)]))
    given = given.permute(0, 3, 1, 2).float()  # channels last, as a picture comes
    with torch.inference_mode():
        expected = network(given)
    (maps,) = shown(given.numpy())
    np.testing.assert_allclose(maps, expected.numpy(), atol=1e-4)


@pytest.mark.parametrize(
    ("device", "launch", "in_graph"),
    [("cpu", "eager", True), ("cpu", "compile", False), ("meta", "eager", False)],
)
@pytest.mark.parametrize("able", [{}, {"avx512_bf16": True, "amx_bf16": True}])
def test_centerface_runs_as_a_graph_on_every_processor(monkeypatch, device, able, launch, in_graph):
    """In less than single precision it would find other people on some."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert (centerface.CenterFaceOn(torch.device(device), launch).graph is not None) == in_graph


def test_a_fork_has_a_session_of_its_own(monkeypatch):
    made = []
    monkeypatch.setattr(onnx_sessions, "session_of", lambda graph, *_: made.append(graph) or session)
    session = SimpleNamespace(
        get_inputs=lambda: [SimpleNamespace(name="x")], run=lambda _, given: [given["x"] * 2]
    )
    network = OnCpu(lambda: b"graph")
    for process, sessions in ((1, 1), (1, 1), (2, 2)):
        monkeypatch.setattr(onnx_sessions.os, "getpid", lambda process=process: process)
        (doubled,) = network(np.ones((2, 3), np.float32))
        assert doubled.tolist() == [[2.0] * 3] * 2
        assert made == [b"graph"] * sessions
