"""Sharpness and trace against the whole Hessian of small nets, and against the closed form of linear ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call

from harness.analytic import weighed_loss
from harness.analytic.curvature import Sharpness, Trace
from harness.analytic.weighed_loss import rows_at_once
from harness.data.blocks import EVALUATION_BATCH
from harness.fleet.replica import loss_of
from harness.models import Linear, Mlp
from harness.spec.informed import HowTrained
from harness.spec.splits import Split
from harness.tests.deterministic import derandomized

CLASSES = 3
LOSSES = ("cross_entropy", "squared")


def images(seed: int, *shape: int, n: int = 7) -> Split:
    """Normal images with labels drawn at random."""
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((n, *shape)).astype(np.float32)
    y = generator.integers(0, CLASSES, n)
    return Split(x, y, y, np.zeros(n, bool), x, y, CLASSES)


def convolutional() -> nn.Module:
    """A small net with all that conv nets have: normalization with statistics, pooling, dropout."""
    torch.manual_seed(0)
    net = nn.Sequential(
        *(nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.5)),
        *(nn.Flatten(), nn.Linear(8, CLASSES)),
    )
    with torch.no_grad():
        net(torch.randn(5, 1, 4, 4))  # statistics that are not zero and one
    return net.eval()


def hessian(net: nn.Module, split: Split, loss: str) -> np.ndarray:
    """The whole matrix, by differentiating the trainer's own loss twice, in float64."""
    net = net.double()
    names = [name for name, _ in net.named_parameters()]
    shapes = [p.shape for p in net.parameters()]
    x, y = torch.from_numpy(split.x_train).double(), torch.from_numpy(split.y_train)

    def lost(flat: torch.Tensor) -> torch.Tensor:
        parts = flat.split([math.prod(shape) for shape in shapes])
        weights = {n: part.view(shape) for n, part, shape in zip(names, parts, shapes, strict=True)}
        return loss_of(loss, functional_call(net, weights, (x,)), y)

    flat = torch.cat([p.detach().flatten() for p in net.parameters()])
    matrix: Any = torch.autograd.functional.hessian(lost, flat)
    return np.asarray(matrix)


def mlp(seed: int, **fields: Any) -> nn.Module:
    net = Mlp(**({"width": 4, "depth": 2} | fields)).build((5,), CLASSES, np.random.default_rng(seed))
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.running_var = torch.linspace(0.5, 2, 4)
    return net.eval()


@derandomized
@given(seed=st.integers(0, 10_000), loss=st.sampled_from(LOSSES), normalized=st.booleans())
def test_both_are_those_of_the_whole_hessian(seed: int, loss: str, normalized: bool) -> None:
    split = images(seed, 5)
    whole = hessian(mlp(seed, batch_norm=normalized), split, loss)
    told = HowTrained(loss, replicate=3)
    net = mlp(seed, batch_norm=normalized)
    sharp = Sharpness(tolerance=1e-9).measure_trained(net, split, told)
    assert sharp["sharpness"] == pytest.approx(np.linalg.eigvalsh(whole)[-1], rel=1e-7)
    assert sharp["residual"] <= 1e-9
    exact = Trace(vectors=len(whole)).measure_trained(net, split, told)
    assert exact == {"trace": pytest.approx(np.trace(whole), rel=1e-9), "trace_error": 0.0}


@pytest.mark.parametrize("loss", LOSSES)
def test_those_of_a_convolutional_net_hold_its_statistics_and_use_no_dropout(loss: str) -> None:
    split = images(1, 1, 4, 4)
    whole, net = hessian(convolutional(), split, loss), convolutional()
    sharp = Sharpness(tolerance=1e-9).measure_trained(net, split, HowTrained(loss))
    assert sharp["sharpness"] == pytest.approx(np.linalg.eigvalsh(whole)[-1], rel=1e-7)
    exact = Trace(vectors=1000).measure_trained(net, split, HowTrained(loss))
    assert exact["trace"] == pytest.approx(np.trace(whole), rel=1e-9)


