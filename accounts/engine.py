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
    """The engine of the pack, device and number of threads that the settings name; on the CPU where there is no card.

    On a card, or if ENGINE_BATCH says so, threads that have a photo each share its batches.
    """
    from mfmc_engine.batching.front import Front
    from mfmc_engine.engine import Engine
    from mfmc_engine.fallback import usable_device

    device = usable_device(settings.ENGINE_DEVICE)
    engine = Engine(
        settings.ENGINE_PACK,
        device,
        settings.ENGINE_THREADS,
        settings.ENGINE_PRECISION,
        settings.ENGINE_LAUNCH if device != "cpu" else "eager",
    )
    if settings.ENGINE_BATCH == "on" or (settings.ENGINE_BATCH == "auto" and device != "cpu"):
        engine.runner.front = Front(
            engine.runner.run_group,
            settings.ENGINE_BATCH_WAIT_MS / 1000,
            settings.ENGINE_BATCH_PHOTOS,
            int(settings.ENGINE_BATCH_MEGAPIXELS * 1e6),
        )
    return engine


def space() -> Space:
    """What distances between embeddings of the settings' pack mean."""
    return space_of(space_name(settings.ENGINE_PACK))
