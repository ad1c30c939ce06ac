"""Who is who in one photo, decided so that doubt never turns into a name.

A face may be matched to its nearest person only, each person to one face of the photo (assignment of least total
distance, Hungarian algorithm); whoever is about as close to a second person, or competes with a second face, stays
ambiguous. Distances are Euclidean in the pack's embedding space; a person's distance is that of the closest template.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from mfmc_engine.guarantee import gallery_threshold
from mfmc_engine.parameters import MATCH_MIN_QUALITY
from mfmc_engine.recognition.space import DLIB, Space
from mfmc_engine.types import Face, FloatArray, Gallery, Match


def match(
    faces: Sequence[Face],
    gallery: Gallery,
    exclude: Collection[tuple[int, str]] = (),
    threshold: float | None = None,
    space: Space = DLIB,
) -> list[Match]:
    """One Match per face, in order.

    ``exclude`` holds (index of the face, person) pairs that were rejected before ("that's not me"): such a person
    is never considered for that face again. A face of poor quality is unknown, however close somebody is.
    ``threshold`` (Euclidean) is guarantee.gallery_threshold of this gallery unless given: the more people, the closer
    a face has to be.
    """
    threshold = gallery_threshold(len(gallery), space) if threshold is None else threshold
    people, distances = person_distances(faces, gallery)
    index = {person: column for column, person in enumerate(people)}
    for face, person in exclude:
        if person in index and 0 <= face < len(faces):
            distances[face, index[person]] = np.inf
    if not people:
        return [Match("unknown", None, float("inf")) for _ in faces]
    usable = np.array([face.quality.score >= MATCH_MIN_QUALITY for face in faces], bool)
    close = (distances <= threshold) & usable[:, None]
    assigned = _assign(distances, close, threshold)
    rivals = np.where(close, distances, np.inf)
    results = []
    for row, column in enumerate(assigned):
        nearest = float(distances[row].min())
        if not close[row].any():
            results.append(Match("unknown", None, nearest))
        elif column == int(distances[row].argmin()) and _is_clear(
            distances, rivals, row, column, space.margin
        ):
            results.append(Match("matched", people[column], nearest))
        else:
            results.append(Match("ambiguous", None, nearest))
    return results


def person_distances(faces: Sequence[Face], gallery: Gallery) -> tuple[list[str], FloatArray]:
    """The people of a gallery, sorted, and the (faces, people) distances to each one's closest template."""
    people = sorted(set(gallery.people))
    distances = np.full((len(faces), len(people)), np.inf, np.float32)
    if not people or not faces:
        return people, distances
    probes = np.stack([face.embedding for face in faces]).astype(np.float64)
    templates = gallery.embeddings.astype(np.float64)
    squared = (probes**2).sum(1)[:, None] + (templates**2).sum(1)[None] - 2 * probes @ templates.T
    rows = np.sqrt(np.maximum(squared, 0)).astype(np.float32)
    index = {person: column for column, person in enumerate(people)}
    columns = np.array([index[person] for person in gallery.people])
    np.minimum.at(distances.T, columns, rows.T)
    return people, distances


def _assign(distances: FloatArray, close: np.ndarray, threshold: float) -> list[int]:
    """For each face the column it is assigned to, -1 for none: least total distance, each column once."""
    faces = len(distances)
    # staying unassigned costs the threshold: one private column per face
    cost = np.concatenate([np.where(close, distances, 1e6), np.full((faces, faces), threshold)], 1)
    rows, columns = linear_sum_assignment(cost)
    assigned = [-1] * faces
    for row, column in zip(rows, columns, strict=True):
        if column < distances.shape[1] and close[row, column]:
            assigned[row] = int(column)
    return assigned


def _is_clear(distances: FloatArray, rivals: FloatArray, row: int, column: int, margin: float) -> bool:
    """No second person is within the margin for this face, and no second face for this person."""
    here = distances[row, column]
    others = np.delete(distances[row], column).min(initial=np.inf)
    faces = np.delete(rivals[:, column], row).min(initial=np.inf)
    return bool(others - here > margin and faces - here > margin)
