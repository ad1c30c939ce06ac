"""Attacks on decoys: linking, learning from, inverting and spotting them. Definitions: docs/evaluation.md."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfmc_engine import parameters as P
from mfmc_engine.donors import bank
from mfmc_engine.evaluation import verification as V
from mfmc_engine.evaluation.judging import Vectors
from mfmc_engine.evaluation.learning import area_under_curve, folds, predict, ridge
from mfmc_engine.evaluation.recognizers import distances
from mfmc_engine.types import FloatArray

Labels = NDArray[np.str_]


def linkage(vectors: Vectors, arm: str, people: Labels, cells: Labels) -> dict[str, float]:
    """Do decoys of two photos of one person look more alike than decoys of two people of one gender and group?

    ``people`` and ``cells`` (M,) of the probes. Accepted shares at the recogniser's threshold, and the AUC.
    """
    decoys = vectors.arms[arm]
    upper = np.triu_indices(len(decoys), 1)
    apart = distances(decoys, decoys, vectors.metric)[upper]
    same = (people[:, None] == people[None])[upper]
    alike = (cells[:, None] == cells[None])[upper] & ~same
    threshold = vectors.threshold()
    of_one, of_two = V.accepted(apart[same], threshold), V.accepted(apart[alike], threshold)
    return {
        "one_person": of_one,
        "two_people": of_two,
        "excess": of_one - of_two,
        "auc": area_under_curve(-apart[same], -apart[alike]),
        "pairs_of_one": int(same.sum()),
        "pairs_of_two": int(alike.sum()),
    }


def parrot(vectors: Vectors, arm: str, trial: V.Trial, seed: int) -> dict[str, float]:
    """An attacker who runs the engine on photos of known people and trains on its output.

    ``decoy_gallery``: rank-1 of decoys searched among decoys of the people's other photos. ``fine_tuned``: a linear
    head (ridge) learns, on other people, to turn a decoy's vector into its person's; rank-1 of held-out people in the
    whole gallery. ``chance``: one over the people.
    """
    people = trial.people[trial.probes]
    decoys = vectors.arms[arm]
    count = len(np.unique(trial.people))
    found = {"chance": 1 / count, "decoy_gallery": float("nan")}
    apart = distances(decoys, decoys, vectors.metric)
    np.fill_diagonal(apart, np.inf)
    searchable = (people[:, None] == people[None]).sum(1) > 1
    if searchable.any():
        found["decoy_gallery"] = float(np.mean(people[apart.argmin(1)][searchable] == people[searchable]))
        found["decoy_gallery_chance"] = 1 / max(1, len(np.unique(people)))
    found["fine_tuned"] = _mapped(decoys, vectors, trial, seed)
    return found


def _mapped(known: FloatArray, vectors: Vectors, trial: V.Trial, seed: int) -> float:
    """Rank-1 in the gallery after a head, learned on other people, has turned ``known`` (M, D) into people."""
    people = trial.people[trial.probes]
    mates = trial.mated().astype(np.float64)
    targets = (mates @ vectors.gallery) / np.maximum(mates.sum(1, keepdims=True), 1)
    mapped = np.empty_like(targets)
    for train, test in folds(people, seed):
        mapped[test] = predict(ridge(known[train], targets[train]), known[test])
    places = V.ranks(distances(mapped.astype(np.float32), vectors.gallery, "cosine"), trial)
    return float(np.mean(places == 0))


def inversion(vectors: Vectors, arm: str, trial: V.Trial, donors: Labels, seed: int) -> dict[str, float]:
    """An attacker who has the donor bank. ``donors`` (M,) ids, "" for redactions; ``vectors`` must be dlib's.

    ``donor_found``: share of decoys whose nearest donor is the one used. ``person_found``: rank-1 of the person when
    a head learns, on other people, to turn a donor's embedding into its person's; what the choice of donor gives away.
    """
    swaps = np.flatnonzero(
        np.isin(donors, bank.load().ids)
    )  # neither redactions nor identities that were drawn
    if len(swaps) < P.EVAL_FOLDS:
        return {}
    everyone = bank.load()
    nearest = distances(vectors.arms[arm][swaps], everyone.embeddings, "euclidean").argmin(1)
    rows = {str(id_): row for row, id_ in enumerate(everyone.ids)}
    used = np.array([rows[str(donor)] for donor in donors[swaps]])
    part = V.Trial(trial.probes[swaps], trial.people)
    return {
        "donor_found": float(np.mean(nearest == used)),
        "donor_chance": 1 / len(everyone),
        "person_found": _mapped(everyone.embeddings[used], vectors, part, seed),
        "person_chance": 1 / len(np.unique(trial.people)),
    }


def visibility(originals: Any, treated: Any, people: Labels, seed: int) -> float:
    """AUC of a linear classifier, trained on other people, that tells treated faces from originals; .5 is invisible.

    ``originals`` and ``treated`` (M, D) features of the same pictures.
    """
    a, b = np.asarray(originals, np.float64), np.asarray(treated, np.float64)
    scores = np.empty((2, len(people)))
    for train, test in folds(people, seed):
        targets = np.concatenate([-np.ones(train.sum()), np.ones(train.sum())])[:, None]
        model = ridge(np.concatenate([a[train], b[train]]), targets)
        scores[0, test], scores[1, test] = predict(model, a[test])[:, 0], predict(model, b[test])[:, 0]
    return area_under_curve(scores[1], scores[0])
