"""The process-wide face engine. torch is imported by the first call, not by the web process's start."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings

from mfmc_engine.packs import space_name
from mfmc_engine.recognition.space import Space, space_of

if TYPE_CHECKING:
    from mfmc_engine.engine import Engine


@lru_cache(maxsize=1)
def get_engine() -> Engine:
    """The engine of the pack, device and number of threads that the settings name."""
    from mfmc_engine.engine import Engine

    return Engine(settings.ENGINE_PACK, settings.ENGINE_DEVICE, settings.ENGINE_THREADS)


def space() -> Space:
    """What distances between embeddings of the settings' pack mean."""
    return space_of(space_name(settings.ENGINE_PACK))