@derandomized
@given(seed=st.integers(0, 10_000))
def test_a_linear_model_has_the_second_moments_of_its_inputs(seed: int) -> None:
    """The squared loss of one linear map: 2 / classes times X^T X / n for each class."""
    split = images(seed, 5, n=9)
    net = Linear().build((5,), CLASSES, np.random.default_rng(seed))
    x = np.hstack([split.x_train, np.ones((9, 1))]).astype(np.float64)
    moments = 2 / CLASSES * x.T @ x / 9
    told = HowTrained("squared")
    sharp = Sharpness(tolerance=1e-9).measure_trained(net, split, told)["sharpness"]
    assert sharp == pytest.approx(np.linalg.eigvalsh(moments)[-1], rel=1e-8)
    exact = Trace().measure_trained(net, split, told)["trace"]
    assert exact == pytest.approx(CLASSES * np.trace(moments), rel=1e-9)


def test_a_trace_by_random_signs_is_near_by_its_own_error_and_the_same_again() -> None:
    split, many = images(2, 20), Trace(vectors=200)
    whole = hessian(mlp_of_twenty(), split, "cross_entropy")
    assert len(whole) > 200
    seen = many.measure_trained(mlp_of_twenty(), split, HowTrained(replicate=5))
    assert abs(seen["trace"] - np.trace(whole)) < 3 * seen["trace_error"]
    assert 0 < seen["trace_error"] < 0.2 * seen["trace"]
    assert many.measure_trained(mlp_of_twenty(), split, HowTrained(replicate=5)) == seen
    assert many.measure_trained(mlp_of_twenty(), split, HowTrained(replicate=6)) != seen
    # the variance of v H v over random signs is twice the sum of squares off the diagonal
    off = whole - np.diag(np.diag(whole))
    assert seen["trace_error"] == pytest.approx(math.sqrt(2 * (off**2).sum() / 200), rel=0.2)


def test_random_signs_are_exact_where_the_hessian_is_diagonal() -> None:
    labels = np.arange(6) % CLASSES
    units = np.eye(6, dtype=np.float32)
    split = Split(units, labels, labels, labels > 9, units, labels, CLASSES)
    seen = Trace(vectors=5).measure_trained(nn.Linear(6, CLASSES, bias=False), split, HowTrained("squared"))
    assert seen == {"trace": pytest.approx(2.0), "trace_error": pytest.approx(0.0, abs=1e-12)}


def mlp_of_twenty() -> nn.Module:
    return Mlp(width=10).build((20,), CLASSES, np.random.default_rng(0)).eval()


def test_images_in_blocks_give_what_all_at_once_give(monkeypatch: pytest.MonkeyPatch) -> None:
    split = images(3, 1, 4, 4, n=11)
    whole = Sharpness(tolerance=1e-10).measure(convolutional(), split)
    assert rows_at_once(convolutional(), split) == EVALUATION_BATCH
    monkeypatch.setattr(weighed_loss, "GRAPH_BYTES", 8 * weighed_loss.GRAPH_COPIES * 150 * 3)
    assert 2 <= rows_at_once(convolutional(), split) <= 4
    assert Sharpness(tolerance=1e-10).measure(convolutional(), split)["sharpness"] == pytest.approx(
        whole["sharpness"], rel=1e-9
    )


def test_a_net_that_diverged_has_none_and_bad_numbers_are_refused() -> None:
    net = mlp(0)
    with torch.no_grad():
        next(net.parameters()).fill_(math.nan)
    assert math.isnan(Sharpness().measure(net, images(0, 5))["sharpness"])
    assert math.isnan(Trace().measure(net, images(0, 5))["trace"])
    with pytest.raises(ValueError, match="products"):
        Sharpness(products=0)
    with pytest.raises(ValueError, match="needs two"):
        Trace(vectors=1)
    with pytest.raises(ValueError, match="allow more products"):
        Sharpness(products=2).measure(mlp(0), images(0, 5))
