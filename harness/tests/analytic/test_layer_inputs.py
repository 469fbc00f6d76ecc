"""Histograms of layer inputs against their definition, and in trainings with and without normalization."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.analytic.layer_inputs import LayerInputs, histogram_shift
from harness.analytic.normalized_nets import LayerPass
from harness.data.digits import Digits
from harness.spec.streams import stream

TINY: dict[str, Any] = {"steps": 12, "batch": 20, "width": 12, "depth": 3, "every": 4}


def layers(*inputs: Any) -> list[LayerPass]:
    return [LayerPass(np.asarray(x, float), np.zeros(1), None, None) for x in inputs]


def test_the_same_values_of_other_units_and_examples_are_the_same_histogram() -> None:
    before, after = [[[0.0, 1.0], [2.0, 3.0]]], [[[3.0, 0.0], [1.0, 2.0]]]
    assert histogram_shift(layers(before, before), layers(after, after)) == 0


def test_values_shifted_by_their_deviation_moved_by_one_and_the_first_layer_does_not_count() -> None:
    x = np.array([[[-1.0, 1.0], [1.0, -1.0]]])
    assert histogram_shift(layers(x, x), layers(9 * x, x + 1)) == pytest.approx(1.0)


def test_the_shift_is_averaged_over_layers() -> None:
    x = np.array([[[-1.0, 1.0], [1.0, -1.0]]])
    assert histogram_shift(layers(x, x, x), layers(x, x, x + 1)) == pytest.approx(0.5)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_a_training_looks_every_few_steps_and_says_the_median(batch_norm: bool) -> None:
    split = Digits(n=60).split(None, 0)
    seen = LayerInputs(batch_norm=batch_norm, **TINY).solve(split, stream(0, "solution"))
    assert seen["shifts"].shape == (2,)
    assert (seen["shifts"] > 0).all()
    assert seen["histogram_shift"] == np.median(seen["shifts"])
    assert 0 <= seen["train_error"] <= 1


def test_normalized_inputs_move_less() -> None:
    split = Digits(n=200).split(None, 0)
    settings: dict[str, Any] = {"steps": 40, "batch": 40, "width": 20, "every": 10}
    moved = [LayerInputs(batch_norm=b, **settings).solve(split, stream(0, "solution")) for b in (False, True)]
    assert moved[0]["histogram_shift"] > 2 * moved[1]["histogram_shift"]


def test_weights_that_do_not_move_leave_histograms_where_they_are_but_noise_does_not() -> None:
    split = Digits(n=60).split(None, 0)
    still: list[float] = []
    for noisy in (False, True):
        solver = LayerInputs(noisy=noisy, lr=1e-30, **TINY)
        still.append(solver.solve(split, stream(0, "solution"))["histogram_shift"])
    assert still[0] == 0 < still[1]


@pytest.mark.parametrize("wrong", [{"lr": 0.0}, {"every": 0}, {"steps": 10, "every": 10}])
def test_what_cannot_be_looked_at_twice_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="LayerInputs"):
        LayerInputs(**wrong)
