"""Transforms and overlaps."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mfmc_engine.geometry import apply, index_space, invert, overlap, similarity

numbers = st.floats(-100, 100, width=32)


@given(angle=st.floats(0, 6.28), scale=st.floats(0.1, 10), dx=numbers, dy=numbers)
def test_a_similarity_is_recovered_from_its_points(angle, scale, dx, dy) -> None:
    points = np.random.default_rng(0).normal(size=(2, 7, 2)).astype(np.float32)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = (points @ linear.T + [dx, dy]).astype(np.float32)
    found = similarity(points, moved)
    assert np.allclose(apply(found, points), moved, atol=1e-3 * max(1, scale, abs(dx), abs(dy)))
    assert np.allclose(apply(invert(found), moved), points, atol=1e-2)


def test_a_reflection_is_not_imitated() -> None:
    points = np.array([[0, 0], [1, 0], [0, 2]], np.float32)
    assert np.linalg.det(similarity(points, points * [-1, 1])[:, :2]) >= 0


def test_pixel_indices_lie_half_a_pixel_before_pixel_centres() -> None:
    double = np.array([[2, 0, 0], [0, 2, 0]], np.float32)  # continuous: pixel 0, centre .5, goes to 1.0
    assert np.allclose(apply(index_space(double), np.array([[0, 0]], np.float32)), 0.5)


def test_overlap_over_the_union_and_over_the_smaller_box() -> None:
    a = np.array([[0, 0, 4, 4]], np.float32)
    b = np.array([[0, 0, 2, 2], [10, 10, 12, 12]], np.float32)
    assert np.allclose(overlap(a, b), [[4 / 16, 0]])
    assert np.allclose(overlap(a, b, smaller=True), [[1, 0]])
    assert overlap(a, np.empty((0, 4), np.float32)).shape == (1, 0)
