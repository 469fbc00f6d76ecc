"""Subsets by mask: how many, whose, of what stream, and that they are one fleet."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.data import Digits, GeneratedImages, RedrawnLabels, WrongLabels
from harness.data.examples import AroundData
from harness.data.random_subsets import AllSubsets, MaskedSplit, RandomSubset, kept_by
from harness.fleet.memory import owned
from harness.fleet.optimizers import Sgd
from harness.lab.conformance import examined
from harness.lab.plan import shape_of
from harness.models import Mlp
from harness.spec import Experiment
from harness.tests.trainings import by_reference, far, member, together

PHOTOS = GeneratedImages(n=40, size=8, n_test=10, labels=WrongLabels(0.5))


def test_a_member_trains_on_the_examples_that_its_mask_keeps() -> None:
    whole, data = PHOTOS.split(None, 3), AllSubsets(PHOTOS, share=0.7, members=5)
    masked = data.split(None, 3)
    assert isinstance(masked, MaskedSplit)
    assert masked.kept.shape == (5, 40)
    assert (masked.kept.sum(axis=1) == 28).all()
    for part in ("x_train", "y_train", "y_true", "corrupted", "x_test", "y_test"):
        assert np.array_equal(getattr(masked, part), getattr(whole, part))
        for m, kept in enumerate(masked.kept):
            expected = getattr(whole, part)[... if "test" in part else kept]
            assert np.array_equal(getattr(data.member(m).split(None, 3), part), expected)


def test_members_and_replicates_draw_their_own_whatever_other_members_there_are() -> None:
    few, many = AllSubsets(PHOTOS, members=3).split(None, 0), AllSubsets(PHOTOS, members=9).split(None, 0)
    assert np.array_equal(few.kept, many.kept[:3])
    assert len(np.unique(many.kept, axis=0)) == 9
    assert not np.array_equal(many.kept, AllSubsets(PHOTOS, members=9).split(None, 1).kept)


def test_every_example_is_kept_by_its_share_of_the_members() -> None:
    share = np.mean([kept_by(member, 0.7, 50, 2) for member in range(2000)], axis=0)
    assert np.abs(share - 0.7).max() < 5 * (0.7 * 0.3 / 2000) ** 0.5


def test_sizes_are_known_beforehand_and_members_are_one_fleet_of_images_of_their_own() -> None:
    data = AllSubsets(Digits(n=30), share=0.5, members=400)
    assert (data.train_size, data.member(0).train_size, data.member(0).test_size) == (30, 15, 1767)
    assert data.member(0).true_labels
    assert not RandomSubset(PHOTOS).true_labels
    nets = [Experiment(data.member(m), Mlp(4), Sgd(0.1, 1)) for m in range(400)]
    assert len({shape_of(net) for net in nets}) == 1
    assert owned(data.member(7)) == 15 + 1767


def test_members_trained_as_one_stack_are_what_each_is_alone() -> None:
    data = AllSubsets(Digits(n=30), share=0.5, members=3)
    nets = [Experiment(data.member(m), Mlp(4), Sgd(0.1, 2, batch=5)) for m in range(3)]
    stacked = together([member(net) for net in nets])
    assert {result.kernel for result in stacked} == {"stacked"}
    for result, net in zip(stacked, nets, strict=True):
        assert far(result, by_reference(net)) < 1e-5
    assert far(stacked[0], stacked[1]) > 0.01


def test_what_is_no_field_of_a_subset_is_changed_in_its_data() -> None:
    changed = RandomSubset(PHOTOS, member=2).but(labels=WrongLabels(0.1), member=3)
    assert changed == RandomSubset(PHOTOS.but(labels=WrongLabels(0.1)), member=3)


@pytest.mark.parametrize("data", [RandomSubset(PHOTOS, 0.3, 2), AllSubsets(PHOTOS, members=3)])
def test_both_keep_the_contract_of_data(data: AroundData) -> None:
    assert examined(data) == []


@pytest.mark.parametrize("wrong", [{"share": 1.0}, {"share": 0.0}, {"share": 0.01}, {"member": -1}])
def test_what_cannot_be_a_subset_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="RandomSubset"):
        RandomSubset(PHOTOS, **wrong)


def test_one_subset_is_too_few_and_there_are_no_others_than_there_are() -> None:
    with pytest.raises(ValueError, match="between 2 and"):
        AllSubsets(PHOTOS, members=1)
    with pytest.raises(ValueError, match="between 0 and 1"):
        AllSubsets(PHOTOS, members=2).member(2)


def test_data_that_change_every_epoch_have_nothing_that_stays_held_out() -> None:
    moving = Digits(n=30, labels=RedrawnLabels())
    for data in (RandomSubset(moving), AllSubsets(moving)):
        with pytest.raises(ValueError, match="change in every epoch"):
            data.split(None, 0)
