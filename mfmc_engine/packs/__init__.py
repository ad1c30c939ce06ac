"""Model packs: which network does what. An Engine asks its pack for each network when it first needs it.

A pack's name is that of a recipe, optionally with parts of another: ``builtin``, ``buffalo_l``,
``builtin+recognizer=buffalo_l``. The name says what embeddings were made with; those of two names
are never compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args

from mfmc_engine.errors import EngineError, InvalidInputError
from mfmc_engine.packs import store
from mfmc_engine.packs.catalogue import DRAWN, INSWAPPER, MESH, NEURAL, SOURCES, Source, Task

if TYPE_CHECKING:
    from mfmc_engine.packs.pack import Pack

INSIGHTFACE: Final = "buffalo_l"  # what "insightface" means
_BUFFALO_L: Final[dict[str, str]] = {
    "detector": "buffalo_l",
    "landmarker": "buffalo_l",
    "recognizer": "buffalo_l",
    "attributes": "buffalo_l",
    "swapper": "inswapper_128",
}
_BUILTIN: Final[dict[str, str]] = {
    "detector": "centerface",
    "landmarker": "dlib-68",
    "recognizer": "dlib-resnet",
    "attributes": "dlib-resnet",
    "swapper": MESH,
}
RECIPES: Final[dict[str, dict[str, str]]] = {
    "builtin": _BUILTIN,
    "neural": {**_BUILTIN, "swapper": NEURAL.name},
    "buffalo_l": _BUFFALO_L,
    # inswapper only knows identities of buffalo_l's recogniser; without it the mesh swaps
    "buffalo_s": {**dict.fromkeys(_BUFFALO_L, "buffalo_s"), "swapper": MESH},
    "antelopev2": {**dict.fromkeys(_BUFFALO_L, "antelopev2"), "swapper": MESH},
}


def load_pack(
    name: str, device: str = "cpu", threads: int = 2, precision: str = "float32", launch: str = "eager"
) -> Pack:
    """The pack of that name; its networks load on first use. Raises EngineError for a name that means nothing, and for
    less than one of the ``threads``."""
    if threads < 1:
        raise InvalidInputError(f"threads must be at least 1, not {threads}")
    from mfmc_engine.packs.pack import Pack  # with torch: who only asks about recipes does without

    return Pack(name, recipe(name), device, threads, precision, launch)


def recipe(name: str) -> dict[str, str]:
    """What does each task in the pack ``name``. Raises EngineError for a name that means nothing."""
    base, *parts = name.split("+")
    base = INSIGHTFACE if base == "insightface" else base
    if base not in RECIPES:
        raise EngineError(
            f"unknown model pack {base!r}: the packs are {', '.join([*RECIPES, 'insightface'])}"
        )
    mixed = dict(RECIPES[base])
    for part in parts:
        task, equals, source = part.partition("=")
        if not equals or source not in _sources_of(task):
            raise EngineError(f"unknown part {part!r} of a model pack: {_parts()}")
        mixed[task] = source
    return mixed


def sources(name: str) -> list[Source]:
    """Where the weights of the pack ``name`` come from. inswapper only knows identities of buffalo_l's recogniser."""
    parts = set(recipe(name).values())
    if INSWAPPER.name in parts:
        parts.add(INSIGHTFACE)
    if DRAWN in parts:
        parts.add(NEURAL.name)
    return [SOURCES[part] for part in sorted(parts & SOURCES.keys())]


def missing(name: str) -> list[store.Check]:
    """Files that the pack ``name`` works with and that are not here or have the wrong size. What lies in the same
    download and is not needed is not asked for."""
    parts = recipe(name)
    wanted = set(parts.items())
    if parts["swapper"] == INSWAPPER.name:
        wanted.add(("recognizer", INSIGHTFACE))
    if parts["swapper"] == DRAWN:
        wanted.add(("swapper", NEURAL.name))
    return [
        check
        for source in sources(name)
        for check in store.check(source, thorough=False)
        if check.state != "ok" and check.weights.used and (check.weights.task, source.name) in wanted
    ]


def space_name(name: str) -> str:
    """Which recogniser the pack ``name`` compares faces with: the name that recognition.space.space_of takes."""
    return recipe(name)["recognizer"]


def _sources_of(task: str) -> list[str]:
    named = [source.name for source in SOURCES.values() if any(w.task == task for w in source.weights)]
    return named + {"swapper": [MESH, DRAWN], "attributes": ["dlib-resnet"]}.get(task, [])


def _parts() -> str:
    return "; ".join(f"{task}={'|'.join(_sources_of(task))}" for task in get_args(Task))


__all__ = ["RECIPES", "load_pack", "missing", "recipe", "sources", "space_name"]
