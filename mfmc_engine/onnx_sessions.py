"""ONNX Runtime sessions: one per file, device and process; threads capped, the best provider that is here."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from mfmc_engine.errors import EngineError, WeightsMissingError


def session(path: Path, device: str, threads: int) -> Any:
    """The process's session for the graph in ``path``; a fork gets its own.

    Raises WeightsMissingError if the file is not a graph ONNX Runtime can load, EngineError if ``device`` is a GPU
    this ONNX Runtime cannot use.
    """
    return _session(str(path), device, threads, os.getpid())


@lru_cache(maxsize=32)
def _session(path: str, device: str, threads: int, process: int) -> Any:
    try:
        return session_of(path, device, threads)
    except EngineError:
        raise
    except Exception as error:  # its errors share no public base class
        raise WeightsMissingError(f"{path} cannot be loaded: {str(error).splitlines()[0]}") from None


def session_of(graph: str | bytes, device: str, threads: int) -> Any:
    """A new session for a graph in a file or in memory. Raises what ONNX Runtime raises."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads  # its default takes every core from the neighbours
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # its threads wait for the next layer awake, which is fast, but would go on so after the last one
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return onnxruntime.InferenceSession(graph, options, providers=providers(device))


def providers(device: str) -> list[Any]:
    """Execution providers for ``device`` ("cpu", "cuda", "cuda:1"). Raises EngineError if CUDA is asked for in vain."""
    import onnxruntime

    if device == "cpu":
        return ["CPUExecutionProvider"]
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        raise EngineError(
            f"device {device!r} asked for, but this ONNX Runtime has no CUDA: pip install onnxruntime-gpu "
            "(after uninstalling onnxruntime)"
        )
    number = int(device.partition(":")[2] or 0)
    return [("CUDAExecutionProvider", {"device_id": number}), "CPUExecutionProvider"]


def takes_any_batch(graph: Any) -> bool:
    """Whether the graph's first axis is free, so that several faces fit into one run."""
    return not isinstance(graph.get_inputs()[0].shape[0], int)
