"""ONNX Runtime sessions, and insightface's networks on them: one session per file, device and process; threads capped,
the best provider that is here."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

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
        raise WeightsMissingError(f"{path} cannot be loaded: {_first_line(error)}") from None


def session_of(graph: str | bytes, device: str, threads: int) -> Any:
    """A new session for a graph in a file or in memory.

    Raises EngineError if ``device`` is a GPU this ONNX Runtime cannot use, else what ONNX Runtime raises.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads  # its default takes every core from the neighbours
    options.inter_op_num_threads = 1
    # would keep a plan for every size that was ever asked for, and gain nothing
    options.enable_mem_pattern = False
    # its own heap doubles whenever it grows and gives nothing back, and memory.py keeps what the C library frees:
    # without it a photo takes as long, and six faces of one 0.6 GB less
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    # its threads wait for the next layer awake, which is fast, but would go on so after the last one
    options.add_session_config_entry("session.force_spinning_stop", "1")
    made = onnxruntime.InferenceSession(graph, options, providers=providers(device))
    if device != "cpu" and made.get_providers()[0] == "CPUExecutionProvider":  # it only logs that CUDA failed
        raise EngineError(
            f"device {device!r} asked for, but ONNX Runtime cannot start CUDA there: its CUDA and cuDNN libraries "
            "are missing or of another version than onnxruntime-gpu needs"
        )
    return made


class OnCpu:
    """A graph made in memory, of one input, on a CPU: any number of threads may ask at once, and each works on its
    answer by itself. A fork, which has none of its parent's threads, makes a session of its own."""

    def __init__(self, graph: Callable[[], bytes]) -> None:
        self.graph = graph
        self._session: tuple[int, Any] | None = None  # and the process it runs in

    def __call__(self, rows: NDArray[Any]) -> list[NDArray[Any]]:
        """The graph's outputs, (N, ...) each, for (N, ...) rows of float32."""
        if self._session is None or self._session[0] != os.getpid():
            self._session = os.getpid(), session_of(self.graph(), "cpu", 1)
        session = self._session[1]
        return list(session.run(None, {session.get_inputs()[0].name: np.ascontiguousarray(rows)}))


def instead_of_torch(
    graph: Callable[[], bytes], device: torch.device, dtype: torch.dtype, launch: str
) -> OnCpu | None:
    """The graph as a network that torch has, too, is run by: on a CPU in single precision, unless another ``launch``
    than eager is asked for. Else None."""
    fits = device.type == "cpu" and dtype == torch.float32 and launch == "eager"
    return OnCpu(graph) if fits else None


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
    onnxruntime.preload_dlls()  # torch's CUDA and cuDNN, which pip does not put where the linker looks
    number = int(device.partition(":")[2] or 0)
    # the arena doubles otherwise, and torch works on the same card
    options = {"device_id": number, "arena_extend_strategy": "kSameAsRequested"}
    return [("CUDAExecutionProvider", options), "CPUExecutionProvider"]


def wrapped(kind: Callable[..., Any], path: Path, device: str, threads: int) -> Any:
    """The process's network of insightface's ``kind`` on the graph in ``path``: SCRFD makes a session for every size.

    Raises WeightsMissingError if the graph is not of that kind: that is no photo's fault.
    """
    return _wrapped(kind, path, session(path, device, threads))


@lru_cache(maxsize=32)
def _wrapped(kind: Callable[..., Any], path: Path, graph: Any) -> Any:
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # some print their shape
            return kind(model_file=str(path), session=graph)
    except Exception as error:
        reason = _first_line(error) or type(error).__name__
        raise WeightsMissingError(f"{path.name} is not what {kind.__name__} takes: {reason}") from None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "")


def takes_any_batch(graph: Any) -> bool:
    """Whether the graph's first axis is free, so that several faces fit into one run."""
    return not isinstance(graph.get_inputs()[0].shape[0], int)
