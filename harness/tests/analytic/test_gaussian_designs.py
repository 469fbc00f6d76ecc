"""Risks over drawn designs equal those of the textbook solution on the same draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.analytic.gaussian_designs import ApproximationBias, PowerLaw, sample_risks, width_risks
from harness.analytic.risks import best_penalty, captured, ridgeless

KINDS = (PowerLaw(3, 0.5), PowerLaw(40, 0.1, 1.0), ApproximationBias(2.0, 0.3))
WIDTHS = (2, 5, 10, 14, 24)


def textbook(x: np.ndarray, y: np.ndarray, penalty: float) -> np.ndarray:
    if penalty == 0:
        return np.linalg.pinv(x) @ y
    return np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ y)


def redrawn(kind: Any, at: int, ridge: bool) -> list[float]:
    """One design of ``width_risks``, again and without its solvers."""
    generator, n, total = np.random.default_rng(5), 10, WIDTHS[-1]
    x, e = generator.standard_normal((n, total)), generator.standard_normal(n)
    squares = kind.squares(n, total)
    missed = 1 - squares.sum()
    y = x @ np.sqrt(squares) + np.sqrt(kind.noise + missed) * e
    draws = []
    for p in WIDTHS:
        inside = squares[:p].sum()
        penalty = best_penalty(p, inside, kind.noise + 1 - inside) if ridge else 0.0
        w = np.zeros(total)
        w[:p] = textbook(x[:, :p], y, penalty)
        draws.append(float(((w - np.sqrt(squares)) ** 2).sum() + missed))
    return draws


@pytest.mark.parametrize("ridge", [False, True])
def test_widths_have_the_risks_of_the_textbook_solution(ridge: bool) -> None:
    risks = width_risks(np.random.default_rng(5), n=10, widths=WIDTHS, targets=KINDS, designs=1, ridge=ridge)
    for i, kind in enumerate(KINDS):
        np.testing.assert_allclose(risks["risk"][i], redrawn(kind, i, ridge), rtol=1e-6)
    np.testing.assert_allclose(np.exp(risks["log_risk"]), risks["risk"])


def test_the_mean_of_logs_is_taken_of_each_design() -> None:
    def risks(designs: int) -> Any:
        return width_risks(np.random.default_rng(5), n=10, widths=WIDTHS, targets=KINDS, designs=designs)

    one, several = risks(1), risks(4)
    np.testing.assert_allclose(one["log_risk"], np.log(one["risk"]))
    assert (several["log_risk"] < np.log(several["risk"]) - 1e-3).all()


@pytest.mark.parametrize("ridge", [False, True])
def test_sizes_have_the_risks_of_the_textbook_solution(ridge: bool) -> None:
    sizes, d = (3, 8, 20), 8
    risks = sample_risks(np.random.default_rng(6), d=d, sizes=sizes, noise=0.3, designs=1, ridge=ridge)
    generator = np.random.default_rng(6)
    x, true = generator.standard_normal((20, d)), generator.standard_normal(d)
    true /= np.linalg.norm(true)
    y = x @ true + np.sqrt(0.3) * generator.standard_normal(20)
    penalty = best_penalty(d, 1.0, 0.3) if ridge else 0.0
    expected = [((textbook(x[:n], y[:n], penalty) - true) ** 2).sum() for n in sizes]
    np.testing.assert_allclose(risks["risk"], expected, rtol=1e-6)


def test_targets_have_norm_one_in_all_and_capture_what_they_say() -> None:
    assert PowerLaw(5, 1.0).squares(10, 8) == pytest.approx([0.2] * 5 + [0] * 3)
    cut = PowerLaw(40, 1.0, 1.0).squares(10, 8)
    assert cut[1] / cut[0] == pytest.approx(1 / 4)
    assert cut.sum() < 1 == pytest.approx(PowerLaw(40, 1.0, 1.0).squares(10, 40).sum())
    bias = ApproximationBias(2.0, 1.0).squares(10, 30)
    assert bias[:7].sum() == pytest.approx(captured(0.7, 2.0))


def test_averages_over_designs_are_the_formula_and_another_generator_differs() -> None:
    settings: dict[str, Any] = {"n": 20, "widths": (4, 40), "targets": (PowerLaw(4, 1.0),), "designs": 400}
    first, same, other = (width_risks(np.random.default_rng(seed), **settings)["risk"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert (first != other).all()
    for risk, p in zip(first[0], (4, 40), strict=True):
        formula = ridgeless(20, p, 1.0, 1.0)
        assert abs(risk - formula.mean) < 5 * formula.deviation / np.sqrt(400)
