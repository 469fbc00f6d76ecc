"""Networks with batch normalization in numpy: against torch, against differences, and side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analytic.normalized_nets import EPSILON, NormalizedNets, normalized, through
from harness.tests.deterministic import derandomized

KINDS = [(norm, linear) for norm in (False, True) for linear in (False, True)]


def drawn(
    seed: int, *, nets: int = 1, **kind: Any
) -> tuple[NormalizedNets, np.ndarray, np.ndarray, np.ndarray]:
    """A small network, moved from its first weights so that shifts and gains matter, and a batch."""
    generator = np.random.default_rng(seed)
    net = NormalizedNets((4, 5, 6, 3), **kind)
    theta = np.concatenate([net.drawn(generator) for _ in range(nets)])
    theta += 0.2 * generator.standard_normal(theta.shape)
    x = generator.standard_normal((7, 4))
    y = generator.standard_normal((7, 3)) if net.linear else generator.integers(3, size=7)
    return net, theta, x, y


def in_torch(net: NormalizedNets, theta: np.ndarray) -> Any:
    """The same network of torch's own layers."""
    import torch

    modules: list[Any] = []
    for i, layer in enumerate(net.layers(theta)):
        a, b = layer.weight.shape[1:]
        dense = torch.nn.Linear(a, b, bias=layer.gain is None, dtype=torch.float64)
        dense.weight.data = torch.tensor(layer.weight[0].T.copy())
        shifted: Any = dense
        modules.append(dense)
        if layer.gain is not None:
            shifted = torch.nn.BatchNorm1d(layer.gain.shape[2], eps=EPSILON, dtype=torch.float64)
            shifted.weight.data = torch.tensor(layer.gain[0, 0].copy())
            modules.append(shifted)
        shifted.bias.data = torch.tensor(layer.shift[0, 0].copy())
        if not net.linear and i < net.depth - 1:
            modules.append(torch.nn.ReLU())
    return torch.nn.Sequential(*modules)


@pytest.mark.parametrize(("norm", "linear"), KINDS)
def test_losses_and_gradients_are_those_of_torch(norm: bool, linear: bool) -> None:
    import torch

    net, theta, x, y = drawn(0, batch_norm=norm, linear=linear)
    theirs = in_torch(net, theta)
    loss = torch.nn.MSELoss() if linear else torch.nn.CrossEntropyLoss()
    value = loss(theirs(torch.tensor(x)), torch.tensor(y))
    value.backward()
    losses, gradient = net.gradients(theta, x, y)
    assert losses[0] == pytest.approx(value.item())
    assert losses == pytest.approx(net.losses(theta, x, y))
    dense = [m for m in theirs if isinstance(m, torch.nn.Linear)]
    gains = [m for m in theirs if isinstance(m, torch.nn.BatchNorm1d)]
    for i, layer in enumerate(net.layers(gradient)):
        np.testing.assert_allclose(layer.weight[0].T, np.asarray(dense[i].weight.grad), atol=1e-12)
        shifted = gains[i] if layer.gain is not None else dense[i]
        np.testing.assert_allclose(layer.shift[0, 0], np.asarray(shifted.bias.grad), atol=1e-12)
        if layer.gain is not None:
            np.testing.assert_allclose(layer.gain[0, 0], np.asarray(gains[i].weight.grad), atol=1e-12)


@derandomized
@given(seed=st.integers(0, 1000), norm=st.booleans(), linear=st.booleans())
def test_gradients_with_noise_are_those_of_the_loss(seed: int, norm: bool, linear: bool) -> None:
    net, theta, x, y = drawn(seed, batch_norm=norm, linear=linear)
    generator = np.random.default_rng(seed)
    noise = net.noise(len(x), generator)
    v = generator.standard_normal(theta.shape)
    gradient = net.gradients(theta, x, y, noise)[1]
    losses = [net.losses(theta + s * 1e-6 * v, x, y, noise)[0] for s in (1, -1)]
    assert (losses[0] - losses[1]) / 2e-6 == pytest.approx((gradient * v).sum(), rel=1e-3, abs=1e-4)


@pytest.mark.parametrize(("norm", "linear"), KINDS)
def test_networks_side_by_side_do_not_see_each_other(norm: bool, linear: bool) -> None:
    net, theta, x, y = drawn(1, nets=3, batch_norm=norm, linear=linear)
    together = net.gradients(theta, x, y)
    for i in range(3):
        alone = net.gradients(theta[i : i + 1], x, y)
        for both, one in zip(together, alone, strict=True):
            np.testing.assert_allclose(both[i], one[0], atol=1e-12)


@derandomized
@given(seed=st.integers(0, 1000), factor=st.floats(0.1, 10.0))
def test_normalized_layers_do_not_see_the_size_of_their_weights(seed: int, factor: float) -> None:
    net, theta, x, y = drawn(seed, batch_norm=True)
    scaled = theta.copy()
    net.layers(scaled)[0].weight[:] *= factor
    seen, plain = (net.losses(t, x, y)[0] for t in (scaled, theta))
    # up to the constant that is added to variances
    assert seen == pytest.approx(plain, rel=0.02)


def test_normalized_values_have_mean_zero_and_variance_one() -> None:
    values = np.random.default_rng(0).normal(3.0, 2.0, (2, 50, 4))
    unit, spread = normalized(values)
    np.testing.assert_allclose(unit.mean(1), 0.0, atol=1e-12)
    np.testing.assert_allclose(unit.std(1), 1.0, atol=1e-5)
    np.testing.assert_allclose(spread[:, 0], values.std(1), rtol=1e-5)
    back = through(values, unit, spread)
    np.testing.assert_allclose(back.mean(1), 0.0, atol=1e-12)
    np.testing.assert_allclose((back * unit).mean(1), 0.0, atol=1e-4)


def test_weights_are_drawn_with_the_variance_they_are_told_and_alike_for_all_kinds() -> None:
    plain, norm = (NormalizedNets((300, 200, 10), batch_norm=b, variance=0.5) for b in (False, True))
    first, second = (net.layers(net.drawn(np.random.default_rng(0))) for net in (plain, norm))
    assert first[0].weight.var() == pytest.approx(0.5 / 300, rel=0.02)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.weight, b.weight)
        assert not a.shift.any()
    assert first[0].gain is None
    assert second[0].gain is not None
    assert (second[0].gain == 1).all()
    assert second[1].gain is None  # the scores are not normalized


def test_noise_has_the_sizes_it_is_said_to_have() -> None:
    noise = NormalizedNets((4, 2000, 3)).noise(50, np.random.default_rng(0))
    assert len(noise) == 1
    centre = noise[0].offset.mean(0)
    assert np.abs(centre).max() < 0.6
    assert centre.var() == pytest.approx(1 / 12, rel=0.1)
    assert np.abs(noise[0].offset - centre).max() < 0.2 + 1e-6
    assert noise[0].scale.mean() == pytest.approx(1.125, abs=0.01)
    assert (noise[0].scale - noise[0].scale.mean(0)).std() == pytest.approx(0.1, rel=0.05)
