"""Fields, skin, masks, light, sharpness and redaction, each on pictures whose answer is known."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mfmc_engine import imaging, viewing
from mfmc_engine import parameters as P
from mfmc_engine.parameters import CROP_SIZE
from mfmc_engine.swapping import fields, finish, masks, mesh, outlines, redaction, relight, skin, texture
from mfmc_engine.swapping.lit import Lit
from mfmc_engine.types import DecoyRequest, Face, Quality

FACE = mesh.mean_face()
CPU = torch.device("cpu")


def _painted(colour=(0.8, 0.6, 0.5)) -> torch.Tensor:
    """A plain face: skin everywhere, dark brows and eyes, red lips."""
    picture = torch.tensor(colour).view(1, 3, 1, 1).expand(1, 3, CROP_SIZE, CROP_SIZE).clone()
    for outline, tone in (
        (outlines.brow_hair, (0.2, 0.15, 0.1)),
        (outlines.eye_openings, (0.3, 0.3, 0.3)),
        (outlines.lips, (0.6, 0.3, 0.3)),
    ):
        mask = fields.rasterise(outline, [FACE], CPU)
        picture = picture * (1 - mask) + torch.tensor(tone).view(1, 3, 1, 1) * mask
    return picture


@pytest.mark.parametrize("radius", [0, 1, 2, 3, 5, 8, -1, -4])
def test_dilation_agrees_with_max_pooling(radius):
    mask = (torch.rand(2, 1, 40, 50, generator=torch.Generator().manual_seed(1)) > 0.9).float()
    size = 2 * abs(radius) + 1
    expected = (
        F.max_pool2d(mask, size, 1, radius) if radius >= 0 else 1 - F.max_pool2d(1 - mask, size, 1, -radius)
    )
    assert torch.equal(fields.dilate(mask, radius), expected)


@pytest.mark.parametrize("sigma", [0.7, 2.0, 6.0, 20.0])
def test_a_blur_keeps_constants_and_spreads_a_dot_by_sigma(sigma):
    assert torch.allclose(
        fields.gaussian(torch.full((1, 1, 64, 64), 0.7), sigma), torch.tensor(0.7), atol=1e-5
    )
    dot = torch.zeros(1, 1, 256, 256)
    dot[..., 128, 128] = 1
    blurred = fields.gaussian(dot, sigma)[0, 0]
    ys = torch.arange(256.0) - float((blurred.sum(1) * torch.arange(256.0)).sum())
    assert float((blurred.sum(1) * ys**2).sum().sqrt()) == pytest.approx(sigma, rel=0.12, abs=0.3)


def test_skin_is_told_from_hair_and_from_a_coloured_wall():
    picture = _painted()
    picture[..., :70, :] = torch.tensor((0.15, 0.1, 0.08)).view(1, 3, 1, 1)  # fringe
    picture[..., :, 175:] = torch.tensor((0.3, 0.5, 0.8)).view(1, 3, 1, 1)  # wall behind one cheek
    likelihood = skin.likelihood(picture, [FACE])[0, 0]
    assert likelihood[150, 110] > 0.9  # cheek
    assert likelihood[60, 128] < 0.1  # fringe
    assert likelihood[150, 190] < 0.1  # wall


def test_skin_survives_side_light():
    ramp = torch.linspace(1.1, 0.45, CROP_SIZE).view(1, 1, 1, -1)
    likelihood = skin.likelihood(_painted() * ramp, [FACE])[0, 0]
    assert likelihood[150, 80] > 0.8
    assert likelihood[150, 175] > 0.8


def _mask(picture: torch.Tensor) -> torch.Tensor:
    likelihood = skin.likelihood(picture, [FACE])
    bare = torch.ones_like(likelihood)
    target, donor = (Lit(picture, skin_of_it, [FACE]) for skin_of_it in (likelihood, bare))
    return masks.swap_mask(target, donor, torch.zeros_like(likelihood))[0, 0]


def test_brows_eyes_nose_and_mouth_are_always_replaced():
    noise = torch.rand(1, 3, CROP_SIZE, CROP_SIZE, generator=torch.Generator().manual_seed(3))
    for picture in (_painted(), noise, torch.zeros(1, 3, CROP_SIZE, CROP_SIZE)):
        alpha = _mask(picture)
        for part in (outlines.eye_openings, outlines.lips, outlines.nostrils):
            inside = fields.rasterise(part, [FACE], CPU)[0, 0] > 0
            assert alpha[inside].min() > 0.95


def test_hair_in_front_stays_and_nothing_beyond_the_jaw_is_touched():
    picture = _painted()
    picture[..., :66, :] = torch.tensor((0.15, 0.1, 0.08)).view(1, 3, 1, 1)
    alpha = _mask(picture)
    assert alpha[:60].max() < 0.1
    assert alpha[CROP_SIZE - 30 :].max() == 0
    assert alpha[:, :50].max() == 0


def test_frames_leave_no_stumps_beside_the_eyes_and_hair_down_the_side_stays():
    dark = torch.tensor((0.15, 0.1, 0.08)).view(1, 3, 1, 1)
    x, y = (int(value) for value in FACE[36])
    beside = slice(int(FACE[0][0]) + 11, x - 10)  # between the temple and the outer corner of an eye
    framed = _painted()
    framed[..., y - 4 : y + 4, : x + 8] = dark
    assert _mask(framed)[y, beside].min() > 0.9
    haired = _painted()
    haired[..., : y + 40, : x - 6] = dark
    assert _mask(haired)[y, beside].max() < 0.2


def test_a_wall_behind_a_cheek_does_not_shine_into_the_decoy():
    """It may pass for skin by mistake; what differs that much is no seam."""
    target, bare = _painted(), torch.ones(1, 1, CROP_SIZE, CROP_SIZE)
    end = int(outlines.region(FACE)[0][:, 0].max())
    target[..., end - 12 :] = torch.tensor((0.85, 0.9, 1.0)).view(1, 3, 1, 1)
    decoys = _painted()
    lit = Lit(target, bare, [FACE])
    alpha = masks.swap_mask(lit, Lit(decoys, bare, [FACE]), torch.zeros_like(bare))
    closed = finish.close_seam(decoys, Lit(decoys, bare, [FACE]), lit, alpha)
    rows = slice(120, 150)
    change = (closed - decoys)[0, 2, rows, end - 30 : end - 16].abs()
    assert change.max() < 0.03


def test_pixels_of_a_face_in_front_are_barred():
    likelihood = torch.ones(1, 1, CROP_SIZE, CROP_SIZE)
    barred = torch.zeros_like(likelihood)
    barred[..., 128:] = 1
    face = Lit(_painted(), likelihood, [FACE])
    alpha = masks.swap_mask(face, face, barred)
    assert alpha[..., 128:].max() == 0
    assert alpha[..., 140, 110] > 0.9


def _behind(front: torch.Tensor) -> torch.Tensor:
    """What is barred of a painted face whose mouth is behind the crown of somebody, painted ``front`` (3, 1, 1)."""
    crown = torch.zeros(1, 1, CROP_SIZE, CROP_SIZE)
    top = int(FACE[50, 1]) - 4
    crown[..., top:, 40:216] = 1
    picture = torch.where(crown > 0, front[None], _painted())
    return masks.heads_in_front(Lit(picture, skin.likelihood(picture, [FACE]), [FACE]), crown)[0, 0]


def test_hair_of_somebody_in_front_stays_before_the_mouth():
    mouth = fields.rasterise(outlines.lips, [FACE], CPU)[0, 0] > 0
    barred = _behind(torch.tensor((0.1, 0.08, 0.07)).view(3, 1, 1))
    assert barred[mouth].min() > 0.9
    assert barred[: int(FACE[33, 1])].max() == 0


def test_a_mouth_where_hair_of_somebody_else_might_be_is_replaced():
    assert _behind(torch.tensor((0.8, 0.6, 0.5)).view(3, 1, 1)).max() < 0.1


def _relit(donor: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    lit = [Lit(p, skin.likelihood(p, [FACE]), [FACE]) for p in (donor, target)]
    return relight.relight(lit[0], lit[1])


def _eyed(skin_tone: tuple[float, ...], iris: tuple[float, ...]) -> torch.Tensor:
    """A painted face with white eyes and discs of irises."""
    picture = _painted(skin_tone)
    opening = fields.rasterise(outlines.eye_openings, [FACE], CPU)
    disc = opening * fields.rasterise(outlines.irises, [FACE], CPU)
    for mask, tone in ((opening, (0.75, 0.75, 0.75)), (disc, iris)):
        picture = picture * (1 - mask) + torch.tensor(tone).view(1, 3, 1, 1) * mask
    return picture


@pytest.mark.parametrize(("skin_tone", "darkened"), [((0.45, 0.3, 0.22), True), ((0.85, 0.68, 0.6), False)])
def test_pale_irises_are_darkened_on_dark_skin_alone(skin_tone, darkened, monkeypatch):
    donor = _eyed((0.8, 0.6, 0.5), (0.45, 0.6, 0.65))
    target = _eyed(skin_tone, (0.12, 0.08, 0.06))
    after = _relit(donor, target)
    monkeypatch.setattr(P, "IRIS_SKIN", (0.0, 0.01))
    before = _relit(donor, target)
    disc = fields.rasterise(outlines.irises, [FACE], CPU) * fields.rasterise(
        outlines.eye_openings, [FACE], CPU
    )
    inside = fields.dilate(disc, -1)[0, 0] > 0
    ratio = fields.luminance(after)[0, 0, inside].mean() / fields.luminance(before)[0, 0, inside].mean()
    blue = [float(one[0, 2, inside].mean() / one[0, 0, inside].mean()) for one in (before, after)]
    if darkened:
        assert ratio < 0.7
        assert blue[1] < 0.9 * blue[0]
    else:
        assert torch.equal(before, after)
    away = fields.dilate(fields.rasterise(outlines.eye_openings, [FACE], CPU), 6)[0, 0] == 0
    assert torch.equal(before[0, :, away], after[0, :, away])


def test_a_decoy_takes_the_targets_skin_tone_and_side_light():
    ramp = torch.linspace(1.2, 0.5, CROP_SIZE).view(1, 1, 1, -1)
    target = _painted((0.6, 0.4, 0.3)) * ramp
    relit = _relit(_painted((0.85, 0.65, 0.55)), target)
    for x in (85, 170):
        assert torch.allclose(relit[0, :, 150, x], target[0, :, 150, x], atol=0.03)


def test_a_decoy_shines_where_the_photo_does_and_has_no_hollows_of_the_persons():
    """Side by side on one cheek: highlights are the lamp's, what is as small and darker is the shape of a face."""
    down, across = torch.meshgrid(torch.arange(CROP_SIZE), torch.arange(CROP_SIZE), indexing="ij")
    spot = torch.exp(-((down - 140) ** 2 + (across - 86) ** 2) / (2 * 9.0**2))
    plain = _relit(_painted(), _painted())
    change = []
    for gain in (0.2, -0.2):
        decoy = _relit(_painted(), _painted() * (1 + gain * spot))
        change.append(float((decoy / plain).log()[0, :, 138:143, 84:89].mean()))
    brighter, darker = change
    assert 0.09 < brighter < 0.25
    assert -0.08 < darker < 0


