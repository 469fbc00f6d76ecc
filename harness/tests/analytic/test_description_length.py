"""Codes for labels: their parts, their gradients, and that they are codes."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analytic import variational
from harness.analytic.dense_nets import DenseLayer, DenseNets, log_probabilities, surplus
from harness.analytic.description_length import Net, Prequential, TwoPart, uniform_bits
from harness.analytic.variational import Posterior, Variational, divergence, gradients, sampled
from harness.data.digits import Digits
from harness.data.labels import RandomLabels
from harness.spec.streams import stream
from harness.tests.deterministic import derandomized

QUICK = Net(width=16, depth=1, epochs=20)


def test_the_uniform_code_of_mnist_is_199_kbit() -> None:
    assert uniform_bits(60_000, 10) == pytest.approx(199_316, abs=1)
    assert uniform_bits(1, 2) == 1.0


@derandomized
@given(first=st.integers(1, 50), growth=st.floats(1.1, 3.0), labels=st.integers(1, 2000))
def test_blocks_grow_and_end_at_the_last_label(first: int, growth: float, labels: int) -> None:
    ends = Prequential(first=first, growth=growth).ends(labels)
    assert ends[-1] == labels
    assert all(a < b for a, b in itertools.pairwise(ends))


def test_a_net_that_says_nothing_codes_uniformly_and_confident_errors_are_bounded() -> None:
    x, y = np.zeros((4, 3), np.float32), np.array([0, 1, 2, 2])
    silent = DenseNets([DenseLayer(np.zeros((1, 3, 3), np.float32), np.zeros((1, 1, 3), np.float32))])
    assert QUICK.bits(silent, x, y) == pytest.approx(4 * math.log2(3), rel=1e-6)
    sure = DenseNets([DenseLayer(np.zeros((1, 3, 3), np.float32), np.array([[[1000.0, 0, 0]]], np.float32))])
    assert QUICK.bits(sure, x, y) == pytest.approx(3 * math.log2(3 / 1e-3), rel=1e-2)


def test_the_prequential_code_adds_up_block_by_block() -> None:
    split = Digits(n=300).split(None, 1000)
    code = Prequential(QUICK).solve(split, stream(1000, "solution"))
    assert code["bits_so_far"][0] == pytest.approx(uniform_bits(50, 10))
    assert (np.diff(code["bits_so_far"]) > 0).all()
    assert code["bits_so_far"][-1] == code["bits"]
    assert code["ratio"] == pytest.approx(code["bits"] / uniform_bits(300, 10))
    assert code["ratio"] < 0.8
    random = Prequential(QUICK).solve(
        Digits(n=300, labels=RandomLabels()).split(None, 1000), stream(1000, "solution")
    )
    assert random["ratio"] > 0.97


def test_a_block_is_coded_by_a_net_of_the_blocks_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    coded: list[int] = []
    fitted, bits = Net.fitted, Net.bits

    def fit(net: Net, x: Any, y: Any, classes: int, generator: np.random.Generator) -> DenseNets:
        seen.append(len(y))
        with monkeypatch.context() as patch:
            patch.setattr(Net, "bits", bits)
            return fitted(net, x, y, classes, generator)

    def code(net: Net, nets: DenseNets, x: Any, y: Any) -> float:
        coded.append(len(y))
        return bits(net, nets, x, y)

    monkeypatch.setattr(Net, "fitted", fit)
    monkeypatch.setattr(Net, "bits", code)
    solved = Prequential(QUICK).solve(Digits(n=300).split(None, 0), stream(0, "solution"))
    assert seen == solved["ends"][:-1]
    assert coded == np.diff(solved["ends"]).tolist()


def test_a_net_is_stopped_by_a_tenth_that_it_is_not_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    trained: set[float] = set()
    waiting: set[float] = set()
    step, bits = DenseNets.step, Net.bits

    def train(nets: DenseNets, x: Any, y: Any, lr: float) -> Any:
        trained.update(x[:, 0].tolist())
        return step(nets, x, y, lr)

    def wait(net: Net, nets: DenseNets, x: Any, y: Any) -> float:
        waiting.update(x[:, 0].tolist())
        return bits(net, nets, x, y)

    monkeypatch.setattr(DenseNets, "step", train)
    monkeypatch.setattr(Net, "bits", wait)
    x = np.linspace(0, 1, 120, dtype=np.float32).reshape(60, 2)
    QUICK.fitted(x, np.arange(60) % 3, 3, stream(0, "solution"))
    assert (len(trained), len(waiting)) == (54, 6)
    assert not trained & waiting


def test_a_layers_prior_costs_a_float() -> None:
    split, code = Digits(n=50).split(None, 0), Variational(width=4, epochs=0)
    weights = code._trained(split.x_train.reshape(50, -1), split.y_train, 10, stream(0, "solution"))
    nats = sum(divergence(layer)[0] for layer in weights)
    solved = code.solve(split, stream(0, "solution"))
    assert solved["weight_bits"] == pytest.approx(nats / math.log(2) + 32 * 2)


def test_a_two_part_code_pays_for_every_weight() -> None:
    code = TwoPart(QUICK).solve(Digits(n=300).split(None, 1000), stream(1000, "solution"))
    assert code["parameters"] == 64 * 16 + 16 + 160 + 10
    assert code["bits"] == pytest.approx(32 * code["parameters"] + code["label_bits"])


def posterior(seed: int, *shape: int) -> Posterior:
    generator = np.random.default_rng(seed)
    return Posterior(generator.standard_normal(shape), 0.3 * generator.standard_normal(shape) - 1)


def test_the_divergence_is_that_of_gaussians_and_its_prior_the_best() -> None:
    layer = posterior(0, 4, 3)
    kl, slope = divergence(layer)

    def to(prior: float) -> float:
        variance = np.exp(2 * layer.log_deviation)
        return float(
            (0.5 * ((variance + layer.mean**2) / prior - 1 + math.log(prior)) - layer.log_deviation).sum()
        )

    best = float(np.mean(layer.mean**2 + np.exp(2 * layer.log_deviation)))
    assert kl == pytest.approx(to(best))
    assert kl < min(to(0.9 * best), to(1.1 * best))
    for array, slopes in zip(layer, slope, strict=True):
        array[1, 2] += 1e-5
        above = divergence(layer)[0]
        array[1, 2] -= 2e-5
        below = divergence(layer)[0]
        array[1, 2] += 1e-5
        assert slopes[1, 2] == pytest.approx((above - below) / 2e-5, rel=1e-4)


def test_gradients_of_a_sampled_net_are_its_differences() -> None:
    layers = [posterior(1, 4, 5), posterior(2, 6, 3)]
    x, y = np.random.default_rng(3).standard_normal((7, 3)), np.arange(7) % 3

    def loss() -> float:
        logs = log_probabilities(sampled(layers, x, np.random.default_rng(4))[0])
        return -float(logs[np.arange(7), y].sum())

    logits, passes = sampled(layers, x, np.random.default_rng(4))
    slopes = gradients(layers, passes, surplus(logits[None], y)[0])
    for layer, slope in zip(layers, slopes, strict=True):
        for array, of_array in zip(layer, slope, strict=True):
            for place in ((0, 0), (2, 1), (-1, 2)):
                array[place] += 1e-5
                above = loss()
                array[place] -= 2e-5
                below = loss()
                array[place] += 1e-5
                assert of_array[place] == pytest.approx((above - below) / 2e-5, rel=1e-3, abs=1e-6)


def test_adam_walks_at_its_rate_on_a_slope() -> None:
    place = np.zeros(1)
    update = variational.PosteriorUpdate([place], 0.1)
    for _ in range(5):
        update.step([np.full(1, 3.0)])
    assert place[0] == pytest.approx(-0.5, rel=1e-3)


def test_the_variational_code_compresses_true_labels_only() -> None:
    code = Variational(width=8, epochs=30, lr=0.01, draws=4)
    true = code.solve(Digits(n=600).split(None, 1000), stream(1000, "solution"))
    assert true["ratio"] < 0.7
    assert true["test_error"] < 0.2
    assert 0 < true["weight_bits"] < true["bits"]
    random = code.solve(Digits(n=600, labels=RandomLabels()).split(None, 1000), stream(1000, "solution"))
    assert random["ratio"] > 0.97
