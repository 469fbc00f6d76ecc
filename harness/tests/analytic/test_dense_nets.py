"""Small networks in numpy against torch, and against the definition of what is measured with them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analytic.dense_nets import (
    KEPT_ZEROS,
    DenseLayer,
    DenseNets,
    in_batches,
    log_probabilities,
    rectified,
    surplus,
)
from harness.analytic.memorization import CriticalSamples, EasyExamples, LearningOrder, gini
from harness.data.digits import Digits
from harness.data.inputs import GaussianInputs
from harness.spec.streams import stream
from harness.tests.deterministic import derandomized


def drawn(nets: int, *widths: int) -> DenseNets:
    return DenseNets.drawn(widths, nets, stream(1000, "noise"))


def batch(n: int, inputs: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    return generator.standard_normal((n, inputs), dtype=np.float32), generator.integers(classes, size=n)


def in_torch(nets: DenseNets, i: int) -> list[tuple[Any, Any]]:
    import torch

    return [
        (torch.tensor(weight[i].T, requires_grad=True), torch.tensor(bias[i, 0], requires_grad=True))
        for weight, bias in nets.layers
    ]


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_steps_are_those_of_torch(momentum: float) -> None:
    import torch
    import torch.nn.functional as F

    nets, (x, y) = drawn(2, 5, 7, 6, 3), batch(8, 5, 3)
    others = [in_torch(nets, i) for i in range(2)]
    optimizers = [torch.optim.SGD([p for pair in net for p in pair], 0.1, momentum) for net in others]
    for _ in range(3):
        slopes = nets.step_felt(x, y, 0.1, momentum)
        for i, (net, optimizer) in enumerate(zip(others, optimizers, strict=True)):
            inputs: Any = torch.tensor(x, requires_grad=True)
            z = inputs
            for j, (weight, bias) in enumerate(net):
                z = F.linear(z.relu() if j else z, weight, bias)
            optimizer.zero_grad()
            F.cross_entropy(z, torch.tensor(y)).backward()
            np.testing.assert_allclose(slopes[i], 8 * inputs.grad, atol=1e-6)
            optimizer.step()
    for i, net in enumerate(others):
        for (weight, bias), (theirs, their_bias) in zip(nets.layers, net, strict=True):
            np.testing.assert_allclose(weight[i].T, theirs.detach(), atol=1e-6)
            np.testing.assert_allclose(bias[i, 0], their_bias.detach(), atol=1e-6)


def test_a_step_is_the_same_whether_its_gradient_by_the_inputs_is_asked_for_or_not() -> None:
    nets, (x, y) = drawn(2, 5, 7, 6, 3), batch(8, 5, 3)
    felt = nets.copy()
    for _ in range(3):
        nets.step(x, y, 0.1)
        assert felt.step_felt(x, y, 0.1).shape == (2, 8, 5)
    for one, other in zip(nets.layers, felt.layers, strict=True):
        assert (one.weight == other.weight).all()
        assert (one.bias == other.bias).all()


@pytest.mark.parametrize("shape", [(7,), (3, 4, 5), (2, KEPT_ZEROS)])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_relu_is_numpys_maximum_with_zero_to_the_bit(shape: tuple[int, ...], kind: type) -> None:
    values: np.ndarray = np.random.default_rng(0).standard_normal(shape).astype(kind)
    values[..., :3] = np.nan, -np.inf, -0.0
    expected = np.maximum(values, 0)
    assert rectified(values) is values
    assert values.tobytes() == expected.tobytes()


@pytest.mark.parametrize("turned", [False, True])
def test_the_softmax_is_the_plain_one_to_the_bit_however_its_logits_lie(turned: bool) -> None:
    logits = np.random.default_rng(0).standard_normal((2, 6, 4), dtype=np.float32)
    lying = np.asfortranarray(logits) if turned else logits
    centred = logits - logits.max(axis=-1, keepdims=True)
    expected = centred - np.log(np.exp(centred).sum(axis=-1, keepdims=True))
    assert log_probabilities(lying).tobytes() == expected.tobytes()
    y = np.array([[0, 1, 2, 3, 0, 1], [3, 3, 2, 2, 1, 1]])
    for labels in (y, y[0]):  # each net's own, or the same for all
        shown = np.exp(expected) - (labels[..., None] == np.arange(4))
        assert surplus(lying, labels).tobytes() == shown.astype(np.float32).tobytes()


def test_networks_do_not_see_each_other() -> None:
    nets, (x, y) = drawn(3, 5, 4, 2), batch(6, 5, 2)
    alone = DenseNets([DenseLayer(*(a[1:2].copy() for a in layer)) for layer in nets.layers])
    turned = np.stack([x[::-1], x, x]), np.stack([y[::-1], y, y])
    nets.step(*turned, 0.1)
    alone.step(x, y, 0.1)
    np.testing.assert_allclose(nets.logits(x)[1], alone.logits(x)[0], atol=1e-6)
    np.testing.assert_allclose(nets.logits(x)[1], nets.copy().logits(x)[1])


def test_networks_go_on_with_the_velocities_that_they_are_given() -> None:
    nets, (x, y) = drawn(3, 5, 4, 2), batch(6, 5, 2)
    nets.step(x, y, 0.1)
    moving, resting = DenseNets(nets.layers, nets.velocities), nets.copy()
    before = nets.layers[0].weight.copy()
    for net in (moving, resting):
        net.step(x, y, 0.1)
    assert np.array_equal(nets.layers[0].weight, before)  # they were copied
    nets.step(x, y, 0.1)
    for layer, other, third in zip(nets.layers, moving.layers, resting.layers, strict=True):
        assert all(np.array_equal(*pair) for pair in zip(layer, other, strict=True))
        assert not np.array_equal(layer.weight, third.weight)


def test_parameters_and_batches_are_counted() -> None:
    assert drawn(2, 5, 7, 3).parameters == 5 * 7 + 7 + 7 * 3 + 3
    assert [len(rows) for rows in in_batches(np.arange(7), 3)] == [3, 3, 1]


@derandomized
@given(values=st.lists(st.integers(0, 20), min_size=1, max_size=12).filter(any))
def test_the_gini_coefficient_is_half_the_mean_difference(values: list[int]) -> None:
    x = np.array(values, dtype=float)
    assert gini(x) == pytest.approx(np.abs(x[:, None] - x).mean() / (2 * x.mean()))
    assert gini(3 * x) == pytest.approx(gini(x))


def test_the_gini_coefficient_of_one_rich_is_known_and_debts_have_none() -> None:
    assert gini(np.array([0.0, 0.0, 0.0, 5.0])) == pytest.approx(0.75)
    with pytest.raises(ValueError, match="Gini"):
        gini(np.array([-1.0, 2.0]))


def test_hits_of_nets_that_say_nothing_are_binomial() -> None:
    """At a rate of zero the nets stay random, and a hit of one says little of a hit of another."""
    split = Digits(n=300, inputs=GaussianInputs()).split(None, 1000)
    results = EasyExamples(nets=40, lr=0.0).solve(split, stream(1000, "solution"))
    assert results["variance_ratio"] < 2.0
    assert results["always_right"] == 0.0
    hits = results["hits"]
    assert (np.diff(hits) <= 0).all()
    assert hits.mean() == pytest.approx(results["mean_hits"])


def test_what_stays_learnt_was_right_at_first() -> None:
    results = LearningOrder(epochs=5, width=32).solve(
        Digits(n=200).split(None, 1000), stream(1000, "solution")
    )
    assert 0 <= results["right_always"] <= results["right_first"] <= 1
    assert results["right_always"] <= 1 - results["train_error"]
    assert len(results["gini_so_far"]) == 5
    assert results["gini"] == results["gini_so_far"][-1]


def test_critical_samples_of_a_linear_net_are_those_near_its_boundary() -> None:
    """For two classes split at x0 = 0 a box of radius r reaches the other side where |x0| < r."""
    import torch

    layer = torch.nn.Linear(2, 2, bias=False)
    model = torch.nn.Sequential(torch.nn.Flatten(), layer)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
    split = Digits(n=10).split(None, 1000)
    x = np.random.default_rng(0).uniform(-1, 1, size=(400, 2)).astype(np.float32)
    object.__setattr__(split, "x_test", x)
    for radius in (0.1, 0.3):
        critical = CriticalSamples(radius=radius, images=None).measure(model, split)["critical"]
        assert critical == pytest.approx(np.mean(np.abs(x[:, 0]) < radius), abs=0.01)
    assert not math.isnan(critical)