def test_grey_that_passes_for_skin_does_not_tint_the_decoy():
    target = _painted((0.85, 0.62, 0.45))
    target[..., 165:190, 100:122] = 0.62  # a shirt's corner inside the jaw's outline
    likelihood = torch.ones(1, 1, CROP_SIZE, CROP_SIZE)  # taken for skin
    donor = _painted()
    decoy = relight.relight(Lit(donor, likelihood, [FACE]), Lit(target, likelihood, [FACE]))[0]
    redness = (decoy[0] / decoy[2])[170:185, 105:117]
    assert redness.mean() > 1.35  # the skin's is 1.9, the shirt's 1.0


def test_lips_lighter_than_dark_skin_are_lips_on_pale_skin_too():
    """A lower lip that is no darker than its donor's skin would pass for skin there."""
    dark = _painted((0.35, 0.22, 0.16))
    lower = fields.rasterise(outlines.lower_lip, [FACE], CPU)
    dark = dark * (1 - lower) + torch.tensor((0.48, 0.3, 0.28)).view(1, 3, 1, 1) * lower
    bare = torch.ones_like(lower)
    target, donor = (Lit(picture, bare, [FACE]) for picture in (_painted(), dark))
    relit = relight.relight(donor, target)
    inside = fields.dilate(lower, -2) > 0
    assert inside.sum() > 50
    found, wanted = (
        picture.permute(1, 0, 2, 3)[:, inside[0]].mean(1) for picture in (relit, target.pictures)
    )
    torch.testing.assert_close(found, wanted, atol=0.06, rtol=0)
    beside = torch.linalg.vector_norm(relit[0, :, 150, 110] - target.pictures[0, :, 150, 110])
    assert beside < 0.05  # the cheek


