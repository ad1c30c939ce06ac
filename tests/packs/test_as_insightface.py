"""What our code does with insightface's graphs is what the insightface package itself does with them.

The tiny graphs answer to every pixel's place and colour, so crops that differ give answers that differ. The package
counts pixels by their index, here centres lie at .5: its points are ours less a half.
"""

import cv2
import numpy as np
import pytest
from insightface.app.common import Face as TheirFace
from insightface.model_zoo import scrfd
from insightface.model_zoo.arcface_onnx import ArcFaceONNX
from insightface.model_zoo.attribute import Attribute
from insightface.model_zoo.inswapper import INSwapper
from insightface.model_zoo.landmark import Landmark
from insightface.utils import face_align

from mfmc_engine.attributes.genderage import GenderAge
from mfmc_engine.detection.scrfd import SCRFD
from mfmc_engine.geometry import index_space, similarity
from mfmc_engine.landmarks import arcface_template, five_of
from mfmc_engine.landmarks.onnx68 import Onnx68
from mfmc_engine.onnx_sessions import session
from mfmc_engine.recognition.arcface import ArcFace
from mfmc_engine.swapping.inswapper import InSwapper
from tests.packs import graphs


@pytest.fixture(scope="module")
def people(six_people, six_found):
    from mfmc_engine.imaging import decode

    return decode(six_people), np.stack([face.landmarks for face in six_found.faces])


def theirs(kind, path):
    return kind(model_file=str(path), session=session(path, "cpu", 1))


