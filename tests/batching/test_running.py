"""A device that fails, injected: smaller batches, then the CPU, and nothing lost. A card that is not there."""

import logging

import numpy as np
import pytest
import torch
from onnxruntime.capi import onnxruntime_pybind11_state as onnx_errors

from mfmc_engine import imaging
from mfmc_engine.batching.running import Runner
from mfmc_engine.engine import Engine
from mfmc_engine.fallback import is_device_failure, usable_device
from mfmc_engine.types import DecoyRequest

PHOTO = np.zeros((100, 100, 3), np.uint8)


class Pack:
    """A pack on a card that only exists in name."""

    name, device, threads = "builtin", "cuda", 1


def runner(at_once: int = 8) -> Runner:
    made = Runner(Pack())
    made.at_once = at_once
    return made


def crowded(fitting: set[str], noted: list):
    """Jobs that run out of the card's memory, all but the ``fitting`` ones, and note where they ran."""

    def job(name: str):
        def run(pack, image):
            noted.append((name, pack.device))
            if pack.device == "cuda" and name not in fitting:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
            return name

        return PHOTO, run

    return job


def test_who_does_not_fit_goes_through_the_cpu_and_the_others_do_not() -> None:
    noted: list = []
    job = crowded({"a", "c"}, noted)
    assert runner().run([job(name) for name in "abc"]) == ["a", "b", "c"]
    assert ("b", "cpu") in noted
    assert ("a", "cpu") not in noted
    assert ("c", "cpu") not in noted


def test_a_batch_too_large_for_the_card_is_halved(caplog) -> None:
    calls: list[int] = []
    made = runner()
    original = made.run_group

    def run_group(jobs):
        calls.append(len(jobs))
        return original(jobs)

    made.run_group = run_group

    def too_many(pack, image):
        if calls[-1] > 2 and pack.device == "cuda":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return pack.device

    with caplog.at_level(logging.WARNING):
        assert made.run([(PHOTO, too_many)] * 8) == ["cuda"] * 8
    assert calls == [8, 4, 2, 2, 4, 2, 2]
    assert "CUDA out of memory" in caplog.text


def test_other_errors_are_not_swallowed() -> None:
    def wrong(pack, image):
        raise ValueError("no such face")

    with pytest.raises(ValueError, match="no such face"):
        runner().run([(PHOTO, wrong)])


def test_groups_are_bounded_in_photos_and_pixels() -> None:
    made = runner(at_once=3)
    made.most_pixels = 25_000
    sizes = [len(group) for group in made._groups([(PHOTO, None)] * 5 + [(np.zeros((400, 400, 3)), None)])]
    assert sizes == [2, 2, 1, 1]


@pytest.mark.parametrize(
    ("error", "device"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), True),
        (RuntimeError("The size of tensor a (3) must match"), False),
        (MemoryError(), False),
        (ValueError("CUDA error"), False),
        (onnx_errors.Fail("CUDNN failure 4: CUDNN_STATUS_INTERNAL_ERROR"), True),
        (onnx_errors.RuntimeException("Failed to allocate memory for requested buffer of size 1"), True),
        (onnx_errors.InvalidArgument("Got invalid dimensions for input: data"), False),
    ],
)
def test_the_devices_failures_are_told_from_ours(error, device) -> None:
    assert is_device_failure(error) is device


def test_without_a_card_the_cpu_is_used_and_the_log_says_so(monkeypatch, caplog) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert usable_device("cpu") == usable_device("auto") == "cpu"
    assert not caplog.records
    assert usable_device("cuda") == "cpu"
    assert "no CUDA device" in caplog.text
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert usable_device("auto") == "cuda"
    assert usable_device("cuda:1") == "cuda:1"


def test_the_sites_engine_starts_where_there_is_no_card(settings, monkeypatch) -> None:
    from accounts.engine import get_engine

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    settings.ENGINE_DEVICE = "cuda"
    engine = get_engine.__wrapped__()
    assert engine.pack.device == "cpu"
    assert engine.runner.front is None  # nothing to share on a CPU, unless asked for
    settings.ENGINE_BATCH = "on"
    assert get_engine.__wrapped__().runner.front is not None


def test_a_real_photo_gets_its_faces_and_decoys_when_the_card_runs_out_of_memory(
    six_people, monkeypatch
) -> None:
    photo = np.ascontiguousarray(imaging.decode(six_people)[300:, 250:900])
    engine = Engine(threads=1)
    expected = engine.analyze(photo)
    engine.pack.device = "cuda"  # and every batch on it fails:
    engine.runner._spare = Engine(threads=1).pack
    monkeypatch.setattr(engine.pack, "upload", lambda image: image)

    def out_of_memory(*arguments):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(engine.pack.recognizer, "embed_chips", out_of_memory)
    found = engine.analyze_many([photo, photo])
    for analysis in found:
        for ours, theirs in zip(analysis.faces, expected.faces, strict=True):
            np.testing.assert_allclose(ours.embedding, theirs.embedding, atol=1e-4)
    monkeypatch.setattr(engine.pack, "upload", out_of_memory)
    (decoy,) = engine.make_decoys(photo, [DecoyRequest(expected.faces[0], b"spare")])
    assert decoy.distance_to_original > 0