def test_folds_are_as_deep_as_the_photos_skin_has_them():
    wrinkled = _painted()
    ripple = 1 + 0.15 * torch.sin(torch.arange(CROP_SIZE) * 0.9).view(1, 1, -1, 1)
    cheek = (slice(None), slice(None), slice(120, 140), slice(78, 98))
    wrinkled[cheek] *= ripple[:, :, 120:140]
    plain = torch.ones(1, 1, CROP_SIZE, CROP_SIZE)
    depth = []
    for target in (wrinkled, _painted()):
        lit = [Lit(picture, plain, [FACE]) for picture in (wrinkled, target)]
        decoy = relight.relight(*lit)[cheek]
        depth.append(float(decoy[0, 0].mean(-1).std() / decoy.mean()))
    assert depth[0] > 0.05
    assert depth[1] < 0.65 * depth[0]


def test_lines_of_a_forehead_are_the_persons():
    """However deep the folds are that somebody with a smooth forehead has round their mouth."""
    ripple = 1 + 0.15 * torch.sin(torch.arange(CROP_SIZE) * 0.9).view(1, 1, -1, 1)
    forehead, cheek = (
        (slice(None), slice(None), slice(*rows), slice(*columns))
        for rows, columns in (((50, 70), (108, 148)), ((120, 150), (74, 98)))
    )
    donor, smooth, lined = _painted(), _painted(), _painted()
    donor[forehead] *= ripple[:, :, 50:70]
    for person in (smooth, lined):
        person[cheek] *= ripple[:, :, 120:150]
    lined[forehead] *= ripple[:, :, 50:70]
    plain = torch.ones(1, 1, CROP_SIZE, CROP_SIZE)
    middle = (slice(None), slice(None), slice(55, 65), slice(118, 138))
    depth = []
    for person in (smooth, lined):
        decoy = relight.relight(Lit(donor, plain, [FACE]), Lit(person, plain, [FACE]))[middle]
        depth.append(float(decoy[0, 0].mean(-1).std() / decoy.mean()))
    assert depth[1] > 0.05
    assert depth[0] < 0.6 * depth[1]


