"""Checkpoints in pieces: everything a run needs to go on exactly, no file over PIECE bytes."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import torch

from mfmc_engine.errors import EngineError

PIECE = 15 * 2**20  # bytes; what brings files back from a lent machine often stops at 16 MiB
INDEX = "checkpoint.json"


def save(folder: Path, state: dict[str, Any]) -> None:
    """Write ``state`` to ``folder``. The index is written last and names its pieces: a broken write changes nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    names = []
    for number, start in enumerate(range(0, len(content), PIECE)):
        name = f"{digest[:12]}-{number:03d}.part"
        (folder / name).write_bytes(content[start : start + PIECE])
        names.append(name)
    partial = folder / f"{INDEX}.new"
    partial.write_text(json.dumps({"pieces": names, "bytes": len(content), "sha256": digest}), "utf-8")
    partial.replace(folder / INDEX)
    for path in folder.glob("*.part"):
        if path.name not in names:
            path.unlink()


def load(folder: Path) -> dict[str, Any] | None:
    """The state in ``folder``; None if there is none. Raises EngineError if a piece is missing or changed."""
    try:
        index = json.loads((folder / INDEX).read_text("utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        raise EngineError(f"{folder / INDEX} is damaged") from None
    try:
        content = b"".join((folder / name).read_bytes() for name in index["pieces"])
    except OSError as error:
        raise EngineError(f"{folder}: a piece of the checkpoint is missing ({error.filename})") from None
    if hashlib.sha256(content).hexdigest() != index["sha256"]:
        raise EngineError(f"{folder}: the checkpoint is damaged")
    # our own file, checked above: plain containers, tensors and generator states
    state: dict[str, Any] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return state
