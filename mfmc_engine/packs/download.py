"""Downloading weights: resumable, with progress, checked before use."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

from mfmc_engine.errors import EngineError
from mfmc_engine.packs import store
from mfmc_engine.packs.catalogue import Source
from mfmc_engine.parameters import DOWNLOAD_TIMEOUT_S

Progress = Callable[[int], None]  # bytes that arrived since the last call


def download(source: Source, progress: Progress = lambda _: None) -> list[Path]:
    """Fetch and install the weights of ``source``; what an earlier try left is continued.

    Returns where the files are. Raises EngineError if the licence was not accepted, the server cannot be reached,
    or what arrived is not what the catalogue lists (the part is thrown away then).
    """
    if source.pip:
        raise EngineError(f"{source.name} comes from PyPI: {store.how_to_get(source)}")
    if source.made:
        raise EngineError(f"{source.name} cannot be downloaded: {store.how_to_get(source)}")
    if not store.accepted(source):
        raise EngineError(
            f"the licence of {source.name} ({source.licence.name}) is not accepted: "
            f"{store.how_to_get(source)} --accept-licence"
        )
    folder = store.root() / source.name
    folder.mkdir(parents=True, exist_ok=True)
    # ends in .download for a single file too: ``store.install`` takes it under that name
    part = folder / f"{Path(urlsplit(source.url).path).name}.download"
    _fetch(source, part, progress)
    if store.sha256(part) != source.sha256:
        part.unlink()
        raise EngineError(f"{source.url} is not the file that the catalogue lists; nothing was installed")
    installed = store.install(source, part)
    part.unlink()
    return installed


def _fetch(source: Source, part: Path, progress: Progress) -> None:
    """Bring ``part`` to its full size."""
    have = part.stat().st_size if part.exists() else 0
    if have > source.size:  # of another release: not ours to continue
        part.unlink()
        have = 0
    if have == source.size:
        return
    headers = {"Range": f"bytes={have}-"} if have else {}
    request = urllib.request.Request(source.url, headers=headers)  # noqa: S310  https, from the catalogue
    try:
        with urllib.request.urlopen(request, timeout=DOWNLOAD_TIMEOUT_S) as response:  # noqa: S310
            resumed = _resumes(response, have)
            progress(have if resumed else 0)
            _receive(
                response, part, source.size - (have if resumed else 0), "ab" if resumed else "wb", progress
            )
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or error
        raise EngineError(
            f"{source.url} cannot be downloaded ({reason}); run the same command again to go on, or fetch the file "
            f"elsewhere and run: python -m mfmc_engine packs import {source.name} FILE"
        ) from None


def _resumes(response: HTTPResponse, have: int) -> bool:
    """Whether the server sends the rest only, and from where we stopped."""
    return response.status == 206 and (response.headers["Content-Range"] or "").startswith(f"bytes {have}-")


def _receive(response: HTTPResponse, part: Path, expected: int, mode: str, progress: Progress) -> None:
    with part.open(mode) as file:
        received = 0
        while block := response.read(store.BLOCK):
            received += len(block)
            if received > expected:
                raise EngineError(f"{response.url} is larger than the catalogue says; nothing was installed")
            file.write(block)
            progress(len(block))
    if received < expected:
        raise ConnectionError(f"{received:,} of {expected:,} bytes arrived")
