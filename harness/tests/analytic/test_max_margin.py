"""The largest margin against scikit-learn's, and descent against its own gradient."""

from __future__ import annotations

import numpy as np
import pytest

from harness.analytic.max_margin import largest_margin, logistic_descent, separable


def test_the_largest_margin_is_the_support_vector_machines() -> None:
    from sklearn.svm import SVC

    signed = separable(np.random.default_rng(3), 30, 5)
    w = largest_margin(signed)
    assert (signed @ w).min() == pytest.approx(1, abs=1e-9)
    machine = SVC(kernel="linear", C=1e6, tol=1e-10)
    y = np.where(np.arange(30) % 2, 1.0, -1.0)
    machine.fit(np.vstack([signed * y[:, None], -signed * y[:, None]]), np.concatenate([y, -y]))
    assert w == pytest.approx(machine.coef_[0], rel=1e-3)


def test_what_no_weights_separate_is_refused() -> None:
    with pytest.raises(ValueError, match="not separable"):
        largest_margin(np.array([[1.0, 0.0], [-1.0, 0.0]]))


def test_what_descent_reports_is_of_its_weights() -> None:
    run = logistic_descent(np.random.default_rng(3), 12, 3, 3, "logistic", 0)
    assert [len(run[name]) for name in ("length", "off", "margin", "loss_by_time")] == [3] * 4
    assert run["length"] == sorted(run["length"])
    assert max(run["margin"]) <= 1
    assert run["growth"] == pytest.approx(1, abs=0.4)


def test_least_squares_ends_at_the_shortest_fit_of_the_labels() -> None:
    signed = separable(np.random.default_rng(4), 12, 3)
    fit = np.linalg.lstsq(signed, np.ones(12))[0]
    run = logistic_descent(np.random.default_rng(4), 12, 3, 3, "squared", 0)
    assert run["length"][-1] == pytest.approx(float(np.linalg.norm(fit)), rel=1e-9)


def test_a_turned_label_stops_the_weights() -> None:
    run = logistic_descent(np.random.default_rng(3), 40, 3, 4, "logistic", 1)
    assert abs(run["growth"]) < 0.01
    assert run["margin"][-1] < 0
