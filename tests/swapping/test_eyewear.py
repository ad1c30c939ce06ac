"""Spectacles and sunglasses are found on a face, told from folds and shade, and worn by its decoys."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from mfmc_engine import draws
from mfmc_engine import parameters as P
from mfmc_engine.donors import bank
from mfmc_engine.donors.candidates import Candidate
from mfmc_engine.errors import WeightsMissingError
from mfmc_engine.geometry import apply
from mfmc_engine.guarantee import Thresholds
from mfmc_engine.landmarks import eye_centres
from mfmc_engine.recognition.space import DLIB
from mfmc_engine.swapping import blending, eyewear, eyewear_network, fields, masks, outlines
from mfmc_engine.swapping.appearance import Looks
from mfmc_engine.swapping.lit import Lit
from mfmc_engine.types import DecoyRequest, Gallery

WEARER = 3  # the man in red
FRAME = (40, 30, 25)
LENS = np.array([40, 34, 30], np.float32)  # at the eyes' height; lenses are lighter below


@pytest.fixture(scope="module")
def eyes(faces):
    """Centres of both eyes, px, (2, 2)."""
    return eye_centres(faces[WEARER].landmarks)


def ellipses(photo, eyes, half, breadth):
    """(H, W) of 255 on ellipses a little below the eyes, ``half`` as wide and high in distances between these."""
    along = eyes[1] - eyes[0]
    apart, turn = float(np.hypot(*along)), float(np.degrees(np.arctan2(along[1], along[0])))
    drawn = np.zeros(photo.shape[:2], np.uint8)
    for eye in eyes:
        centre = tuple(np.round(eye + [0, 0.05 * apart]).astype(int).tolist())
        axes = tuple(round(apart * part) for part in half)
        cv2.ellipse(drawn, centre, axes, turn, 0, 360, 255, breadth, cv2.LINE_AA)
    return drawn


def bars(drawn, eyes, width):
    """A bridge and temples between and beside ellipses ``width`` wide."""
    along = eyes[1] - eyes[0]
    breadth = max(2, round(0.06 * float(np.hypot(*along))))
    for start, end in (
        (eyes[0] - along * width, eyes[0] - along * 0.9),
        (eyes[1] + along * width, eyes[1] + along * 0.9),
        (eyes[0] + along * (width + 0.01), eyes[1] - along * (width + 0.01)),
    ):
        ends = (tuple(np.round(point).astype(int).tolist()) for point in (start, end))
        cv2.line(drawn, *ends, 255, breadth, cv2.LINE_AA)
    return drawn


def laid_over(photo, share, colour):
    """The photo with a colour over ``share`` (H, W) of it."""
    return np.round(photo + share[..., None] * (np.asarray(colour) - photo.astype(np.float32))).astype(
        np.uint8
    )


@pytest.fixture(scope="module")
def spectacles(photo, eyes):
    """Horn-rimmed ones: the photo with them, and (H, W) of 255 where they are."""
    breadth = max(2, round(0.06 * float(np.hypot(*(eyes[1] - eyes[0])))))
    drawn = bars(ellipses(photo, eyes, (0.36, 0.30), breadth), eyes, 0.36)
    return laid_over(photo, drawn / 255, FRAME), drawn


@pytest.fixture(scope="module")
def sunglasses(photo, eyes):
    """The same with dark lenses."""
    drawn = bars(ellipses(photo, eyes, (0.40, 0.29), -1), eyes, 0.40)
    return darkened(photo, eyes, drawn / 255), drawn


def darkened(photo, eyes, share):
    below = (np.indices(photo.shape[:2])[0] - eyes[:, 1].mean()) / np.ptp(eyes[:, 0])
    return laid_over(photo, share, LENS * (1 + below[..., None]).clip(0.5, 1.8))


def target_of(picture, faces):
    return blending.prepare(picture, [faces[WEARER].landmarks])[0]


def where(target, drawn):
    """What is drawn (H, W of 255) as a share of the pixels of the target's crop."""
    frame = target.frame
    crop = blending.mesh.crop(np.repeat(drawn[..., None], 3, 2), frame)
    return crop[..., 0] / 255


