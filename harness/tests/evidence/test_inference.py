"""Plain functions of numbers: what they say at the edges of float64."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.evidence.inference import LARGEST_LOG, exponential, mean_interval, multinomial_ps
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


def test_of_no_counts_there_are_no_p_values() -> None:
    """Where all of many draws are decided at an earlier look, none is left for the next."""
    assert multinomial_ps(np.zeros((0, 2), np.int64), [0.5, 0.5]).shape == (0,)
