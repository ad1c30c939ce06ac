"""Comparing renditions of one photo: what viewers gain who put their images together.

The engine gives a face one decoy from one seed, whoever looks, so that two viewers' images are the same to the bit.
What it would cost to draw a new one each time is measured too: the mean of several decoys of one face.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfmc_engine import parameters as P
from mfmc_engine.evaluation import verification as V
from mfmc_engine.evaluation.judging import Vectors
from mfmc_engine.evaluation.recognizers import distances
from mfmc_engine.evaluation.treatments import Arm
from mfmc_engine.evaluation.worker import Worker


def averaging(
    worker: Worker, arm: Arm, indices: Sequence[int], trial: V.Trial, dlib: Vectors
) -> dict[str, float]:
    """``identical``: share of faces whose decoy, made again from its seed, is the same to the bit. ``one_decoy`` and
    ``mean_of_several``: accepted shares against other photos of the person. ``indices`` (M,): the probes in the
    worker's set."""
    count = min(P.AVERAGED_FACES, len(trial.probes))
    records = [worker.averaged(index, arm) for index in indices[:count]]
    part = V.Trial(trial.probes[:count], trial.people)
    mean = np.stack([record["features"] for record in records]).astype(np.float32)
    threshold = dlib.threshold()
    return {
        "faces": count,
        "decoys_a_face": P.AVERAGED_RENDITIONS,
        "identical": float(np.mean([bool(record["identical"]) for record in records])),
        "one_decoy": V.accepted(dlib.after(arm.name)[:count][part.mated()], threshold),
        "mean_of_several": V.accepted(distances(mean, dlib.gallery, dlib.metric)[part.mated()], threshold),
    }
