"""Networks trained on one example: the layer that can be solved by hand, the optimizer, and the errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from harness.analytic.one_example import FITTED, OneExample, _adam
from harness.data import Digits
from harness.data.split import Split
from harness.lab.conformance import examined
from harness.spec.streams import stream

DIGIT = Digits(n=1, whiten=False)


def split() -> Split:
    return DIGIT.split(None, 0)


def test_one_layer_keeps_its_start_at_right_angles_to_the_example() -> None:
    drawn = stream(0, "solution").standard_normal((64, 64), dtype=np.float32) / 8
    result = OneExample(1, images=50).solve(split(), stream(0, "solution"))
    x, asked = split().x_train.reshape(64), split().x_test[:50].reshape(50, 64)
    along = np.outer(asked @ x / (x @ x), x)
    # Adam's steps are no multiples of the gradient, so that the start stays roughly and not to the bit
    expected = along + (asked - along) @ drawn.T
    error = ((expected - asked) ** 2).sum() / (asked**2).sum()
    assert result["training_error"] < FITTED
    assert result["identity_error"] == pytest.approx(error, rel=0.2)


def test_the_errors_are_of_the_identity_and_of_the_constant_function() -> None:
    result = OneExample(3, 64, 3, images=40).solve(split(), stream(0, "solution"))
    x, asked = split().x_train[:1], split().x_test[:40]
    assert result["apart"] == pytest.approx(((x - asked) ** 2).sum() / (asked**2).sum(), rel=1e-5)
    assert result["identity_error"] < 0.5 * result["apart"] < result["constant_error"]
    deep = OneExample(8, 64, images=40).solve(split(), stream(0, "solution"))
    assert deep["constant_error"] < 0.5 * result["constant_error"]
    assert deep["identity_error"] > 0.5 * deep["apart"]


def test_steps_are_adams() -> None:
    ours, moments = torch.tensor([1.0, -2.0, 0.5]), (torch.zeros(3), torch.zeros(3))
    theirs, mean, square = ours.double().numpy().copy(), np.zeros(3), np.zeros(3)
    for step in range(1, 6):
        ours -= 1e-3 * _adam(ours**3 + step, moments, step)
        gradient = theirs**3 + step
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        theirs -= 1e-3 * mean / (1 - 0.9**step) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
        assert ours.numpy() == pytest.approx(theirs, rel=1e-5)


def test_a_net_without_an_active_unit_is_not_trained_on() -> None:
    dead = OneExample(3, 4, rate=1e3).solve(split(), stream(0, "solution"))
    assert dead["steps"] < 100
    assert dead["training_error"] == 1.0


def test_weights_keep_the_scale_and_a_replicate_draws_its_own() -> None:
    shape = (1, 8, 8)
    first, _, last = OneExample(3, 256)._drawn(shape, stream(0, "solution"))
    assert float(first.detach().var()) == pytest.approx(2 / 64, rel=0.05)
    assert float(last.detach().var()) == pytest.approx(1 / 256, rel=0.05)
    (kernel, *_) = OneExample(2, 256, 3)._drawn(shape, stream(0, "solution"))
    assert tuple(kernel.shape) == (256, 1, 3, 3)
    assert float(kernel.detach().var()) == pytest.approx(2 / 9, rel=0.1)
    one, other = (OneExample(2, 16).solve(split(), stream(r, "solution")) for r in (0, 1))
    assert one["identity_error"] != other["identity_error"]
    assert one == OneExample(2, 16).solve(split(), stream(0, "solution"))


def test_its_cost_counts_layers_positions_and_kernels() -> None:
    dense, whole = OneExample(2, 10, images=100), OneExample(2, 10, 3, images=100)
    assert dense.cost(DIGIT) == 2 * 640 * 400
    assert whole.cost(DIGIT) == 64 * 9 * 20 * 400
    assert examined(OneExample(2, 4)) == []


@pytest.mark.parametrize(
    "wrong", [{"depth": 0}, {"depth": 1, "width": 0}, {"depth": 1, "images": -1}, {"depth": 1, "rate": 0}]
)
def test_numbers_that_are_not_positive_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        OneExample(**wrong)


def test_kernels_have_a_middle() -> None:
    with pytest.raises(ValueError, match="an odd side"):
        OneExample(2, kernel=4)
