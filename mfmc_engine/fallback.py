"""When there is no card, or it fails: the work goes on, a smaller piece at a time, in the end on the CPU."""

from __future__ import annotations

import gc
import logging

import torch

logger = logging.getLogger(__name__)
SIGNS = ("CUDA error", "CUDA out of memory", "CUBLAS_STATUS", "cuDNN error")  # in torch's errors
ONNX_SIGNS = ("CUDA", "CUDNN", "CUBLAS", "Failed to allocate memory")  # in ONNX Runtime's


def usable_device(wanted: str) -> str:
    """``wanted`` ("cpu", "cuda", "cuda:1", or "auto" for a card where there is one), or "cpu" where it is not there."""
    if wanted == "cpu" or torch.cuda.is_available():
        return "cuda" if wanted == "auto" else wanted
    if wanted != "auto":
        logger.warning("device %s asked for, but this PyTorch sees no CUDA device: using the CPU", wanted)
    return "cpu"


def is_device_failure(error: BaseException) -> bool:
    """Whether it was the card that failed, not what it was asked to do: out of memory, lost, a kernel that died."""
    if isinstance(error, torch.OutOfMemoryError | torch.AcceleratorError):
        return True
    # ONNX Runtime's errors have no public base class, and are no RuntimeErrors
    theirs = type(error).__module__.startswith("onnxruntime")
    signs = ONNX_SIGNS if theirs else SIGNS if isinstance(error, RuntimeError) else ()
    return any(sign in str(error) for sign in signs)


def release_memory() -> None:
    """Give back what torch keeps of the card's memory, once nothing refers to it any more."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
