"""Augmentations: what they keep, what they draw, and that labels stay with their images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.data import (
    Augmented,
    ColourJitter,
    Digits,
    GeneratedImages,
    RandomCrop,
    RandomFlip,
    RandomLabels,
    RandomRotation,
)
from harness.data.augmentation import rotated
from harness.models import Dropout, Linear, Mlp, SmallAlexNet, SmallInception, StudentCnn
from harness.spec.streams import stream

PLAIN = GeneratedImages(n=12, size=10, n_test=7, whiten=False)


def images(n: int = 5, side: int = 9, channels: int = 2) -> Any:
    return stream(0, "data").random((n, channels, side, side), dtype=np.float32)


@given(side=st.integers(1, 9), padding=st.integers(0, 3), seed=st.integers(0, 99))
@settings(max_examples=30, derandomize=True, database=None, deadline=None)
def test_a_crop_is_a_part_of_the_image_and_settles_on_its_centre(side: int, padding: int, seed: int) -> None:
    crop, whole = RandomCrop(side, padding=padding), images()
    parts = crop.apply(whole, np.random.default_rng(seed))
    assert parts.shape[1:] == crop.shape(whole.shape[1:]) == (2, side, side)
    framed = np.pad(whole, ((0, 0), (0, 0), (padding,) * 2, (padding,) * 2))
    windows = np.lib.stride_tricks.sliding_window_view(framed, (side, side), axis=(2, 3))
    for window, part in zip(windows, parts, strict=True):
        assert (window == part[:, None, None]).all(axis=(0, 3, 4)).any()
    middle = (9 + 2 * padding - side) // 2
    assert np.array_equal(crop.settle(whole), windows[:, :, middle, middle])


def test_a_crop_of_images_that_are_no_squares_is_where_it_was_drawn() -> None:
    whole = images()[..., :6]
    parts, draws = RandomCrop(4, padding=1).apply(whole, np.random.default_rng(3)), np.random.default_rng(3)
    framed = np.pad(whole, ((0, 0), (0, 0), (1, 1), (1, 1)))
    for image, part, (row, column) in zip(framed, parts, draws.integers(0, (8, 5), size=(5, 2)), strict=True):
        assert np.array_equal(part, image[:, row : row + 4, column : column + 4])


def test_every_place_of_a_crop_is_drawn() -> None:
    ramp = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4).repeat(300, axis=0)
    corners = RandomCrop(3).apply(ramp, np.random.default_rng(0))[:, 0, 0, 0]
    assert set(corners.tolist()) == {0.0, 1.0, 4.0, 5.0}
    shares = np.unique(corners, return_counts=True)[1] / 300
    assert (abs(shares - 0.25) < 0.1).all()


def test_flips_turn_half_of_the_images() -> None:
    whole = images(400, side=4)
    flipped = RandomFlip().apply(whole, np.random.default_rng(1))
    turned = (flipped == whole[..., ::-1]).all(axis=(1, 2, 3))
    kept = (flipped == whole).all(axis=(1, 2, 3))
    assert (turned ^ kept).all()
    assert 0.4 < turned.mean() < 0.6


def test_a_rotation_agrees_with_torch_and_undoes_itself() -> None:
    whole = images(6, side=8)
    angles = np.linspace(-0.6, 0.6, 6)
    cos, sin = torch.tensor(np.cos(angles)), torch.tensor(np.sin(angles))
    matrix = torch.stack(
        [torch.stack([cos, -sin, 0 * cos], 1), torch.stack([sin, cos, 0 * cos], 1)], 1
    ).float()
    grid = torch.nn.functional.affine_grid(matrix, list(whole.shape), align_corners=True)
    expected = torch.nn.functional.grid_sample(torch.from_numpy(whole), grid, align_corners=True)
    np.testing.assert_allclose(rotated(whole, angles), expected.numpy(), atol=1e-5)
    assert np.array_equal(rotated(whole, np.zeros(6)), whole)
    drawn = RandomRotation(0.0).apply(whole, np.random.default_rng(0))
    np.testing.assert_allclose(drawn, whole, atol=1e-6)


def test_jitter_stays_among_colours_and_changes_every_image() -> None:
    whole = images()
    jittered = ColourJitter(0.4).apply(whole, np.random.default_rng(0))
    assert jittered.min() >= 0
    assert jittered.max() <= 1
    assert all(not np.allclose(a, b) for a, b in zip(jittered, whole, strict=True))
    np.testing.assert_allclose(ColourJitter(0.0).apply(whole, np.random.default_rng(0)), whole, atol=1e-6)


def augmented(data: Augmented, epoch: int) -> Any:
    """Training images of the first replicate in an epoch."""
    augment = data.split(None, 0).augment
    assert augment is not None
    return augment(epoch)


def test_epochs_differ_replicates_differ_and_both_come_again() -> None:
    data = Augmented(PLAIN, (RandomCrop(8), RandomFlip()))
    first, other = data.split(None, 0), data.split(None, 1)
    assert first.augment is not None
    assert other.augment is not None
    one = first.augment(1)
    assert one.shape == first.x_train.shape == (12, *data.shape) == (12, 3, 8, 8)
    assert first.x_test.shape == (7, 3, 8, 8)
    assert np.array_equal(augmented(data, 1), one)
    assert not np.array_equal(first.augment(2), one)
    assert not np.array_equal(other.augment(1), one)


def test_test_images_are_cropped_at_their_centre_and_no_more_is_done_to_them() -> None:
    data = Augmented(PLAIN, (RandomCrop(8), RandomFlip(), ColourJitter(), RandomRotation()), whiten=False)
    split, inner = data.split(None, 0), PLAIN.split(None, 0)
    assert np.array_equal(split.x_test, inner.x_test[:, :, 1:9, 1:9])
    assert np.array_equal(split.y_test, inner.y_test)


def test_each_replicate_draws_its_own_parts_of_its_images() -> None:
    data = Augmented(PLAIN, (RandomCrop(8), RandomFlip()), whiten=False)
    for replicate in (0, 1):
        augment = data.split(None, replicate).augment
        assert augment is not None
        images, draws = PLAIN.split(None, replicate).x_train, stream(replicate, "augmentation", 2)
        expected = RandomFlip().apply(RandomCrop(8).apply(images, draws), draws)
        assert np.array_equal(augment(2), expected)


def test_images_of_an_epoch_are_parts_of_whole_images_from_anywhere() -> None:
    data = Augmented(PLAIN.but(n=100), (RandomCrop(8),), whiten=False)
    whole = PLAIN.but(n=100).split(None, 0).x_train
    windows = np.lib.stride_tricks.sliding_window_view(whole, (8, 8), axis=(2, 3))
    same = (windows == augmented(data, 3)[:, :, None, None]).all(axis=(1, 4, 5))
    assert (same.sum(axis=(1, 2)) == 1).all()
    assert (same.sum(axis=0) > 2).all()


def test_labels_stay_with_their_images() -> None:
    data = Augmented(PLAIN, (RandomCrop(8),)).but(labels=RandomLabels(1.0), data__n=12)
    assert data.data == PLAIN.but(labels=RandomLabels(1.0), n=12)
    split, inner = data.split(None, 3), data.data.split(None, 3)
    assert np.array_equal(split.y_train, inner.y_train)
    assert np.array_equal(split.corrupted, inner.corrupted)
    assert (data.classes, data.train_size, data.test_size) == (10, 12, 7)
    assert data.source(None) == PLAIN.source(None)


def test_without_augmentation_the_data_are_the_plain_ones() -> None:
    for plain in (GeneratedImages(n=12, size=10, n_test=7), Digits(n=30)):
        split = Augmented(plain.but(whiten=False), ()).split(None, 0)
        expected = plain.split(None, 0)
        assert split.augment is not None
        for ours, theirs in ((split.x_train, expected.x_train), (split.augment(4), expected.x_train)):
            np.testing.assert_allclose(ours, theirs, atol=1e-6)
        np.testing.assert_allclose(split.x_test, expected.x_test, atol=1e-6)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^Augmented\(Digits\(\.\.\.\)\): give Digits\(whiten=False\)"):
        Augmented(Digits(n=30))
    with pytest.raises(ValueError, match=r"^RandomCrop\(28\): images of 10x10 pixels are smaller$"):
        Augmented(PLAIN)
    with pytest.raises(ValueError, match=r"no such part"):
        RandomCrop(0)
    with pytest.raises(ValueError, match=r"between 0 and 1"):
        ColourJitter(2.0)


# -- dropout -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (Mlp(6, depth=2), (1, 8, 8)), (SmallAlexNet(width=0.125), (3, 8, 8)),
        (SmallInception(width=0.125), (3, 8, 8)), (StudentCnn(3, 6, 5), (3, 16, 16)),
    ],
)  # fmt: skip
def test_dropout_changes_training_and_nothing_else(model: Any, shape: tuple[int, ...]) -> None:
    plain = model.build(shape, 10, stream(0, "initialization"))
    dropped = Dropout(model, 0.5).build(shape, 10, stream(0, "initialization"))
    assert Dropout(model).size(shape, 10) == model.size(shape, 10)
    assert Dropout(model).cost(shape, 10) == model.cost(shape, 10)
    assert list(plain.state_dict()) == list(dropped.state_dict())
    x = torch.from_numpy(stream(0, "data").random((4, *shape), dtype=np.float32))
    assert torch.equal(plain.eval()(x), dropped.eval()(x))
    dropped.train()
    before = torch.random.get_rng_state()
    parts: list[Any] = [m for m in dropped.modules() if hasattr(m, "seed")]
    outputs = []
    for seed in (1, 1, 2):
        for part in parts:
            part.seed(seed, torch.device("cpu"))
        outputs.append(dropped(x))
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_share_of_the_units_is_dropped_and_the_rest_scaled() -> None:
    from harness.models._dropout_nets import SeededDropout

    noise = SeededDropout(0.25)
    noise.seed(0, torch.device("cpu"))
    out = noise(torch.ones(20_000))
    assert out.unique().tolist() == pytest.approx([0, 4 / 3])
    assert abs(float((out == 0).float().mean()) - 0.25) < 0.015


def test_dropout_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^Dropout\(Linear\): it has no hidden units to drop$"):
        Dropout(Linear()).build((1, 8, 8), 10, stream(0, "initialization"))
    with pytest.raises(ValueError, match=r"^Dropout\(rate=1\.0\)"):
        Dropout(Mlp(8), 1.0)
