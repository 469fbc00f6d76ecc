"""The native kernel against autograd: gradients, trajectories, predictions, bits, and what it refuses."""

from __future__ import annotations

import copy
import math
import os
import subprocess
import threading
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from harness.fleet import native, native_library
from harness.fleet.adaptive import AdamL2, AdamW
from harness.fleet.native import NativeNet
from harness.fleet.native_rules import NativeRule, rule_of
from harness.fleet.optimizers import Sgd
from harness.fleet.replica import batches, begun, loss_of
from harness.models import Linear, Mlp, StudentCnn
from harness.models._square_nets import Square
from harness.models.squares import Squares
from harness.spec.contracts import Optimizer

PROFILE = settings(max_examples=100, derandomize=True, deadline=None, database=None)
LOSSES = ("cross_entropy", "squared")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skips where no C++ compiler takes the flags, but not where the sources or the answers are wrong."""
    command, folder = native_library.compiler(), tmp_path_factory.mktemp("empty")
    if command is None or os.environ.get(native.OFF) == "0":
        pytest.skip("no compiler, or switched off")
    (folder / "empty.cpp").write_text("")
    able = [*command, *native.FLAGS.split(), "-o", "empty.so", "empty.cpp"]
    if subprocess.run(able, cwd=folder, capture_output=True, check=False).returncode:
        pytest.skip("the compiler does not know the flags")


compiled = pytest.mark.usefixtures("library")


@compiled
def test_the_library_passes_its_own_check() -> None:
    assert native.available()


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


class Case(NamedTuple):
    """A net with the examples and the number of classes it is tried on."""

    module: nn.Sequential
    shape: tuple[int, ...]
    n: int
    classes: int


def initialized(module: nn.Sequential, seed: int = 0) -> nn.Sequential:
    """Weights of the size that keeps activations at one."""
    draws = np.random.default_rng(seed)
    with torch.no_grad():
        for p in module.parameters():
            fan_in = math.prod(p.shape[1:])
            p.copy_(torch.from_numpy(draws.standard_normal(tuple(p.shape)) / math.sqrt(fan_in)))
    return module


def built(model: Any, shape: tuple[int, ...], classes: int = 10) -> nn.Sequential:
    module = model.build(shape, classes, np.random.default_rng(0))
    assert isinstance(module, nn.Sequential)
    return module


def examples(case: Case, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    draws = np.random.default_rng(seed)
    x = draws.standard_normal((case.n, *case.shape)).astype(np.float32)
    return x, draws.integers(case.classes, size=case.n)


def trained(case: Case, loss: str = "cross_entropy", batch: int = 0, **options: Any) -> NativeNet:
    options = {"rule": NativeRule(momentum=0.9), **options}
    net = native.net(case.module, case.shape, batch=batch or case.n, loss=loss, **options)
    assert net is not None
    return net


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Nets of up to two convolutions and three dense layers, and batches around the number of lanes."""
    n, blocks = draw(st.integers(1, 37)), draw(st.integers(0, 2))
    shape = tuple(draw(st.lists(st.integers(1, 20), min_size=1, max_size=2)))
    layers: list[nn.Module] = []
    if blocks:
        shape = (draw(st.integers(1, 7)), draw(st.integers(9, 17)), draw(st.integers(9, 17)))
    left = shape
    for _ in range(blocks):
        channels, height, width = left
        kernel, outputs = draw(st.integers(1, min(7, height - 1, width - 1))), draw(st.integers(1, 19))
        layers.append(nn.Conv2d(channels, outputs, kernel, bias=draw(st.booleans())))
        layers += draw(st.permutations([nn.MaxPool2d(2), nn.ReLU()]))
        left = (outputs, (height - kernel + 1) // 2, (width - kernel + 1) // 2)
        if min(left[1:]) < 2:
            break
    widths = [math.prod(left), *draw(st.lists(st.integers(1, 70), min_size=1, max_size=3))]
    layers.append(nn.Flatten())
    for inputs, outputs in pairwise(widths):
        layers += [
            nn.Linear(inputs, outputs, bias=draw(st.booleans())),
            draw(st.sampled_from([nn.ReLU, Square]))(),
        ]
    return Case(initialized(nn.Sequential(*layers[:-1])), shape, n, widths[-1])


def differs(arrays: list[np.ndarray], expected: list[np.ndarray]) -> float:
    """Largest difference relative to its array's largest value (or a hundredth of that of all arrays)."""
    largest = max(np.abs(e).max() for e in expected)
    pairs = zip(arrays, expected, strict=True)
    return max(np.abs(f - e).max() / max(np.abs(e).max(), 0.01 * largest, 1e-20) for f, e in pairs)


def equal(arrays: list[np.ndarray], expected: list[np.ndarray]) -> float:
    """Share of the numbers other than zero that are equal to the bit."""
    same = [(f == e)[e != 0] for f, e in zip(arrays, expected, strict=True)]
    return float(np.concatenate(same).mean())


def assert_gradients(case: Case, loss: str) -> None:
    """After one step from rest the velocities are the gradients."""
    x, y = examples(case)
    net = trained(case, loss)
    mean = net.epoch(x, y, np.arange(case.n), [(0, case.n)], [0.0]) / case.n
    expected = loss_of(loss, case.module(torch.from_numpy(x)), torch.from_numpy(y))
    gradients = [g.numpy() for g in torch.autograd.grad(expected, list(case.module.parameters()))]
    assert mean == pytest.approx(expected.item(), rel=1e-5, abs=1e-6)
    assert differs(net.velocities(), gradients) < 1e-5


@compiled
@PROFILE
@given(cases(), st.sampled_from(LOSSES))
def test_gradients_are_those_of_autograd(case: Case, loss: str) -> None:
    assert_gradients(case, loss)


TRAINED = pytest.mark.parametrize(
    "model, shape, n",
    [
        (StudentCnn(16, 120, 84), (3, 32, 32), 128),
        (StudentCnn(5, 30, 20), (3, 28, 28), 50),
        (Mlp(8), (3, 28, 28), 64),  # long rows, few outputs
        (Mlp(300, depth=2), (5, 7, 11), 33),  # rows that are not whole vectors, two panels of weights
        (Mlp(512, bias=False), (64,), 128),
        (Linear(), (3, 32, 32), 17),
    ],
    ids=["lenet", "small-cnn", "narrow", "odd", "no-bias", "linear"],
)


@compiled
@pytest.mark.parametrize("loss", LOSSES)
@TRAINED
def test_gradients_of_the_nets_that_claims_train(
    model: Any, shape: tuple[int, ...], n: int, loss: str
) -> None:
    assert_gradients(Case(built(model, shape), shape, n, 10), loss)


@compiled
@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_where_pooling_leaves_a_column_over(loss: str) -> None:
    block = (nn.MaxPool2d(2), nn.ReLU())
    layers = [nn.Conv2d(2, 5, 3), *block, nn.Conv2d(5, 3, 2), *block, nn.Conv2d(3, 7, 2), *block]
    module = initialized(nn.Sequential(*layers, nn.Flatten(), nn.Linear(7, 4)))
    assert_gradients(Case(module, (2, 23, 21), 50, 4), loss)


class Rounded(torch.autograd.Function):
    """Values and gradients rounded to bfloat16 and back, as autocast does between layers, on any machine."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x.bfloat16().float()

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        return gradients[0].bfloat16().float()


def rounded(module: nn.Sequential, x: torch.Tensor) -> torch.Tensor:
    """The outputs, each layer's weights, inputs and results being rounded; products and sums are float32."""
    for layer in module:
        parameters = {name: Rounded.apply(p) for name, p in layer.named_parameters()}
        x = Rounded.apply(torch.func.functional_call(layer, parameters, (Rounded.apply(x),)))
    return x


@compiled
@pytest.mark.parametrize("loss", LOSSES)
@TRAINED
def test_bfloat16_rounds_where_autocast_does(model: Any, shape: tuple[int, ...], n: int, loss: str) -> None:
    """Nearly all gradients are equal to the bit; a sum in another order may round to the neighbour."""
    case = Case(initialized(built(model, shape)), shape, n, 10)
    x, y = examples(case)
    net = trained(case, loss, precision="bfloat16")
    mean = net.epoch(x, y, np.arange(n), [(0, n)], [0.0]) / n
    outputs = rounded(case.module, torch.from_numpy(x))
    expected = loss_of(loss, outputs, torch.from_numpy(y))
    gradients = [g.numpy() for g in torch.autograd.grad(expected, list(case.module.parameters()))]
    assert mean == pytest.approx(expected.item(), rel=1e-3)
    plain = trained(case, loss)
    plain.epoch(x, y, np.arange(n), [(0, n)], [0.0])
    velocities, unrounded = net.velocities(), plain.velocities()
    assert equal(velocities, gradients) > 0.9 > 0.1 > equal(unrounded, gradients)
    assert differs(velocities, gradients) < min(0.02, differs(unrounded, gradients) / 4)
    wrong = outputs.argmax(1).numpy() != y
    assert (net.errors(x, y) == wrong).mean() > 0.95


def by_autograd(
    module: nn.Sequential, x: np.ndarray, y: np.ndarray, rates: list[float], loss: str, optimizer: Optimizer
) -> tuple[float, list[np.ndarray]]:
    """The reference: sum of losses, and velocities, after one pass in order; the module is trained."""
    params = list(module.parameters())
    velocities = begun(optimizer, params)
    total = 0.0
    for (begin, end), rate in zip(batches(len(y), optimizer.batch), rates, strict=True):
        mean = loss_of(loss, module(torch.from_numpy(x[begin:end])), torch.from_numpy(y[begin:end]))
        with torch.no_grad():
            optimizer.update(params, list(torch.autograd.grad(mean, params)), velocities, rate)
        total += mean.item() * (end - begin)
    return total, [v.numpy() for v in velocities]


STEPS = [
    *(Sgd(0.02, 1, batch=12, momentum=m, weight_decay=d) for m in (0.9, 0.0) for d in (0.0, 0.01)),
    AdamL2(0.02, 1, batch=12, weight_decay=0.01, square_decay=0.95, epsilon=1e-3),
    AdamW(0.02, 1, batch=12, weight_decay=0.01, square_decay=0.95, epsilon=1e-3),
]
"""With a large epsilon Adam's steps are a smooth function of the gradient, so that rounding stays small."""
BARE = nn.Conv2d(1, 4, 2, bias=False), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(64, 10, bias=False)


@compiled
@pytest.mark.parametrize("optimizer", STEPS, ids=str)
@pytest.mark.parametrize(
    "module, shape",
    [
        (built(StudentCnn(7, 30, 20), (1, 20, 18)), (1, 20, 18)),
        (built(Mlp(40, depth=2, bias=False), (13,)), (13,)),
        (built(Mlp(5), (3, 9, 11)), (3, 9, 11)),
        (initialized(nn.Sequential(*BARE)), (1, 9, 10)),
        (built(Squares(21), (13,)), (13,)),
    ],
    ids=["lenet", "dense", "narrow", "unbiased", "squares"],
)
def test_twenty_steps_are_those_of_the_reference(
    module: nn.Sequential, shape: tuple[int, ...], optimizer: Optimizer
) -> None:
    # the last batch has one example more than the others
    case = Case(copy.deepcopy(module), shape, 19 * 12 + 13, 10)
    x, y = examples(case)
    order = np.random.default_rng(2).permutation(case.n)
    rates = [0.02 * 0.97**step for step in range(20)]
    net = trained(case, batch=12, rule=rule_of(optimizer))
    total = net.epoch(x, y, order, batches(case.n, 12), rates)
    expected, velocities = by_autograd(case.module, x[order], y[order], rates, "cross_entropy", optimizer)
    assert total == pytest.approx(expected, rel=1e-5)
    weights = {name: w.detach().numpy() for name, w in case.module.state_dict().items()}
    assert list(net.weights()) == list(weights)
    assert differs(list(net.weights().values()), list(weights.values())) < 1e-4
    assert len(net.velocities()) == len(velocities)
    assert not velocities or differs(net.velocities(), velocities) < 1e-4


LENET = Case(built(StudentCnn(6, 20, 10), (2, 18, 18)), (2, 18, 18), 50, 10)
DENSE = Case(built(Mlp(33), (3, 9)), (3, 9), 50, 10)
NARROW = Case(built(Mlp(8), (300,)), (300,), 50, 10)
KINDS = pytest.mark.parametrize("case", [LENET, DENSE, NARROW], ids=["lenet", "dense", "narrow"])


def passes(case: Case, x: np.ndarray, y: np.ndarray) -> list[bytes]:
    """The bits of weights, velocities and losses after three passes in batches of 16."""
    net = trained(case, batch=16)
    cut = batches(case.n, 16)
    losses = [net.epoch(x, y, np.arange(case.n), cut, [0.05] * len(cut)) for _ in range(3)]
    arrays = [*net.weights().values(), *net.velocities(), np.array(losses), net.errors(x, y)]
    return [array.tobytes() for array in arrays]


@compiled
@KINDS
def test_the_same_input_gives_the_same_bits(case: Case) -> None:
    x, y = examples(case)
    once = passes(case, x, y)
    shifted = np.empty(x.size + 1, dtype=np.float32)[1:].reshape(x.shape)
    shifted[:] = x
    assert passes(case, shifted, y) == once
    together: list[list[bytes]] = []
    threads = [threading.Thread(target=lambda: together.append(passes(case, x, y))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == [once] * 4


@compiled
@KINDS
@pytest.mark.parametrize("rule", [NativeRule(0.9), rule_of(AdamW(0.01, 1))], ids=["descent", "Adam"])
def test_training_goes_on_from_saved_weights_and_velocities(case: Case, rule: NativeRule) -> None:
    x, y = examples(case)
    cut = batches(case.n, 16)
    straight, first, resumed = (trained(case, batch=16, rule=rule) for _ in range(3))
    for net in (straight, straight, first):
        net.epoch(x, y, np.arange(case.n), cut, [0.05] * len(cut))
    resumed.load(first.weights(), first.velocities())
    resumed.epoch(x, y, np.arange(case.n), cut, [0.05] * len(cut))
    assert all(np.array_equal(a, b) for a, b in zip(straight.velocities(), resumed.velocities(), strict=True))
    pairs = zip(straight.weights().values(), resumed.weights().values(), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)


@compiled
@PROFILE
@given(cases(), st.integers(1, 300))
def test_errors_are_those_of_the_largest_output(case: Case, n: int) -> None:
    case = case._replace(n=n)
    x, y = examples(case)
    with torch.no_grad():
        outputs = case.module(torch.from_numpy(x)).numpy()
    best = np.sort(outputs, axis=1)
    clear = best[:, -1] - best[:, -2] > 1e-4 if case.classes > 1 else np.ones(n, dtype=bool)
    wrong = trained(case, batch=5).errors(x, y)
    assert (wrong == (outputs.argmax(1) != y))[clear].all()
    assert clear.mean() > 0.5 or not outputs.any(axis=1).all()  # dead nets have ties only


@compiled
@KINDS
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_shows_in_the_loss(case: Case, value: float) -> None:
    x, y = examples(case)
    net = trained(case)
    weights = net.weights()
    next(iter(weights.values()))[0] = value
    net.load(weights)
    assert not math.isfinite(net.epoch(x, y, np.arange(case.n), [(0, case.n)], [0.1]))


@compiled
def test_denormals_are_flushed_within_a_call_and_only_there() -> None:
    net = trained(DENSE)
    net.load(net.weights(), [np.full_like(v, 1e-40) for v in net.velocities()])
    x, y = np.zeros((DENSE.n, *DENSE.shape), dtype=np.float32), np.zeros(DENSE.n, dtype=np.int64)
    net.epoch(x, y, np.arange(DENSE.n), [(0, DENSE.n)], [0.0])
    assert not net.velocities()[0].any()  # the input is zero, and so is the gradient
    assert np.float32(1e-38) * np.float32(0.01) > 0


@compiled
def test_bad_arrays_are_refused() -> None:
    net, (x, y) = trained(DENSE), examples(DENSE)
    order, cut = np.arange(DENSE.n), [(0, DENSE.n)]
    bad: list[tuple[str, tuple[Any, ...]]] = [
        ("float32", (x.astype(np.float64), y, order, cut, [0.1])),
        ("float32", (x[:, ::-1], y, order, cut, [0.1])),
        ("float32", (x.reshape(DENSE.n, 27), y, order, cut, [0.1])),
        ("int64", (x, y.astype(np.int32), order, cut, [0.1])),
        ("int64", (x, y[:-1], order, cut, [0.1])),
        ("labels", (x, y + 5, order, cut, [0.1])),
        ("labels", (x, y - 1, order, cut, [0.1])),
        ("order", (x, y, order + 1, cut, [0.1])),
        ("order", (x, y, order - 1, cut, [0.1])),
        ("order", (x, y, order.astype(np.int32), cut, [0.1])),
        ("within", (x, y, order[1:], cut, [0.1])),
        ("within", (x, y, np.zeros(60, dtype=np.int64), [(0, 52)], [0.1])),
        ("within", (x, y, order, [(0, 5), (5, 5)], [0.1, 0.1])),
        ("follow", (x, y, order, [(0, 5), (6, 9)], [0.1, 0.1])),
        ("rates", (x, y, order, cut, [0.1, 0.1])),
    ]
    for words, arguments in bad:
        with pytest.raises(ValueError, match=words):
            net.epoch(*arguments)
    with pytest.raises(ValueError, match="labels"):
        net.errors(x, y + 5)
    with pytest.raises(ValueError, match="loss='absolute'"):
        trained(DENSE, "absolute")
    with pytest.raises(ValueError, match="precision='float16'"):
        trained(DENSE, precision="float16")