def overlap(found, drawn):
    found, drawn = found > 0.5, drawn > 0.5
    return (found & drawn).sum() / (found | drawn).sum()


def test_nobody_in_the_photo_is_taken_for_a_wearer(photo, faces):
    targets = blending.prepare(photo, [face.landmarks for face in faces])
    assert [eyewear.of(target.lit) for target in targets] == [None] * 6


def test_eyes_in_the_shade_are_no_sunglasses(photo, eyes, faces):
    apart = float(np.linalg.norm(eyes[1] - eyes[0]))
    spots = np.zeros(photo.shape[:2], np.float32)
    for eye in eyes:
        cv2.circle(spots, tuple(np.round(eye).astype(int).tolist()), round(apart * 0.3), 0.9, -1)
    soft = cv2.GaussianBlur(spots, (0, 0), apart * 0.2)
    assert eyewear.of(target_of(darkened(photo, eyes, soft), faces).lit) is None


def test_spectacles_are_found_where_they_are(spectacles, faces):
    painted, drawn = spectacles
    target = target_of(painted, faces)
    found = eyewear.of(target.lit)
    assert found is not None
    assert not found.opaque
    hides = found.hides[0, 0].numpy()
    rims = where(target, drawn)
    assert overlap(hides, rims) > 0.5
    middle = rims > 0.9
    colour = found.colour[0].permute(1, 2, 0).numpy()[middle] * 255
    assert np.abs(np.median(colour, 0) - FRAME).max() < 25
    inside = where(target, ellipses(painted, eye_centres(faces[WEARER].landmarks), (0.2, 0.15), -1)) > 0.9
    assert hides[inside].mean() < 0.1  # eyes are seen through them


def test_sunglasses_are_found_where_they_are_and_as_dark_as_they_are(sunglasses, faces):
    painted, drawn = sunglasses
    target = target_of(painted, faces)
    found = eyewear.of(target.lit)
    assert found is not None
    assert found.opaque
    lenses = where(target, drawn)
    assert overlap(found.hides[0, 0].numpy(), lenses) > 0.75
    for eye in apply(target.frame.to_crop, eye_centres(faces[WEARER].landmarks)):
        x, y = np.round(eye).astype(int)
        assert found.hides[0, 0, y - 3 : y + 4, x - 5 : x + 6].min() > 0.9
        seen = found.colour[0, :, y, x].numpy() * 255
        np.testing.assert_allclose(seen, LENS, atol=12)


def decoys(pack, picture, faces, wears):
    """A decoy that wears what it shall, in the photo, and how blotched it is."""
    target = target_of(picture, faces)
    donor = bank.load()["male-white-26"]
    random = np.random.default_rng(0)
    (patch,), (blotched,) = draws.swap(pack, picture, target, [donor], 0.33, random, [0.0], wears)
    whole = picture.astype(np.float32)
    (x, y), (rows, columns) = patch.origin, patch.alpha.shape
    share = patch.alpha[..., None] / 255
    region = whole[y : y + rows, x : x + columns]
    region += share * (patch.pixels - region)
    return whole, blotched[0]


def test_a_decoy_wears_the_persons_spectacles_but_not_their_eyes(spectacles, eyes, photo, faces, real_engine):
    painted, drawn = spectacles
    wears = eyewear.of(target_of(painted, faces).lit)
    with_them, _ = decoys(real_engine.pack, painted, faces, wears)
    without, _ = decoys(real_engine.pack, painted, faces, None)
    below = (drawn == 255) & (np.indices(drawn.shape)[0] > eyes[:, 1].max())
    on, off = (picture[below].mean() for picture in (with_them, without))
    assert on < 0.65 * off
    assert on < 1.6 * painted[below].mean() + 20
    x, y = np.round(eyes[0]).astype(int)
    around = slice(y - 4, y + 5), slice(x - 6, x + 7)
    assert np.abs(with_them[around] - without[around]).mean() < 6
    assert np.abs(with_them[around] - photo[around]).mean() > 12


