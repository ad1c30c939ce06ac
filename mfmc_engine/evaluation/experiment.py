"""One evaluation from a folder to its figures: compute per picture (resumable), assemble, judge."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from mfmc_engine import __version__, attributes
from mfmc_engine.errors import EngineError
from mfmc_engine.evaluation import (
    ablation,
    attacks,
    attributes_judge,
    bars,
    judging,
    measures,
    protocols,
    visual,
    worker,
)
from mfmc_engine.evaluation import verification as V
from mfmc_engine.evaluation.cache import Record, engine_version
from mfmc_engine.evaluation.comparing import comparing
from mfmc_engine.evaluation.judging import Vectors
from mfmc_engine.evaluation.recognizers import FaceRecognizer, Metric
from mfmc_engine.evaluation.settings import Settings
from mfmc_engine.evaluation.treatments import swappers


@dataclass(slots=True)
class Experiment:
    """The computed records of one run, by arm, in the order of ``trial.probes``."""

    settings: Settings
    worker: worker.Worker
    trial: V.Trial
    samples: tuple[protocols.Sample, ...]
    indices: list[int]  # of the probes in the set as it was read
    missing: list[str]
    originals: list[Record]
    treated: dict[str, list[Record]]
    rows: dict[str, list[dict[str, Any]]]  # structure, by decoy arm

    def features(self, recognizer: FaceRecognizer) -> NDArray[Any]:
        """(N, D) of the whole set."""
        return np.stack([self.worker.features(record, recognizer) for record in self.originals])

    def treated_features(self, recognizer: FaceRecognizer, arm: str) -> NDArray[Any]:
        """(M, D) of the probes under one arm."""
        return np.stack([self.worker.features(record, recognizer) for record in self.treated[arm]])


def compute(settings: Settings) -> Experiment:
    """Do what is not in the cache yet, then read all of it. Raises EngineError if nobody can be recognised."""
    faces = protocols.read(settings.data, settings.protocol, settings.limit, settings.seed)
    task = worker.Task(
        faces,
        settings.recognizers,
        settings.data,
        settings.cache,
        settings.seed,
        settings.device,
        settings.arms(),
    )
    own = worker.Worker(task, remember=True)
    if not own.recognizers:
        raise EngineError("none of the recognisers is available: " + "; ".join(own.skipped.values()))
    # the gallery first: a stopped run can be reported on with a smaller --limit at once
    frozen = set(faces.probes)
    order = [*(i for i in range(len(faces.samples)) if i not in frozen), *faces.probes]
    todo = [i for i in order if not own.is_done(i)]
    with tqdm(
        total=len(order), initial=len(order) - len(todo), unit="picture", disable=None, file=sys.stderr
    ) as bar:
        for _ in worker.run(task, todo, settings.jobs):
            bar.update()
    return _assemble(settings, own, faces)


def _assemble(settings: Settings, own: worker.Worker, faces: protocols.FaceSet) -> Experiment:
    found = {i: own.original(i) for i in range(len(faces.samples))}
    kept = [i for i, record in found.items() if record is not None]
    place = {i: row for row, i in enumerate(kept)}
    people = np.array([faces.samples[i].person for i in kept])
    probes = [i for i in faces.probes if i in place and (people == faces.samples[i].person).sum() > 1]
    if len({faces.samples[i].person for i in probes}) < 2:
        raise EngineError("fewer than two people left whose faces were found in two pictures")
    return Experiment(
        settings=settings,
        worker=own,
        trial=V.Trial(np.array([place[i] for i in probes]), people),
        samples=tuple(faces.samples[i] for i in kept),
        indices=probes,
        missing=[faces.samples[i].name for i in found if i not in place],
        originals=[record for record in found.values() if record is not None],
        treated={arm.name: [own.treated(i, arm) for i in probes] for arm in settings.arms()},
        rows={arm.name: [own.structure(i, arm) for i in probes] for arm in settings.decoy_arms()},
    )


def evaluate(settings: Settings) -> tuple[dict[str, Any], Experiment]:
    """(what results.json holds, the records behind it)."""
    found = compute(settings)
    arms = [arm.name for arm in settings.arms()]
    vectors = _vectors(found)
    judged = {v.name: judging.judge(v, found.trial, arms, settings.seed) for v in vectors}
    decoys = [arm.name for arm in settings.decoy_arms()]
    results: dict[str, Any] = {
        "settings": _settings(settings, found),
        "set": _set(found),
        "main_arm": decoys[0],
        "recognizers": judged,
        "skipped": found.worker.skipped | (swappers(settings.device)[1] if settings.extra_arms else {}),
        "averaged": judging.averaged(judged, arms),
        "dissimilarity": {arm: measures.dissimilarity(found.rows[arm]) for arm in decoys},
        "structure": {arm: measures.structure(found.rows[arm]) for arm in decoys},
        "attributes": _attributes(found, decoys),
        "fairness": {arm: _fairness(found, vectors, arm) for arm in decoys},
        "donors": _donors(found, vectors, decoys),
        "visual": _visual(found, arms),
        "attacks": {arm: _attacks(found, vectors, arm) for arm in decoys},
        "decoys": {arm: _per_decoy(found, arm) for arm in decoys},
    }
    results["bars"] = bars.rows(results)
    results["ablation"] = (
        {"decoys": ablation.table(results), "metrics": ablation.metrics(results)} if len(decoys) > 1 else {}
    )
    return V.rounded(results), found


def _settings(settings: Settings, found: Experiment) -> dict[str, Any]:
    return {
        "protocol": settings.protocol or protocols.guess(settings.data),
        "recognizers": [r.name for r in found.worker.recognizers],
        "swapper": settings.swapper,
        "baselines": settings.baselines,
        "selection": settings.selection,
        "metrics": settings.metrics or "each recogniser's own",
        "limit": settings.limit,
        "seed": settings.seed,
        "engine": __version__,
        "engine_digest": engine_version(),
        "arms": {arm.name: arm.key() for arm in settings.arms()},
    }


def _set(found: Experiment) -> dict[str, Any]:
    trial = found.trial
    return {
        "protocol": found.worker.task.faces.protocol,
        "people": len(np.unique(trial.people)),
        "pictures": len(trial.people),
        "people_anonymised": len(np.unique(trial.people[trial.probes])),
        "pictures_anonymised": len(trial.probes),
        "no_face_found": found.missing,
    }


def _vectors(found: Experiment) -> list[Vectors]:
    metrics: Sequence[Metric | None] = found.settings.metrics or (None,)
    vectors = []
    for recognizer in found.worker.recognizers:
        gallery = found.features(recognizer)
        treated = {arm: found.treated_features(recognizer, arm) for arm in found.treated}
        for metric in metrics:
            one = judging.vectors_of(recognizer, metric, gallery, treated, len(metrics) > 1)
            one.prepare(found.trial)
            vectors.append(one)
    return vectors


def _attributes(found: Experiment, decoys: Sequence[str]) -> dict[str, Any]:
    """By the network that takes no part in choosing."""
    estimator = found.worker.age_gender
    before = np.stack([found.worker.features(record, estimator) for record in found.originals])
    return {"estimator": estimator.name} | {
        arm: attributes_judge.judge(
            found.samples,
            before,
            np.stack([found.worker.features(record, estimator) for record in found.treated[arm]]),
            found.trial,
            np.array([row["kind"] == "swap" for row in found.rows[arm]]),
        )
        for arm in decoys
    }


def _looks(found: Experiment) -> list[dict[str, Any]]:
    """Gender, age and group of each probe: the set's labels where it has them, the engine's estimates elsewhere."""
    rows = found.rows[found.settings.decoy_arms()[0].name]
    samples = [found.samples[i] for i in found.trial.probes]
    return [
        {
            "male": row["male"] if sample.male is None else sample.male,
            "age": row["age"] if sample.age is None else sample.age,
            "group": sample.group or row["group"],
        }
        for row, sample in zip(rows, samples, strict=True)
    ]


def _fairness(found: Experiment, vectors: Sequence[Vectors], arm: str) -> dict[str, Any]:
    mates = found.trial.mated()
    accepted = [((v.after(arm) <= v.threshold()) & mates).sum(1) / mates.sum(1) for v in vectors]
    people = found.trial.people[found.trial.probes]
    accepts = np.mean(accepted, 0).astype(np.float32)
    return measures.fairness(found.rows[arm], _looks(found), accepts, people, found.settings.seed)


def _donors(found: Experiment, vectors: Sequence[Vectors], decoys: Sequence[str]) -> dict[str, Any]:
    results: dict[str, Any] = {
        "space": measures.donor_space(),
        "in_use": {arm: measures.donors_in_use(found.rows[arm]) for arm in decoys},
        "groups": list(attributes.GROUPS),
    }
    dlib = _dlib(vectors)
    if dlib is not None:
        results["people_near"] = measures.people_near_donors(
            dlib.gallery, found.trial.people, dlib.threshold()
        )
        results["coverage"] = {arm: measures.coverage(dlib.gallery, dlib.arms[arm]) for arm in decoys}
    return results


def _dlib(vectors: Sequence[Vectors]) -> Vectors | None:
    """dlib's vectors by the metric that the donors' embeddings are compared with."""
    return next((v for v in vectors if v.name.split(",")[0] == "dlib" and v.metric == "euclidean"), None)


def _lbph(found: Experiment) -> FaceRecognizer | None:
    return next((r for r in found.worker.recognizers if r.name == "lbph"), None)


def _visual(found: Experiment, arms: Sequence[str]) -> dict[str, Any]:
    extractor = _lbph(found)
    if extractor is None:
        return {}
    real = found.features(extractor)[found.trial.probes]
    treated = {arm: found.treated_features(extractor, arm) for arm in arms}
    return {"features": "LBPH", **visual.compare(real, treated, found.settings.seed)}


def _attacks(found: Experiment, vectors: Sequence[Vectors], arm: str) -> dict[str, Any]:
    trial, seed = found.trial, found.settings.seed
    people = trial.people[trial.probes]
    cells = measures.group_names(_looks(found))["gender x group"]
    results: dict[str, Any] = {
        "linkage": {v.name: attacks.linkage(v, arm, people, cells) for v in vectors},
        "parrot": {v.name: attacks.parrot(v, arm, trial, seed) for v in vectors},
        "visibility": {},
    }
    for recognizer in found.worker.recognizers:
        original = found.features(recognizer)[trial.probes]
        treated = found.treated_features(recognizer, arm)
        results["visibility"][recognizer.name] = attacks.visibility(original, treated, people, seed)
    dlib = _dlib(vectors)
    if dlib is not None:
        donors = np.array([row["donor"] or "" for row in found.rows[arm]])
        results["inversion"] = attacks.inversion(dlib, arm, trial, donors, seed)
    main = found.settings.decoy_arms()[0]
    if found.settings.attacks and arm == main.name:
        results["comparing"] = comparing(found.worker, main, found.indices, trial, _views(found, vectors))
    return results


def _views(found: Experiment, vectors: Sequence[Vectors]) -> list[tuple[Any, Vectors, Any]]:
    """Each recogniser with its (first) vectors, and what makes vectors of its features."""
    by_name = {v.name.split(",")[0]: v for v in reversed(vectors)}
    return [(r, by_name[r.name], r.fit(found.features(r))) for r in found.worker.recognizers]


def _per_decoy(found: Experiment, arm: str) -> list[dict[str, Any]]:
    """The raw figures of every decoy."""
    samples = [found.samples[i] for i in found.trial.probes]
    return [
        {"picture": sample.name, "person": sample.person, **row}
        for sample, row in zip(samples, found.rows[arm], strict=True)
    ]
