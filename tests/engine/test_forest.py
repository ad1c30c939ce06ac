"""dlib's landmark forest in torch: dlib's own points, however many faces and starts are asked for at once."""

import numpy as np
import pytest
import torch
from skimage.data import astronaut

from mfmc_engine.dlib_files import Floats, integer
from mfmc_engine.errors import WeightsMissingError
from mfmc_engine.landmarks.crops import box_of
from mfmc_engine.landmarks.dlib68 import Dlib68
from mfmc_engine.landmarks.forest import load_forest
from mfmc_engine.landmarks.torch68 import Torch68
from mfmc_engine.packs.builtin import dlib_weights
from tests.engine.device import landmarker

WEIGHTS = "shape_predictor_68_face_landmarks.dat"


@pytest.fixture(scope="module")
def ours() -> Torch68:
    return landmarker()


@pytest.fixture(scope="module")
def dlibs() -> Dlib68:
    return Dlib68(dlib_weights(WEIGHTS))


def starts(photo, real_engine, count: int) -> np.ndarray:
    """(count, 5, 2) the photo's faces in turn, each a little off in its own way."""
    found = np.stack([d.points for d in real_engine.pack.detector.detect(photo)])
    off = np.random.default_rng(1).normal(0, 3, (count, 1, 2))
    return (found[np.arange(count) % len(found)] + off).astype(np.float32)


@pytest.mark.parametrize("passes", [1, 2])
@pytest.mark.parametrize("picture", ["six people", "astronaut"])
def test_points_are_dlibs(photo, real_engine, ours, dlibs, picture, passes) -> None:
    image = photo if picture == "six people" else np.ascontiguousarray(astronaut())
    points = np.stack([d.points for d in real_engine.pack.detector.detect(image)])
    apart = np.abs(ours.mark(image, points, passes) - dlibs.mark(image, points, passes))
    assert apart.max() <= 0.01


def test_many_starts_at_once_end_where_dlib_ends_them_one_by_one(photo, real_engine, ours, dlibs) -> None:
    points = starts(photo, real_engine, 30)
    assert np.abs(ours.mark(photo, points, 1) - dlibs.mark(photo, points, 1)).max() <= 0.01


def test_what_lies_outside_the_crop_is_black_to_both(ours, dlibs) -> None:
    import dlib

    noise = np.random.default_rng(2).integers(0, 256, (60, 70, 3), np.uint8)
    grey = torch.from_numpy(noise.sum(2, dtype=int) // 3).float()
    for box in ((-30, -20, 40, 50), (10, 5, 120, 100), box_of()):
        shape = dlibs.predictor(noise, dlib.rectangle(*box))
        reference = np.array([(part.x, part.y) for part in shape.parts()])
        np.testing.assert_array_equal(ours.forest(grey[None], box)[0].numpy(), reference)


def test_a_picture_on_the_device_gets_the_points_of_one_in_main_memory(photo, real_engine, ours) -> None:
    points = starts(photo, real_engine, 12)
    apart = ours.mark(torch.from_numpy(photo), points) - ours.mark(photo, points)
    eyes = np.linalg.norm(points[:, 1] - points[:, 0], axis=1)
    error = np.linalg.norm(apart, axis=2).mean(1) / eyes
    assert np.median(error) < 0.002  # most crops are the same to the bit
    assert error.max() < 0.03  # where one is not, a pixel read beside another can end in other leaves


def test_no_faces_are_no_points(photo, ours) -> None:
    assert ours.mark(photo, np.empty((0, 5, 2), np.float32)).shape == (0, 68, 2)


@pytest.mark.parametrize("kept", [0, 1, 40, 200_000])
def test_a_file_that_ends_early_is_refused_with_the_command_that_mends_it(tmp_path, kept) -> None:
    path = tmp_path / "short.dat"
    path.write_bytes(dlib_weights(WEIGHTS).read_bytes()[:kept])
    with pytest.raises(WeightsMissingError, match="pip install"):
        load_forest(path)


def test_another_of_dlibs_files_is_refused(tmp_path) -> None:
    with pytest.raises(WeightsMissingError):
        load_forest(dlib_weights("dlib_face_recognition_resnet_model_v1.dat"))
    with pytest.raises(WeightsMissingError):
        load_forest(tmp_path / "none.dat")


# --- the file format ---


def written(value: int) -> bytes:
    """An integer as dlib's pack_int writes it."""
    digits = abs(value).to_bytes((abs(value).bit_length() + 7) // 8, "little")
    return bytes([len(digits) | (0x80 if value < 0 else 0)]) + digits


def written_float(value: float) -> bytes:
    """A float as dlib's float_details writes it: 24 bits of mantissa without whole zero bytes at their end."""
    fraction, exponent = np.frexp(np.float32(value))
    mantissa, exponent = int(fraction * 2**24), int(exponent) - 24
    while mantissa and mantissa % 256 == 0:
        mantissa, exponent = mantissa // 256, exponent + 8
    return written(mantissa) + written(exponent if mantissa else 0)


def test_integers_of_every_length_are_read() -> None:
    values = [0, 1, -1, 255, -256, 2**31, -(2**62)]
    data, position = b"".join(map(written, values)), 0
    for value in values:
        found, position = integer(data, position)
        assert found == value
    assert position == len(data)


def test_floats_of_every_form_are_read() -> None:
    random = np.random.default_rng(3)
    bits = random.integers(0, 2**32, 3000, np.uint32)
    values = bits.view(np.float32)
    simple = np.array([0, -0.0, 1, -1, 0.5, 3, 65536, 2.0**-126, 2.0**-149, 3.4e38], np.float32)
    values = np.concatenate([values[np.isfinite(values)], simple, random.normal(size=500).astype(np.float32)])
    random.shuffle(values)
    data = b"".join(written_float(value) for value in values)
    found = Floats()
    assert found.take(b"\xff" + data + b"\x03more", 1, len(values)) == 1 + len(data)
    np.testing.assert_array_equal(found.array(), values)


@pytest.mark.parametrize("exponent", [32000, 32001, 32002])  # infinity, its negative, NaN
def test_what_is_no_number_is_refused(exponent) -> None:
    with pytest.raises(ValueError, match="no finite"):
        Floats().take(written(0) + written(exponent), 0, 1)


def test_the_test_writes_floats_as_the_real_file_holds_them() -> None:
    raw = dlib_weights(WEIGHTS).read_bytes()[6:600]
    found = Floats()
    end = found.take(raw, 0, 50)
    assert b"".join(written_float(value) for value in found.array()) == raw[:end]