def test_a_decoy_wears_sunglasses_and_nothing_of_the_eyes_behind(sunglasses, eyes, faces, real_engine):
    painted, _ = sunglasses
    wears = eyewear.of(target_of(painted, faces).lit)
    worn, blotched = decoys(real_engine.pack, painted, faces, wears)
    bare, staring = decoys(real_engine.pack, painted, faces, None)
    x, y = np.round(eyes[0]).astype(int)
    around = np.s_[y - 5 : y + 6, x - 8 : x + 9]
    assert worn[around].mean() < 1.5 * LENS.mean()
    assert worn[around].std() < 12  # a plain field
    assert bare[around].mean() > 2 * LENS.mean()
    x, y = np.round(eyes.mean(0)).astype(int)
    nose = np.s_[y + 14 : y + 20, x - 3 : x + 4]
    assert np.abs(worn[nose] - bare[nose]).max() < 3
    assert blotched < staring + 0.01  # lenses are no patches on its skin


def test_who_goes_without_has_nothing_left_of_them(sunglasses, eyes, faces):
    """Below a dark brim they would pass for a part of it, and an arc of them stay over the brows."""
    along = eyes[1] - eyes[0]
    rise = np.array([along[1], -along[0]])
    ends = [eyes[0] - along / 2, eyes[1] + along / 2]
    brim = np.array([ends[0], ends[1], ends[1] + 0.7 * rise, ends[0] + 0.7 * rise])
    shaded = cv2.fillPoly(sunglasses[0].copy(), [np.round(brim).astype(np.int32)], LENS.tolist())
    target = target_of(shaded, faces)
    found = eyewear.of(target.lit)
    assert found is not None
    inside = fields.dilate(target.lit.part(outlines.region), -12) > 0
    lenses = (found.hides > 0.5) & inside
    bare = Lit(target.lit.pictures, torch.ones_like(target.lit.skin), target.lit.landmarks)
    alpha = [masks.swap_mask(target.lit, bare, target.barred, wears)[lenses] for wears in (True, False)]
    assert alpha[0].min() < 0.2
    assert alpha[1].min() > 0.9


def test_to_lose_them_is_plain_to_see():
    worn, lost = (Looks(0.0, P.DRAW_ROUNDS[0][0], 0.0, 0.0, lost=cost) for cost in (0.0, P.LOOKS_GLASSES))
    assert worn.cost == 0
    assert lost.cost > 1


@pytest.mark.parametrize(("rounds", "hopeful"), [(None, False), (P.GLASSES_ROUNDS, True)])
def test_a_decoy_in_glasses_is_worth_a_draw_that_may_do_later(faces, monkeypatch, rounds, hopeful):
    """Of a donor that costs more than the first round takes, but less than the one in which glasses are given up."""
    own = rounds and SimpleNamespace(opaque=False, rounds=rounds, lost=P.LOOKS_GLASSES)
    monkeypatch.setattr(draws.eyewear, "of", lambda lit: own)
    nobody = np.empty((0, 128), np.float32)
    case = draws.Case(faces[0], np.random.default_rng(0), nobody, Thresholds())
    pack, target = SimpleNamespace(space=DLIB, device="cpu"), SimpleNamespace(lit=None)
    drawing = draws.Draws(pack, None, [case], [target], Gallery())
    candidate = Candidate(SimpleNamespace(id="donor"), spare=0.1, unlike=2.0 * P.LOOKS_UNLIKE)
    first = P.DRAW_ROUNDS[0]
    chance = drawing._chances(0, 1, first[0], first[2])(candidate)
    assert (chance > P.DRAW_CHANCE) == hopeful
    last = P.DRAW_ROUNDS[P.GLASSES_ROUNDS]
    without = drawing._chances(0, P.GLASSES_ROUNDS + 1, last[0], last[2])(candidate)
    assert (without > P.DRAW_CHANCE) == (not hopeful)  # what is lost with them counts, too


