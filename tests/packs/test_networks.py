"""insightface's networks on tiny graphs of the same contract: what goes in, and what is made of what comes out."""

from itertools import pairwise

import numpy as np
import onnxruntime
import pytest

from mfmc_engine.attributes.genderage import GenderAge
from mfmc_engine.detection.scrfd import SCRFD
from mfmc_engine.detection.tiles import tiles
from mfmc_engine.errors import EngineError, WeightsMissingError
from mfmc_engine.geometry import apply, similarity
from mfmc_engine.landmarks import five_of
from mfmc_engine.landmarks.onnx68 import Onnx68
from mfmc_engine.onnx_sessions import session
from mfmc_engine.parameters import ARCFACE_POINTS
from mfmc_engine.recognition.arcface import ArcFace
from mfmc_engine.swapping.inswapper import InSwapper
from tests.packs import graphs

FIVE = np.array(ARCFACE_POINTS, np.float32)


def square(width: int, height: int, x: int, y: int, side: int) -> np.ndarray:
    image = np.zeros((height, width, 3), np.uint8)
    image[y : y + side, x : x + side] = 255
    return image


@pytest.mark.parametrize("stride", [8, 16, 32])
@pytest.mark.parametrize(("strides", "anchors"), [((8, 16, 32), 2), ((8, 16, 32, 64, 128), 1)])
def test_a_box_and_its_points_come_back_in_pixels_at_every_stride(tmp_path, stride, strides, anchors):
    network = SCRFD(graphs.detector(tmp_path / "d.onnx", stride, strides, anchors))
    found = network.detect(square(640, 640, 320, 256, stride))
    assert len(found) == 1  # both anchors of the cell are one face
    assert found[0].box == pytest.approx(
        [320 - 2 * stride, 256 - 2 * stride, 320 + 2 * stride, 256 + 2 * stride]
    )
    half = stride / 2
    corners = [[-half, -half], [half, -half], [0, 0], [-half, half], [half, half]]
    assert found[0].points == pytest.approx(np.array([320, 256]) + np.array(corners))
    assert 0.9 < found[0].score <= 1


def test_a_picture_of_another_shape_is_fitted_in_and_its_boxes_scaled_back(tmp_path):
    network = SCRFD(graphs.detector(tmp_path / "d.onnx", 16))
    found = network.detect(square(320, 160, 152, 72, 24))  # seen at twice its size, with soft edges
    assert found
    # an anchor is the corner of its cell: of 8 px here, inside the square
    assert pytest.approx(found[0].box[:2], abs=9) == [160 - 16, 80 - 16]
    assert found[0].box[2:] - found[0].box[:2] == pytest.approx([32, 32])


def test_a_graph_of_fixed_size_is_given_that_size(tmp_path):
    network = SCRFD(graphs.detector(tmp_path / "d.onnx", 8, size=(320, 320)))
    assert network.fixed == (320, 320)
    found = network.detect(square(320, 320, 160, 160, 8))
    assert len(found) == 1
    assert found[0].box == pytest.approx([144, 144, 176, 176])


def test_a_face_too_small_for_the_whole_picture_is_found_in_a_tile(tmp_path):
    network = SCRFD(graphs.detector(tmp_path / "d.onnx", 8))
    # 8 px of 4000: a fifth of a cell when all of it is looked at
    image = square(4000, 3000, 2880, 1920, 16)
    found = network.detect(image)
    assert len(found) >= 1
    centre = (found[0].box[:2] + found[0].box[2:]) / 2
    assert np.abs(centre - [2888, 1928]).max() <= 16


class SeesUpright(SCRFD):
    """Takes a white square for a face where it lies left of the middle and no lower, as one picture shows it."""

    def _run(self, image, size=(640, 640)):
        return [d for d in super()._run(image, size) if (d.box[:2] + d.box[2:] < image.shape[1::-1]).all()]


