"""What distances mean in an embedding space: every recogniser has its own, and none can be compared with another.

dlib's thresholds are in parameters.py. Those of ArcFace there are assumed; ``packs calibrate`` measures them and keeps
them in the folder of the weights, which then count instead.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Final

from mfmc_engine import parameters as P
from mfmc_engine.errors import EngineError
from mfmc_engine.packs import store

FILE: Final = "thresholds.json"  # in the weights' folder, one a recogniser
DLIB_RESNET: Final = "dlib-resnet"


@dataclass(frozen=True, slots=True)
class Space:
    """Euclidean distances in one recogniser's space; sources in parameters.py."""

    name: str
    original: float  # the promise toward a replaced face
    preferred: float  # what redraws aim for
    match: float  # the most at which any gallery takes a face for somebody
    margin: float  # of a match to the next person
    claim: float  # at which "that's me" is believed without asking
    claim_limit: float  # beyond which it never is
    same_person: float  # beyond which two pictures cannot belong to one account
    apart: float  # wished for between one person's decoys
    # share of pairs of strangers nearer than ``tail_distance``, falling with that power of the distance
    tail_rate: float
    tail_distance: float
    tail_exponent: float


DLIB: Final = Space(
    "dlib-resnet",
    P.ORIGINAL_THRESHOLD,
    P.ORIGINAL_PREFERRED,
    P.MATCH_THRESHOLD,
    P.AMBIGUITY_MARGIN,
    P.CLAIM_THRESHOLD,
    P.CLAIM_LIMIT,
    P.ENROLMENT_SAME_PERSON,
    P.APART_PREFERRED,
    P.STRANGERS_TAIL_RATE,
    P.STRANGERS_TAIL_DISTANCE,
    P.STRANGERS_TAIL_EXPONENT,
)
ARCFACE: Final = Space(
    "arcface",
    P.ARCFACE_ORIGINAL,
    P.ARCFACE_PREFERRED,
    P.ARCFACE_MATCH,
    P.ARCFACE_MARGIN,
    P.ARCFACE_CLAIM,
    P.ARCFACE_CLAIM_LIMIT,
    P.ARCFACE_SAME_PERSON,
    P.ARCFACE_APART,
    P.ARCFACE_TAIL_RATE,
    P.ARCFACE_TAIL_DISTANCE,
    P.ARCFACE_TAIL_EXPONENT,
)


def space_of(recognizer: str) -> Space:
    """The space of a recogniser by the name of its source in packs/catalogue.py.

    Raises EngineError if what was measured cannot be read: what was assumed does not silently take its place.
    """
    if recognizer == DLIB_RESNET:
        return DLIB
    path = measured_in(recognizer)
    try:
        changed = path.stat().st_mtime_ns
    except FileNotFoundError:
        return ARCFACE
    except OSError as error:
        raise EngineError(f"{path} cannot be read: {error.strerror}") from None
    return _read(path, changed)


def measured_in(recognizer: str) -> Path:
    """The file that holds the thresholds measured for a recogniser, if they were."""
    return store.root() / recognizer / FILE


def is_assumed(recognizer: str) -> bool:
    """Whether nobody measured the recogniser's thresholds on this machine."""
    return space_of(recognizer) is ARCFACE


def keep(recognizer: str, space: Space) -> Path:
    """Keep measured thresholds: from now on they are the recogniser's. Returns where they are.

    Raises EngineError for thresholds that make no sense together, and for dlib's, which are in parameters.py.
    """
    if recognizer == DLIB_RESNET:
        raise EngineError("dlib's thresholds are kept in mfmc_engine/parameters.py")
    _check(space, recognizer)
    path = measured_in(recognizer)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(asdict(space), indent=1) + "\n", "utf-8")
    partial.replace(path)
    return path


@lru_cache(maxsize=16)
def _read(path: Path, changed: int) -> Space:
    try:
        space = Space(**json.loads(path.read_text("utf-8")))
        _check(space, path.parent.name)
    except (OSError, ValueError, TypeError, EngineError) as error:
        again = f"python -m mfmc_engine packs calibrate {path.parent.name} FOLDER --write"
        raise EngineError(f"{path} does not hold thresholds ({error}); measure them again: {again}") from None
    return space


def _check(space: Space, recognizer: str) -> None:
    """Raises EngineError for thresholds of another recogniser, and for what cannot be distances of unit vectors."""
    if space.name != recognizer:
        raise EngineError(f"these are the thresholds of {space.name}, not of {recognizer}")
    numbers = [getattr(space, field.name) for field in fields(space) if field.name != "name"]
    if not all(isinstance(x, float | int) and math.isfinite(x) and x > 0 for x in numbers):
        raise EngineError("every threshold is a number greater than 0")
    if not space.match <= min(space.original, space.claim) <= 2:
        raise EngineError("a match is nearer than a claim, and than what a replaced face keeps away")
    if not (space.original <= space.preferred <= 2 and space.claim <= space.claim_limit <= 2):
        raise EngineError("what is aimed for lies beyond what is promised, and all within 2")
