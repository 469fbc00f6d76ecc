"""What a student learns of a net and of a table, starts against their norms, and bases that are aligned."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from harness.analytic.dense_nets import DenseLayer, DenseNets
from harness.analytic.random_label_nets import (
    ARMS,
    Alignment,
    Taught,
    Transfer,
    errors_along,
    misalignment,
    second_moments,
    starts,
    wrong,
)
from harness.data import Digits, RandomLabels
from harness.data.split import Split
from harness.spec.streams import stream


def digits(n: int) -> Split:
    return Digits(n=n, labels=RandomLabels()).split(None, 1000)


def test_a_student_learns_a_network_and_not_a_table() -> None:
    split = digits(700)
    net, table = (
        Taught(width=64, shown=100, teacher=teacher, lessons=40).solve(split, stream(1000, "solution"))
        for teacher in ("net", "table")
    )
    assert net["teacher_error"] == table["teacher_error"] == 0
    assert net["student_error"] < 0.05
    assert net["disagreement"] < 0.5 < 0.8 < table["disagreement"]
    assert net["guessing"] == pytest.approx(0.85, abs=0.15)


def test_nobody_is_told_the_true_labels() -> None:
    split = digits(150)
    blind = dataclasses.replace(split, y_true=np.zeros_like(split.y_true))
    solver = Taught(width=8, shown=50, epochs=10, lessons=5)
    assert solver.solve(split, stream(1000, "solution")) == solver.solve(blind, stream(1000, "solution"))


def test_without_lessons_nothing_is_learnt() -> None:
    result = Taught(width=8, shown=50, epochs=0, lessons=0).solve(digits(300), stream(1000, "solution"))
    assert result["disagreement"] > 0.6
    assert result["teacher_error"] > 0.7


def test_a_teacher_that_is_neither_or_leaves_no_images_is_refused() -> None:
    with pytest.raises(ValueError, match=r'use "net" or "table"'):
        Taught(teacher="book")
    with pytest.raises(ValueError, match=r"Taught\(shown=50\): of 50 images some must be the student's"):
        Taught(shown=50).solve(digits(50), np.random.default_rng(0))


def test_training_ends_once_no_network_errs() -> None:
    nets = DenseNets.drawn((2, 16, 2), 3, np.random.default_rng(1))
    x = np.array([[1, 0], [0, 1], [1, 0.1], [0, 0.9]], np.float32)
    y = np.array([0, 1, 0, 1])
    errors = errors_along(nets, x, y, 200, np.random.default_rng(2), rate=0.1, until_fitted=True)
    assert errors.shape[1] == 3
    assert 1 < len(errors) < 200
    assert not errors[-1].any()
    assert errors[:-1].any(axis=1).all()
    assert np.array_equal(wrong(nets, x, 1 - y), np.ones(3))
    assert errors_along(nets, x, y, 0, np.random.default_rng(2)).shape[0] == 0


def test_starts_are_of_the_norms_that_their_names_say() -> None:
    generator = np.random.default_rng(4)
    first, ended = (DenseNets.drawn((5, 4, 3), 1, generator).layers for _ in range(2))
    ended = [DenseLayer(3 * layer.weight, layer.bias + 1) for layer in ended]
    arms = starts(first, ended, generator)
    for a, b, all_arms in zip(first, ended, arms.layers, strict=True):
        weight = dict(zip(ARMS, all_arms.weight, strict=True))
        bias = dict(zip(ARMS, all_arms.bias, strict=True))
        assert np.array_equal(weight["scratch"], a.weight[0])
        assert np.array_equal(weight["pretrained"], b.weight[0])
        for arm in ("rescaled", "scattered_rescaled"):
            assert np.linalg.norm(weight[arm]) == pytest.approx(np.linalg.norm(a.weight), rel=1e-5)
            assert np.array_equal(bias[arm], a.bias[0])
        ratio = weight["rescaled"] / b.weight[0]
        assert ratio == pytest.approx(np.full_like(ratio, ratio.flat[0]), rel=1e-5)
        assert sorted(weight["scattered"].ravel()) == sorted(b.weight.ravel())
        assert not np.array_equal(weight["scattered"], b.weight[0])
        assert np.array_equal(bias["scattered"], b.bias[0])


def test_what_was_learnt_of_one_half_is_used_on_the_other() -> None:
    solver = Transfer(width=64, upstream=80, random_epochs=10, true_epochs=2)
    result = solver.solve(digits(400), stream(1000, "solution"))
    assert result["upstream_error"] == 0
    assert result["grown"] > 1.3
    assert result["random_pretrained"] < result["random_rescaled"] < result["random_scratch"]
    assert result["true_rescaled"] < result["true_scratch"]
    for arm in ARMS:
        assert len(result[f"random_{arm}_curve"]) == 10
        assert result[f"true_{arm}"] == pytest.approx(np.mean(result[f"true_{arm}_curve"]))
    untouched = solver.but(upstream=0).solve(digits(400), stream(1000, "solution"))
    assert untouched["grown"] == 1
    assert untouched["random_pretrained"] == untouched["random_scratch"]
    assert untouched["random_rescaled"] == pytest.approx(untouched["random_scratch"], abs=0.02)


def test_misalignment_is_none_in_eigenvectors_and_all_where_nothing_is_on_the_diagonal() -> None:
    basis = np.linalg.qr(np.random.default_rng(5).standard_normal((4, 4)))[0]
    covariance = basis @ np.diag([4.0, 3.0, 2.0, 1.0]) @ basis.T
    assert misalignment(covariance, basis) == pytest.approx(0, abs=1e-12)
    assert misalignment(7 * covariance + 2 * np.eye(4), basis) == pytest.approx(0, abs=1e-12)
    rotated = np.array([[1.0, 1.0], [1.0, -1.0]]) / np.sqrt(2)
    assert misalignment(np.diag([2.0, 1.0]), rotated) == pytest.approx(1)


def test_second_moments_are_over_the_units_of_the_first_network() -> None:
    nets = DenseNets.drawn((3, 5, 2), 2, np.random.default_rng(6))
    weight = nets.layers[0].weight[0].astype(float)
    expected = sum(np.outer(weight[:, unit], weight[:, unit]) for unit in range(5)) / 5
    assert second_moments(nets) == pytest.approx(expected)


def test_training_aligns_first_weights() -> None:
    result = Alignment(width=128, epochs=100).solve(digits(300), stream(1000, "solution"))
    assert result["misaligned"] < 0.8 < 0.9 < min(result["untrained"], result["turned"])
    assert result["train_error"] == 0
