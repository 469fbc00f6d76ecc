"""The Gram matrix and descent on wide layers, against integrals, differences and linear algebra."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analytic.gram import (
    LabelsAgainstGram,
    SignedLayer,
    descent,
    drawn_layer,
    gram,
    gram_errors,
    limit_gram,
    near_duplicates,
    normalized,
    unit_vectors,
)
from harness.data.digits import Digits
from harness.spec.streams import stream
from harness.tests.deterministic import derandomized


@derandomized
@given(turn=st.floats(0.0, math.pi))
def test_the_limit_is_the_share_of_directions_on_which_both_are_active(turn: float) -> None:
    x = np.array([[1.0, 0.0], [math.cos(turn), math.sin(turn)]])
    around = (np.arange(100_000) + 0.5) / 100_000 * 2 * math.pi
    circle = np.column_stack([np.cos(around), np.sin(around)])
    assert limit_gram(x) == pytest.approx(gram(x, circle), abs=1e-4)


def test_many_units_come_close_to_the_limit() -> None:
    generator = np.random.default_rng(0)
    x = unit_vectors(generator, 5, 3)
    assert np.linalg.norm(x, axis=1) == pytest.approx(np.ones(5))
    assert gram(x, generator.standard_normal((100_000, 3))) == pytest.approx(limit_gram(x), abs=0.01)


def test_equal_inputs_make_it_singular_and_opposite_ones_do_not() -> None:
    x = unit_vectors(np.random.default_rng(1), 3, 4)
    smallest = [np.linalg.eigvalsh(limit_gram(np.vstack([x, row])))[0] for row in (x[0], -x[0])]
    assert smallest[0] == pytest.approx(0.0, abs=1e-7)
    assert smallest[1] > 0.01


@derandomized
@given(seed=st.integers(0, 1000))
def test_a_step_is_one_of_gradient_descent(seed: int) -> None:
    generator = np.random.default_rng(seed)
    x, y = unit_vectors(generator, 4, 3), generator.standard_normal(4)
    layer = drawn_layer(generator, 5, 3)
    start, numeric = layer.w.copy(), np.empty_like(layer.w)
    for i in np.ndindex(start.shape):
        sides = []
        for sign in (1, -1):
            w = start.copy()
            w[i] += sign * 1e-7
            sides.append(np.sum((SignedLayer(w, layer.signs, layer.factor).output(x) - y) ** 2) / 2)
        numeric[i] = (sides[0] - sides[1]) / 2e-7
    residual = layer.descend(x, y, 0.1)
    assert residual == pytest.approx(SignedLayer(start, layer.signs, layer.factor).output(x) - y)
    assert layer.w == pytest.approx(start - 0.1 * numeric, abs=1e-6)


def test_small_steps_shrink_the_residual_by_the_gram_matrix() -> None:
    generator = np.random.default_rng(2)
    x, y = unit_vectors(generator, 4, 3), generator.standard_normal(4)
    layer = drawn_layer(generator, 50, 3)
    kernel = gram(x, layer.w)
    before = layer.descend(x, y, 1e-6)
    assert (before - (layer.output(x) - y)) / 1e-6 == pytest.approx(kernel @ before, abs=1e-4)


def test_wide_networks_converge_at_the_rate_and_move_little() -> None:
    results = descent(stream(1000, "simulation"), n=10, widths=(256, 4096), power=0.5, steps=2000)
    curves = results["residuals"]
    for i in range(2):
        assert results[f"rate_{i}"] < results["bound"] < 1
        assert np.nanmin(curves[i]) <= 1e-12
    assert results["late_1"] == pytest.approx(1.0, abs=0.2)
    assert results["moved_0"] / results["moved_1"] == pytest.approx(4.0, rel=0.3)
    free = descent(stream(1000, "simulation"), n=10, widths=(256, 4096), power=1.0, steps=200)
    assert free["moved_0"] / free["moved_1"] == pytest.approx(1.0, rel=0.3)


def test_gram_errors_fall_unless_units_are_shifted() -> None:
    widths: dict[str, Any] = {"n": 10, "d": 5, "widths": (500, 50_000)}
    fair = gram_errors(stream(1000, "simulation"), **widths, shift=0.0)
    shifted = gram_errors(stream(1000, "simulation"), **widths, shift=1.0)
    assert fair["error_1"] < fair["error_0"] / 4
    assert shifted["error_1"] > shifted["error_0"] / 2


def test_near_duplicates_with_labels_of_their_own_take_longer() -> None:
    pairs: dict[str, Any] = {"n": 10, "m": 512, "distances": (1.0, 0.25), "steps": 3000}
    apart = near_duplicates(stream(1000, "simulation"), **pairs, alike=False)
    alike = near_duplicates(stream(1000, "simulation"), **pairs, alike=True)
    assert apart["smallest_1"] == alike["smallest_1"] < apart["smallest_0"]
    assert apart["steps_1"] > alike["steps_1"]


def test_coin_flips_are_learnt_more_slowly() -> None:
    split = Digits(n=60, whiten=False).split(None, 1000)
    solver = LabelsAgainstGram(units=256, steps=50)
    true = solver.solve(split, stream(1000, "solution"))
    flipped = solver.but(flipped=True).solve(split, stream(1000, "solution"))
    assert true["residual"] < flipped["residual"] < 1
    x = normalized(split.x_train.reshape(60, -1).astype(float))
    y = np.where(split.y_true % 2, 1.0, -1.0)
    assert true["complexity"] == pytest.approx(y @ np.linalg.inv(limit_gram(x)) @ y)
