"""Model packs: named sets of networks. An Engine asks its pack for each network when it first needs it."""

from __future__ import annotations

from mfmc_engine.errors import EngineError
from mfmc_engine.packs.builtin import BuiltinPack

Pack = BuiltinPack  # the only pack so far; a second one will make this a Protocol


def load_pack(name: str, device: str, threads: int) -> Pack:
    """The pack of that name; its networks load on first use. Raises EngineError for an unknown name."""
    if name != "builtin":
        raise EngineError(f"unknown model pack {name!r}: the packs are builtin")
    return BuiltinPack(device, threads)