def bgr(image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(image[..., ::-1])


@pytest.mark.parametrize("size", [112, 128, 224, 256])
def test_aligned_crops_lie_where_the_package_puts_them(people, size):
    for five in five_of(people[1]):
        wanted = face_align.estimate_norm(five - 0.5, size)
        ours = index_space(similarity(five, arcface_template(size)))
        np.testing.assert_allclose(ours, wanted, atol=2e-3)


def test_a_crop_of_a_size_the_package_has_no_rule_for_is_refused():
    with pytest.raises(ValueError, match="not 160"):
        arcface_template(160)


def test_arcface_embeds_the_chip_that_the_package_embeds(tmp_path, people):
    image, landmarks = people
    path = graphs.recognizer(tmp_path / "r.onnx")
    network, package = ArcFace(path, threads=1), theirs(ArcFaceONNX, path)
    assert (package.input_mean, package.input_std) == (127.5, 127.5)
    for marks, five, vector in zip(
        landmarks, five_of(landmarks), network.embed(image, landmarks), strict=True
    ):
        chip = network.chips(image, marks[None])[0]
        wanted = face_align.norm_crop(bgr(image), five - 0.5)[..., ::-1]
        assert np.abs(chip.astype(int) - wanted).mean() < 0.5, "interpolation aside, the same picture"
        face = TheirFace(kps=five - 0.5)
        package.get(bgr(image), face)
        assert face.normed_embedding @ vector > 0.9999


def test_a_recogniser_that_norms_its_input_itself_gets_bytes(tmp_path, people):
    """MXNet's exports begin with a subtraction and a multiplication; the package leaves 0 to 255 to them."""
    image, landmarks = people
    path = graphs.recognizer(tmp_path / "r.onnx", norms_itself=True)
    network, package = ArcFace(path, threads=1), theirs(ArcFaceONNX, path)
    assert (package.input_mean, package.input_std) == (0.0, 1.0)
    plain = ArcFace(graphs.recognizer(tmp_path / "plain.onnx"), threads=1)
    found = network.embed(image, landmarks)
    np.testing.assert_allclose(found, plain.embed(image, landmarks), atol=1e-5)
    chip = network.chips(image, landmarks[:1])[0]
    vector = package.get_feat(bgr(chip))[0]
    np.testing.assert_allclose(found[0], vector / np.linalg.norm(vector), atol=1e-5)


def test_a_batch_is_embedded_though_the_graph_declares_one_answer(tmp_path, people):
    """As w600k_r50 and glintr100 do: a free batch goes in, and what comes out is declared to be one row."""
    image, landmarks = people
    network = ArcFace(graphs.recognizer(tmp_path / "r.onnx", declared=1), threads=1)
    plain = ArcFace(graphs.recognizer(tmp_path / "plain.onnx"), threads=1)
    np.testing.assert_allclose(network.embed(image, landmarks), plain.embed(image, landmarks), atol=1e-6)


def test_landmarks_are_found_where_the_package_finds_them(tmp_path):
    path = graphs.landmarker(tmp_path / "l.onnx")
    network, package = Onnx68(path, threads=1), theirs(Landmark, path)
    image = np.zeros((600, 800, 3), np.uint8)
    image[246:257, 296:307] = 255
    five = arcface_template(112) * 1.6 + [210.0, 160.0]
    low, high = np.array([225.0, 170.0]), np.array([375.0, 350.0])  # a box around it, as a detector draws it
    face = TheirFace(bbox=np.array([*low, *high]))
    wanted = package.get(image, face)[:, :2]
    found = network.mark(image, five[None].astype(np.float32))[0]
    np.testing.assert_allclose(found, wanted + 0.5, atol=0.3)
    assert wanted[0] == pytest.approx([301, 251], abs=0.3)
    assert face.landmark_3d_68.shape == (68, 3)


def test_gender_and_age_are_read_as_the_package_reads_them(tmp_path):
    path = graphs.gender_age(tmp_path / "g.onnx")
    network, package = GenderAge(path, threads=1), theirs(Attribute, path)
    assert (package.input_mean, package.input_std) == (127.5, 128.0)
    five = (arcface_template(112) + 40.0)[None].astype(np.float32)
    for colour in ((200, 90, 160), (90, 200, 160), (130, 128, 228)):
        image = np.full((240, 240, 3), colour, np.uint8)
        face = TheirFace(bbox=np.array([70.0, 70.0, 130.0, 150.0]))
        gender, age = package.get(bgr(image), face)
        male, years = network(image, five)
        assert (male[0] > 0.5) == bool(gender)
        assert (face.sex == "M") == bool(gender)
        assert years[0] == pytest.approx(age, abs=0.6)


def test_inswapper_swaps_what_the_package_swaps(tmp_path, people, capsys):
    image, landmarks = people
    path = graphs.inswapper(tmp_path / "s.onnx", 1, turns=True)
    network, package = InSwapper(path, threads=1), theirs(INSwapper, path)
    donor = np.random.default_rng(3).normal(size=192).astype(np.float32) * 7  # the package norms it, too
    five = five_of(landmarks)[2]
    wanted, matrix = package.get(
        bgr(image), TheirFace(kps=five - 0.5), TheirFace(embedding=donor), paste_back=False
    )
    to_square = index_space(similarity(five, arcface_template(128)))
    np.testing.assert_allclose(to_square, matrix, atol=2e-3)
    square = cv2.warpAffine(image, to_square, (128, 128))
    ours = network.swap(square[None], donor[None] / np.linalg.norm(donor))[0]
    assert np.abs(ours * 255 - wanted[..., ::-1]).max() < 3
    assert np.ptp(wanted) > 50


@pytest.mark.parametrize(("strides", "anchors"), [((8, 16, 32), 2), ((8, 16, 32, 64, 128), 1)])
def test_scrfd_finds_what_the_package_finds(tmp_path, strides, anchors):
    path = graphs.detector(tmp_path / "d.onnx", 16, strides, anchors)
    image = np.zeros((480, 600, 3), np.uint8)
    for x, y in ((96, 64), (320, 192), (480, 400)):
        image[y : y + 32, x : x + 32] = 255
    boxes, points = theirs(scrfd.SCRFD, path).detect(image, input_size=(640, 640), det_thresh=0.35)
    found = SCRFD(path, threads=1).detect(image)
    assert len(found) == len(boxes) == 3
    for ours, box, five in zip(found, boxes, points, strict=True):
        assert ours.box == pytest.approx(np.clip(box[:4], 0, [600, 480, 600, 480]), abs=1e-3)
        assert ours.points == pytest.approx(five, abs=1e-3)
        assert ours.score == pytest.approx(box[4], abs=1e-3)


@pytest.mark.parametrize("batched", [False, True])
def test_scrfd_takes_graphs_that_declare_answers_of_another_size(tmp_path, batched):
    """As det_10g does: any size goes in, but its answers are declared as those of 640 px. Some have a batch axis."""
    path = graphs.detector(tmp_path / "d.onnx", 8, declared=640, batched=batched)
    network = SCRFD(path, threads=1)
    image = np.zeros((1400, 1400, 3), np.uint8)
    image[704:720, 704:720] = 255
    found = network.detect(image)
    assert found
    assert np.abs((found[0].box[:2] + found[0].box[2:]) / 2 - 712).max() <= 16
