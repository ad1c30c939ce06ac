"""Every pack and every part of one with its real weights: run where they were put, skipped by name where they were not.

See docs/packs.md. Nothing is downloaded here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import get_args

import numpy as np
import pytest

from mfmc_engine import packs
from mfmc_engine.engine import Engine
from mfmc_engine.imaging import decode
from mfmc_engine.packs import RECIPES, catalogue, missing, store
from mfmc_engine.types import DecoyRequest, Gallery

PARTS = [
    f"builtin+{task}={part}"
    for task in get_args(catalogue.Task)
    for part in packs._sources_of(task)
    if part != RECIPES["builtin"][task]
]
BACK = [
    f"buffalo_l+{task}={part}"
    for task, part in RECIPES["builtin"].items()
    if part != RECIPES["buffalo_l"][task]
]


def need(pack: str) -> None:
    lacking = missing(pack)
    if lacking:
        files = ", ".join(f"{check.source.name}/{check.weights.file}" for check in lacking)
        commands = "; ".join(sorted({store.how_to_get(check.source) for check in lacking}))
        pytest.skip(f"{store.root()} lacks {files}: {commands}")


@lru_cache(maxsize=1)
def engine_of(pack: str) -> Engine:
    return Engine(pack, threads=2)


@pytest.mark.parametrize("source", catalogue.SOURCES.values(), ids=lambda source: source.name)
def test_the_files_are_the_ones_that_the_catalogue_lists(source):
    checks = store.check(source)
    if all(check.state == "missing" for check in checks):
        pytest.skip(f"{store.root() / source.name} is not there: {store.how_to_get(source)}")
    assert {check.weights.file: check.state for check in checks} == dict.fromkeys(
        (weights.file for weights in source.weights), "ok"
    )


@pytest.mark.parametrize("pack", [*RECIPES, *PARTS, *BACK])
def test_a_pack_finds_tells_apart_and_replaces_the_six_people(pack, six_people):
    """Found, matched with themselves alone, replaced by faces that keep the promise of the pack's own space."""
    need(pack)
    engine, photo = engine_of(pack), decode(six_people)
    faces = engine.analyze(photo).faces
    assert len(faces) == 6
    embeddings = np.stack([face.embedding for face in faces])
    gallery = Gallery(tuple("abcdef"), embeddings)
    assert [match.person for match in engine.match(faces, gallery)] == list("abcdef")
    space = engine.pack.space
    apart = np.linalg.norm(embeddings[:, None] - embeddings[None], axis=2)[np.triu_indices(6, 1)]
    assert apart.min() > space.match, "two of the six would be taken for one person"

    decoys = engine.make_decoys(
        photo, [DecoyRequest(face, b"face %d" % i) for i, face in enumerate(faces)], gallery
    )
    swapped = [(face, decoy) for face, decoy in zip(faces, decoys, strict=True) if decoy.kind == "swap"]
    assert len(swapped) >= 4
    for face, decoy in swapped:
        assert np.linalg.norm(decoy.views - face.embedding, axis=1).min() > space.original
        assert decoy.nearest_gallery > 0
    hidden = engine.compose(photo, decoys, range(6))
    anew = engine.analyze(hidden).faces
    assert {match.person for match in engine.match(anew, gallery)} <= {None}
    assert len(anew) >= len(swapped) - 1, "stand-ins look like faces"


@pytest.mark.parametrize("pack", RECIPES)
@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_pack_finds_the_six_people_whichever_way_up_the_photo_is_stored(pack, quarters, six_people):
    need(pack)
    photo = np.ascontiguousarray(np.rot90(decode(six_people), quarters))
    assert len(engine_of(pack).analyze(photo).faces) == 6
