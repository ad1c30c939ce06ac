"""The decision on a decoy, checked against a plain reference on thousands of random galleries."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfmc_engine import attributes, guarantee
from mfmc_engine import parameters as P
from mfmc_engine.attributes import GROUPS, Attributes
from mfmc_engine.guarantee import Thresholds, Verdict
from mfmc_engine.recognition import nearest
from mfmc_engine.recognition.matching import match
from mfmc_engine.recognition.nearest import Index
from mfmc_engine.recognition.space import DLIB
from mfmc_engine.types import Face, Gallery, Quality

LFW = Path(__file__).parents[3] / "shared" / "data" / "lfw"

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
@given(st.lists(st.tuples(*[st.floats(0, 2)] * 5), max_size=8))
def test_the_best_attempt_keeps_the_promise_or_there_is_none(rows):
    thresholds = Thresholds(0.6, 0.64, 0.51, 0.51)
    verdicts, looks = [Verdict(*row[:4]) for row in rows], [row[4] for row in rows]
    chosen = guarantee.best(verdicts, looks, thresholds)
    kept = [i for i, row in enumerate(rows) if row[0] > 0.6 and row[1] > 0.51 and row[2] > 0.51]
    if not kept:
        assert chosen is None
        return
    assert chosen in kept
    cost = [look + verdict.missed(thresholds) for look, verdict in zip(looks, verdicts, strict=True)]
    assert cost[chosen] == min(cost[i] for i in kept)
    wide = [i for i in kept if rows[i][0] > 0.64 and rows[i][3] > thresholds.apart]
    assert all(cost[i] == looks[i] for i in wide)  # who misses nothing is judged by looks alone


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


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_the_gallery_threshold_never_grows_with_the_gallery(a, b):
    small, large = sorted((a, b))
    assert guarantee.gallery_threshold(large) <= guarantee.gallery_threshold(small) <= P.MATCH_THRESHOLD


@pytest.mark.parametrize("templates", [50, 100, 10_000, 1_000_000])
def test_one_stranger_in_twenty_lies_within_the_threshold_of_anybody_whatever_the_size(templates):
    rate = guarantee.false_match_rate(guarantee.gallery_threshold(templates))
    assert templates * rate == pytest.approx(0.05, rel=0.1)  # the cap at .51 takes a little off at 50


def test_the_gallery_threshold_at_the_documented_sizes():
    found = [guarantee.gallery_threshold(n) for n in (0, 1, 100, 10_000, 1_000_000)]
    assert found == pytest.approx([0.51, 0.51, 0.495, 0.395, 0.315], abs=5e-4)
    assert Thresholds.beside(10_000).gallery == guarantee.gallery_threshold(10_000)


@given(st.floats(0, 1), st.floats(0.5, 0.8), st.floats(0, 0.2))
def test_the_wish_is_nearer_where_strangers_are_and_the_promise_the_same(sure, promised, room):
    """Surely of a group by ``sure``, else white."""
    before = Thresholds(original=promised, preferred=promised + room)
    for column, group in enumerate(GROUPS):
        scores = np.zeros((1, 4), np.float32)
        scores[0, -1] = 1 - sure
        scores[0, column] += sure
        with pytest.MonkeyPatch.context() as patch:
            seems = Attributes(np.ones(1, np.float32), np.full(1, 40, np.float32), scores)
            patch.setattr(attributes, "load", lambda seems=seems: lambda _: seems)
            after = before.toward(np.zeros(128, np.float32))
        wished = promised + room - sure * P.WISH_NEARER[group]
        assert after.preferred == pytest.approx(max(promised, wished), abs=1e-6)
        assert replace(after, preferred=before.preferred) == before


def test_nothing_is_known_of_groups_in_another_space():
    other = replace(DLIB, name="another")
    assert Thresholds().toward(np.zeros(512, np.float32), other) == Thresholds()


def test_matching_uses_the_threshold_that_decoys_keep():
    random = np.random.default_rng(3)
    crowd = 10 * _unit(random, 9_999, 128)  # far away, but there
    limit = guarantee.gallery_threshold(10_000)
    for apart, state in ((limit - 1e-3, "matched"), (limit + 1e-3, "unknown")):
        probe = np.zeros(128, np.float32)
        probe[0] = apart
        face = Face(np.zeros(4), 1.0, np.zeros((68, 2)), probe, Quality(80, 1, 0, 1))
        people = Gallery(tuple(map(str, range(10_000))), np.concatenate([crowd, np.zeros((1, 128))]))
        assert match([face], people)[0].state == state
        assert match([face], Gallery(("9999",), people.embeddings[-1:]))[0].state == "matched"


@pytest.mark.parametrize("broken", [-0.1, 0.6, float("nan")])
def test_no_rate_is_given_where_the_tail_is_not_known(broken):
    with pytest.raises(ValueError, match="tail"):
        guarantee.false_match_rate(broken)


@settings(max_examples=300, deadline=None)
@given(seeds, st.integers(0, 300), st.integers(1, 9), st.sampled_from([1.0, 1e-4, 30.0]))
def test_the_fast_search_is_exact(seed, rows, probes, scale):
    random = np.random.default_rng(seed)
    others = (0.9 + scale * _unit(random, rows, 128)).astype(np.float32)
    views = (0.9 + scale * _unit(random, probes, 128)).astype(np.float32)
    if rows:  # somebody is met exactly
        views[0] = others[seed % rows]
    expected = [_reference(view[None], others) for view in views]
    np.testing.assert_allclose(Index(others).nearest(views), expected, rtol=1e-12, atol=0)


def test_a_gallery_larger_than_one_block_is_searched_to_its_end(monkeypatch):
    random = np.random.default_rng(5)
    others, views = _unit(random, 101, 16), _unit(random, 7, 16)
    whole = Index(others).nearest(views)
    monkeypatch.setattr(nearest, "NEAREST_BLOCK", 8)
    np.testing.assert_array_equal(Index(others).nearest(views), whole)


@pytest.fixture(scope="module")
def strangers(real_engine):
    """Distances (N,) between photos of different people, one photo each."""
    if not LFW.is_dir():
        pytest.skip("../shared is absent")
    from mfmc_engine.calibration.lfw import people, subject

    chosen = people(LFW, 240, seed=5)
    found = np.stack([subject(real_engine, person.images()[0]).face.embedding for person in chosen])
    return np.linalg.norm(found[:, None] - found[None], axis=2)[np.triu_indices(len(found), 1)]


@pytest.mark.shared
@pytest.mark.parametrize("templates", [50, 100, 500])
def test_the_promised_share_of_strangers_is_what_is_counted(strangers, templates):
    """28,680 pairs embedded by the engine itself: few lie so near, so only a rough count can be asked for."""
    limit = guarantee.gallery_threshold(templates)
    promised = len(strangers) * guarantee.false_match_rate(limit)
    counted = int((strangers < limit).sum())
    assert abs(counted - promised) < 4 * np.sqrt(promised) + 3


@pytest.mark.parametrize("rate", [1e-3, 1e-4])
def test_a_power_law_is_recovered_and_holds_for_pairs_left_out(rate):
    from mfmc_engine.calibration.strangers import Tail

    random = np.random.default_rng(1)
    pairs, left_out = (0.7 * random.random(400_000) ** (1 / 20.4) for _ in range(2))
    tail = Tail.fit(pairs, 1e-3)
    assert tail.exponent == pytest.approx(20.4, rel=0.15)
    assert np.mean(left_out < tail.threshold(rate)) == pytest.approx(rate, abs=4 * np.sqrt(rate / 400_000))
