"""From decoded pixels to patches without leaving torch: what comes out is what comes out of main memory."""

import cv2
import numpy as np
import pytest
import torch

from mfmc_engine import imaging
from mfmc_engine.donors import bank
from mfmc_engine.draws import swap
from mfmc_engine.quality import sharpness, sharpnesses
from mfmc_engine.recognition.chips import extract_chips
from mfmc_engine.swapping import blending
from mfmc_engine.types import DecoyRequest
from tests.engine.device import as_on_a_card


def requests(faces) -> list[DecoyRequest]:
    return [DecoyRequest(face, b"on a device %d" % i) for i, face in enumerate(faces)]


def test_the_same_faces_are_found_with_the_same_points_and_embeddings(photo, analysis, monkeypatch) -> None:
    found = as_on_a_card(monkeypatch).analyze(torch.from_numpy(photo))
    assert (found.width, found.height) == (analysis.width, analysis.height)
    assert len(found.faces) == len(analysis.faces)
    for ours, theirs in zip(found.faces, analysis.faces, strict=True):
        size = theirs.quality.size
        assert np.abs(ours.box - theirs.box).max() < 0.02 * size
        assert np.abs(ours.landmarks - theirs.landmarks).mean() < 0.01 * size
        # the picture is shrunk and cut by other code, and what moves a point by a tenth of a px moves the trees' answer
        assert np.linalg.norm(ours.embedding - theirs.embedding) < 0.1
        assert abs(ours.quality.score - theirs.quality.score) < 0.04


def test_a_turned_picture_stays_on_the_device_too(photo, real_engine) -> None:
    height, width = photo.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 37, 0.6)
    turned = cv2.warpAffine(photo, matrix, (width, height))[150:-150, 200:-200]
    detector = real_engine.pack.detector
    both = (detector.detect(image) for image in (torch.from_numpy(turned), turned))
    there, here = (sorted(found, key=lambda d: float(d.box[0])) for found in both)
    assert len(there) == len(here) >= 4
    for ours, theirs in zip(there, here, strict=True):
        assert np.abs(ours.points - theirs.points).max() < 3


def test_points_in_a_known_box_are_the_same(photo, analysis, real_engine) -> None:
    boxes = np.stack([face.box for face in analysis.faces[:2]])
    detector = real_engine.pack.detector
    for ours, theirs in zip(
        detector.locate(torch.from_numpy(photo), boxes), detector.locate(photo, boxes), strict=True
    ):
        assert np.abs(ours.points - theirs.points).max() < 1


@pytest.mark.parametrize("scale", [0.6, 1, 3])
def test_chips_are_the_same_at_every_size(photo, analysis, real_engine, scale) -> None:
    image = imaging.resize_to_pixels(photo, int(photo.shape[0] * photo.shape[1] * scale**2))
    if scale > 1:
        image = np.ascontiguousarray(photo.repeat(3, 0).repeat(3, 1))
    marks = np.stack([face.landmarks for face in analysis.faces]) * np.float32(
        image.shape[0] / photo.shape[0]
    )
    here, there = extract_chips(image, marks), extract_chips(torch.from_numpy(image), marks)
    assert np.abs(here.astype(int) - there.numpy()).mean() < 0.6  # both cut decimals off, as dlib does
    recognizer = real_engine.pack.recognizer
    apart = np.linalg.norm(recognizer.embed_chips(here) - recognizer.embed_chips(there), axis=1)
    assert apart.max() < 0.02
    mirrored = extract_chips(torch.from_numpy(image), marks, mirrored=True)
    assert torch.equal(mirrored, there.flip(2))
    far = extract_chips(torch.from_numpy(image), marks + 9000)
    assert not far.any()


def test_sharpness_is_the_same(photo, analysis) -> None:
    chips = extract_chips(photo, np.stack([face.landmarks for face in analysis.faces]))
    there = sharpnesses(torch.from_numpy(chips))
    np.testing.assert_allclose(there, [sharpness(chip) for chip in chips], atol=0.01)


def test_swaps_agree_within_two_grey_levels(photo, analysis, real_engine, monkeypatch) -> None:
    donors, faces = list(bank.load().values())[10:13], analysis.faces[:2]

    def swaps(pack, image):
        with torch.inference_mode():
            targets = blending.prepare(image, [face.landmarks for face in faces])
            return [
                patch
                for target in targets
                for patch in swap(pack, image, target, donors, 0.8, np.random.default_rng(1))[0]
            ]

    here = swaps(real_engine.pack, photo)
    there = swaps(as_on_a_card(monkeypatch).pack, torch.from_numpy(photo))
    for one, other in zip(here, (patch.on_host() for patch in there), strict=True):
        assert one.origin == other.origin
        assert not other.pixels[other.alpha == 0].any()
        shown = one.alpha > 0
        assert np.abs(one.alpha.astype(int) - other.alpha).mean() < 1
        assert np.abs(one.pixels.astype(int) - other.pixels)[shown].mean() < 2


def test_every_decoy_made_on_a_device_keeps_the_promise(photo, monkeypatch, real_engine) -> None:
    engine = as_on_a_card(monkeypatch)
    picture = torch.from_numpy(photo)
    faces = engine.analyze(picture).faces
    decoys = engine.make_decoys(picture, requests(faces))
    assert [decoy.kind for decoy in decoys].count("swap") >= 5
    hidden = real_engine.compose(photo, decoys, range(len(faces)))
    marks = np.stack([face.landmarks for face in faces])
    seen = real_engine.pack.recognizer.embed(hidden, marks)  # what the host's path says of the result
    for decoy, face, embedding in zip(decoys, faces, seen, strict=True):
        assert isinstance(decoy.pixels, np.ndarray)
        if decoy.kind == "swap":
            assert decoy.distance_to_original > decoy.threshold
            assert np.linalg.norm(embedding - face.embedding) > decoy.threshold - 0.02