@pytest.mark.parametrize("opaque", [False, True])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_clear_ones_are_worn_by_the_first_decoy_of_a_person_alone(faces, monkeypatch, opaque, elsewhere):
    """Two decoys in the same glasses are linked by them; without dark ones eyes would fit nobody's brows."""
    own = eyewear.Eyewear(torch.zeros(1), torch.zeros(1), opaque)
    monkeypatch.setattr(draws.eyewear, "of", lambda lit: own)
    case = draws.Case(
        faces[0], np.random.default_rng(0), np.zeros((int(elsewhere), 128), np.float32), Thresholds()
    )
    pack, target = SimpleNamespace(space=DLIB, device="cpu"), SimpleNamespace(lit=None)
    drawing = draws.Draws(pack, None, [case], [target], Gallery())
    worn = [drawing._eyewear(0, number) for number in range(1, len(P.DRAW_ROUNDS) + 1)]
    if elsewhere and not opaque:
        assert worn == [(None, 0.0)] * len(worn)
    else:
        assert worn == [(own, 0.0)] * own.rounds + [(None, own.lost)] * (len(worn) - own.rounds)
        assert 0 < own.rounds < len(worn)


def test_they_are_given_up_where_no_decoy_keeps_the_promise_with_them(
    sunglasses, faces, real_engine, monkeypatch
):
    face = real_engine.analyze(sunglasses[0], [faces[WEARER].box.tolist()]).faces
    wearer = min(face, key=lambda one: np.abs(one.box - faces[WEARER].box).sum())
    seen = []
    swap = draws.swap

    def watched(*args):
        seen.append(args[-1] is not None)
        return swap(*args)

    monkeypatch.setattr(draws, "swap", watched)
    monkeypatch.setattr(P, "DRAW_ROUNDS", tuple((*row[:2], -1.0) for row in P.DRAW_ROUNDS))
    monkeypatch.setattr(P, "RESORT_ROUND", 1)  # all are drawn, whatever is foretold of them
    (decoy,) = real_engine.make_decoys(sunglasses[0], [DecoyRequest(wearer, b"seed")])
    worn_rounds = sum(row[1] for row in P.DRAW_ROUNDS[: P.SHADES_ROUNDS])
    assert seen == [True] * worn_rounds + [False] * (P.REDRAW_ROUNDS - worn_rounds)
    assert decoy.kind == "swap"
    assert decoy.distance_to_original > decoy.threshold


def test_the_network_is_the_same_with_its_normalisations_worked_in():
    bands = torch.rand(2, 3, *eyewear_network.BAND, generator=torch.Generator().manual_seed(0))
    loaded = eyewear_network.load(torch.device("cpu"))
    with np.load(eyewear_network.WEIGHTS) as arrays:
        weights = {name: torch.from_numpy(arrays[name].astype(np.float32)) for name in arrays}
    plain = eyewear_network.EyewearNetwork().eval()
    plain.load_state_dict(weights, strict=False)
    with torch.inference_mode():
        for found, expected in zip(loaded(bands), plain(bands), strict=True):
            torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)
        what, parts = loaded(bands)
    assert what.shape == (2, 3)
    assert parts.shape == (2, 2, *eyewear_network.BAND)


@pytest.mark.parametrize("damage", ["missing", "not an archive", "half of it"])
def test_weights_that_are_missing_or_damaged_are_told_of(damage, tmp_path, monkeypatch):
    file = tmp_path / "eyewear.npz"
    if damage == "not an archive":
        file.write_bytes(b"nothing of the kind")
    elif damage == "half of it":
        np.savez(file, **{"first.weight": np.zeros((16, 3, 5, 5), np.float16)})
    monkeypatch.setattr(eyewear_network, "WEIGHTS", file)
    eyewear_network.load.cache_clear()
    with pytest.raises(WeightsMissingError, match=r"eyewear\.npz is missing or damaged"):
        eyewear_network.load(torch.device("cpu"))
