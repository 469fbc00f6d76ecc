"""Counts of the papers, counts of torch, counts that must not come out, and initialisation."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.models import EpflAlexNet, Linear, Mlp, SmallAlexNet, SmallInception, StudentCnn
from harness.models.cnn5 import Cnn5
from harness.models.counts import convolution, dense, parameters, scaled
from harness.models.resnet18 import ResNet18
from harness.models.vgg import Vgg
from harness.tests.deterministic import derandomized

CIFAR = (3, 28, 28)


WHOLE = (3, 32, 32)


PUBLISHED = [
    (SmallInception(), CIFAR, 10, 1_649_402),
    (SmallInception(batch_norm=False), CIFAR, 10, 1_649_402),
    (SmallInception(), CIFAR, 100, 1_679_732),
    (SmallAlexNet(), CIFAR, 10, 1_387_786),
    (EpflAlexNet(), CIFAR, 10, 1_375_690),
    (Mlp(512), CIFAR, 10, 1_209_866),
    (Mlp(512, depth=3), CIFAR, 10, 1_735_178),
    (Mlp(512, batch_norm=True), CIFAR, 10, 1_209_866),
    (Mlp(512, bias=False), WHOLE, 10, 1_577_984),
    (Linear(), (1, 8, 8), 10, 650),
    (Linear(), (64,), 10, 650),
    (Vgg(11), WHOLE, 10, 9_225_610),
    (Vgg(16), WHOLE, 10, 14_719_818),
    (Vgg(16, hidden=(512, 512)), WHOLE, 10, 15_245_130),
]


SMALL = [
    (Linear(), (3, 5), 3),
    (Mlp(7, depth=2), (1, 8, 8), 10),
    (Mlp(7, batch_norm=True), (4,), 2),
    (SmallInception(width=0.1), (3, 16, 16), 10),
    (SmallInception(batch_norm=False, width=0.05), (1, 5, 7), 4),
    (SmallAlexNet(width=0.125), (1, 8, 8), 10),
    (SmallAlexNet(width=0.1), (3, 13, 17), 10),
    (EpflAlexNet(width=0.1), (3, 16, 16), 10),
    (StudentCnn(3, 5, 4), (3, 16, 17), 10),
    (Vgg(13, width=2, batch_norm=True, hidden=(5,)), (1, 32, 65), 4),
    (Vgg(19, width=1), (3, 32, 32), 10),
]


def built(model: Any, shape: tuple[int, ...], classes: int, seed: int = 0) -> Any:
    return model.build(shape, classes, np.random.default_rng(seed))


def torch_count(net: Any) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize("model, shape, classes, published", PUBLISHED)
def test_counts_are_those_of_the_papers_and_of_torch(
    model: Any, shape: tuple[int, ...], classes: int, published: int
) -> None:
    assert model.size(shape, classes) == published
    assert torch_count(built(model, shape, classes)) == published


def test_inception_variants_with_other_normalisation_or_biases_do_not_match() -> None:
    layers = SmallInception().layers(CIFAR, 10)
    net = built(SmallInception(), CIFAR, 10)
    gains = sum(2 * m.num_features for m in net.modules() if type(m).__name__ == "BatchNorm2d")
    biases = sum(m.bias.numel() for m in net.modules() if type(m).__name__ == "Conv2d")
    published = parameters(layers)
    assert published + gains == 1_652_826
    assert published - biases + gains == 1_651_114
    assert published - biases == 1_647_690
    without_mean = published - layers[-1].parameters + dense(7 * 7 * 336, 10).parameters
    assert (
        len({published, published + gains, published - biases + gains, published - biases, without_mean}) == 5
    )


def test_other_pooling_does_not_give_the_counts_of_the_alexnets() -> None:
    def count(second: int, side: int) -> int:
        widths = [side * side * second, 384, 192, 10]
        convolutions = [convolution(3, 64, 5, 1), convolution(64, second, 5, 1)]
        return parameters([*convolutions, *(dense(a, b) for a, b in pairwise(widths))])

    assert count(64, side=7) == SmallAlexNet().size(CIFAR, 10)
    assert count(64, side=6) == 1_068_298 != SmallAlexNet().size(CIFAR, 10)  # pooling without padding
    assert count(256, side=3) == EpflAlexNet().size(CIFAR, 10)
    assert count(256, side=24) == 57_114_058  # the stride of 1 that the report states, unpadded
    assert count(256, side=28) == 77_561_290
    assert count(256, side=6) == 4_029_898  # stride 2


def test_whole_images_give_other_counts_for_mlps() -> None:
    assert Mlp(512).size(WHOLE, 10) == 1_578_506
    assert Mlp(512, depth=3).size(WHOLE, 10) == 2_103_818


@pytest.mark.parametrize("model, shape, classes", SMALL)
def test_scaled_versions_agree_with_torch_and_give_logits(
    model: Any, shape: tuple[int, ...], classes: int
) -> None:
    import torch

    net = built(model, shape, classes)
    assert torch_count(net) == model.size(shape, classes)
    assert {p.dtype for p in net.parameters()} == {torch.float32}
    logits = net(torch.randn(3, *shape, generator=torch.Generator().manual_seed(0)))
    assert logits.shape == (3, classes)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("model, shape, classes", SMALL)
def test_weights_come_from_the_generator_alone(model: Any, shape: tuple[int, ...], classes: int) -> None:
    import torch

    before = torch.get_rng_state()
    first, again, other = (built(model, shape, classes, seed) for seed in (3, 3, 4))
    assert torch.equal(before, torch.get_rng_state())
    pairs = list(zip(first.state_dict().values(), again.state_dict().values(), strict=True))
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not all(torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))


def test_initial_scales() -> None:
    import torch

    first = built(Mlp(512), CIFAR, 10)[1]
    bound = 2352**-0.5
    assert float(first.weight.detach().abs().max()) <= bound
    assert float(first.weight.detach().std()) == pytest.approx(bound / 3**0.5, rel=0.01)
    assert 0 < float(first.bias.detach().abs().max()) <= bound
    conv = built(SmallAlexNet(), CIFAR, 10)[4]
    assert float(conv.weight.detach().std()) == pytest.approx((2 / (25 * 64)) ** 0.5, rel=0.02)
    assert torch.count_nonzero(conv.bias) == 0
    halved = built(SmallInception(), CIFAR, 10).stages[1].right[0]
    assert float(halved.weight.detach().std()) == pytest.approx(0.5 * (2 / (9 * 32)) ** 0.5, rel=0.02)


@derandomized
@given(st.integers(3, 20), st.sampled_from([3, 5, 9]), st.sampled_from([1.0, 2.0]), st.floats(1e-4, 2.0))
def test_response_norm_is_that_of_torch(channels: int, size: int, k: float, alpha: float) -> None:
    import torch

    from harness.models._nets import LocalResponseNorm

    x = torch.randn(2, channels, 3, 4, generator=torch.Generator().manual_seed(channels))
    ours = LocalResponseNorm(channels, size=size, alpha=alpha, beta=0.75, k=k)(x)
    torch.testing.assert_close(ours, torch.nn.functional.local_response_norm(x, size, alpha, 0.75, k))


def test_pooling_before_relu_changes_nothing() -> None:
    import torch

    x = torch.randn(2, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    for pool in (torch.nn.MaxPool2d(3, 2, 1), torch.nn.MaxPool2d(3, 3, 0)):
        assert torch.equal(pool(x).relu(), pool(x.relu()))


@pytest.mark.parametrize(
    "model, shape",
    [
        (SmallInception(), (64,)),
        (SmallInception(), (3, 3, 3)),
        (SmallAlexNet(), (3, 2, 28)),
        (EpflAlexNet(), (1, 8, 8)),
        (StudentCnn(5, 30, 20), (3, 15, 32)),
    ],
)
def test_impossible_shapes_are_refused_in_one_line(model: Any, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"needs images .* not the shape") as caught:
        built(model, shape, 10)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="needs images"):
        model.size(shape, 10)


def test_sizes_that_make_no_network_are_refused() -> None:
    for make in (lambda: Mlp(0), lambda: Mlp(5, depth=0), lambda: SmallInception(width=0.0)):
        with pytest.raises(ValueError, match="must be positive"):
            make()
    with pytest.raises(ValueError, match="no example has the shape"):
        Linear().size((), 10)


def test_channels_are_scaled_to_the_nearest_whole_number_from_one_on() -> None:
    assert [scaled(c, w) for c, w in ((64, 0.1), (96, 0.17), (90, 0.02), (10, 0.06), (9, 0.01))] == [
        6, 16, 2, 1, 1,
    ]  # fmt: skip


def test_costs_order_the_work() -> None:
    costs = [
        m.cost(CIFAR, 10) for m in (Linear(), Mlp(512), Mlp(512, depth=3), SmallAlexNet(), SmallInception())
    ]
    assert costs == sorted(costs)
    assert Mlp(512).cost(CIFAR, 10) == 2352 * 512 + 512 * 10
    assert SmallInception(width=0.25).cost(CIFAR, 10) < SmallInception().cost(CIFAR, 10) / 10


def test_counting_needs_neither_torch_nor_numpy() -> None:
    code = (
        "import sys; from harness.models import *; SmallInception().size((3, 28, 28), 10);"
        "sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


QUICKLY = settings(max_examples=25, derandomize=True, database=None, deadline=None)


@given(
    k=st.integers(1, 6), side=st.integers(8, 20), channels=st.sampled_from((1, 3)), classes=st.integers(2, 7)
)
@QUICKLY
def test_counts_are_those_of_torch_at_every_width(k: int, side: int, channels: int, classes: int) -> None:
    shape = (channels, side, side)
    for model in (Cnn5(k), ResNet18(k)):
        net = model.build(shape, classes, np.random.default_rng(0))
        assert model.size(shape, classes) == sum(p.numel() for p in net.parameters())
        assert net(torch.zeros(2, *shape)).shape == (2, classes)


def test_the_standard_networks_have_the_sizes_that_are_known() -> None:
    assert round(Cnn5().size(WHOLE, 10) / 1e6, 2) == 1.56
    assert ResNet18().size(WHOLE, 10) == 11_171_146


@pytest.mark.parametrize("model", [Cnn5(2), ResNet18(2)])
def test_multiply_adds_are_those_that_torch_does(model: Any) -> None:
    shape, counted = (3, 16, 16), 0

    def count(layer: Any, inputs: Any, output: Any) -> None:
        nonlocal counted
        each = layer.weight[0].numel() if layer.weight.dim() > 1 else 0
        counted += each * output.numel()

    net = model.build(shape, 10, np.random.default_rng(0)).eval()
    for layer in net.modules():
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.Linear)):
            layer.register_forward_hook(count)
    net(torch.zeros(1, *shape))
    assert model.cost(shape, 10) == counted


@pytest.mark.parametrize("model", [Cnn5, ResNet18])
def test_networks_that_cannot_be_are_refused(model: Any) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        model(0)
    with pytest.raises(ValueError, match="needs images"):
        model(2).size((3, 3, 3), 10)
