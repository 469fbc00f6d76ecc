"""Plain functions of numbers: what they say at the edges of float64."""

from __future__ import annotations

import math

import pytest

from harness.evidence.inference import LARGEST_LOG, exponential, mean_interval
from harness.tests.samples import measured


@pytest.mark.parametrize("values", [[1.0, 2.0, math.nan, 3.0, 4.0], [math.nan] * 5, []])
def test_runs_that_diverged_leave_no_mean(values: list[float]) -> None:
    assert all(map(math.isnan, mean_interval(measured(values), 0.05)))


@pytest.mark.parametrize("log", [-1000.0, -1.0, 0.0, 5.5, 708.9])
def test_an_exponential_is_that_of_mathematics(log: float) -> None:
    assert exponential(log) == math.exp(log)


@pytest.mark.parametrize("log", [LARGEST_LOG, 710.0, 1e9, math.inf])
def test_an_exponential_that_no_float_holds_is_infinite(log: float) -> None:
    assert exponential(log) == math.inf
