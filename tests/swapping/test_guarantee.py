"""The decision on a decoy, checked against a plain reference on thousands of random galleries."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfmc_engine import guarantee
from mfmc_engine.guarantee import Thresholds, Verdict

seeds = st.integers(0, 2**32 - 1)


def _unit(random, *shape):
    vectors = random.standard_normal(shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _reference(views, others):
    return min((float(np.linalg.norm(v.astype(float) - o)) for v in views for o in others), default=math.inf)


@settings(max_examples=2000, deadline=None)
@given(
    seeds, st.integers(1, 4), st.integers(0, 60), st.integers(0, 6), st.floats(0.0, 1.6), st.floats(0.0, 1.6)
)
def test_a_decoy_is_kept_exactly_if_it_is_far_from_everybody(
    seed, views, people, decoys, to_original, to_gallery
):
    random = np.random.default_rng(seed)
    seen, original = _unit(random, views, 16), _unit(random, 16)
    gallery, others = _unit(random, people, 16), _unit(random, decoys, 16)
    if people and seed % 3 == 0:  # a person very close to the decoy
        gallery[seed % people] = seen[0] + random.normal(0, 1e-3, 16)
    thresholds = Thresholds(to_original, to_original, to_gallery, 0.3)
    verdict = guarantee.judge(seen, original, gallery, others)
    expected = [_reference(seen, original[None]), _reference(seen, gallery), _reference(seen, others)]
    assert [verdict.to_original, verdict.to_gallery, verdict.to_decoys] == pytest.approx(expected, abs=2e-4)
    clear = [e > t for e, t in zip(expected, (to_original, to_gallery, 0.3), strict=True)]
    near = [abs(e - t) < 1e-3 for e, t in zip(expected, (to_original, to_gallery, 0.3), strict=True)]
    if not any(near):
        assert verdict.keeps(thresholds) == all(clear)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(*[st.floats(0, 2)] * 3), max_size=8))
def test_the_best_attempt_keeps_the_promise_or_there_is_none(distances):
    thresholds = Thresholds(0.6, 0.64, 0.51, 0.51)
    verdicts = [Verdict(*row) for row in distances]
    chosen = guarantee.best(verdicts, thresholds)
    kept = [i for i, row in enumerate(distances) if row[0] > 0.6 and row[1] > 0.51 and row[2] > 0.51]
    if not kept:
        assert chosen is None
    else:
        assert chosen in kept
        wide = [i for i in kept if distances[i][0] > 0.64]
        if wide:
            assert chosen == wide[0]
        else:
            assert distances[chosen][0] == max(distances[i][0] for i in kept)


@pytest.mark.parametrize("broken", ["views", "original", "gallery", "decoys"])
def test_a_number_that_is_not_finite_never_passes(broken):
    random = np.random.default_rng(1)
    parts = {
        "views": _unit(random, 3, 16), "original": _unit(random, 16),
        "gallery": _unit(random, 5, 16), "decoys": _unit(random, 2, 16),
    }  # fmt: skip
    assert guarantee.judge(**parts).keeps(Thresholds(0.0, 0.0, 0.0, 0.0))
    parts[broken].flat[0] = np.nan
    assert not guarantee.judge(**parts).keeps(Thresholds(0.0, 0.0, 0.0, 0.0))


def test_embeddings_of_two_spaces_are_not_compared():
    with pytest.raises(ValueError, match="16 and 8 dimensions"):
        guarantee.nearest(np.zeros((1, 16), np.float32), np.zeros((1, 8), np.float32))


def test_a_verdict_without_a_view_is_an_error_not_a_pass():
    with pytest.raises(ValueError, match="at least one view"):
        guarantee.judge(np.empty((0, 8)), np.zeros(8), np.empty((0, 8)), np.empty((0, 8)))


def test_a_large_gallery_is_searched_exactly():
    random = np.random.default_rng(2)
    gallery, views = _unit(random, 100_000, 128), _unit(random, 3, 128)
    gallery[77_777] = views[1] + np.float32(1e-3)
    assert guarantee.nearest(views, gallery) == pytest.approx(float(np.sqrt(128) * 1e-3), rel=1e-3)
