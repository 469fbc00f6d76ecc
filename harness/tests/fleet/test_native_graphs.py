"""Stages, moments, masks and noise of the native kernel against autograd, and which nets it is chosen for."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from harness.fleet import native, native_plans
from harness.fleet.native import NativeNet
from harness.fleet.native_graphs import graph_of
from harness.fleet.native_rules import NativeRule
from harness.fleet.replica import loss_of
from harness.models import EpflAlexNet, Mlp, SmallAlexNet, SmallInception
from harness.models._inception_nets import Beside
from harness.models._masked_nets import masked
from harness.models._nets import LocalResponseNorm, flat_batch_norm

PROFILE = settings(max_examples=100, derandomize=True, deadline=None, database=None)
pytestmark = pytest.mark.skipif(not native.available(), reason="no compiler, or switched off")


class Case(NamedTuple):
    """A net with the shape and number of the examples it is tried on."""

    module: nn.Module
    shape: tuple[int, ...]
    n: int
    classes: int


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Nets of up to four stages and three dense layers, and batches around the number of lanes."""
    n, shape = (
        draw(st.integers(6, 37)),
        (draw(st.integers(1, 5)), draw(st.integers(5, 9)), draw(st.integers(5, 9))),
    )
    layers: list[nn.Module] = []
    left = shape
    for _ in range(draw(st.integers(1, 4))):
        layer = draw(st.sampled_from(STAGES))(draw, left[0])
        with torch.no_grad():
            after = tuple(nn.Sequential(*layers, layer).eval()(torch.zeros(2, *shape)).shape[1:])
        layers, left = [*layers, layer], after
    widths = [int(np.prod(left)), *draw(st.lists(st.integers(1, 40), min_size=1, max_size=3))]
    layers.append(nn.Flatten())
    for inputs, outputs in pairwise(widths):
        dense = nn.Linear(inputs, outputs, bias=draw(st.booleans()))
        if draw(st.booleans()):
            masked(nn.Sequential(dense))
        norm = [flat_batch_norm(outputs)] if draw(st.booleans()) else []
        layers += [dense, *norm, nn.ReLU()]
    while not isinstance(layers[-1], nn.Linear):
        layers.pop()
    return Case(initialized(nn.Sequential(*layers)), shape, n, widths[-1])


