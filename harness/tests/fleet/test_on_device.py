"""Images made on a device are those that the host makes: of the same draws, equal where they are copied."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness import Experiment
from harness.data import (
    Augmented,
    ColourJitter,
    Digits,
    GeneratedImages,
    RandomCrop,
    RandomFlip,
    RandomRotation,
)
from harness.data.pitfalls import CentreCrop
from harness.data.split import Split
from harness.fleet import on_device, table
from harness.fleet._pretended import pretended
from harness.fleet.on_device import OnDevice
from harness.fleet.stacked import Stack
from harness.lab import places, reading
from harness.lab.lab import Lab
from harness.models.cnn5 import Cnn5
from harness.tests.simulated import SMALL
from harness.tests.trainings import by_reference_of, far, member

pytestmark = pytest.mark.usefixtures("prepared")
PLAIN = GeneratedImages(n=60, size=10, n_test=7, whiten=False)
COPYING = (
    (RandomCrop(8),), (RandomCrop(10, padding=3),), (RandomFlip(),), (RandomCrop(9, padding=1), RandomFlip()),
)  # fmt: skip
SCALING: tuple[tuple[Any, ...], ...] = (
    (ColourJitter(0.6),), (RandomRotation(40.0),),
    (RandomCrop(8), RandomFlip(), ColourJitter(), RandomRotation()),
)  # fmt: skip


def split_of(data: Augmented, replicate: int = 0, device: str = "cuda") -> Split:
    return on_device.split(data, lambda part: part.split(None, replicate), replicate, device)


def made(data: Augmented, replicate: int, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of an epoch by torch and by the host."""
    split = split_of(data, replicate)
    assert isinstance(split.augment, OnDevice)
    images = torch.full(split.x_train.shape, torch.nan)
    split.augment.into(images, torch.from_numpy(split.augment.images), epoch)
    return images.numpy(), split.augment(epoch)


@pytest.mark.parametrize("augmentations", COPYING, ids=repr)
def test_what_is_copied_is_equal_to_the_bit(
    augmentations: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_device, "CHANGED_AT_ONCE", 25)
    data = Augmented(PLAIN, augmentations, whiten=False)
    for replicate, epoch in ((0, 0), (1, 5)):
        ours, theirs = made(data, replicate, epoch)
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("augmentations", SCALING, ids=repr)
@pytest.mark.parametrize("whiten", [False, True])
def test_what_is_scaled_is_equal_to_rounding(augmentations: tuple[Any, ...], whiten: bool) -> None:
    ours, theirs = made(Augmented(PLAIN, augmentations, whiten=whiten), 2, 3)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=3e-6)
    assert not np.array_equal(theirs, made(Augmented(PLAIN, augmentations, whiten=whiten), 2, 4)[0])


def test_images_are_standardised_by_themselves_and_flat_ones_stay_finite() -> None:
    flat = torch.full((2, 1, 4, 4), 0.5)
    assert torch.equal(on_device.standardised(flat), torch.zeros_like(flat))


def test_the_host_makes_what_no_device_is_known_to() -> None:
    class Own(RandomFlip, frozen=True):
        pass

    for data in (Augmented(PLAIN, (CentreCrop(8),)), Augmented(PLAIN, (RandomCrop(8), Own()))):
        assert not on_device.is_possible(data)
        assert not isinstance(split_of(data).augment, OnDevice)
    known = Augmented(PLAIN, (RandomCrop(8),))
    assert isinstance(split_of(known, device="cuda:1").augment, OnDevice)
    assert not isinstance(split_of(known, device="cpu").augment, OnDevice)
    assert split_of(known).x_train.shape == (60, 3, 8, 8)


MOVED = Augmented(Digits(n=120, whiten=False), (RandomCrop(8, padding=1), RandomFlip(), RandomRotation()))
NETS = (SMALL.but(data=MOVED), SMALL.but(data=MOVED, model=Cnn5(4), optimizer__lr=0.01))


def refused(epoch: int) -> np.ndarray:
    raise AssertionError("the host made images")


@pytest.mark.parametrize("experiment", NETS, ids=["dense", "convolutional"])
def test_a_gpu_trains_on_images_of_its_own_making(experiment: Experiment) -> None:
    once = experiment.but(optimizer__epochs=2, optimizer__batch=48)
    expected = [by_reference_of(member(once, r)) for r in range(2)]
    splits = []
    for r in range(2):
        split = split_of(MOVED, r)
        assert isinstance(split.augment, OnDevice)
        split.augment._augment = refused
        splits.append(split)
    with pretended():
        alone = table.replica(once, 0, splits[0], "cuda")
        stack = Stack([(once, r, split) for r, split in enumerate(splits)], "cuda")
        rows = [[alone.epoch(epoch), *stack.epoch([epoch, epoch])] for epoch in range(2)]
        weights = [alone.weights(), stack.weights(0), stack.weights(1)]
    for place, (net, r) in enumerate(zip(weights, (0, 0, 1), strict=True)):
        losses = [row[place]["train_loss"] for row in rows]
        assert losses == pytest.approx(expected[r].curves["train_loss"], rel=1e-3)
        assert far(dataclasses.replace(expected[r], weights=net), expected[r]) < 1e-2


def test_members_of_a_stack_share_the_images_that_they_change() -> None:
    one = split_of(MOVED)
    again = dataclasses.replace(one, x_train=one.x_train.copy(), y_train=one.y_train[::-1].copy())
    with pretended():
        stack = Stack([(NETS[0], 0, one), (NETS[0], 0, again)], "cuda")
        stack.epoch([0, 0])
        assert len(stack.unchanged) == 1
        assert len(stack.x_train) == 2 * len(one.x_train)


def test_a_stack_is_timed_without_the_making_of_images() -> None:
    split = split_of(MOVED)
    assert isinstance(split.augment, OnDevice)
    split.augment.into = functools.partial(pytest.fail, "images were made")  # type: ignore[method-assign]
    with pretended():
        Stack([(NETS[0], 0, split)] * 2, "cuda").rehearse(3)


def test_what_the_lab_trains_on_a_gpu_is_made_there(tmp_path: Path) -> None:
    here = places.place(store=tmp_path / "store", data_root=tmp_path, device="cpu")
    run = Lab(here).runs(NETS[0], 1)[0]
    on_cpu = reading.split_of(run, NETS[0].data, here)
    assert not isinstance(on_cpu.augment, OnDevice)
    with pretended():
        there = places.place(store=tmp_path / "store", data_root=tmp_path, device="cuda")
        on_gpu = reading.split_of(run, NETS[0].data, there)
    assert isinstance(on_gpu.augment, OnDevice)
    assert on_cpu.augment is not None
    assert np.array_equal(on_gpu.augment(3), on_cpu.augment(3))
    assert np.array_equal(on_gpu.augment.images, NETS[0].data.data.split(None, 0).x_train)  # type: ignore[attr-defined]