@pytest.mark.parametrize("outline", [outlines.eye_openings, outlines.cheeks])
def test_nothing_glares_that_does_not_in_the_photo(outline):
    target = Lit(_painted((0.6, 0.45, 0.35)), torch.ones(1, 1, CROP_SIZE, CROP_SIZE), [FACE])
    mask = fields.rasterise(outline, [FACE], CPU)
    glaring = target.pictures * (1 - mask) + mask
    kept = finish.keep_in_range(glaring, target)
    inside = fields.dilate(mask, -2)[0, 0] > 0
    highest = fields.luminance(target.pictures)[0, 0][inside].max()
    assert fields.luminance(kept)[0, 0][inside].max() < highest * 1.1


def test_a_dark_wall_behind_a_turned_face_gets_no_light_rim():
    picture = _painted()
    wall = torch.tensor((0.3, 0.2, 0.1)).view(1, 3, 1, 1)
    picture[..., :80] = wall
    target = Lit(picture, skin.likelihood(picture, [FACE]), [FACE])
    kept = finish.darken_rim(_painted(), target)
    far_cheek = (0, slice(None), slice(162, 170), slice(67, 72))  # between the jaw and the inner face
    assert (kept[far_cheek] - wall[0]).abs().mean() < 0.05
    middle = (0, slice(None), slice(120, 170), slice(100, 160))
    assert torch.allclose(kept[middle], _painted()[middle], atol=1e-4)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_bright_window_behind_a_profile_does_not_light_the_face(side):
    nose = FACE[30, 0]
    beyond = FACE[:, 0] < nose if side == "left" else FACE[:, 0] > nose
    marks = np.where(beyond[:, None], [nose, 0] + (FACE - [nose, 0]) * [0.1, 1], FACE).astype(np.float32)
    picture = torch.full((1, 3, CROP_SIZE, CROP_SIZE), 0.5)
    behind = (
        slice(0, int(marks[31:36, 0].min())) if side == "left" else slice(int(marks[31:36, 0].max()), None)
    )
    picture[..., behind] = 0.9
    face = Lit(picture, torch.ones(1, 1, CROP_SIZE, CROP_SIZE), [marks])
    x, y = marks[33].astype(int)
    assert float(face.light(4.0)[0, :, y, x].max()) < 0.55
    assert not outlines.far_side(FACE)