def convolution(draw: st.DrawFn, channels: int) -> nn.Module:
    kernel = draw(st.integers(1, 5))
    padding, stride = draw(st.integers(kernel // 2, max(kernel - 1, 0))), draw(st.integers(1, 2))
    outputs, bias = draw(st.integers(1, 18)), draw(st.booleans())
    return nn.Conv2d(channels, outputs, kernel, stride=stride, padding=padding, bias=bias)


def pool(draw: st.DrawFn, channels: int) -> nn.Module:
    kernel = draw(st.integers(2, 3))
    return nn.MaxPool2d(kernel, stride=draw(st.integers(1, 3)), padding=1)


def norm(draw: st.DrawFn, channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=draw(st.sampled_from([0.1, 0.3])), affine=False)


def response(draw: st.DrawFn, channels: int) -> nn.Module:
    return LocalResponseNorm(channels, size=draw(st.sampled_from([3, 5, 9])), alpha=0.5, beta=0.75, k=1.5)


def rectifier(draw: st.DrawFn, channels: int) -> nn.Module:
    return nn.ReLU()


def branches(draw: st.DrawFn, channels: int) -> nn.Module:
    left = nn.Sequential(nn.Conv2d(channels, draw(st.integers(1, 7)), 3, stride=2, padding=1), nn.ReLU())
    return Beside(left, nn.MaxPool2d(3, stride=2, padding=1))


STAGES = (convolution, pool, norm, response, rectifier, branches)


def initialized(module: nn.Module) -> nn.Module:
    """Weights of the size that keeps activations at one, and masks of which a third is zero."""
    draws = np.random.default_rng(0)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if name.endswith(("weight", "bias")):
                numbers = draws.standard_normal(tuple(tensor.shape)) / np.sqrt(max(1, tensor[0].numel()))
                tensor.copy_(torch.from_numpy(numbers))
            elif name.endswith("mask"):
                tensor.copy_(torch.from_numpy(draws.random(tuple(tensor.shape)) > 1 / 3))
    return module


def examples(case: Case) -> tuple[np.ndarray, np.ndarray]:
    draws = np.random.default_rng(1)
    x = draws.standard_normal((case.n, *case.shape)).astype(np.float32)
    return x, draws.integers(case.classes, size=case.n)


def trained(case: Case, **options: Any) -> NativeNet:
    options = {"rule": NativeRule(momentum=0.9), "loss": "cross_entropy", "batch": case.n, **options}
    net = native.net(case.module, case.shape, **options)
    assert net is not None
    return net


def far(arrays: list[np.ndarray], expected: list[np.ndarray]) -> float:
    """Largest difference relative to its array's largest value (or a tenth of all arrays', or 1e-4)."""
    largest = max(np.abs(e).max() for e in expected)
    pairs = zip(arrays, expected, strict=True)
    return max(float(np.abs(f - e).max() / max(np.abs(e).max(), 0.1 * largest, 1e-4)) for f, e in pairs)


def in_double(case: Case, loss: str) -> tuple[float, list[np.ndarray], nn.Module]:
    """The loss, the gradients and the module after a pass in training mode, in float64."""
    x, y = examples(case)
    module = copy.deepcopy(case.module).double().train()
    mean = loss_of(loss, module(torch.from_numpy(x).double()), torch.from_numpy(y))
    gradients = torch.autograd.grad(mean, list(module.parameters()))
    return float(mean.detach()), [g.numpy() for g in gradients], module


def assert_step(case: Case, loss: str, tolerance: float = 1e-4) -> None:
    """After one step from rest velocities are the gradients, and moments those of torch."""
    x, y = examples(case)
    net = trained(case, loss=loss)
    mean = net.epoch(x, y, np.arange(case.n), [(0, case.n)], [0.0]) / case.n
    expected, gradients, module = in_double(case, loss)
    assert mean == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert far(net.velocities(), gradients) < tolerance
    weights, kept = net.weights(), module.state_dict()
    assert set(weights) == set(kept)
    for name, array in weights.items():
        assert array.shape == tuple(kept[name].shape)
        np.testing.assert_allclose(array, kept[name].numpy(), rtol=1e-4, atol=1e-5, err_msg=name)


@PROFILE
@given(cases(), st.sampled_from(["cross_entropy", "squared"]))
def test_a_step_is_that_of_autograd(case: Case, loss: str) -> None:
    assert_step(case, loss, tolerance=1e-3)  # examples alike are divided by their small deviation


@pytest.mark.parametrize("loss", ["cross_entropy", "squared"])
@pytest.mark.parametrize(
    "model, shape, n",
    [
        (SmallAlexNet(0.25), (3, 8, 8), 33),
        (EpflAlexNet(0.125), (1, 10, 13), 32),
        (SmallInception(width=0.125), (1, 8, 8), 32),
        (SmallInception(batch_norm=False, width=0.125), (3, 7, 9), 18),
        (Mlp(24, depth=3, batch_norm=True), (13,), 50),
    ],
    ids=["alexnet", "epfl", "inception", "no-norm", "normalized"],
)
def test_a_step_of_the_nets_that_claims_train(model: Any, shape: tuple[int, ...], n: int, loss: str) -> None:
    assert_step(Case(model.build(shape, 10, np.random.default_rng(0)), shape, n, 10), loss)


def alexnet() -> Case:
    return Case(
        initialized(SmallAlexNet(0.125).build((1, 8, 8), 10, np.random.default_rng(0))), (1, 8, 8), 50, 10
    )


def inception() -> Case:
    module = SmallInception(width=0.125).build((1, 8, 8), 10, np.random.default_rng(0))
    return Case(initialized(module), (1, 8, 8), 50, 10)


def normalized() -> Case:
    module = Mlp(24, depth=2, batch_norm=True).build((9,), 10, np.random.default_rng(0))
    masked(module)
    return Case(initialized(module), (9,), 50, 10)


KINDS = pytest.mark.parametrize(
    "case", [alexnet(), inception(), normalized()], ids=["alexnet", "inception", "dense"]
)


def after_an_epoch(case: Case, net: NativeNet | None = None) -> NativeNet:
    net = net or trained(case, batch=16)
    cut = [(0, 16), (16, 32), (32, 50)] if case.n > 50 else [(0, 16), (16, 33), (33, 50)]
    net.epoch(*examples(case), np.random.default_rng(2).permutation(case.n), cut, [0.01] * len(cut))
    return net


@KINDS
def test_errors_are_those_of_the_module_in_evaluation(case: Case) -> None:
    net = after_an_epoch(case)
    module, (x, y) = copy.deepcopy(case.module), examples(case)
    module.load_state_dict({name: torch.from_numpy(array) for name, array in net.weights().items()})
    with torch.no_grad():
        wrong = module.eval()(torch.from_numpy(x)).argmax(1).numpy() != y
    assert net.errors(x, y).astype(bool).tolist() == wrong.tolist()
    assert 0 < wrong.sum() < case.n


@KINDS
def test_the_same_input_gives_the_same_bits(case: Case) -> None:
    once, again = (after_an_epoch(case).weights() for _ in range(2))
    assert {n: a.tobytes() for n, a in once.items()} == {n: a.tobytes() for n, a in again.items()}


@KINDS
def test_training_goes_on_from_what_was_kept(case: Case) -> None:
    first = after_an_epoch(case)
    other = trained(case, batch=16)
    other.load(first.weights(), first.velocities())
    expected, made = (after_an_epoch(case, net).weights() for net in (first, other))
    assert {n: a.tolist() for n, a in made.items()} == {n: a.tolist() for n, a in expected.items()}


@KINDS
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_shows_in_the_loss(case: Case, value: float) -> None:
    (x, y), net = examples(case), trained(case)
    x[3, ...] = value
    assert not np.isfinite(net.epoch(x, y, np.arange(case.n), [(0, case.n)], [0.0]))


def test_no_moments_are_taken_of_a_single_example() -> None:
    case = normalized()
    with pytest.raises(ValueError, match="have 2 to 51 examples"):
        trained(case).epoch(*examples(case), np.arange(case.n), [(0, 1)], [0.1])


def test_bfloat16_is_for_plain_nets() -> None:
    with pytest.raises(ValueError, match="trained in bfloat16"):
        trained(normalized(), precision="bfloat16")


def test_masked_weights_get_no_gradient() -> None:
    case = normalized()
    net = after_an_epoch(case)
    masks = [array for name, array in net.weights().items() if name.endswith("mask")]
    dense = [v for v in net.velocities() if v.ndim == 2]
    assert masks
    assert all((v[mask == 0] == 0).all() for v, mask in zip(dense, masks, strict=True))


@pytest.mark.parametrize(
    "layer",
    [
        nn.BatchNorm2d(1),
        nn.AvgPool2d(2),
        nn.Conv2d(1, 2, 3, padding="same"),
        nn.Conv2d(1, 2, 3, padding_mode="circular", padding=1),
        nn.Conv2d(1, 2, 3, dilation=2),
        nn.Conv2d(1, 2, (3, 5)),
        nn.Conv2d(2, 2, 3),
        nn.Conv2d(1, 2, 9),
        nn.MaxPool2d((2, 3)),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.MaxPool2d(9),
        LocalResponseNorm(1, size=3, alpha=1.0, beta=0.5, k=1.0),
        Beside(nn.MaxPool2d(2), nn.ReLU()),
        type("Other", (nn.ReLU,), {})(),
    ],
    ids=str,
)
def test_other_stages_have_no_graph(layer: nn.Module) -> None:
    assert graph_of([nn.ReLU(), layer], (1, 8, 8), mean=False) is None


def test_stages_are_for_small_nets() -> None:
    """Wide maps or many channels are left to torch."""

    def pays(model: Any, side: int) -> bool:
        shape = (3, side, side)
        plan = native_plans.plan_of(model.build(shape, 10, np.random.default_rng(0)), shape)
        assert plan is not None
        assert plan.graph is not None
        return plan.graph.pays

    assert pays(SmallAlexNet(0.25), 8)
    assert pays(SmallInception(width=0.125), 8)
    assert not pays(SmallAlexNet(0.25), 32)
    assert not pays(EpflAlexNet(), 10)
