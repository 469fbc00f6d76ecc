"""Barriers between nets: none between equal ones, and those of lines that numpy can follow."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from harness.analytic.barriers import Barrier, rises
from harness.analytic.performance import MEASURES
from harness.analytic.recomputed import Recomputed, recompute_statistics
from harness.models import Linear, Mlp
from harness.models._ensemble_nets import EnsembleNet
from harness.spec import Value
from harness.spec.informed import HowTrained
from harness.spec.splits import Split
from harness.tests.analytic.test_curvature import CLASSES, convolutional, images
from harness.tests.deterministic import derandomized


def side_by_side(*nets: nn.Module) -> EnsembleNet:
    joined = EnsembleNet(nets[0], len(nets))
    joined.nets = nn.ModuleList(nets)
    return joined.eval()


def linear(seed: int) -> nn.Module:
    return Linear().build((5,), CLASSES, np.random.default_rng(seed)).eval()


def mlp(seed: int, *, depth: int = 2, batch_norm: bool = False) -> nn.Module:
    model = Mlp(width=4, depth=depth, batch_norm=batch_norm)
    return model.build((5,), CLASSES, np.random.default_rng(seed)).eval()


@pytest.mark.parametrize("recompute", [False, True])
def test_between_equal_nets_nothing_rises_at_all(recompute: bool) -> None:
    net = convolutional()
    seen = Barrier(recompute=recompute).measure(side_by_side(net, copy.deepcopy(net)), images(0, 1, 4, 4))
    for name in MEASURES:
        assert seen[f"{name}_barrier"] == seen[f"{name}_instability"] == 0.0
        assert set(seen[f"{name}_along"]) == {seen[f"{name}_along"][0]}


@derandomized
@given(seed=st.integers(0, 10_000))
def test_the_squared_loss_of_a_linear_model_is_a_parabola_that_never_rises_above(seed: int) -> None:
    split = images(seed, 5)
    first, last = linear(seed), linear(seed + 1)
    seen = Barrier(places=5).measure_trained(side_by_side(first, last), split, HowTrained("squared"))
    targets = np.eye(CLASSES)[split.y_train]
    says = [net(torch.from_numpy(split.x_train)).detach().numpy() for net in (first, last)]
    losses = [np.mean(((1 - t) * says[0] + t * says[1] - targets) ** 2) for t in np.linspace(0, 1, 5)]
    np.testing.assert_allclose(seen["train_loss_along"], losses, rtol=1e-5)
    assert seen["train_loss_barrier"] == 0.0
    assert seen["train_loss_instability"] == pytest.approx(
        max(losses) - (losses[0] + losses[-1]) / 2, abs=1e-6
    )


@derandomized
@given(a=st.floats(0.1, 5), b=st.floats(-5, 5), c=st.floats(-5, 5))
def test_a_hill_is_as_high_as_numpy_says(a: float, b: float, c: float) -> None:
    """A parabola that opens downwards, a t (1 - t), stands a quarter of a above the straight line."""
    t = np.linspace(0, 1, 11)
    seen = rises((a * t * (1 - t) + b * t + c)[None])
    assert seen["barrier"] == pytest.approx(a / 4, abs=1e-9)
    assert seen["instability"] == pytest.approx(np.max(a * t * (1 - t) + b * (t - 0.5)), abs=1e-9)


def test_of_several_nets_the_largest_of_all_pairs() -> None:
    """One net with its units in three orders is the same function at the ends, and others between them."""
    split, nets = images(1, 5, n=40), [mlp(0, depth=1) for _ in range(3)]
    orders = [torch.arange(4), torch.tensor([1, 2, 0, 3]), torch.tensor([3, 2, 1, 0])]
    for net, order in zip(nets, orders, strict=True):
        into, out = (module for module in net.modules() if isinstance(module, nn.Linear))
        with torch.no_grad():
            for weight in net.parameters():
                weight.mul_(5)
            for array in (into.weight, into.bias, out.weight.T):
                array.copy_(array[order].clone())
    with torch.no_grad():
        split.y_train[:] = nets[0](torch.from_numpy(split.x_train)).argmax(1).numpy()
    pairs = [Barrier().measure(side_by_side(nets[i], nets[j]), split) for i, j in ((0, 1), (0, 2), (1, 2))]
    seen = Barrier().measure(side_by_side(*nets), split)
    assert seen["train_loss_barrier"] == max(pair["train_loss_barrier"] for pair in pairs) > 0
    assert seen["train_error_instability"] == max(pair["train_error_instability"] for pair in pairs) > 0
    assert len({pair["train_loss_barrier"] for pair in pairs}) == 3
    assert "train_loss_along" not in seen


def test_statistics_are_taken_anew_at_every_place() -> None:
    split = images(2, 5, n=30)
    first, last = (mlp(seed, batch_norm=True) for seed in range(2))
    half = copy.deepcopy(first)
    with torch.no_grad():
        for weight, other in zip(half.parameters(), last.parameters(), strict=True):
            weight.lerp_(other, 0.5)
    half.train()
    for norm in half.modules():
        if isinstance(norm, nn.BatchNorm1d):
            norm.momentum = None
    with torch.no_grad():
        half(torch.from_numpy(split.x_train))  # statistics of the middle net itself
        half.eval()
        scores = half(torch.from_numpy(split.x_train)).double()
    loss = float(nn.functional.cross_entropy(scores, torch.from_numpy(split.y_train)))
    nets = side_by_side(first, last)
    anew = Barrier(3, recompute=True).measure(copy.deepcopy(nets), split)["train_loss_along"]
    assert anew[1] == pytest.approx(loss, rel=1e-6)
    assert Barrier(3).measure(nets, split)["train_loss_along"][1] != pytest.approx(loss, rel=0.01)


def test_recomputed_measures_the_net_with_its_own_statistics() -> None:
    class Variance(Value, frozen=True):
        def measure(self, model: nn.Module, split: Split) -> dict[str, float]:
            (norm, *_) = [m for m in model.modules() if isinstance(m, nn.BatchNorm1d)]
            assert norm.running_var is not None
            assert not norm.training
            return {"variance": float(norm.running_var.mean())}

    split, net = images(3, 5, n=50), mlp(0, batch_norm=True)
    first = next(module for module in net.modules() if isinstance(module, nn.Linear))
    with torch.no_grad():
        entered = first(torch.from_numpy(split.x_train))
    assert Variance().measure(net, split)["variance"] == 1.0
    seen = Recomputed(Variance()).measure(net, split)["variance"]
    assert seen == pytest.approx(float(entered.var(0).mean()), rel=1e-5)
    without = mlp(0)
    recompute_statistics(without, split)  # nothing to do
    sharp = Recomputed(Barrier()).measure(side_by_side(without, copy.deepcopy(without)), split)
    assert sharp["train_loss_barrier"] == 0.0


def test_what_has_no_line_is_refused() -> None:
    with pytest.raises(TypeError, match="the nets of an Ensemble, not Sequential"):
        Barrier().measure(mlp(0), images(0, 5))
    with pytest.raises(ValueError, match="needs two nets"):
        Barrier().measure(side_by_side(mlp(0)), images(0, 5))
    with pytest.raises(ValueError, match="at least"):
        Barrier(places=2)