@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize(("width", "height"), [(640, 480), (1400, 800)])
def test_faces_are_found_whichever_way_up_the_picture_is_stored(tmp_path, width, height, quarters):
    """The network knows upright ones alone."""
    network = SeesUpright(graphs.detector(tmp_path / "d.onnx", 8))
    upright = square(width, height, 160, 80, 48)
    as_it_is = network.detect(upright)
    face = as_it_is[0]
    turned = np.ascontiguousarray(np.rot90(upright, quarters))
    found = network.detect(turned)
    assert len(found) == len(as_it_is)
    column, row = ((found[0].box[:2] + found[0].box[2:]) / 2).astype(int)
    assert (turned[row - 2 : row + 2, column - 2 : column + 2] == 255).any()
    # its points lie in it in the same order, turned with the picture
    right = face.points[1] - face.points[0]
    x, y = found[0].points[1] - found[0].points[0]
    for _ in range(quarters):
        x, y = -y, x
    assert (x, y) == pytest.approx(tuple(right), abs=1)


@pytest.mark.parametrize(("width", "height"), [(100, 50), (1280, 1280), (1281, 700), (6000, 4000)])
def test_tiles_cover_the_picture_and_share_a_quarter(width, height):
    found = list(tiles(width, height, 320, (1280, 1280)))
    seen = np.zeros((height, width), bool)
    for x0, y0, x1, y1 in found:
        assert 0 <= x0 < x1 <= width
        assert 0 <= y0 < y1 <= height
        assert max(x1 - x0, y1 - y0) <= 1280
        seen[y0:y1, x0:x1] = True
    assert seen.all()
    columns = sorted({(x0, x1) for x0, _, x1, _ in found})
    assert all(before[1] - after[0] >= 320 for before, after in pairwise(columns))


def test_nothing_is_found_in_an_empty_picture(tmp_path):
    assert SCRFD(graphs.detector(tmp_path / "d.onnx")).detect(np.zeros((480, 640, 3), np.uint8)) == []


def test_a_known_box_keeps_its_place_and_gets_points(tmp_path):
    network = SCRFD(graphs.detector(tmp_path / "d.onnx", 32, reach=4))
    image = square(600, 400, 300, 200, 40)
    box = np.array([[260, 160, 380, 280]], np.float32)
    found = network.locate(image, box)
    assert found[0].box == pytest.approx(box[0])
    assert found[0].score == 1.0
    assert (found[0].points > box[0, :2] - 30).all()
    assert (found[0].points < box[0, 2:] + 30).all()
    nothing = network.locate(np.zeros_like(image), box)[
        0
    ]  # not seen by the network: the points of an upright face
    assert nothing.points[0, 0] < nothing.points[2, 0] < nothing.points[1, 0]
    assert nothing.points[0, 1] < nothing.points[2, 1] < nothing.points[3, 1]


def test_a_detector_without_points_is_refused(tmp_path):
    path = graphs.detector(tmp_path / "d.onnx", points=False)
    with pytest.raises(WeightsMissingError, match="five points"):
        SCRFD(path)


@pytest.mark.parametrize("batch", ["n", 1])
@pytest.mark.parametrize("turn", [0, 25, 90, 180])
def test_landmarks_come_back_where_they_are_however_the_face_is_turned(tmp_path, batch, turn):
    network = Onnx68(graphs.landmarker(tmp_path / "l.onnx", batch))
    image = np.zeros((600, 800, 3), np.uint8)
    dots, fives = [(300, 250), (560, 330)], []
    angle, scale = np.radians(turn), 0.8
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    for x, y in dots:
        image[y - 2 : y + 3, x - 2 : x + 3] = 255
        fives.append((FIVE - FIVE.mean(0)) @ linear.T + [x + 6, y - 4])  # the dot is not in the middle
    found = network.mark(image, np.array(fives, np.float32))
    assert found.shape == (2, 68, 2)
    for row, (x, y) in zip(found, dots, strict=True):
        assert np.abs(row - [x + 0.5, y + 0.5]).max() < 1.0
    assert network.mark(image, np.empty((0, 5, 2), np.float32)).shape == (0, 68, 2)


