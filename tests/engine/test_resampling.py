"""Resampling of pictures on an accelerator is OpenCV's of pictures in main memory."""

import cv2
import numpy as np
import pytest
import torch

from mfmc_engine.resampling import pyramid_down, resize_area, warp


def apart(ours: torch.Tensor, reference: np.ndarray) -> np.ndarray:
    assert ours.shape == reference.shape
    return np.abs(ours.numpy().astype(float) - reference.astype(float))


@pytest.mark.parametrize("size", [(640, 427), (333, 201), (100, 99), (12, 8)])
def test_shrinking_agrees_to_one_grey_level(photo, size) -> None:
    reference = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    difference = apart(resize_area(torch.from_numpy(photo), *size), reference)
    assert difference.max() <= 1
    assert difference.mean() < 0.02


@pytest.mark.parametrize("border", [None, (127, 127, 127), (0, 0, 0)])
def test_warping_agrees_to_one_grey_level_beyond_the_edge_too(photo, border) -> None:
    matrices = [
        cv2.getRotationMatrix2D((200, 150), angle, scale) - [[0, 0, 90.3], [0, 0, 40.7]]
        for angle, scale in ((0, 1), (17, 0.7), (-130, 1.9))
    ]
    mode = cv2.BORDER_REPLICATE if border is None else cv2.BORDER_CONSTANT
    found = warp(torch.from_numpy(photo), np.stack(matrices), (240, 300), border)
    for ours, matrix in zip(found, matrices, strict=True):
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        reference = cv2.warpAffine(
            photo, matrix, (300, 240), flags=flags, borderMode=mode, borderValue=border or ()
        )
        difference = apart(ours.round(), reference)
        assert difference.mean() < 0.05
        assert np.quantile(difference, 0.999) <= 1


def test_halving_agrees_with_pyr_down(photo) -> None:
    for window in (photo[:201, :300], photo[5:106, 3:90]):
        reference = cv2.pyrDown(window.astype(np.float32))
        assert apart(pyramid_down(torch.from_numpy(np.ascontiguousarray(window))), reference).max() < 0.01
