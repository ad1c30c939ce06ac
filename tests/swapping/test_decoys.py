"""Decoys on the six-person photo: verified, repeatable, and nothing outside them changed."""

import dataclasses

import cv2
import numpy as np
import pytest

from mfmc_engine import draws, imaging, replacement, swappable
from mfmc_engine.compositing import compose
from mfmc_engine.donors.candidates import candidates
from mfmc_engine.guarantee import Thresholds
from mfmc_engine.swapping import blending
from mfmc_engine.types import Decoy, DecoyRequest, Gallery, Worn

SEEDS = 3
HEAD = (
    (535.0, 320.0),
    (140.0, 200.0),
    15.0,
)  # of the man in the middle: an ellipse round his hair and chin, px
ANY_CHANCE = lambda *_: lambda candidate: 1.0  # noqa: E731


@pytest.fixture(scope="module")
def requests(faces):
    return [DecoyRequest(face, bytes([1, i])) for i, face in enumerate(faces)]


@pytest.fixture(scope="module")
def decoys(photo, requests, real_engine):
    return real_engine.make_decoys(photo, requests)


def test_all_six_are_swapped_beyond_the_threshold(decoys):
    assert [decoy.kind for decoy in decoys] == ["swap"] * 6
    assert all(decoy.distance_to_original > decoy.threshold >= 0.6 for decoy in decoys)


def test_the_distance_holds_on_the_composed_photo(photo, faces, decoys, real_engine):
    composed = compose(photo, decoys, range(6))
    after = real_engine.pack.recognizer.embed(composed, np.stack([face.landmarks for face in faces]))
    distances = np.linalg.norm(after - np.stack([face.embedding for face in faces]), axis=1)
    assert (distances > 0.6).all()


def test_it_is_measured_where_analysis_embedded_the_face(photo, faces, decoys, real_engine):
    """And not where a mean of several searches has the landmarks, from which another chip is cut."""
    for i, (face, decoy) in enumerate(zip(faces, decoys, strict=True)):
        alone = real_engine.compose(photo, decoys, [i])
        seen = real_engine.pack.recognizer.embed(alone, face.landmarks[None])[0]
        assert np.linalg.norm(seen - decoy.views[0]) < 1e-3


def test_faces_are_still_found_where_they_were(photo, faces, decoys, real_engine):
    again = real_engine.analyze(compose(photo, decoys, range(6))).faces
    for face in faces:
        centre = face.landmarks.mean(0)
        assert any(((other.box[:2] < centre) & (centre < other.box[2:])).all() for other in again)


def test_no_donor_is_used_twice_in_one_photo(decoys):
    assert len({decoy.donor for decoy in decoys}) == 6


def test_pixels_outside_the_masks_are_untouched_and_patches_carry_none_of_them(photo, decoys):
    composed = compose(photo, decoys, range(6))
    covered = np.zeros(photo.shape[:2], bool)
    for decoy in decoys:
        (x, y), (height, width) = decoy.origin, decoy.alpha.shape
        covered[y : y + height, x : x + width] |= decoy.alpha > 0
        assert not decoy.pixels[decoy.alpha == 0].any()
    np.testing.assert_array_equal(composed[~covered], photo[~covered])


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_face(photo, requests, real_engine):
    one = [requests[1]]
    first, second = (real_engine.make_decoys(photo, one)[0] for _ in range(2))
    np.testing.assert_array_equal(first.pixels, second.pixels)
    np.testing.assert_array_equal(first.alpha, second.alpha)
    donors = {
        real_engine.make_decoys(photo, [DecoyRequest(one[0].face, bytes([9, i]))])[0].donor for i in range(4)
    }
    assert len(donors) > 1


def test_one_face_alone_keeps_clear_of_what_the_photos_others_wear(photo, requests, real_engine):
    """Worn by somebody else already, a decoy is drawn again as another one."""
    (alone,) = real_engine.make_decoys(photo, requests[:1])
    for worn in (Worn(frozenset([alone.donor])), Worn(views=alone.views)):
        (beside,) = real_engine.make_decoys(photo, requests[:1], beside=worn)
        assert (beside.kind, alone.kind) == ("swap", "swap")
        assert beside.donor != alone.donor
        if len(worn.views):
            apart = np.linalg.norm(beside.views[:, None] - worn.views, axis=2)
            assert apart.min() > Thresholds().decoys


