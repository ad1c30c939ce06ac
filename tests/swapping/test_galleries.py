"""The whole draw, with embeddings in the place of pictures: thousands of galleries, photos and thresholds."""

import sys
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfmc_engine import draws, parameters, replacement, viewing
from mfmc_engine.donors import bank as donor_bank
from mfmc_engine.donors import forecast, looks
from mfmc_engine.donors.candidates import Candidate, candidates
from mfmc_engine.donors.forecast import Forecast
from mfmc_engine.donors.selection import Wanted
from mfmc_engine.guarantee import Thresholds
from mfmc_engine.recognition.space import DLIB
from mfmc_engine.types import DecoyRequest, Face, Gallery, Quality, Worn

BANK = donor_bank.load()
PHOTO = np.zeros((8, 8, 3), np.uint8)
ALPHA = np.zeros((1, 1), np.uint8)
# the chips that stand-ins cut are embeddings already
PACK: Any = SimpleNamespace(
    device="cpu",
    upload=lambda image: image,
    recognizer=SimpleNamespace(embed_chips=lambda rows: rows.reshape(-1, 128)),
    space=DLIB,
)
# what ``seen`` makes of donors, foretold
AS_DONORS = Forecast(np.concatenate([np.zeros((128, 128)), np.eye(128), np.zeros((1, 128))]), 0.3)
SELECTIONS = st.sampled_from(["random", "farthest", "nearest"])


@dataclass
class Drawn:
    """Stands for a patch: all that matters is whose face it shows."""

    donor: str | None
    origin = (0, 0)
    pixels = PHOTO[:1, :1]
    alpha = ALPHA


@cache
def seen(donor: str) -> np.ndarray:
    """(3, 128): how a recogniser sees a decoy of ``donor``. Never quite as its donor: up to .5 off."""
    random = np.random.default_rng(list(donor.encode()))
    noise = random.standard_normal((3, 128))
    noise *= random.uniform(0, 0.5, (3, 1)) / np.linalg.norm(noise, axis=1, keepdims=True)
    return (BANK[donor].embedding + noise).astype(np.float32)


@cache
def blotches(donor: str) -> list[float]:
    """How blotched a decoy of ``donor`` is: up to twice what is plain to see."""
    return [float(np.random.default_rng(list(donor.encode()[::-1])).uniform(0, 0.06)), 0.0]


@pytest.fixture(scope="module", autouse=True)
def _no_pictures():
    stand_ins = {
        "swap": lambda pack, image, target, donors, *shares: (
            [Drawn(donor.id) for donor in donors],
            [blotches(donor.id) for donor in donors],
        ),
        "surely_faces": lambda pack, image, faces: [True] * len(faces),
    }
    views = {
        "window_of": lambda image, face, patch: (patch, np.zeros(2, np.float32)),
        "first_view": lambda pack, patch, at, marks: ([seen(patch.donor)[:1]], marks),
        "other_views": lambda pack, patch, at, marks: ([seen(patch.donor)[1:]], marks),
        "original_view": lambda *_: np.full((1, 128), 9, np.float32),
    }
    with pytest.MonkeyPatch.context() as patch:
        for module, replaced in ((draws, stand_ins), (viewing, views)):
            for name, stand_in in replaced.items():
                patch.setattr(module, name, stand_in)
        patch.setattr(
            replacement,
            "prepared",
            lambda pack, image, faces: [
                (one, SimpleNamespace(lit=None, landmarks=one.landmarks)) for one in faces
            ],
        )
        patch.setattr(draws.eyewear, "of", lambda lit: None)
        patch.setattr(replacement.redaction, "redact", lambda *_: Drawn(None))
        patch.setattr(forecast, "load", lambda: AS_DONORS)
        patch.setattr(looks, "describe", lambda image, marks, embedding: Wanted(embedding))
        yield


def scattered(random, count, reach=0.9):
    """(count, 128) embeddings round donors, so that thresholds cut the bank in two."""
    noise = random.standard_normal((count, 128))
    noise *= random.uniform(0, reach, (count, 1)) / np.linalg.norm(noise, axis=1, keepdims=True)
    return (BANK.embeddings[random.integers(len(BANK), size=count)] + noise).astype(np.float32)


