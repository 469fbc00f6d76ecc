"""Ridge sweeps: which penalty each of their scores belongs to."""

from __future__ import annotations

import numpy as np
import pytest

from harness.analytic.random_features import FourierFeatures
from harness.analytic.ridge import RidgeSweep, ridge_coefficients, ridge_path
from harness.data.digits import Digits
from harness.data.labels import RandomLabels
from harness.spec.streams import stream


def test_penalties_are_tuned_by_what_is_left_out_and_not_by_the_test() -> None:
    sweep = RidgeSweep(FourierFeatures(3.0), (20, 40, 60, 90), tuple(10.0**k for k in range(-6, 3)))
    apart = 0
    for replicate in range(4):
        split = Digits(n=60, labels=RandomLabels(0.5)).split(None, replicate)
        scores = sweep.solve(split, stream(replicate, "solution"))
        for measure in ("error", "mse"):
            tuned = scores[f"left_out_{measure}"].argmin(axis=1)
            assert np.array_equal(scores[f"tuned_{measure}"], scores[f"test_{measure}"][range(4), tuned])
            assert np.array_equal(scores[f"optimal_{measure}"], scores[f"test_{measure}"].min(axis=1))
            apart += int((scores[f"tuned_{measure}"] > scores[f"optimal_{measure}"]).sum())
    assert apart > 4  # the two differ here, or nothing is said above


@pytest.mark.parametrize("n, p", [(12, 5), (5, 12), (7, 7)])
def test_one_penalty_needs_no_spectrum(n: int, p: int) -> None:
    draws = np.random.default_rng(0)
    features, targets = draws.standard_normal((n, p)), draws.standard_normal((n, 3))
    by_path = ridge_path(features, targets, (0.3,), np.eye(p))[0].test
    np.testing.assert_allclose(ridge_coefficients(features, targets, 0.3), by_path, rtol=1e-9, atol=1e-12)
