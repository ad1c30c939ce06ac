"""Comparing two viewers' renditions of one photo: what they learn who put their pictures together.

The engine gives a face one decoy from one seed, whoever looks. So two viewers' pictures differ only where a face is
shown to one of them and not to the other, and nowhere inside a face that both do not see: what is learned is who is
visible to whom. What it would cost to draw a decoy for each viewer is measured beside it: several decoys of one face,
averaged, taken the nearest of, or cut down to where they agree (where they differ is the donors', the rest may be the
person's).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from mfmc_engine import imaging
from mfmc_engine import parameters as P
from mfmc_engine.evaluation import verification as V
from mfmc_engine.evaluation.cache import digest
from mfmc_engine.evaluation.judging import Vectors
from mfmc_engine.evaluation.recognizers import FaceRecognizer, distances
from mfmc_engine.evaluation.records import decoy_of
from mfmc_engine.evaluation.structure import mask_of
from mfmc_engine.evaluation.treatments import Arm
from mfmc_engine.evaluation.worker import Worker
from mfmc_engine.geometry import overlap
from mfmc_engine.types import FloatArray, Image

COMBINATIONS = ("one_decoy", "mean_of_two", "mean_of_several", "nearest_of_several", "where_they_agree")


def comparing(
    worker: Worker,
    arm: Arm,
    indices: Sequence[int],
    trial: V.Trial,
    vectors: Sequence[tuple[FaceRecognizer, Vectors, Callable[[Any], FloatArray]]],
) -> dict[str, Any]:
    """The attack on the first P.COMPARED_FACES probes; ``indices`` (M,) are theirs in the worker's set.

    ``vectors``: each recogniser with its view of the set and what turns its features into vectors.
    """
    count = min(P.COMPARED_FACES, len(trial.probes))
    draws = [replace(arm, draw=draw) for draw in range(P.COMPARED_DECOYS)]
    places = [located(*worker.rendition(i, arm), worker.treated(i, arm)) for i in indices[:count]]
    part = V.Trial(trial.probes[:count], trial.people)
    found: dict[str, Any] = {
        "faces": count,
        "decoys_a_face": P.COMPARED_DECOYS,
        "identical": float(np.mean([worker.is_identical(i, arm) for i in indices[:count]])),
        "located": float(np.mean([place["overlap"] >= P.COMPARED_OVERLAP for place in places])),
        "overlap": float(np.median([place["overlap"] for place in places])),
        "changed_elsewhere": float(np.mean([place["elsewhere"] for place in places])),
        "recognizers": {},
    }
    made = [_combined(worker, index, draws) for index in indices[:count]]
    for recognizer, view, project in vectors:
        apart = {
            name: distances(
                project(np.stack([worker.features(records[name], recognizer) for records in made])),
                view.gallery,
                view.metric,
            )
            for name in made[0]
        }
        singles = [apart.pop(f"decoy {draw}") for draw in range(P.COMPARED_DECOYS)]
        apart |= {"one_decoy": singles[0], "nearest_of_several": np.min(singles, 0)}
        found["recognizers"][view.name] = {
            name: {
                "accepts": V.accepted(apart[name][part.mated()], view.threshold()),
                "strangers": V.accepted(apart[name][part.strangers()], view.threshold()),
                "rank1": float(np.mean(V.ranks(apart[name], part) == 0)),
            }
            for name in COMBINATIONS
        }
    return found


def located(shown: Image, hidden: Image, record: Mapping[str, Any]) -> dict[str, float]:
    """What the difference of two served pictures tells of a face that one viewer sees and the other does not.

    ``shown`` and ``hidden`` (H, W, 3) are encoded as they are served first. ``overlap``: IoU of the bounding box of
    what differs with that of the decoy's mask; ``elsewhere``: share of the pixels outside the decoy that differ.
    """
    first, second = (
        imaging.decode(imaging.encode(picture, ".jpg", P.COMPARED_JPEG)).astype(np.int16)
        for picture in (shown, hidden)
    )
    differs = np.abs(first - second).max(2) > P.COMPARED_DIFFERENCE
    mask = mask_of(decoy_of(dict(record)), shown.shape)
    found, true = _bounds(differs), _bounds(mask > 127)
    outside = mask == 0
    return {
        "overlap": float(overlap(found[None], true[None])[0, 0])
        if found is not None and true is not None
        else 0.0,
        "elsewhere": float(differs[outside].mean()) if outside.any() else 0.0,
    }


def _bounds(flags: Any) -> FloatArray | None:
    """x0, y0, x1, y1 of what is set; None of nothing."""
    rows, columns = np.flatnonzero(flags.any(1)), np.flatnonzero(flags.any(0))
    if not len(rows):
        return None
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)


def _combined(worker: Worker, index: int, draws: Sequence[Arm]) -> dict[str, Any]:
    """A record of features for every decoy and every combination of them."""
    records: dict[str, Any] = {f"decoy {arm.draw}": worker.treated(index, arm) for arm in draws}

    def pictures(count: int) -> FloatArray:
        return np.stack([worker.rendition(index, arm)[1] for arm in draws[:count]]).astype(np.float32)

    makers: dict[str, Callable[[], FloatArray]] = {
        "mean_of_two": lambda: pictures(2).mean(0),
        "mean_of_several": lambda: pictures(len(draws)).mean(0),
        "where_they_agree": lambda: agreed(pictures(len(draws))),
    }
    for name, make in makers.items():
        key = digest("combined", name, len(draws), P.COMPARED_DIFFERENCE, *(arm.key() for arm in draws))
        records[name] = worker.derived(index, draws[0], key, partial(_whole, make))
    return records


def _whole(make: Callable[[], FloatArray]) -> Image:
    return np.asarray(make().round().clip(0, 255), np.uint8)


def agreed(pictures: FloatArray) -> FloatArray:
    """(N, H, W, 3) renditions to one (H, W, 3): their mean where they agree, the mean grey where they do not."""
    mean = pictures.mean(0)
    apart = (pictures.max(0) - pictures.min(0)).max(2) > P.COMPARED_DIFFERENCE
    mean[apart] = mean.mean((0, 1))
    return mean