def test_nobody_in_the_gallery_is_impersonated(photo, requests, decoys, real_engine):
    """Enrol the very donor that was drawn: the next decoy must be somebody else."""
    from mfmc_engine.donors import bank

    donor = bank.load()[decoys[0].donor]
    gallery = Gallery(("somebody",), donor.embedding[None])
    again = real_engine.make_decoys(photo, [requests[0]], gallery)[0]
    assert again.donor != donor.id
    assert again.nearest_gallery > Thresholds().gallery


@pytest.mark.parametrize("impossible", [{"original": 99.0, "preferred": 99.0}, {"gallery": 99.0}])
def test_an_impossible_threshold_ends_in_redaction(photo, requests, real_engine, impossible):
    thresholds = Thresholds(**impossible)
    gallery = Gallery(("somebody",), np.ones((1, 128), np.float32))
    easy = candidates(
        photo, Gallery(), Thresholds(), "random"
    )  # donors are offered, the output never satisfies
    decoy = replacement.make_decoys(real_engine.pack, photo, requests[:1], gallery, easy, thresholds)[0]
    assert (decoy.kind, decoy.donor) == ("redaction", None)
    assert decoy.attempts > 0


@pytest.mark.parametrize("change", ["tiny", "nonsense", "profile"])
def test_faces_that_cannot_be_swapped_are_redacted_not_skipped(photo, requests, real_engine, change):
    face = requests[0].face
    if change == "tiny":
        face = dataclasses.replace(face, quality=dataclasses.replace(face.quality, size=15.0))
    elif change == "profile":
        face = dataclasses.replace(face, quality=dataclasses.replace(face.quality, yaw=85.0))
    else:
        marks = np.random.default_rng(0).uniform(0, 100, (68, 2)).astype(np.float32)
        face = dataclasses.replace(face, landmarks=marks)
    decoy = real_engine.make_decoys(photo, [DecoyRequest(face, b"x")])[0]
    assert decoy.kind == "redaction"
    x, y = face.box[:2].round().astype(int) - decoy.origin
    width, height = (face.box[2:] - face.box[:2]).round().astype(int)
    assert np.mean(decoy.alpha[y : y + height, x : x + width] > 0) > 0.95


def test_a_redaction_defeats_the_recogniser(photo, faces, real_engine):
    redacted = [dataclasses.replace(f, quality=dataclasses.replace(f.quality, size=15.0)) for f in faces]
    made = real_engine.make_decoys(photo, [DecoyRequest(f, bytes([i])) for i, f in enumerate(redacted)])
    composed = compose(photo, made, range(6))
    after = real_engine.pack.recognizer.embed(composed, np.stack([face.landmarks for face in faces]))
    originals = np.stack([face.embedding for face in faces])
    distances = np.linalg.norm(after[:, None] - originals[None], axis=2)
    assert (np.diag(distances) > 0.55).all()


def test_overlapping_faces_bring_no_pixel_of_each_other(photo, requests, decoys, real_engine):
    """A second face right beside the first keeps its half: the nearer (larger) one wins the overlap."""
    near = requests[0].face
    small = dataclasses.replace(
        near,
        landmarks=(near.landmarks - near.landmarks.mean(0)) * 0.8 + near.landmarks.mean(0) + [30, 0],
    )
    small = dataclasses.replace(small, landmarks=small.landmarks.astype(np.float32))
    targets = blending.prepare(photo, [near.landmarks, small.landmarks])
    inside = targets[1].landmarks
    shared = targets[1].barred[0, 0].numpy()
    left_cheek = np.round(inside[2:5].mean(0) + [6, 0]).astype(int)
    assert shared[left_cheek[1], left_cheek[0]] > 0.9
    nose = np.round(targets[0].landmarks[27:31]).astype(int)
    assert targets[0].barred[0, 0].numpy()[nose[:, 1], nose[:, 0]].max() < 0.1


def test_no_mouth_is_drawn_on_the_hair_of_a_head_in_front(photo, faces):
    """The hair of the man in the middle, put before the mouth of the woman on the right: a row of a group photo."""
    behind, front = faces[5].landmarks, faces[2].landmarks
    hair = front[17:27].mean(0) - 0.75 * (front[8] - front[17:27].mean(0))  # above his forehead
    shift = np.round(behind[48:60].mean(0) - hair).astype(int)
    height, width = photo.shape[:2]
    head = cv2.ellipse(np.zeros((height, width), np.uint8), HEAD, 1, cv2.FILLED)
    moved = np.float32([[1, 0, shift[0]], [0, 1, shift[1]]])
    pasted = cv2.warpAffine(photo, moved, (width, height))
    over = cv2.warpAffine(head, moved, (width, height))[..., None] > 0
    crowded = np.where(over, pasted, photo)
    behind_him, alone = (
        blending.prepare(picture, [behind, front + shift.astype(np.float32)])[0]
        for picture in (crowded, photo)
    )
    mouth, nose = (
        np.round(behind_him.landmarks[part]).astype(int) for part in (slice(48, 60), slice(27, 31))
    )
    barred = behind_him.barred[0, 0].numpy()
    assert barred[mouth[:, 1], mouth[:, 0]].mean() > 0.9
    assert barred[nose[:, 1], nose[:, 0]].max() < 0.1
    assert alone.barred[0, 0].numpy()[mouth[:, 1], mouth[:, 0]].max() < 0.1
    assert not behind_him.behind


