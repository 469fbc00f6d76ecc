"""Looks along the step against their definitions, and trainings that learn or do not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analytic.normalized_nets import NormalizedNets
from harness.analytic.step_landscape import (
    AcrossRates,
    AlongTheStep,
    NoisyBatch,
    batches,
    covariate_shift,
    deep_linear,
    input_shift,
    landscape,
)
from harness.data.digits import Digits
from harness.spec.streams import stream
from harness.tests.deterministic import derandomized

TINY: dict[str, Any] = {"steps": 12, "batch": 20, "width": 12, "depth": 3}


def small(seed: int, widths: tuple[int, ...] = (4, 5, 6, 3), **kind: Any) -> tuple[Any, ...]:
    generator = np.random.default_rng(seed)
    net = NormalizedNets(widths, **kind)
    theta, x = net.drawn(generator), generator.standard_normal((9, widths[0]))
    targets = generator.standard_normal((9, widths[-1]))
    batch = NoisyBatch(x, targets if net.linear else generator.integers(widths[-1], size=9))
    return net, theta, batch, net.gradients(theta, *batch)[1]


@derandomized
@given(scale=st.floats(0.1, 2.0), seed=st.integers(0, 100))
def test_the_landscape_of_a_quadratic_is_known(scale: float, seed: int) -> None:
    """One linear layer with squared loss: the gradient changes by the Hessian times the step."""
    net, theta, batch, gradient = small(seed, (4, 2), linear=True)
    seen = landscape(net, theta, gradient, (scale, 2 * scale), batch)
    inputs = np.column_stack([batch.x, np.ones(9)])
    hessian = inputs.T @ inputs * 2 / batch.y.size
    slope = np.concatenate([gradient[0, :8].reshape(4, 2), gradient[:, 8:]])
    change = float(np.linalg.norm(hessian @ slope))
    assert seen.changes == pytest.approx([scale * change, 2 * scale * change])
    assert seen.smoothness == pytest.approx(change / np.linalg.norm(slope))
    curved = float((slope * (hessian @ slope)).sum())
    start, squared = net.losses(theta, *batch)[0], float((slope**2).sum())
    assert seen.losses[0] == pytest.approx(start - scale * squared + scale**2 * curved / 2)


@pytest.mark.parametrize("norm", [False, True])
def test_covariate_shift_moves_the_layers_below_and_no_others(norm: bool) -> None:
    net, theta, batch, gradient = small(0, batch_norm=norm)
    distances, cosines = covariate_shift(net, theta, gradient, 0.3, batch)
    assert len(distances) == len(cosines) == 2
    for i in (1, 2):
        moved = theta.copy()
        for layer, step in list(zip(net.layers(moved), net.layers(gradient), strict=True))[:i]:
            for weights, change in zip(layer, step, strict=True):
                if weights is not None:
                    weights -= 0.3 * change
        before = net.layers(gradient)[i].weight.ravel()
        after = net.layers(net.gradients(moved, *batch)[1])[i].weight.ravel()
        assert distances[i - 1] == pytest.approx(np.linalg.norm(after - before))
        size = np.linalg.norm(after) * np.linalg.norm(before)
        assert cosines[i - 1] == pytest.approx(after @ before / size)


def test_without_a_step_nothing_shifts() -> None:
    net, theta, batch, gradient = small(0, batch_norm=True)
    distances, cosines = covariate_shift(net, theta, gradient, 0.0, batch)
    assert distances == pytest.approx(0.0)
    assert cosines == pytest.approx(1.0)
    assert input_shift(net, batch.x, (theta, None), (theta, None)) == 0.0


def test_input_shift_counts_means_and_deviations() -> None:
    """Both of them double with twice the weights of a linear layer."""
    net, theta, batch, _ = small(0, (4, 5, 3), linear=True)
    doubled = theta.copy()
    net.layers(doubled)[0].weight[:] *= 2
    inner = batch.x @ net.layers(theta)[0].weight[0]
    expected = (np.abs(inner.mean(0)) + inner.std(0)).mean() / inner.std(0).mean()
    assert input_shift(net, batch.x, (theta, None), (doubled, None)) == pytest.approx(expected)


@derandomized
@given(n=st.integers(5, 40), size=st.integers(1, 5), steps=st.integers(1, 30))
def test_batches_go_through_all_examples_before_one_comes_again(n: int, size: int, steps: int) -> None:
    drawn = list(batches(n, size, steps, np.random.default_rng(0)))
    assert [len(rows) for rows in drawn] == [size] * steps
    epoch = n // size
    for begin in range(0, steps, epoch):
        rows = np.concatenate(drawn[begin : begin + epoch])
        assert len(set(rows.tolist())) == len(rows)


@pytest.mark.parametrize("kind", [{}, {"batch_norm": True}, {"batch_norm": True, "noisy": True}])
def test_a_training_is_summed_up_as_it_says(kind: dict[str, Any]) -> None:
    split = Digits(n=100).split(None, 1000)
    solver = AlongTheStep(every=4, **TINY, **kind)
    results = solver.solve(split, stream(1000, "solution"))
    again = solver.solve(split, stream(1000, "solution"))
    assert results["train_loss"] == again["train_loss"]
    assert len(results["loss"]) == len(results["smoothness"]) == 3
    assert results["smoothness_max"] == max(results["smoothness"])
    assert results["loss_range"] == pytest.approx(np.median(results["loss_high"] - results["loss_low"]))
    assert (results["change_low"] <= results["change_high"]).all()
    assert (np.abs(results["cosines"]) <= 1 + 1e-6).all()
    assert results["input_shift"] > 0


def test_rates_side_by_side_are_the_trainings_one_by_one() -> None:
    split = Digits(n=100).split(None, 1000)
    for norm in (False, True):
        together = AcrossRates(rates=(0.05, 0.2), batch_norm=norm, **TINY).solve(
            split, stream(1000, "solution")
        )
        for rate in (0.05, 0.2):
            alone = AlongTheStep(lr=rate, batch_norm=norm, **TINY).solve(split, stream(1000, "solution"))
            assert together[f"loss_{rate:g}"] == pytest.approx(alone["train_loss"], rel=1e-3)
            assert together[f"error_{rate:g}"] == pytest.approx(alone["train_error"], abs=0.02)
        assert together["best_loss"] == pytest.approx(min(together["losses"]))


def test_a_training_that_diverges_has_learnt_nothing() -> None:
    split = Digits(n=100).split(None, 1000)
    results = AcrossRates(rates=(0.1, 1e30), learnt=0.5, **TINY | {"steps": 60}).solve(
        split, stream(1000, "solution")
    )
    assert math.isnan(results["loss_1e+30"])
    assert results["error_1e+30"] == 1.0
    assert results["largest_rate"] == 0.1
    assert results["best_loss"] == pytest.approx(results["loss_0.1"])


def test_gradients_of_a_deep_linear_net_hardly_shift_without_normalization() -> None:
    plain, norm = (
        deep_linear(stream(1000, "simulation"), batch_norm=b, lr=0.01, steps=60, every=20)
        for b in (False, True)
    )
    assert plain["cosine"] > 0.9 > norm["cosine"]
    assert norm["gradient_distance"] > 2 * plain["gradient_distance"]
    for results in (plain, norm):
        assert results["train_loss"] < results["loss"][0]


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (AlongTheStep, {"lr": 0.0}),
        (AlongTheStep, {"every": 1}),
        (AlongTheStep, {"moves": (2.0, 1.0)}),
        (AlongTheStep, {"width": 0}),
        (AcrossRates, {"rates": ()}),
        (AcrossRates, {"learnt": 0.0}),
        (AcrossRates, {"variance": -1.0}),
    ],
)
def test_wrong_numbers_are_refused(kind: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        kind(**wrong)


def test_a_batch_needs_its_images() -> None:
    split = Digits(n=10).split(None, 1000)
    with pytest.raises(ValueError, match="batch=20"):
        AcrossRates(**TINY).solve(split, stream(1000, "solution"))
