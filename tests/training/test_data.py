"""What the network is shown: packed portraits, and what augmentation makes of them."""

import numpy as np
import pytest
import torch

from mfmc_engine.errors import EngineError
from mfmc_engine.landmarks import five_of
from mfmc_engine.training import augment, dataset, pairs, warp
from mfmc_engine.training.dataset import Portraits, held_out
from mfmc_engine.training.settings import CROP, SIZE, WINDOW


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_packed_portrait_is_the_face_in_its_frame(portraits):
    assert portraits.pictures.shape[1:] == (3, CROP, CROP)
    assert portraits.pictures.float().std() > 20
    eyes = five_of(portraits.landmarks.numpy())[:, :2]
    assert np.abs(eyes.mean((0, 1)) - [128, 98]).max() < 4
    # who is in it: of the portrait before it was packed
    apart = torch.cdist(portraits.identities, portraits.identities)
    assert (apart + 9 * torch.eye(len(apart))).min() > 0.3


def test_one_in_twenty_identities_is_held_out_for_ever():
    names = [f"{i:04d}.webp" for i in range(4000)]
    share = np.mean([held_out(name) for name in names])
    assert 0.04 < share < 0.06
    assert [name for name in names if held_out(name)][:3] == [name for name in names[:400] if held_out(name)][
        :3
    ]


def test_training_and_validation_share_nobody(faces):
    with np.load(faces) as file:
        total = len(file["name"])
    assert len(Portraits.load(faces, "cpu")) + len(Portraits.load(faces, "cpu", validation=True)) == total


def test_what_is_no_portrait_folder_or_file_is_one_line(tmp_path, real_engine):
    with pytest.raises(EngineError, match="no folder of labelled portraits"):
        dataset.pack(tmp_path, real_engine.pack.recognizer, tmp_path / "out.npz")
    (tmp_path / "faces.npz").write_bytes(b"no")
    with pytest.raises(EngineError, match="no packed portraits"):
        Portraits.load(tmp_path / "faces.npz", "cpu")


def test_mirrored_landmarks_are_where_the_mirrored_face_is(portraits):
    pictures, marks, _ = portraits.batch(torch.arange(4))
    chosen = torch.tensor([True, False, True, False])
    mirrored, turned = warp.mirror(pictures, marks, chosen)
    assert torch.equal(mirrored[1], pictures[1])
    assert torch.equal(turned[3], marks[3])
    assert torch.equal(mirrored[0], pictures[0].flip(-1))
    # left stays left: the eye on the picture's left keeps its numbers
    assert (turned[0, 36:42, 0].mean() < turned[0, 42:48, 0].mean()).item()
    assert sorted(warp.MIRRORED) == list(range(68))
    again = warp.mirror(mirrored, turned, chosen)
    assert torch.allclose(again[1], marks)


def test_a_spline_takes_landmarks_where_they_are_wanted(portraits):
    _, marks, _ = portraits.batch(torch.arange(3))
    wanted = marks + torch.randn(marks.shape, generator=generator()) * 3
    assert (warp.spline(marks, wanted, marks[:1, :1] * 0 + 50) - 50).abs().max() < 30  # nothing flies off
    moved = torch.cat([warp.spline(marks[i : i + 1], wanted[i : i + 1], marks[i]) for i in range(3)])
    assert (moved - wanted).norm(dim=2).mean() < 2.0
    still = warp.spline(marks, marks, marks[0])
    assert (still[0] - marks[0]).abs().max() < 0.05


def test_augmented_landmarks_stay_on_the_face(portraits, real_engine):
    """dlib's forest, started at our five points, agrees with where augmentation says the landmarks went."""
    pictures, marks, _ = portraits.batch(torch.arange(8))
    moved, wanted = augment.geometry(pictures, marks, generator(3))
    errors = []
    for picture, points in zip(moved, wanted.numpy(), strict=True):
        image = (picture.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
        found = real_engine.pack.landmarker.mark(image, five_of(points)[None])[0]
        apart = np.linalg.norm(points[36:42].mean(0) - points[42:48].mean(0))
        errors.append(np.linalg.norm(found - points, axis=1)[17:].mean() / apart)
    assert np.median(errors) < 0.08


def test_views_are_pictures_and_their_chance_comes_from_the_seed(portraits):
    pictures, marks, _ = portraits.batch(torch.arange(8))
    one, same, other = (augment.views(pictures, marks, generator(s)) for s in (1, 1, 2))
    assert torch.equal(one.seen, same.seen)
    assert not torch.equal(one.seen, other.seen)
    for view in (one, other):
        assert view.seen.shape == (8, 3, SIZE, SIZE)
        assert view.seen.min() >= 0
        assert view.seen.max() <= 1
        assert torch.isfinite(view.seen).all()
        assert set(view.front.unique().tolist()) <= {0.0, 1.0}
    # the camera is not part of what a swap should match
    assert (one.seen - one.clean).abs().mean() > 0.001


def test_compression_and_light_do_what_they_say():
    flat = torch.full((2, 3, SIZE, SIZE), 0.5)
    assert torch.allclose(augment.compressed(flat, torch.zeros(2, 1, 1, 1)), flat, atol=1e-3)
    noisy = (flat + torch.randn(flat.shape, generator=generator()) * 0.04).clamp(0, 1)
    coarse = augment.compressed(noisy, torch.full((2, 1, 1, 1), 0.3))
    assert coarse.std() < 0.6 * noisy.std()
    lit = torch.stack([augment.light(flat[:1], generator(s))[0] for s in range(12)])
    assert lit.std(dim=(1, 2, 3)).max() > 0.05


def test_a_mesh_swap_moves_the_donor_into_the_target(portraits):
    pictures, marks, _ = portraits.batch(torch.arange(4))
    donors, donor_marks, _ = portraits.batch(torch.arange(4, 8))
    shift = torch.tensor(WINDOW, dtype=torch.float32)
    target = augment.window(pictures)
    swapped, mask = pairs.mesh_swaps(target, marks - shift, donors, donor_marks)
    outside = mask == 0
    assert torch.equal((swapped * outside), (target * outside))
    inside = mask > 0.99
    assert 0.15 < inside.float().mean() < 0.6
    assert ((swapped - target).abs() * inside).sum() / inside.sum() / 3 > 0.02
    # in the target's colours
    weight = inside.float()
    means = [(p * weight).sum((2, 3)) / weight.sum((2, 3)) for p in (swapped, target)]
    assert (means[0] - means[1]).abs().max() < 0.08


def test_the_mask_covers_all_inner_landmarks(portraits):
    _, marks, _ = portraits.batch(torch.arange(6))
    shift = torch.tensor(WINDOW, dtype=torch.float32)
    mask = pairs.face_mask(marks - shift)
    for cover, points in zip(mask[:, 0], (marks - shift)[:, 17:].round().long(), strict=True):
        # the soft edge begins at the outer brow of heads turned away
        assert cover[points[:, 1], points[:, 0]].min() > 0.3