def test_a_child_before_a_grown_up_keeps_no_feature(photo, faces, real_engine):
    """By its size it would stand behind, and the larger face's outline would keep half of it as it is."""
    child, grown_up = faces[0], faces[2]
    low, high = child.box[:2] - 12, child.box[2:] + 12
    size = np.round(high - low).astype(int)
    scale = np.float32(0.6)
    place = np.round(grown_up.landmarks[57] - scale * size / 2).astype(int)  # over the grown-up's mouth
    cut = cv2.warpAffine(
        photo,
        np.float32([[scale, 0, -scale * low[0]], [0, scale, -scale * low[1]]]),
        tuple(np.int32(scale * size)),
    )
    crowded = photo.copy()
    oval = cv2.ellipse(
        np.zeros(cut.shape[:2], np.uint8), ((cut.shape[1] / 2, cut.shape[0] / 2), cut.shape[1::-1], 0), 1, -1
    )
    there = np.s_[place[1] : place[1] + cut.shape[0], place[0] : place[0] + cut.shape[1]]
    crowded[there] = np.where(oval[..., None] > 0, cut, crowded[there])

    moved = dataclasses.replace(
        child,
        box=np.float32(
            np.concatenate([(child.box[:2] - low), (child.box[2:] - low)]) * scale + np.tile(place, 2)
        ),
        landmarks=np.float32((child.landmarks - low) * scale + place),
        quality=dataclasses.replace(child.quality, size=child.quality.size * scale),
    )
    found = swappable.prepared(real_engine.pack, crowded, [moved, grown_up])
    assert found[0] == swappable.Obstacle.COVERED
    assert not isinstance(found[1], swappable.Obstacle)

    (decoy,) = real_engine.make_decoys(crowded, [DecoyRequest(moved, b"child")])
    after = compose(crowded, [decoy], [0])
    inner = cv2.fillConvexPoly(
        np.zeros(photo.shape[:2], np.uint8), cv2.convexHull(np.int32(moved.landmarks[17:])), 1
    )
    assert (after[inner > 0] != crowded[inner > 0]).any(1).mean() > 0.98


@pytest.mark.shared
def test_profiles_whose_landmarks_are_guesses_are_redacted(real_engine):
    from tests.conftest import SHARED

    photo = imaging.decode(SHARED / "group_photos" / "linzaer_24.jpg")
    faces = real_engine.analyze(photo).faces
    decoys = real_engine.make_decoys(photo, [DecoyRequest(face, bytes([i])) for i, face in enumerate(faces)])
    assert len(decoys) == len(faces)
    assert sum(decoy.kind == "redaction" for decoy in decoys) >= 0.8 * len(faces)


@pytest.fixture
def looked(real_engine, monkeypatch):
    """How many chips the recogniser was given, call by call."""
    calls = []
    embed = type(real_engine.pack.recognizer).embed_chips

    def counting(self, chips):
        calls.append(len(chips))
        return embed(self, chips)

    monkeypatch.setattr(type(real_engine.pack.recognizer), "embed_chips", counting)
    return calls


def test_one_look_is_enough_to_turn_a_decoy_down_and_none_is_taken_on_less_than_three(
    photo, requests, real_engine, looked
):
    seen_once = 0
    for request in requests:
        looked.clear()
        decoy = real_engine.make_decoys(photo, [request])[0]
        assert decoy.kind == "swap"
        fully = looked.count(2)  # those whose first look was good get two more
        assert set(looked) == {1, 2}
        assert 1 <= fully <= looked.count(1) <= decoy.attempts
        seen_once += looked.count(1) - fully
    assert seen_once > 0
    looked.clear()
    hopeless = Thresholds(original=99.0, preferred=99.0)
    everyone = candidates(photo, Gallery(), Thresholds(), "random")
    decoy = replacement.make_decoys(real_engine.pack, photo, requests[3:4], Gallery(), everyone, hopeless)[0]
    assert (decoy.kind, sum(looked)) == ("redaction", decoy.attempts + replacement.P.REDACTION_DRAWS)  # too


