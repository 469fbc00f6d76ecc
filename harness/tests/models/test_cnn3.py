"""The three-layer convolutional network: its published widths, its layers, and training in a stack."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from harness.data import GeneratedImages
from harness.fleet.optimizers import Sgd
from harness.models.cnn3 import Cnn3
from harness.spec import Experiment
from harness.tests.trainings import by_reference, far, member, together

SIZES = {2: 510, 3: 1030, 4: 1730, 6: 3670, 8: 6330, 12: 13_810, 16: 24_170, 24: 53_530}
GREY = (1, 14, 14)


@pytest.mark.parametrize("width", SIZES)
def test_widths_have_the_numbers_of_weights_that_were_listed(width: int) -> None:
    net = Cnn3(width).build(GREY, 10, np.random.default_rng(0))
    assert Cnn3(width).size(GREY, 10) == SIZES[width] == sum(p.numel() for p in net.parameters())


def layers_of(width: int, shape: tuple[int, ...], classes: int) -> list[nn.Module]:
    net = Cnn3(width).build(shape, classes, np.random.default_rng(0))
    assert isinstance(net, nn.Sequential)
    return list(net)


def test_maps_are_halved_twice_and_then_one_maximum_is_left() -> None:
    layers, sides = layers_of(2, (3, 16, 16), 4), []
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda layer, inputs, output: sides.append(tuple(output.shape[1:])))
    assert nn.Sequential(*layers)(torch.zeros(5, 3, 16, 16)).shape == (5, 4)
    assert sides == [(2, 16, 16), (4, 8, 8), (8, 4, 4)]
    kinds = [type(layer).__name__ for layer in layers]
    assert kinds[:4] == ["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d"]
    assert kinds[-3:] == ["AdaptiveMaxPool2d", "Flatten", "Linear"]


def test_weights_are_torchs_own_at_first() -> None:
    layers = layers_of(16, GREY, 10)
    for layer in layers:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            assert layer.bias is not None
            bound = layer.weight[0].numel() ** -0.5
            assert 0.9 * bound < float(layer.weight.detach().abs().max()) <= bound
            assert 0 < float(layer.bias.detach().abs().max()) <= bound
    norms = [layer for layer in layers if isinstance(layer, nn.BatchNorm2d)]
    assert all(bool((n.weight == 1).all() and (n.bias == 0).all()) and n.eps == 1e-5 for n in norms)


def test_multiply_adds_are_counted_by_map() -> None:
    layers = Cnn3(2).layers((1, 8, 8), 10)
    assert [layer.multiply_adds for layer in layers] == [18 * 64, 0, 72 * 16, 0, 288 * 4, 0, 80]


def test_small_images_are_refused() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        Cnn3(0)
    with pytest.raises(ValueError, match="needs images"):
        Cnn3(2).size((1, 3, 3), 10)


@pytest.mark.usefixtures("prepared")
def test_a_stack_trains_it_as_one_by_one() -> None:
    experiment = Experiment(GeneratedImages(n=96, size=8), Cnn3(2), Sgd(lr=0.02, epochs=2, batch=32))
    for r, ours in enumerate(together([member(experiment, r) for r in range(3)])):
        theirs = by_reference(experiment, r)
        assert ours.kernel == "stacked"
        assert far(ours, theirs) <= 1e-3
        assert ours.weights.keys() == theirs.weights.keys()
        np.testing.assert_allclose(ours.curves["train_loss"], theirs.curves["train_loss"], rtol=1e-3)


def test_channels_grow_by_two() -> None:
    assert all(b == 2 * a for a, b in pairwise(Cnn3(5).channels(GREY)[1:]))
