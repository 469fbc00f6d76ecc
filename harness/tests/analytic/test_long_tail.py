"""Memorization scores of nets whose answers are known, and what leaving the memorized out is told to cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from harness.analytic.long_tail import (
    Memorization,
    Removal,
    agreement,
    correct,
    memorization_scores,
    placebo_scores,
)
from harness.data import Digits, WrongLabels
from harness.data.random_subsets import AllSubsets, MaskedSplit
from harness.fleet.optimizers import Sgd
from harness.models import Mlp
from harness.models._ensemble_nets import EnsembleNet
from harness.models.ensemble import Ensemble, Members
from harness.spec import Experiment
from harness.spec.streams import stream
from harness.tests.trainings import trained

NET = Mlp(32)
WRONG = AllSubsets(Digits(n=200, labels=WrongLabels(0.15)), members=12)


def side_by_side(data: AllSubsets, model: Mlp = NET) -> torch.nn.Module:
    """The members' nets, each trained on its subset until it fits."""
    nets = [Experiment(data.member(m), model, Sgd(0.1, 40, batch=16)) for m in range(data.members)]
    arrays = Members().apply([trained(net).weights for net in nets], stream(0, "transform"))
    module = Ensemble(model, data.members).build(data.shape, data.classes, stream(0, "initialization"))
    module.load_state_dict({name: torch.from_numpy(a.copy()) for name, a in arrays.items()})
    return module.eval()


@pytest.fixture(scope="module")
def nets() -> torch.nn.Module:
    return side_by_side(WRONG)


@pytest.fixture(scope="module")
def split() -> MaskedSplit:
    return WRONG.split(None, 0)


def test_a_score_is_the_accuracy_of_those_who_trained_less_that_of_the_others() -> None:
    kept = np.array([[1, 1, 1], [1, 0, 1], [0, 1, 1], [0, 0, 1]], bool)
    right = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]], bool)
    assert memorization_scores(right, kept) == pytest.approx([0.5, 0.5, np.nan], nan_ok=True)


def test_what_is_right_only_where_it_was_trained_on_scores_one_and_what_always_is_scores_zero() -> None:
    kept = AllSubsets(Digits(n=50), members=40).split(None, 0).kept
    right = kept.copy()
    right[:, 25:] = True
    scores = memorization_scores(right, kept)
    assert scores[:25] == pytest.approx(1.0)
    assert scores[25:] == pytest.approx(0.0)


def test_the_placebo_compares_nets_that_all_held_the_example_out() -> None:
    generator = np.random.default_rng(0)
    kept = AllSubsets(Digits(n=400), members=60).split(None, 0).kept
    # of each example the held-out nets are right by a chance of its own: hard ones and easy ones
    right = kept | (generator.random(kept.shape) < generator.random(400))
    halves = [memorization_scores(right[i::2], kept[i::2]) for i in (0, 1)]
    assert agreement(*halves) > 0.6
    first, second = placebo_scores(right, kept)
    assert abs(agreement(first, second)) < 0.2
    flipped = np.where(kept, ~right, right)
    assert np.array_equal(placebo_scores(flipped, kept)[0], first, equal_nan=True)


def test_agreement_is_a_correlation_over_what_both_have() -> None:
    scores = np.array([0.0, 1.0, np.nan, 0.5])
    assert agreement(scores, 2 * scores + 1) == pytest.approx(1.0)
    assert agreement(scores, np.array([1.0, 0.0, 3.0, np.nan])) == pytest.approx(-1.0)
    assert agreement(scores, np.ones(4)) == 0.0


def test_nets_memorize_wrong_labels_and_few_others(nets: torch.nn.Module, split: MaskedSplit) -> None:
    measures = Memorization().measure(nets, split)
    assert measures["kept_error"] < 0.05
    assert measures["wrong_memorized"] > 0.9
    assert measures["right_memorized"] < 0.7
    wrong = split.corrupted.mean()
    whole = wrong * measures["wrong_memorized"] + (1 - wrong) * measures["right_memorized"]
    assert measures["memorized"] == pytest.approx(whole, abs=0.03)
    assert (np.diff(measures["scores"]) <= 0).all()
    assert len(measures["scores"]) == 101
    assert np.mean(measures["scores"] >= 0.25) == pytest.approx(measures["memorized"], abs=0.02)
    assert Memorization(1.0).measure(nets, split)["memorized"] < measures["memorized"]


def test_without_wrong_labels_there_is_no_share_of_them_memorized() -> None:
    data = AllSubsets(Digits(n=60), members=4)
    assert "wrong_memorized" not in Memorization().measure(side_by_side(data), data.split(None, 0))


def test_leaving_memorized_wrong_labels_out_is_told_to_help(
    nets: torch.nn.Module, split: MaskedSplit
) -> None:
    probe = Removal(nets=8, epochs=40, batch=16)
    errors = probe.measure(nets, split)
    kept, right = correct(nets, split)
    share = np.mean(memorization_scores(right, kept) >= 0.25)
    assert errors["left_out"] == pytest.approx(share)
    assert errors["without_memorized"] < errors["without_random"] - 0.02
    assert errors["without_random"] == pytest.approx(errors["without_others_at_random"], abs=0.15)
    assert errors["without_random"] != errors["without_others_at_random"]
    assert probe.measure(nets, split) == errors, "the same replicate gives the same bits"


def test_all_examples_memorized_leave_nothing_and_are_told_in_one_line(split: MaskedSplit) -> None:
    module = EnsembleNet(Mlp(4).build((1, 8, 8), 10, stream(0, "initialization")), WRONG.members)
    answers = torch.from_numpy(np.where(split.kept, split.y_train, (split.y_train + 1) % 10))
    module.probabilities = lambda x: torch.nn.functional.one_hot(answers, 10).double()  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="all 200 examples are memorized"):
        Removal().measure(module, split)


def test_what_cannot_be_measured_is_refused(nets: torch.nn.Module, split: MaskedSplit) -> None:
    plain = Mlp(4).build((1, 8, 8), 10, stream(0, "initialization"))
    with pytest.raises(TypeError, match="nets of an Ensemble, not on Sequential"):
        Memorization().measure(plain, split)
    with pytest.raises(TypeError, match="AllSubsets"):
        Memorization().measure(nets, WRONG.data.split(None, 0))
    with pytest.raises(ValueError, match="12 nets and 3 subsets"):
        Memorization().measure(nets, AllSubsets(WRONG.data, members=3).split(None, 0))
    with pytest.raises(TypeError, match="dense layers with biases"):
        Removal().measure(side_by_side(WRONG, Mlp(4, bias=False)), split)


@pytest.mark.parametrize("wrong", [{"threshold": 0.0}, {"threshold": 1.5}, {"nets": 0}, {"lr": -1.0}])
def test_numbers_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Removal"):
        Removal(**wrong)
