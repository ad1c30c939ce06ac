"""Skin's colour over its brightness is a curve read off the photo, and what counts as skin goes along it."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mfmc_engine import imaging
from mfmc_engine.swapping import blending, outlines, tones


def _skin(slope: float, bend: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Log lumas (1, 1, 40, 40) from dark to bright and chroma (1, 2, 40, 40) that is a parabola over them."""
    luma = torch.linspace(-1.8, -0.1, 1600).view(1, 1, 40, 40)
    return luma, torch.cat([slope * luma + bend * luma**2, -slope * luma], 1)


@given(st.floats(-0.5, 0.5), st.floats(-0.2, 0.2))
def test_a_curve_is_found_where_there_is_skin_and_goes_on_as_it_ended(slope, bend):
    luma, chroma = _skin(slope, bend)
    curve = tones.fit(luma, chroma, torch.ones_like(luma))
    inner = (luma > -1.6) & (luma < -0.3)
    assert (tones.at(curve, luma) - chroma)[inner.expand_as(chroma)].abs().max() < 0.03
    ends = tones.at(curve, torch.tensor([-2.6, 0.0]).view(1, 1, 1, 2))
    assert torch.allclose(ends[0, :, 0, 0], chroma[0, :, 0, 0], atol=0.2)
    assert torch.allclose(ends[0, :, 0, 1], chroma[0, :, -1, -1], atol=0.2)


@given(st.floats(-0.8, 0.8))
def test_a_curve_is_not_pulled_to_where_most_of_the_skin_lies(slope):
    """Most of a face is light; a mean around a step of shade would be of its lighter side."""
    luma = -1.6 + 1.5 * torch.linspace(0, 1, 1600).view(1, 1, 40, 40) ** 0.2
    curve = tones.fit(luma, slope * luma, torch.ones_like(luma))
    shaded = torch.linspace(-1.0, -0.2, 9).view(1, 1, 1, -1)
    assert torch.allclose(tones.at(curve, shaded), slope * shaded, atol=0.02)


def test_what_does_not_count_does_not_bend_the_curve():
    luma, chroma = _skin(-0.4, 0.0)
    weights = torch.ones_like(luma)
    weights[..., ::2] = 0
    spoilt = chroma + 3 * (1 - weights)
    assert torch.allclose(
        tones.fit(luma, spoilt, weights), tones.fit(luma, torch.where(weights > 0, chroma, 0), weights)
    )


def test_no_weight_at_all_gives_numbers():
    luma, chroma = _skin(-0.4, 0.0)
    assert torch.isfinite(tones.fit(luma, chroma, torch.zeros_like(luma))).all()


@pytest.fixture(scope="module")
def targets(six_people, six_found):
    photo = imaging.decode(six_people)
    return photo, blending.prepare(photo, [face.landmarks for face in six_found.faces])


def test_shaded_skin_of_a_graded_photo_is_skin_and_hair_is_not(targets):
    _, people = targets
    shares = []
    for target in people:
        plain = target.lit.plain() > 0.9
        shares.append(float((target.lit.skin[plain] > 0.5).float().mean()))
    assert np.median(shares) > 0.95
    assert min(shares) > 0.85
    above = people[2].landmarks[17:27].mean(0) + outlines.up(people[2].landmarks) * 62  # the dark-haired man
    x, y = np.round(above).astype(int)
    assert float(people[2].lit.skin[0, 0, y, x]) < 0.2


def test_darker_skin_is_more_saturated_in_a_warm_photo_and_stays_grey_in_a_grey_one(targets):
    photo, people = targets
    light, dark = (torch.full((1, 1, 1, 1), value) for value in (-0.15, -0.55))
    for target in people:
        red, _, blue = (target.lit.chroma(dark) - target.lit.chroma(light))[0, :, 0, 0].tolist()
        assert red > 0.05 > 0 > blue
    grey = np.repeat(photo.mean(2, keepdims=True).round().astype(np.uint8), 3, axis=2)
    faces = [target.frame for target in people]
    assert faces
    landmarks = [(t.landmarks @ t.frame.to_photo[:, :2].T) + t.frame.to_photo[:, 2] for t in people]
    for target in blending.prepare(grey, [marks.astype(np.float32) for marks in landmarks]):
        assert target.lit.chroma(dark).abs().max() < 1e-4
