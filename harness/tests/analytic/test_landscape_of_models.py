"""Looks at any model's landscape against those at dense nets in numpy, and against their definitions."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from harness.analytic.landscape_of_models import FlatModule, Landscape, TensorBatch, covariate_shift
from harness.analytic.normalized_nets import NormalizedNets
from harness.analytic.step_landscape import NoisyBatch
from harness.analytic.step_landscape import covariate_shift as dense_shift
from harness.data.digits import Digits
from harness.lab.durations import estimate
from harness.models import Mlp
from harness.models.vgg import Vgg
from harness.spec import Solved
from harness.spec.streams import stream

WIDTHS = (5, 7, 6, 3)
N = 12


def twins(seed: int) -> tuple[NormalizedNets, Any, FlatModule, TensorBatch]:
    """One dense net with biases in numpy and the same one as a torch module, and a batch."""
    generator = np.random.default_rng(seed)
    nets = NormalizedNets(WIDTHS)
    theta = nets.drawn(generator)
    layers: list[torch.nn.Module] = []
    for layer in nets.layers(theta):
        linear = torch.nn.Linear(layer.weight.shape[1], layer.weight.shape[2])
        linear.weight.data = torch.from_numpy(layer.weight[0].T.copy())
        linear.bias.data = torch.from_numpy(layer.shift[0, 0].copy())
        layers += [linear, torch.nn.ReLU()]
    batch = TensorBatch(
        torch.from_numpy(generator.standard_normal((N, WIDTHS[0]))),
        torch.from_numpy(generator.integers(WIDTHS[-1], size=N)),
    )
    return nets, theta, FlatModule(torch.nn.Sequential(*layers[:-1])), batch


def test_covariate_shift_is_that_of_the_dense_nets() -> None:
    nets, theta, net, batch = twins(0)
    x, y = batch.x.numpy(), batch.y.numpy()
    losses, slope = nets.gradients(theta, x, y)
    loss, gradient = net.gradient(batch)
    assert loss == pytest.approx(losses[0])
    expected = dense_shift(nets, theta, slope, 0.5, NoisyBatch(x, y))
    for ours, theirs in zip(covariate_shift(net, gradient, 0.5, batch), expected, strict=True):
        assert ours == pytest.approx(theirs)


def test_one_tensors_gradient_is_its_part_of_the_whole_anywhere() -> None:
    _, _, net, batch = twins(1)
    theta = net.theta + 0.1
    whole = net.gradient(batch, theta)[1]
    for name in net.named:
        assert torch.allclose(net.gradient(batch, theta, only=name)[1], whole[net.places[name]])
    assert not net.theta.requires_grad


def test_a_small_vgg_is_looked_at_and_learns() -> None:
    split = Digits(n=100).split(None, 0)
    wide = np.kron(split.x_train, np.ones((1, 1, 4, 4), np.float32))  # 8x8 pixels to VGG's 32x32
    split = dataclasses.replace(split, x_train=wide)
    results = Landscape(Vgg(11, width=4, batch_norm=True), lr=0.1, steps=21, batch=20, every=5).solve(
        split, stream(0, "solution")
    )
    assert all(results[name].shape == (5,) for name in ("loss", "cosines", "distances", "smoothness"))
    assert (results["loss_low"] <= results["loss_high"]).all()
    assert (np.abs(results["cosines"]) <= 1 + 1e-6).all()
    assert results["train_loss"] < results["loss"][0]
    assert results["smoothness_max"] == results["smoothness"].max()


def test_the_same_stream_gives_the_same_training_and_its_points_do_not_matter_to_it() -> None:
    split = Digits(n=60).split(None, 0)
    one, same, other = (
        Landscape(Mlp(8), steps=6, batch=20, every=every, moves=moves).solve(split, stream(0, "solution"))
        for every, moves in ((2, (1.0,)), (2, (1.0,)), (3, (0.5, 2.0)))
    )
    assert one["train_loss"] == same["train_loss"] == other["train_loss"]


def test_a_plan_knows_what_looking_costs() -> None:
    data, model = Digits(n=60), Mlp(8)
    once = 3 * 128 * model.cost(data.shape, data.classes)
    solver = Landscape(model, steps=21, every=10, moves=(1.0, 2.0))
    assert solver.cost(data) == once * (21 + 3 * (2 + 1))
    assert estimate(Solved(data, solver)) == pytest.approx(solver.cost(data) / 25e9 + 0.05)


def test_what_cannot_be_looked_at_is_refused() -> None:
    with pytest.raises(ValueError, match="Landscape"):
        Landscape(Mlp(8), moves=(2.0, 1.0))
    with pytest.raises(ValueError, match="steps"):
        Landscape(Mlp(8), steps=0)
    with pytest.raises(ValueError, match="there are 60 images"):
        Landscape(Mlp(8), batch=61).solve(Digits(n=60).split(None, 0), stream(0, "solution"))