def face(embedding):
    marks, box = np.zeros((68, 2), np.float32), np.array([0, 0, 8, 8], np.float32)
    return Face(box, 1.0, marks, embedding, Quality(80.0, 1.0, 0.0, 1.0))


def worn_by(decoys):
    """What those of ``decoys`` that are swaps make their photo's other faces keep clear of."""
    swaps = [decoy for decoy in decoys if decoy.kind == "swap"]
    views = np.concatenate([np.empty((0, 128), np.float32), *(decoy.views for decoy in swaps)])
    return Worn(frozenset(decoy.donor for decoy in swaps), views)


def draw(random, faces, people, thresholds, selection="random", elsewhere=0):
    requests = [
        DecoyRequest(face(e), random.bytes(8), scattered(random, elsewhere)) for e in scattered(random, faces)
    ]
    gallery = Gallery(tuple(map(str, range(people))), scattered(random, people))
    donors = candidates(PHOTO, gallery, thresholds, selection)
    return requests, gallery, replacement.make_decoys(PACK, PHOTO, requests, gallery, donors, thresholds)


def closest(views, others):
    apart = np.linalg.norm(views[:, None].astype(float) - others[None], axis=2)
    return apart.min(initial=np.inf)


@settings(max_examples=2000, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 4),
    st.one_of(st.integers(0, 40), st.integers(0, 600)),
    st.floats(0.3, 0.9),
    st.floats(0.1, 0.8),
    st.floats(0.1, 0.8),
    SELECTIONS,
    st.integers(0, 3),
)
def test_every_decoy_lies_beyond_all_its_thresholds(
    seed, faces, people, original, to_gallery, decoys, selection, elsewhere
):
    thresholds = Thresholds(original, original + 0.04, to_gallery, decoys)
    random = np.random.default_rng(seed)
    requests, gallery, made = draw(random, faces, people, thresholds, selection, elsewhere)
    assert len(made) == len(requests)
    swaps = [decoy for decoy in made if decoy.kind == "swap"]
    for request, decoy in zip(requests, made, strict=True):
        if decoy.kind == "redaction":
            assert decoy.donor is None
            continue
        views = seen(decoy.donor)
        np.testing.assert_array_equal(decoy.views, views)
        others = [seen(other.donor) for other in swaps if other is not decoy]
        own = request.face.embedding[None]
        assert closest(views, own) == pytest.approx(decoy.distance_to_original, abs=1e-6)
        assert closest(views, gallery.embeddings) == pytest.approx(decoy.nearest_gallery, abs=1e-6)
        assert decoy.distance_to_original > decoy.threshold == thresholds.original
        assert decoy.nearest_gallery > thresholds.gallery
        assert all(closest(views, other) > thresholds.decoys for other in others)
        assert 1 <= decoy.attempts <= parameters.REDRAW_ROUNDS + parameters.SPARE_ROUND[1]
    assert len({decoy.donor for decoy in swaps}) == len(swaps)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["original", "gallery"]), SELECTIONS)
def test_an_impossible_threshold_redacts_every_face(seed, which, selection):
    thresholds = Thresholds(**{which: 5.0})
    _, _, made = draw(np.random.default_rng(seed), 3, 5, thresholds, selection)
    assert [decoy.kind for decoy in made] == ["redaction"] * 3


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_decoys_that_cannot_differ_enough_leave_one_swap(seed):
    _, _, made = draw(np.random.default_rng(seed), 3, 0, Thresholds(decoys=5.0))
    assert sum(decoy.kind == "swap" for decoy in made) <= 1


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.floats(0.3, 0.9), SELECTIONS)
def test_a_part_of_a_photos_faces_keeps_clear_of_what_the_others_wear(seed, part, decoys, selection):
    thresholds = Thresholds(0.3, 0.34, 0.1, decoys)
    random = np.random.default_rng(seed)
    requests, gallery, made = draw(random, 4, 0, thresholds, selection)
    worn, donors = worn_by(made[part:]), candidates(PHOTO, gallery, thresholds, selection)
    # what they wear is among it: alone they would come to those donors again
    wanted = [DecoyRequest(other.face, random.bytes(8)) for other in requests[-part:]]
    again = replacement.make_decoys(PACK, PHOTO, wanted, gallery, donors, thresholds, worn)
    for decoy in again:
        if decoy.kind == "swap":
            assert decoy.donor not in worn.donors
            assert closest(decoy.views, worn.views) > thresholds.decoys