def test_a_landmarker_of_106_points_is_refused(tmp_path):
    with pytest.raises(WeightsMissingError, match="68 points"):
        Onnx68(graphs.landmarker(tmp_path / "l.onnx", outputs=212))


@pytest.fixture(scope="module")
def people(six_people, six_found):
    from mfmc_engine.imaging import decode

    return decode(six_people), np.stack([face.landmarks for face in six_found.faces])


@pytest.mark.parametrize("batch", ["n", 1])
def test_embeddings_are_unit_vectors_and_no_face_touches_another(tmp_path, people, batch):
    image, landmarks = people
    network = ArcFace(graphs.recognizer(tmp_path / "r.onnx", batch))
    together = network.embed(image, landmarks)
    alone = np.concatenate([network.embed(image, marks[None]) for marks in landmarks])
    assert together.shape == (6, 192)
    assert network.dimensions == 192
    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(6), abs=1e-5)
    assert together == pytest.approx(alone, abs=1e-5)
    assert network.embed(image, landmarks[:0]).shape == (0, 192)


def test_a_face_is_embedded_alike_however_the_picture_is_turned_or_scaled(tmp_path, people):
    import cv2

    image, landmarks = people
    network = ArcFace(graphs.recognizer(tmp_path / "r.onnx"))
    plain = network.embed(image, landmarks)
    quarter = np.ascontiguousarray(np.rot90(image))
    turned = np.stack([landmarks[..., 1], image.shape[1] - landmarks[..., 0]], -1)
    assert np.linalg.norm(network.embed(quarter, turned) - plain, axis=1).max() < 0.05
    large = cv2.resize(image, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    assert np.linalg.norm(network.embed(large, landmarks * 3) - plain, axis=1).max() < 0.08
    others = np.linalg.norm(plain[0] - plain[1:], axis=1).min()
    assert others > 0.1  # the graph does tell crops apart


def test_the_networks_get_red_first(tmp_path, people):
    image, landmarks = people
    red = np.zeros_like(image)
    red[..., 0] = 255
    vector = ArcFace(graphs.recognizer(tmp_path / "r.onnx")).embed(red, landmarks[:1])[0]
    assert vector[:64].min() > 0 > vector[64:].max()  # the cells of the first channel, then the others
    male, age = GenderAge(graphs.gender_age(tmp_path / "g.onnx"))(red, five_of(landmarks[:1]))
    assert male[0] < 0.2
    assert age[0] < 0
    green = np.roll(red, 1, axis=2)
    assert GenderAge(graphs.gender_age(tmp_path / "g.onnx"))(green, five_of(landmarks[:1]))[0][0] > 0.8


def test_mirrored_chips_are_mirrored(tmp_path, people):
    image, landmarks = people
    network = ArcFace(graphs.recognizer(tmp_path / "r.onnx"))
    chips = network.chips(image, landmarks)
    assert (network.chips(image, landmarks, mirrored=True) == chips[:, :, ::-1]).all()
    eyes = apply(similarity(five_of(landmarks[:1]), FIVE[None]), five_of(landmarks[:1]))
    assert np.abs(eyes - FIVE).max() < 12  # the chip's eyes are where the template has them


@pytest.mark.parametrize("batch", ["n", 1])
def test_inswapper_gets_the_mapped_unit_identity_and_gives_pictures(tmp_path, batch):
    network = InSwapper(graphs.inswapper(tmp_path / "s.onnx", batch))
    assert (network.size, network.dimensions) == (128, 192)
    crops = np.random.default_rng(0).integers(0, 256, (3, 128, 128, 3), np.uint8)
    identities = np.zeros((3, 192), np.float32)
    identities[:, -1] = [
        5.0,
        2.0,
        1.0,
    ]  # the map turns the last number into the first, here the amount of red
    out = network.swap(crops, identities)
    assert out.shape == (3, 128, 128, 3)
    expected = crops / 255 / 2 + np.array([1.0, 0, 0])  # normed: all three are the same direction
    assert out == pytest.approx(np.clip(expected, 0, 1), abs=1e-5)
    with pytest.raises(ValueError, match="64 dimensions"):
        network.swap(crops, identities[:, :64])


def test_a_damaged_graph_and_a_missing_gpu_are_one_line_errors(tmp_path):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(graphs.recognizer(tmp_path / "r.onnx").read_bytes()[:100])
    with pytest.raises(WeightsMissingError, match=r"broken\.onnx cannot be loaded") as caught:
        session(broken, "cpu", 1)
    assert "\n" not in str(caught.value)
    with pytest.raises(EngineError, match="onnxruntime-gpu"):
        session(tmp_path / "r.onnx", "cuda", 1)


@pytest.mark.filterwarnings("ignore:Specified provider 'CUDAExecutionProvider'")
def test_a_cuda_that_does_not_start_is_not_mistaken_for_one(tmp_path, monkeypatch, capsys):
    """ONNX Runtime goes on with the CPU by itself then, and only logs it."""
    path = graphs.recognizer(tmp_path / "r.onnx")
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    with pytest.raises(EngineError, match="cannot start CUDA"):
        session(path, "cuda", 1)


def test_a_graph_of_another_kind_is_no_photos_fault(tmp_path):
    """Whoever asks may tell it from a picture that cannot be read: nothing is given up for it."""
    detector = graphs.detector(tmp_path / "d.onnx")
    for network in (ArcFace, Onnx68, GenderAge, InSwapper):
        with pytest.raises(WeightsMissingError, match=r"d\.onnx is not what \w+ takes") as caught:
            network(detector)
        assert "\n" not in str(caught.value)
    with pytest.raises(WeightsMissingError, match="does not estimate gender and age"):
        GenderAge(graphs.recognizer(tmp_path / "r.onnx"))


def test_a_session_is_shared_in_a_process_and_capped(tmp_path):
    path = graphs.recognizer(tmp_path / "r.onnx")
    one = session(path, "cpu", 1)
    assert session(path, "cpu", 1) is one
    assert one.get_session_options().intra_op_num_threads == 1
    assert one.get_providers() == ["CPUExecutionProvider"]


def test_a_detectors_sessions_for_every_size_are_shared_and_capped_too(tmp_path):
    path = graphs.detector(tmp_path / "d.onnx")
    one, other = SCRFD(path, threads=1), SCRFD(path, threads=1)
    for network in (one, other):
        assert network.detect(square(1400, 900, 100, 100, 32))
    sessions = one.network.resolution_sessions
    assert sorted(sessions) == [(640, 640), (1280, 1280)]
    assert other.network.resolution_sessions == sessions
    caps = [s.get_session_options() for s in sessions.values()]
    assert {(cap.intra_op_num_threads, cap.inter_op_num_threads) for cap in caps} == {(1, 1)}


def test_a_picture_too_narrow_to_be_fitted_in_is_seen_in_tiles(tmp_path):
    network = SCRFD(graphs.detector(tmp_path / "d.onnx", 8))
    assert network.detect(np.zeros((8, 5200, 3), np.uint8)) == []
    assert len(network.detect(square(5200, 8, 1600, 0, 8))) == 1


def test_landmarks_that_all_lie_in_one_place_are_embedded_too(tmp_path):
    """Some detection that is no face must not keep a photo from being looked at."""
    network = ArcFace(graphs.recognizer(tmp_path / "r.onnx"), threads=1)
    marks = np.full((1, 68, 2), 40.0, np.float32)
    vector = network.embed(square(300, 200, 0, 0, 60), marks)
    assert vector.shape == (1, 192)
    assert np.isfinite(vector).all()