def test_what_the_photo_holds_itself_hardly_changes_in_range():
    picture = _painted() * torch.linspace(1.1, 0.6, CROP_SIZE).view(1, 1, 1, -1)
    target = Lit(picture, skin.likelihood(picture, [FACE]), [FACE])
    inside = fields.dilate(fields.rasterise(outlines.region, [FACE], CPU), -6) > 0
    change = (finish.keep_in_range(picture, target) - picture).abs()
    assert change[inside.expand_as(change)].max() < 0.03


def test_a_grey_photo_gets_a_grey_decoy():
    grey = fields.luminance(_painted()).expand(1, 3, -1, -1)
    relit = _relit(_painted(), grey)
    inside = fields.rasterise(outlines.region, [FACE], CPU)[0, 0] > 0
    colours = relit[0][:, inside]
    assert float((colours.max(0).values - colours.min(0).values).max()) < 0.02


def test_shade_on_a_grey_photo_lends_it_no_colour():
    """What lies far below the light on the skin is no sign of colour either."""
    grey = fields.luminance(_painted()).expand(1, 3, -1, -1).clone()
    x, y = FACE[[2, 31, 48]].mean(0).astype(int)  # a cheek
    grey[:, :, y - 12 : y + 12, x - 12 : x + 12] *= 0.25
    relit = _relit(_painted(), grey)
    inside = fields.rasterise(outlines.region, [FACE], CPU)[0, 0] > 0
    colours = relit[0][:, inside]
    assert float((colours.max(0).values - colours.min(0).values).max()) < 0.02


def test_a_decoy_is_no_sharper_than_the_photo():
    generator = torch.Generator().manual_seed(5)
    crisp = (_painted() + 0.15 * torch.randn(1, 1, CROP_SIZE, CROP_SIZE, generator=generator)).clamp(0, 1)
    blurred = fields.gaussian(_painted(), 3.0)
    target = Lit(blurred, torch.ones(1, 1, CROP_SIZE, CROP_SIZE), [FACE])
    energy = lambda p: float((fields.luminance(p) - fields.gaussian(fields.luminance(p), 1.0)).std())  # noqa: E731
    assert energy(texture.match_sharpness(crisp, target)) < 0.35 * energy(crisp)


def test_grain_of_the_photo_is_added_and_none_to_a_clean_one():
    random = np.random.default_rng(0)
    clean = np.full((80, 80, 3), 128, np.float32)
    noisy = clean + random.normal(0, 4, (80, 80, 1)).astype(np.float32)
    everywhere = np.ones((80, 80), bool)
    grained = texture.add_grain(clean, noisy, everywhere, np.random.default_rng(1))
    assert float(grained[..., 0].std()) == pytest.approx(4, rel=0.25)
    np.testing.assert_array_equal(
        texture.add_grain(clean, clean, everywhere, np.random.default_rng(1)), clean
    )