@pytest.mark.parametrize("views", [np.full((1, 128), np.nan, np.float32), BANK.embeddings[:1]])
def test_beside_what_nobody_can_keep_clear_of_every_face_is_redacted(views):
    random, thresholds = np.random.default_rng(3), Thresholds(decoys=5.0)
    requests = [DecoyRequest(face(one), random.bytes(8)) for one in scattered(random, 2)]
    donors = candidates(PHOTO, Gallery(), thresholds, "random")
    worn = Worn(views=views)
    made = replacement.make_decoys(PACK, PHOTO, requests, Gallery(), donors, thresholds, worn)
    assert [decoy.kind for decoy in made] == ["redaction"] * 2


def test_what_is_worn_in_another_space_is_never_compared():
    random, thresholds = np.random.default_rng(3), Thresholds()
    request = DecoyRequest(face(scattered(random, 1)[0]), b"x")
    donors = candidates(PHOTO, Gallery(), thresholds, "random")
    worn = Worn(views=np.ones((1, 512), np.float32))
    with pytest.raises(ValueError, match="dimensions"):
        replacement.make_decoys(PACK, PHOTO, [request], Gallery(), donors, thresholds, worn)


AXES = np.eye(128, dtype=np.float32)  # strangers: they lie 1.41 apart
HALF = np.sqrt(np.float32(0.5))  # of two strangers: .77 from either


@pytest.fixture
def crowd(monkeypatch):
    """A function: the donors that faces get, at axes 9, 8 and so on of the space, each from donors of its own that
    cost as much as told. ``shown``: the views of a decoy by its donor and the number of its face."""

    def crowd(tried, shown, worn=None):
        views = {name: np.broadcast_to(rows, (3, 128)) for name, rows in shown.items()}

        def swap(pack, image, target, donors, *shares):
            drawn = [Drawn(f"{donor.id}{int(target.landmarks[0, 0])}") for donor in donors]
            return drawn, [[0.0, 0.0]] * len(donors)

        def donors(face, random, apart):
            own = tried[int(face.landmarks[0, 0])]
            return iter(
                [Candidate(SimpleNamespace(id=n), unlike=cost * parameters.LOOKS_UNLIKE) for n, cost in own]
            )

        monkeypatch.setattr(draws, "swap", swap)
        # all are drawn, in their order
        monkeypatch.setattr(draws.Draws, "_chances", lambda *_: lambda candidate: 1.0)
        monkeypatch.setattr(sys.modules[__name__], "seen", views.__getitem__)
        monkeypatch.setattr(draws.appearance, "seeming", lambda *_: 0.0)
        requests = []
        for i in range(len(tried)):
            one = face(AXES[9 - i])
            one.landmarks[:] = i
            requests.append(DecoyRequest(one, b"x"))
        thresholds = Thresholds(decoys=0.8)
        made = replacement.make_decoys(PACK, PHOTO, requests, Gallery(), donors, thresholds, worn)
        assert all((decoy.kind == "swap") == (decoy.donor is not None) for decoy in made)
        return [decoy.donor for decoy in made]

    return crowd


@pytest.mark.parametrize(
    ("shown", "taken"),
    [
        ({"a0": AXES[0], "A0": AXES[1], "b1": AXES[0]}, ["A", "b"]),
        ({"a0": AXES[0], "A0": AXES[0], "b1": AXES[0]}, ["a", None]),  # the neighbour's other is as near
        ({"a0": AXES[0], "A0": AXES[9], "b1": AXES[0]}, ["a", None]),  # it would show the neighbour
        ({"a0": AXES[0], "A0": AXES[1], "b1": AXES[8]}, ["a", None]),  # one's own fails by itself
        ({"a0": AXES[0], "A0": AXES[1], "b1": AXES[[0, 8, 0]]}, ["a", None]),  # or on another view
        ({"a0": AXES[0], "A0": AXES[1], "b1": HALF * (AXES[0] + AXES[2]), "c2": AXES[2]}, ["a", None, "c"]),
        ({"a0": AXES[0], "A0": AXES[1], "b1": HALF * (AXES[0] + AXES[1]), "B1": AXES[0]}, ["A", "B"]),
    ],
)
def test_a_face_left_without_a_place_gets_its_neighbours_if_that_has_another(crowd, shown, taken):
    """The first face takes a in the third round, the others still look for better."""
    costs = {"a": 2.1, "A": 2.15}
    tried = [[(n[0], costs.get(n[0], 10)) for n in shown if n[1] == str(i)] for i in range(len(taken))]
    assert crowd(tried, shown) == taken


