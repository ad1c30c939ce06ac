"""Fit the attribute estimators: ``python -m mfmc_engine.attributes.train --portraits DIR --lfw DIR``.

Portraits give gender, group and age; LFW adds real faces and the older half of life. Accuracy is measured on people
left out of the fit (five folds split by person), then the shipped weights are fitted on everybody.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from mfmc_engine import parameters
from mfmc_engine.attributes.estimator import GROUPS, AttributeEstimator
from mfmc_engine.donors.embedding import lfw_embeddings, portrait_embeddings

Values = NDArray[np.float64]
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Sample:
    """N labelled embeddings. ``group`` is -1 where unlabelled; ``person`` tells whose face it is."""

    embedding: Values  # (N, 128)
    male: Values  # (N,) 0 or 1
    age: Values  # (N,) years
    group: NDArray[np.int64]  # (N,) index in GROUPS
    person: NDArray[np.str_]  # (N,)

    def __getitem__(self, keep: NDArray[np.bool_]) -> Sample:
        return Sample(
            self.embedding[keep], self.male[keep], self.age[keep], self.group[keep], self.person[keep]
        )


def joined(a: Sample, b: Sample) -> Sample:
    pairs = zip(vars(a).values(), vars(b).values(), strict=True)
    return Sample(*(np.concatenate(pair) for pair in pairs))


def portraits_sample(folder: Path, cache: Path) -> Sample:
    """The synthetic portraits: every one is its own person."""
    with np.load(folder / "meta.npz") as meta:
        return Sample(
            portrait_embeddings(folder, cache).astype(np.float64),
            (meta["gender"] == "male").astype(np.float64),
            meta["age"].astype(np.float64),
            np.array([GROUPS.index(group) for group in meta["group"]]),
            meta["name"],
        )


def lfw_sample(folder: Path, cache: Path) -> Sample:
    """LFW with people.csv."""
    names, embeddings = lfw_embeddings(folder, cache)
    person, male, age = lfw_labels(folder, names)
    unknown = np.full(len(names), -1, np.int64)
    return Sample(embeddings.astype(np.float64), male, age, unknown, person)


def lfw_labels(
    folder: Path, names: Sequence[str] | NDArray[np.str_]
) -> tuple[NDArray[np.str_], Values, Values]:
    """(person, male, age), each (N,), of the photos of these ``names`` in people.csv; a person's gender and age are the
    mean of the estimates over these photos, the gender put right where it is known better."""
    with (folder / "people.csv").open(newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    person = np.array([rows[name]["person"] for name in names])
    _, owner = np.unique(person, return_inverse=True)

    def mean(column: str) -> Values:
        values = np.array([float(rows[name][column]) for name in names])
        return (np.bincount(owner, values) / np.bincount(owner))[owner]

    male = (mean("male_probability") > 0.5).astype(np.float64)
    return person, corrected(person, male), mean("age_estimate")


def corrected(person: NDArray[np.str_], male: Values) -> Values:
    """``male`` (N,) with what a network read wrong put right, for the people of LFW whose gender is publicly known."""
    with (HERE / "lfw_gender.csv").open(newline="") as file:
        known = {row["person"]: float(row["male"]) for row in csv.DictReader(file)}
    return np.array([known.get(name, label) for name, label in zip(person, male, strict=True)])


def _logistic(x: Values, targets: Values, weights: Values) -> Values:
    """Softmax regression with an L2 penalty: ``x`` (N, D), one-hot ``targets`` (N, K); returns (D + 1, K)."""
    design = np.column_stack([x, np.ones(len(x))])
    shape = design.shape[1], targets.shape[1]

    def loss(flat: Values) -> tuple[float, Values]:
        coefficients = flat.reshape(shape)
        logits = design @ coefficients
        logits -= logits.max(1, keepdims=True)
        log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        penalty = parameters.ATTRIBUTE_LOGISTIC_L2 * np.sum(coefficients[:-1] ** 2)
        gradient = design.T @ (weights[:, None] * (np.exp(log_p) - targets))
        gradient[:-1] += 2 * parameters.ATTRIBUTE_LOGISTIC_L2 * coefficients[:-1]
        return float(penalty - np.sum(weights[:, None] * targets * log_p)), gradient.ravel()

    found = minimize(loss, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B")
    return np.asarray(found.x, np.float64).reshape(shape)


def _ridge(x: Values, y: Values, weights: Values) -> Values:
    """Weighted least squares with an L2 penalty: returns (D + 1,)."""
    design = np.column_stack([x, np.ones(len(x))])
    penalty = np.diag([parameters.ATTRIBUTE_RIDGE_L2] * x.shape[1] + [0.0])
    normal = design.T @ (weights[:, None] * design) + penalty
    return np.asarray(np.linalg.solve(normal, design.T @ (weights * y)), np.float64)


def fit(sample: Sample) -> AttributeEstimator:
    """Fit all estimators. Real faces (no group label) weigh more, because they are what the engine meets."""
    real = sample.group < 0
    weights = np.where(real, parameters.ATTRIBUTE_REAL_WEIGHT, 1.0)
    gender = _logistic(sample.embedding, np.column_stack([1 - sample.male, sample.male]), weights)
    age = _ridge(sample.embedding, sample.age, weights)
    known = sample[~real]
    share = np.bincount(known.group, minlength=len(GROUPS)) / len(known.group)
    group = _logistic(known.embedding, np.eye(len(GROUPS))[known.group], 1 / share[known.group])
    columns = np.column_stack([gender[:, 1] - gender[:, 0], age, group])
    return AttributeEstimator(columns[:-1], columns[-1])


def cross_validate(sample: Sample, folds: int = 5, seed: int = 0) -> tuple[Values, Values, NDArray[np.int64]]:
    """Male probability, age and most likely group of every face, each from a fit that never saw its person."""
    people, owner = np.unique(sample.person, return_inverse=True)
    fold = np.random.default_rng(seed).permutation(np.arange(len(people)) % folds)[owner]
    male, age = np.empty(len(owner)), np.empty(len(owner))
    group = np.empty(len(owner), np.int64)
    for held_out in range(folds):
        test = fold == held_out
        guess = fit(sample[~test])(sample.embedding[test])
        male[test], age[test], group[test] = guess.male, guess.age, guess.group.argmax(1)
    return male, age, group


def accuracy(sample: Sample, male: Values, age: Values, group: NDArray[np.int64]) -> dict[str, float]:
    """Share of right genders and groups (mean over groups), mean and median absolute age error in years."""
    error = np.abs(age - sample.age)
    found = {
        "faces": float(len(error)),
        "gender_accuracy": float(np.mean((male > 0.5) == (sample.male > 0.5))),
        "age_mean_error": float(error.mean()),
        "age_median_error": float(np.median(error)),
        "age_correlation": float(np.corrcoef(age, sample.age)[0, 1]),
    }
    if (sample.group >= 0).all():
        hits = [np.mean(group[sample.group == g] == g) for g in range(len(GROUPS))]
        found["group_balanced_accuracy"] = float(np.mean(hits))
    return found


PROVENANCE = """# linear.npz
Apparent gender, age and group as linear functions of the 128-d embedding (dlib's ResNet, `face_recognition_models`).
Made by `python -m mfmc_engine.attributes.train --portraits ../shared/data/synthetic_faces --lfw ../shared/data/lfw`
from labels of 4,000 synthetic portraits (gender and group as labelled by their source, age estimated by an
independent network) and of 2,130 LFW photos of 840 people (gender and age estimated by an independent network; it took
28 of 210 women for men and 5 of 630 men for women, going by their names; lfw_gender.csv puts them right).
Gender and group: L2-penalised logistic regression; age: ridge regression. No photo, name or embedding is in the file.

Held out by person, five folds (group: mean over the four groups; LFW has no group labels, so none is measured there):

| set | {header} |
|---|{rule}|
{rows}

The labels are themselves estimates; few faces are under 20 or over 65. The four groups are the portraits' labels, a
coarse way to find a donor whose look is near, nothing more.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--portraits", type=Path, required=True)
    parser.add_argument("--lfw", type=Path, required=True)
    parser.add_argument(
        "--cache", type=Path, default=Path("var/embeddings"), help="where embeddings are kept"
    )
    options = parser.parse_args(arguments)
    synthetic, real = (
        portraits_sample(options.portraits, options.cache),
        lfw_sample(options.lfw, options.cache),
    )
    both = joined(synthetic, real)
    guesses = cross_validate(both)
    is_real = both.group < 0
    results = {
        name: accuracy(both[keep], guesses[0][keep], guesses[1][keep], guesses[2][keep])
        for name, keep in (("portraits", ~is_real), ("LFW", is_real))
    }
    header = list(results["portraits"])
    rows = [
        f"| {name} | " + " | ".join(f"{found[key]:.3g}" if key in found else "-" for key in header) + " |"
        for name, found in results.items()
    ]
    estimator = fit(both)
    np.savez(HERE / "linear.npz", weights=estimator.weights, bias=estimator.bias)
    note = PROVENANCE.format(
        header=" | ".join(header), rule="---|" * (len(header) - 1) + "---", rows="\n".join(rows)
    )
    (HERE / "PROVENANCE.md").write_text(note)
    print("\n".join(rows))


if __name__ == "__main__":
    main()