def _face(box) -> Face:
    low, high = np.array(box[:2], np.float32), np.array(box[2:], np.float32)
    marks = (FACE - FACE.min(0)) / np.ptp(FACE, axis=0) * (high - low) + low
    return Face(
        np.array(box, np.float32),
        1.0,
        marks.astype(np.float32),
        np.zeros(128, np.float32),
        Quality(60, 1, 0, 1),
    )


@pytest.mark.parametrize(
    "box", [(40, 40, 100, 120), (-20, -20, 30, 40), (170, 150, 230, 220), (90, 90, 93, 94)]
)
def test_a_redaction_covers_all_of_the_box_inside_the_picture(box):
    image = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    patch = redaction.redact(image, _face(box), np.random.default_rng(1))
    cover = np.zeros((200, 200), np.uint8)
    height, width = patch.alpha.shape
    cover[patch.origin[1] : patch.origin[1] + height, patch.origin[0] : patch.origin[0] + width] = patch.alpha
    x0, y0, x1, y1 = np.clip(box, 0, 200)
    core = cover[y0:y1, x0:x1]
    corners = 4 * 0.05 * core.size
    assert np.count_nonzero(core < 255) <= corners
    assert not patch.pixels[patch.alpha == 0].any()


def _redacted(image, box=(60, 60, 220, 240), seed=1):
    return redaction.redact(image, _face(box), np.random.default_rng(seed))


def _radius(patch, box=(60, 60, 220, 240)):
    """Distance from the box's centre of each pixel of the patch, in half axes of what is hidden wholly."""
    height, width = patch.alpha.shape
    ys, xs = np.mgrid[:height, :width] + 0.5 + np.array(patch.origin[::-1])[:, None, None]
    half = np.array([box[2] - box[0], box[3] - box[1]]) / 2 * P.REDACTION_GROWTH
    return np.hypot((xs - (box[0] + box[2]) / 2) / half[0], (ys - (box[1] + box[3]) / 2) / half[1])


def test_all_that_a_redaction_keeps_of_a_face_is_its_mean_colour():
    """Other pixels of the same mean, and any outside the middle, leave the patch as it is."""
    ys, xs = np.mgrid[:300, :300] + 0.5
    radius = np.hypot((xs - 140) / (80 * P.REDACTION_GROWTH), (ys - 150) / (90 * P.REDACTION_GROWTH))
    plain = np.full((300, 300, 3), 128, np.uint8)
    waves = 60 * np.sin((xs - 140) / 12) * np.exp(-((radius / 0.25) ** 2))  # odd around the centre: no mean
    waves += np.where((radius > 0.75) & (radius < 0.95), 40 * np.sin(ys / 25), 0)
    drawn = (plain + np.round(waves)[..., None]).astype(np.uint8)
    assert drawn.std() > 5
    one, other = _redacted(plain), _redacted(drawn)
    np.testing.assert_array_equal(one.alpha, other.alpha)
    assert np.abs(one.pixels.astype(int) - other.pixels).max() <= 2


def test_what_is_around_a_redaction_sets_no_detail_in_it():
    """A neighbour's face right beside it is as good as gone: the patch changes slowly everywhere."""
    image = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    image = np.kron(image[:15, :15], np.ones((20, 20, 1))).astype(np.uint8)  # cells of 20 px, flat within
    patch = _redacted(image)
    seen = patch.pixels[30:-30, 30:-30].astype(float)
    assert np.ptp(image[:, :, 0]) > 200
    for axis in (0, 1):
        assert np.quantile(np.abs(np.diff(seen, axis=axis)), 0.99) < 5


