"""Embeddings that lie as a recogniser's do, in any number: for measuring what a gallery of a whole town costs.

The distances between strangers are those of dlib's ResNet on ../shared/data/lfw: on average .85, and one pair in a
thousand nearer than .51. A Gaussian whose variances fall off exponentially has both with FALL_OFF = 13.5: its squared
distances then vary like those of 2 * 13.5 = 27 equal dimensions (Welch-Satterthwaite).
"""

from __future__ import annotations

import numpy as np

from mfmc_engine.types import Face, FloatArray, Quality

DIMENSIONS = 128
FALL_OFF = 13.5  # dimensions over which a variance falls to 1/e
STRANGERS = 0.85  # mean distance, Euclidean
SAME_PERSON = 0.30  # distance between two photos of one person, Euclidean


def templates(count: int, seed: int = 0) -> FloatArray:
    """(count, DIMENSIONS) float32, one a person."""
    variances = np.exp(-np.arange(DIMENSIONS) / FALL_OFF)
    variances *= STRANGERS**2 / 2 / variances.sum()
    draws = np.random.default_rng(seed).standard_normal((count, DIMENSIONS), np.float32)
    return (draws * np.sqrt(variances)).astype(np.float32)


def photographed(embeddings: FloatArray, seed: int = 1) -> FloatArray:
    """Other pictures of the same people: every embedding moved by SAME_PERSON in a direction of the same spread."""
    steps = templates(len(embeddings), seed)
    steps *= SAME_PERSON / np.linalg.norm(steps, axis=1, keepdims=True)
    return embeddings + steps


def face(embedding: FloatArray) -> Face:
    """A face of good quality with this embedding."""
    points = np.zeros((68, 2), np.float32)
    return Face(np.array([0, 0, 100, 100], np.float32), 1.0, points, embedding, Quality(100.0, 1.0, 0.0, 1.0))