@pytest.mark.parametrize(
    ("worn", "taken"),
    [
        (Worn(views=AXES[5:6]), ["A", "b"]),
        (Worn(views=AXES[1:2]), ["a", None]),  # where the neighbour would go
        (Worn(frozenset("A")), ["a", None]),  # in what it would wear
        (Worn(frozenset("b")), ["a", None]),
        (Worn(views=AXES[:1]), ["A", None]),  # where both would stand
    ],
)
def test_room_is_made_only_where_nobody_stands_who_got_theirs_before(crowd, worn, taken):
    shown = {"a0": AXES[0], "A0": AXES[1], "b1": AXES[0]}
    assert crowd([[("a", 2.1), ("A", 2.15)], [("b", 10)]], shown, worn) == taken


def test_a_donor_that_one_face_gives_up_is_another_ones(crowd):
    shown = {"x0": AXES[9], "a0": AXES[0], "y1": AXES[8], "x1": AXES[1]}  # x and y show whom they should not
    assert crowd([[("x", 1), ("a", 0)], [("x", 0), ("y", 0)]], shown) == ["a", "x"]


@pytest.mark.parametrize("sure", [True, False])
def test_what_is_given_up_at_the_end_is_for_those_that_are_surely_faces(crowd, monkeypatch, sure):
    monkeypatch.setattr(draws, "surely_faces", lambda pack, image, faces: [sure] * len(faces))
    shown = {"x0": AXES[2], "a0": AXES[0], "y1": AXES[8], "x1": AXES[1]}
    assert crowd([[("x", 11), ("a", 10)], [("x", 0), ("y", 0)]], shown) == ["a", "x" if sure else None]


def test_no_donor_is_worn_twice_though_it_looks_like_two_people(crowd):
    """The second face would get its place if the first could have x, which it gave up and the third took."""
    shown = {"x0": AXES[1], "a0": AXES[0], "b1": AXES[0], "y2": AXES[7], "x2": AXES[2]}
    tried = [[("x", 2.1), ("a", 1.0)], [("b", 10)], [("x", 0), ("y", 0)]]
    assert crowd(tried, shown) == ["a", None, "x"]
    assert crowd([*tried[:2], [("y", 0)]], shown) == ["x", "b", None]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_gallery_that_is_not_a_number_redacts_every_face(seed):
    random = np.random.default_rng(seed)
    rows = scattered(random, 4)
    rows[random.integers(4)] = np.nan
    gallery, thresholds = Gallery(tuple("abcd"), rows), Thresholds()
    requests = [DecoyRequest(face(scattered(random, 1)[0]), b"x")]
    donors = candidates(PHOTO, gallery, thresholds, "random")
    made = replacement.make_decoys(PACK, PHOTO, requests, gallery, donors, thresholds)
    assert [decoy.kind for decoy in made] == ["redaction"]


def test_a_persons_next_decoy_is_unlike_the_ones_before():
    random, gallery, thresholds = np.random.default_rng(4), Gallery(), Thresholds()
    donors = candidates(PHOTO, Gallery(), Thresholds(), "random")

    def distances(remembered):
        found = []
        for _ in range(60):
            embedding, before = scattered(random, 1)[0], np.empty((0, 128), np.float32)
            for _ in range(4):
                request = DecoyRequest(face(embedding), random.bytes(8), before[: 99 * remembered])
                (decoy,) = replacement.make_decoys(PACK, PHOTO, [request], gallery, donors, thresholds)
                found.append(closest(decoy.views, before))
                before = np.concatenate([before, decoy.views])
        return np.array([d for d in found if np.isfinite(d)])

    independent, apart = distances(False), distances(True)
    near = thresholds.apart - parameters.WISH_APART / 2  # looks may take a little of it, not half
    assert np.mean(independent < near) > 0.1
    assert np.mean(apart < near) < 0.02
