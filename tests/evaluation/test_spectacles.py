"""Drawn spectacles and sunglasses hide exactly what they say they hide."""

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from mfmc_engine.evaluation import spectacles
from mfmc_engine.swapping.eyewear_fit import (
    STEP,
    as_taken,
    band_of,
    growing_then_shrinking,
    labels,
    main,
    sample,
    train,
    with_distractors,
)
from mfmc_engine.swapping.eyewear_network import BAND, CLEAR, DARK, EYES, NOTHING, WEIGHTS

ASTRONAUT_EYES = np.array([[205.0, 110.0], [243.0, 109.0]])  # px


@pytest.fixture(scope="module")
def band():
    return band_of(data.astronaut(), ASTRONAUT_EYES)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_frames_hide_and_lenses_cover_both_eyes(band, seed, dark):
    draw = spectacles.dark if dark else spectacles.clear
    drawn = draw(band, EYES, np.random.default_rng(seed))
    assert drawn.picture.shape == band.shape
    for part in (drawn.frame, drawn.lens):
        assert part.min() >= 0
        assert part.max() <= 1
    assert (drawn.frame + drawn.lens).max() <= 1 + 1e-5
    if dark:
        assert drawn.lens.sum() > 300  # each eye of the band is 17 px wide
        assert np.abs(drawn.picture[drawn.lens > 0.5].astype(int) - band[drawn.lens > 0.5]).mean() > 3
    else:
        assert not drawn.lens.any()
        assert drawn.frame.sum() > 20
    lighter = (drawn.picture > band).any(-1) & (drawn.frame + drawn.lens == 0)
    if dark:
        assert not lighter.any()  # beside them there is but their shadow
    else:
        assert not lighter[:, [*range(8), *range(200, 208)]].any()  # only what lenses mirror


def test_the_same_seed_draws_the_same(band):
    pictures = [spectacles.clear(band, EYES, np.random.default_rng(seed)).picture for seed in (1, 1, 2)]
    assert (pictures[0] == pictures[1]).all()
    assert (pictures[0] != pictures[2]).any()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_samples_say_what_is_worn(band, seed):
    random = np.random.default_rng(seed)
    picture, parts, worn = sample(band[None], band[None], random)
    assert picture.shape == (*BAND, 3)
    assert parts.shape == (*BAND, 2)
    assert picture.dtype == parts.dtype == np.uint8
    assert (parts.max((0, 1)) > 100).tolist() in {
        NOTHING: ([False, False],),
        CLEAR: ([True, False],),
        DARK: ([True, True], [False, True]),  # some have no frame
    }[worn]


def test_what_may_pass_for_eyewear_is_drawn_and_photos_are_spoiled(band):
    random = np.random.default_rng(0)
    assert any((with_distractors(band, random) != band).any() for _ in range(4))
    assert np.abs(as_taken(band.astype(np.float32), random).astype(int) - band).max() > 0


def test_sunglasses_are_learnt_in_a_few_steps(band):
    """Drawn as large as people wear them, they change a band so plainly that thirty steps begin to tell them."""
    random = np.random.default_rng(0)
    made = [sample(band[None], band[None], random) for _ in range(64)]
    bands, parts, worn = (np.array(column) for column in zip(*made, strict=True))
    network = train(bands, parts, worn.astype(np.int64), 16)
    with torch.inference_mode():
        what, where = network(torch.from_numpy(bands).permute(0, 3, 1, 2).float() / 255)
    lens = parts[..., 1] > 127
    told = where[:, 1].numpy()
    dark = worn == DARK
    assert told[dark][lens[dark]].mean() > told[dark][~lens[dark]].mean() + 0.2
    seems_dark = what.softmax(1)[:, DARK].numpy()
    assert seems_dark[dark].mean() > seems_dark[worn == NOTHING].mean() + 0.02


@given(st.integers(1, 400))
@example(20)
def test_steps_grow_then_shrink_however_few_they_are(count):
    optimiser = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))])
    lengths, shrink = [], growing_then_shrinking(optimiser, count)
    for step in range(count):
        lengths.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        if step + 1 < count:
            shrink.step()
    longest = int(np.argmax(lengths))
    assert 0 < min(lengths) <= max(lengths) <= STEP
    assert lengths == sorted(lengths[:longest]) + sorted(lengths[longest:], reverse=True)
    if count > 2:
        assert max(lengths) > STEP / 2


def test_the_labels_say_what_everybody_wears_and_who_taught_what_is_none():
    known = labels()
    assert {row["worn"] for row in known.values()} == {"nothing", "clear", "dark", "unsure"}
    assert sum(int(row["times"]) for row in known.values()) > 500
    assert all(row["times"] == "0" for row in known.values() if row["worn"] == "dark")


@pytest.fixture
def folders(tmp_path):
    """Two portraits and two photos of LFW in the form of the research data, all of them of the astronaut."""
    portraits, lfw = tmp_path / "portraits", tmp_path / "lfw"
    portraits.mkdir()
    lfw.mkdir()
    marks = np.zeros((2, 68, 2), np.float16)
    marks[:, 36:42], marks[:, 42:48] = (96, 120), (160, 120)
    for name in ("0001.webp", "0002.webp"):
        Image.fromarray(data.astronaut()[20:276, 96:352]).save(portraits / name)
    values = {"gender": ["female"] * 2, "group": ["white"] * 2, "age": [40.0, 41.0], "landmarks": marks}
    np.savez(portraits / "meta.npz", name=["0001.webp", "0002.webp"], **values)
    for kind in ("nothing", "clear"):
        name = next(photo for photo, row in labels().items() if row["worn"] == kind)
        Image.fromarray(data.astronaut()[70:170, 175:275]).resize((90, 90)).save(lfw / f"{name}.jpg")
    return portraits, lfw


def test_the_command_trains_and_says_what_it_finds(folders, tmp_path, capsys):
    portraits, lfw = folders
    out = tmp_path / "out"
    out.mkdir()
    main([f"--portraits={portraits}", f"--lfw={lfw}", "--samples=16", "--epochs=1", f"--out={out}"])
    assert "| clear |" in capsys.readouterr().out
    assert "| clear |" in (out / "eyewear.md").read_text()
    with np.load(out / "eyewear.npz") as made, np.load(WEIGHTS) as shipped:
        assert {name: made[name].shape for name in made} == {name: shipped[name].shape for name in shipped}