def test_a_redaction_fades_into_the_photo_from_outside_the_head():
    image = np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8)
    box = (120, 120, 280, 300)
    patch = _redacted(image, box)
    radius = _radius(patch, box)
    assert (patch.alpha[radius < 1] == 255).all()
    assert not patch.alpha[radius > 1 + P.REDACTION_FEATHER].any()
    rim = patch.alpha[(radius > 1.05) & (radius < 0.95 + P.REDACTION_FEATHER)]
    assert ((rim > 0) & (rim < 255)).all()


def test_a_redaction_has_the_photos_grain():
    flat = np.full((300, 300, 3), 128, np.uint8)
    random = np.random.default_rng(3)
    grainy = (flat + random.normal(0, 4, (300, 300, 1))).round().astype(np.uint8)
    middle = [_redacted(image).pixels[100:140, 100:140, 0].astype(float) for image in (flat, grainy)]
    finest = [np.diff(part, axis=0).std() / np.sqrt(2) for part in middle]
    assert finest[0] < 0.5
    assert 3 < finest[1] < 5


def test_a_redaction_that_still_passes_for_the_face_is_drawn_anew(monkeypatch, real_engine, six_people):
    """A recogniser that takes the first two redactions for the person gets a third."""
    image = imaging.decode(six_people)
    found = real_engine.analyze(image).faces[0]
    small = dataclasses.replace(
        found, quality=dataclasses.replace(found.quality, size=1.0)
    )  # too small to swap
    seen = iter([found.embedding, found.embedding + 0.01, found.embedding + 0.2])
    monkeypatch.setattr(viewing, "original_view", lambda *_: next(seen)[None])
    decoy = real_engine.make_decoys(image, [DecoyRequest(small, b"seed")])[0]
    assert decoy.kind == "redaction"
    assert decoy.distance_to_original > decoy.threshold
    assert next(seen, None) is None


@pytest.mark.parametrize("worn", [True, False])
def test_a_moustache_is_worn_in_front_and_a_bare_lip_or_a_shadow_under_the_nose_is_replaced(worn):
    picture, bare = _painted(), torch.ones(1, 1, CROP_SIZE, CROP_SIZE)
    outline = (
        outlines.moustache if worn else outlines.nostrils
    )  # hair from corner to corner, or a spot in the middle
    dark = fields.rasterise(outline, [FACE], CPU)
    target = Lit(picture * (1 - 0.6 * dark), bare, [FACE])
    alpha = masks.swap_mask(target, Lit(_painted(), bare, [FACE]), torch.zeros_like(bare))
    ends = [
        fields.rasterise(end, [FACE], CPU) > 0 for end in (outlines.moustache_left, outlines.moustache_right)
    ]
    for end in ends:
        assert (alpha[end].median() < 0.2) == worn
    eyes = fields.rasterise(outlines.eye_openings, [FACE], CPU) > 0
    assert alpha[eyes].min() > 0.9


@pytest.mark.parametrize(
    ("sides", "share", "worn"),
    [
        ((outlines.beard,), 0.3, True),
        ((outlines.beard,), 0.7, False),  # a chin in the shade
        ((outlines.beard_left,), 0.3, False),  # a head lit from the side
    ],
)
def test_a_beard_is_worn_in_front_and_a_chin_in_the_shade_is_replaced(sides, share, worn):
    picture, bare = _painted(), torch.ones(1, 1, CROP_SIZE, CROP_SIZE)
    lips = fields.rasterise(outlines.whole_lips, [FACE], CPU)
    for side in sides:
        picture = picture * (1 - (1 - share) * fields.rasterise(side, [FACE], CPU) * (1 - lips))
    alpha = masks.swap_mask(Lit(picture, bare, [FACE]), Lit(_painted(), bare, [FACE]), torch.zeros_like(bare))
    chin = fields.dilate(fields.rasterise(outlines.beard_left, [FACE], CPU) * (1 - lips), -6) > 0
    assert (alpha[chin].max() < 0.1) == worn
    assert worn or alpha[chin].median() > 0.9
    kept = torch.maximum(fields.rasterise(outlines.eye_openings, [FACE], CPU), fields.dilate(lips, -3))
    assert alpha[kept > 0].min() > 0.9
