"""Bias and variances: unbiased on predictors whose parts are known, and zero where nothing is drawn."""

from __future__ import annotations

import numpy as np
import pytest

from harness.analytic.random_features import FourierFeatures
from harness.analytic.variances import FeatureVariances, variances
from harness.data import Digits
from harness.spec.streams import stream


def test_the_parts_are_estimated_without_bias() -> None:
    """Predictors are truth + .3 + N(0, .5^2) of the data + N(0, .2^2) of the weights, in both classes."""
    generator = np.random.default_rng(3)
    labels = np.array([0, 1] * 500)
    truth = np.eye(2)[labels]
    rows = []
    for _ in range(60):
        of_data = generator.normal(0, 0.5, (4, 1, len(labels), 2))
        of_weights = generator.normal(0, 0.2, (4, 3, len(labels), 2))
        rows.append(variances(truth + 0.3 + of_data + of_weights, labels))
    means = {name: np.mean([row[name] for row in rows]) for name in rows[0]}
    assert means["data_variance"] == pytest.approx(2 * 0.25, rel=0.02)
    assert means["weights_variance"] == pytest.approx(2 * 0.04, rel=0.02)
    assert means["squared_bias"] == pytest.approx(2 * 0.09, rel=0.02)
    assert means["squared_error"] == pytest.approx(2 * 0.38, rel=0.02)
    assert means["ensemble_squared_error"] == pytest.approx(2 * (0.34 + 0.04 / 3), rel=0.02)


def test_copies_of_one_predictor_have_no_variance_and_gain_nothing() -> None:
    predictions = np.repeat(np.random.default_rng(0).random((3, 1, 20, 5)), 4, axis=1)
    parts = variances(predictions, np.arange(20) % 5)
    assert parts["weights_variance"] == 0
    assert parts["gain"] == 0
    assert parts["ensemble_squared_error"] == pytest.approx(parts["squared_error"])
    with pytest.raises(ValueError, match="a variance needs two of each"):
        variances(predictions[:, :1], np.arange(20) % 5)


def test_a_mean_of_predictors_that_err_apart_errs_less() -> None:
    labels = np.zeros(3, int)
    right, wrong = np.array([0.9, 0.1]), np.array([0.4, 0.6])
    members = np.stack([[wrong, right, right], [right, wrong, right], [right, right, wrong]])
    parts = variances(np.stack([members, members]), labels)
    assert (parts["single_error"], parts["ensemble_error"]) == (pytest.approx(1 / 3), 0)
    assert parts["gain"] == pytest.approx(1 / 3)


def test_features_of_every_set_are_drawn_anew() -> None:
    split = Digits(n=80, whiten=False).split(None, 3)
    sweep = FeatureVariances(FourierFeatures(2.0), (10, 18, 60), data=4, weights=3)
    parts = sweep.solve(split, stream(3, "solution"))
    assert all(len(values) == 3 for values in parts.values())
    assert max(parts["weights_variance"]) == parts["weights_variance"][1] > 0
    copies = FeatureVariances(FourierFeatures(2.0), (10, 18, 60), data=4, weights=3, copies=True)
    alike = copies.solve(split, stream(3, "solution"))
    assert alike["weights_variance"] == pytest.approx([0, 0, 0], abs=1e-12)
    assert alike["data_variance"][1] > parts["data_variance"][1]
    with pytest.raises(ValueError, match="two sets of data and two draws"):
        FeatureVariances(FourierFeatures(2.0), (10,), data=1)
