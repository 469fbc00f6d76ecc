"""Margins of nets whose scores and norms are known by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from harness.analytic.margins import Margin
from harness.models import Mlp
from harness.spec.splits import Split
from harness.tests.analytic.test_curvature import convolutional, images
from harness.tests.deterministic import derandomized


def split_of(x: list[list[float]], y: list[int], classes: int) -> Split:
    rows, labels = np.array(x, np.float32), np.array(y)
    return Split(rows, labels, labels, np.zeros(len(y), bool), rows, labels, classes)


def two_layers() -> nn.Module:
    """Scores 2 max(a, 0) and 3 max(b, 0) of inputs (a, b) that are first multiplied by 4 and 1."""
    first, last = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        first.weight.copy_(torch.diag(torch.tensor((4.0, 1.0))))
        last.weight.copy_(torch.diag(torch.tensor((2.0, 3.0))))
    return nn.Sequential(first, nn.ReLU(), last).eval()


def test_margins_by_hand() -> None:
    split = split_of([[1, 1], [0, 2], [3, -1]], [0, 1, 0], classes=2)
    # scores (8, 3), (0, 6) and (24, 0): margins 5, 6 and 24
    assert Margin().measure(two_layers(), split) == {
        "margin": 5.0,
        "norm": pytest.approx(16 + 1 + 4 + 9),
        "normalized": pytest.approx(5 / 30),
    }
    assert Margin("spectral").measure(two_layers(), split) == {
        "margin": 5.0,
        "norm": pytest.approx(4 * 3),
        "normalized": pytest.approx(5 / 12),
    }
    wrong = split_of([[1, 1], [0, 2]], [0, 0], classes=2)
    assert Margin().measure(two_layers(), wrong)["margin"] == -6.0


def test_the_margin_is_over_the_largest_other_class() -> None:
    layer = nn.Linear(1, 3)
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.copy_(torch.tensor([1.0, 5.0, 7.0]))
    assert Margin("spectral").measure(nn.Sequential(layer), split_of([[0.0]], [2], 3))["margin"] == 2.0


@derandomized
@given(seed=st.integers(0, 10_000), depth=st.integers(1, 3), factor=st.sampled_from((0.5, 2.0, 8.0)))
def test_weights_times_a_factor_leave_it_as_it_is(seed: int, depth: int, factor: float) -> None:
    """A ReLU net without biases is homogeneous; rescaling one layer against another changes the length."""
    split = images(seed, 5)
    for norm in ("length", "spectral"):
        before, after = (
            Margin(norm).measure(bias_free(seed, depth, [by] * (depth + 1)), split) for by in (1.0, factor)
        )
        assert after["margin"] == pytest.approx(factor ** (depth + 1) * before["margin"])
        assert after["normalized"] == pytest.approx(before["normalized"])
    moved = bias_free(seed, depth, [factor, 1 / factor, *[1.0] * (depth - 1)])
    assert Margin("spectral").measure(moved, split)["normalized"] == pytest.approx(before["normalized"])


def bias_free(seed: int, depth: int, factors: list[float]) -> nn.Module:
    """A net whose layers' weights are multiplied by these."""
    net = Mlp(width=4, depth=depth, bias=False).build((5,), 3, np.random.default_rng(seed))
    with torch.no_grad():
        for weight, factor in zip(net.parameters(), factors, strict=True):
            weight.mul_(factor)
    return net.eval()


def test_a_convolution_counts_as_a_map_of_whole_images() -> None:
    net, split = convolutional(), images(0, 1, 4, 4)
    seen = Margin("spectral").measure(net, split)
    convolved, normalized, *_, last = net.double().children()
    assert isinstance(normalized, nn.BatchNorm2d)
    assert isinstance(last, nn.Linear)
    assert normalized.running_var is not None
    units = torch.eye(16, dtype=torch.float64).view(16, 1, 4, 4)
    with torch.no_grad():
        columns = (convolved(units) - convolved(torch.zeros_like(units))).flatten(1)
    singular = np.linalg.svd(columns.numpy(), compute_uv=False)[0]
    gain = float((1 / (normalized.running_var + normalized.eps).sqrt()).max())
    assert seen["norm"] == pytest.approx(
        singular * gain * np.linalg.norm(last.weight.detach().numpy(), 2), rel=1e-5
    )


def test_what_it_does_not_know_is_refused_and_a_diverged_net_has_none() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gain = nn.Parameter(torch.ones(()))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.gain * x

    split = split_of([[1.0, 2.0]], [0], 2)
    with pytest.raises(TypeError, match="not Odd"):
        Margin().measure(nn.Sequential(Odd()), split)
    with pytest.raises(ValueError, match="one of length, spectral"):
        Margin("largest")
    net = two_layers()
    with torch.no_grad():
        next(net.parameters()).fill_(math.nan)
    assert math.isnan(Margin().measure(net, split)["normalized"])