@dataclasses.dataclass
class Made:
    """What came of the same requests, and how."""

    decoys: list[Decoy] = dataclasses.field(default_factory=list)
    costs: list[float] = dataclasses.field(default_factory=list)  # of what was taken
    looks: int = 0  # chips that the recogniser was given


@pytest.fixture(scope="module")
def make(photo, faces, real_engine):
    """A function: decoys for all six under some seeds, with these methods of the draws changed."""
    run, recogniser = draws.Draws._run, type(real_engine.pack.recognizer)
    embed = recogniser.embed_chips

    def make(**changed) -> Made:
        made = Made()

        def watched(draw):
            run(draw)
            made.costs.extend(case.chosen.cost(case.thresholds) for case in draw.cases)

        def counting(self, chips):
            made.looks += len(chips)
            return embed(self, chips)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(recogniser, "embed_chips", counting)
            for name, method in {"_run": watched, **changed}.items():
                patch.setattr(draws.Draws, name, method)
            for seed in range(SEEDS):
                requests = [DecoyRequest(face, bytes([seed, i])) for i, face in enumerate(faces)]
                made.decoys += real_engine.make_decoys(photo, requests)
        return made

    return make


@pytest.fixture(scope="module")
def nothing_foretold(make) -> Made:
    """As if every draw had the same chance."""
    return make(_chances=ANY_CHANCE)


def test_draws_that_are_foretold_to_be_in_vain_are_left_out(make, nothing_foretold):
    """Half of the draws on this photo; what is taken looks no worse and is no nearer to the person."""
    few, many = make(), nothing_foretold
    assert sum(one.attempts for one in few.decoys) < 0.75 * sum(one.attempts for one in many.decoys)
    assert np.mean(few.costs) < 1.1 * np.mean(many.costs)


def test_looks_that_are_spared_would_have_changed_nothing(make, nothing_foretold):
    """Where nothing is foretold: otherwise hardly any that look bad are drawn at all."""
    swap_in = draws.Draws._try

    def look_at_all(draw, *arguments):  # as on a card
        swap_in(draw, *arguments)
        unseen = [(case, one) for case in draw.cases for one in case.attempts if one.unseen]
        draw._look(unseen, replacement.viewing.first_view)

    ours, others = nothing_foretold, make(_chances=ANY_CHANCE, _try=look_at_all)
    assert ours.looks < others.looks
    for one, other in zip(ours.decoys, others.decoys, strict=True):
        assert (one.donor, one.attempts) == (other.donor, other.attempts)
        assert np.array_equal(one.pixels, other.pixels)
        assert np.array_equal(one.views, other.views)


@pytest.mark.parametrize(("views", "kind"), [(1, "redaction"), (2, "redaction"), (0, "swap")])
def test_a_decoy_recognised_in_any_one_view_is_turned_down(
    photo, requests, real_engine, monkeypatch, views, kind
):
    """The recogniser sees the person in the mirrored (1) or newly marked (2) chip of every decoy, or in none (0)."""
    face = requests[3].face
    embed = type(real_engine.pack.recognizer).embed_chips

    def biased(self, chips):
        seen = embed(self, chips)
        if views and len(chips) == 2:  # the batch of the other views of one decoy
            seen[views - 1] = face.embedding
        return seen

    monkeypatch.setattr(type(real_engine.pack.recognizer), "embed_chips", biased)
    monkeypatch.setattr(replacement.P, "DRAW_ROUNDS", replacement.P.DRAW_ROUNDS[:2])
    decoy = real_engine.make_decoys(photo, requests[3:4])[0]
    assert decoy.kind == kind


def test_a_rounds_donors_are_swapped_one_by_one_until_one_will_do(photo, requests, real_engine, monkeypatch):
    swaps = []
    swap = draws.swap

    def counted(pack, image, target, donors, *rest):
        swaps.append(len(donors))
        return swap(pack, image, target, donors, *rest)

    monkeypatch.setattr(draws, "swap", counted)
    monkeypatch.setattr(replacement.P, "DRAW_ROUNDS", ((0.35, 3, float("inf")),))
    anything = Thresholds(preferred=replacement.P.ORIGINAL_THRESHOLD)
    donors = candidates(photo, Gallery(), anything, "random")
    (decoy,) = replacement.make_decoys(real_engine.pack, photo, requests[:1], Gallery(), donors, anything)
    assert swaps == [1] * decoy.attempts
    assert 1 <= decoy.attempts < 3
