"""Descent for a number of steps: it is the steps of ``FullBatch``, and the looks read what they say."""

from __future__ import annotations

import pytest

from harness.analytic.equal_steps import EqualSteps
from harness.analytic.full_batch import FullBatch
from harness.data.digits import Digits
from harness.spec.streams import stream

DIGITS = Digits(n=60).split(None, 0)


def solved(steps: int = 30) -> dict[str, float]:
    """Results on sixty digits."""
    return EqualSteps(lr=0.1, steps=steps, hidden=(8,), look=10).solve(DIGITS, stream(0, "solution"))


def test_so_many_steps_are_those_of_descent_to_a_loss() -> None:
    ends = FullBatch(lr=0.1, until=1.0, hidden=(8,), draws=1).solve(DIGITS, stream(0, "solution"))
    steps = int(ends["steps"])
    assert steps > 3
    results = solved(steps=steps)
    assert results["train_loss"] == pytest.approx(ends["train_loss"], rel=1e-12)
    assert results["r_ig"] == pytest.approx(ends["r_ig"], rel=1e-12)
    assert results["test_error"] == ends["test_error"]


def test_the_best_look_is_the_one_with_the_lowest_test_error() -> None:
    looks = {steps: solved(steps=steps) for steps in (10, 20, 30)}
    first = min(looks, key=lambda steps: looks[steps]["test_error"])
    results = solved()
    assert results["best_test_error"] == looks[first]["test_error"] <= results["test_error"]
    assert results["best_r_ig"] == pytest.approx(looks[first]["r_ig"], rel=1e-12)


def test_numbers_are_positive() -> None:
    with pytest.raises(ValueError, match="look"):
        EqualSteps(lr=0.1, look=0)
