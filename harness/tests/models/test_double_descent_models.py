"""Nakkiran's networks, their rate, reused weights and four classes: what the sweeps of width rest on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analytic.squared_loss import SquaredLoss
from harness.data import Digits, RandomLabels, WrongLabels
from harness.data.examples import Examples
from harness.data.labels import TrueLabels
from harness.data.split import ImageSet, Split, split_of
from harness.data.subset import CAR_FROG_HORSE_SHIP, Subset
from harness.fleet import trainer
from harness.fleet.schedules import InverseSqrtSgd
from harness.models import Linear, Mlp
from harness.models.cnn5 import Cnn5
from harness.models.resnet18 import ResNet18
from harness.models.widening import Widened
from harness.spec import Experiment
from harness.spec.contracts import Corruption
from harness.spec.splits import Source
from harness.spec.streams import stream

CIFAR = (3, 32, 32)
QUICKLY = settings(max_examples=25, derandomize=True, database=None, deadline=None)


# -- networks -----------------------------------------------------------------------------------------


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
    assert round(Cnn5().size(CIFAR, 10) / 1e6, 2) == 1.56
    assert ResNet18().size(CIFAR, 10) == 11_171_146


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


@pytest.mark.parametrize("model", [Cnn5(2), ResNet18(2)])
def test_weights_come_from_the_generator_alone(model: Any) -> None:
    torch.manual_seed(0)
    one, same, other = (model.build(CIFAR, 10, np.random.default_rng(seed)) for seed in (1, 1, 2))
    before = torch.random.get_rng_state()
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, same.state_dict()[name])
    assert any(not torch.equal(p, q) for p, q in zip(one.parameters(), other.parameters(), strict=True))
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_residual_block_adds_its_input() -> None:
    net: Any = ResNet18(1).build(CIFAR, 10, np.random.default_rng(0)).eval()
    block = net.blocks[1]
    torch.nn.init.zeros_(block.conv2.weight)
    x = torch.randn(2, 1, 5, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(block(x), x)
    assert net.blocks[3].beside.stride == (2, 2)


@pytest.mark.parametrize("model", [Cnn5, ResNet18])
def test_networks_that_cannot_be_are_refused(model: Any) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        model(0)
    with pytest.raises(ValueError, match="needs images"):
        model(2).size((3, 3, 3), 10)


# -- learning rate ------------------------------------------------------------------------------------


def test_the_rate_falls_with_the_root_of_the_step() -> None:
    rate = InverseSqrtSgd(lr=0.1, epochs=1, momentum=0.0)
    assert [rate.lr_at(step, 7) for step in (0, 511, 512, 3 * 512)] == pytest.approx(
        [0.1, 0.1, 0.1 / 2**0.5, 0.05]
    )
    for wrong in ({"period": 0}, {"decay": 0.9}, {"decay_steps": 5}):
        with pytest.raises(ValueError, match="InverseSqrtSgd"):
            InverseSqrtSgd(lr=0.1, epochs=1, **wrong)


def test_one_step_of_it_is_plain_gradient_descent() -> None:
    data = Digits(n=16)
    split = data.split(None, 0)
    experiment = Experiment(data, Linear(), InverseSqrtSgd(lr=0.3, epochs=1, momentum=0.0, batch=16))
    net = Linear().build((1, 8, 8), 10, stream(0, "initialization"))
    x, y = torch.from_numpy(split.x_train), torch.from_numpy(split.y_train)
    torch.nn.functional.cross_entropy(net(x), y).backward()
    found = trainer.train(trainer.Member(experiment, 0, split)).weights
    for name, p in net.named_parameters():
        assert p.grad is not None
        assert np.allclose(found[name], (p - 0.3 * p.grad).detach().numpy(), atol=1e-6)


# -- reused weights -----------------------------------------------------------------------------------


def mlp(width: int, depth: int, seed: int) -> Any:
    return Mlp(width, depth=depth).build((1, 4, 4), 3, np.random.default_rng(seed))


def arrays(net: Any) -> dict[str, Any]:
    return {name: tensor.numpy() for name, tensor in net.state_dict().items()}


@given(width=st.integers(1, 6), more=st.integers(0, 5), depth=st.integers(1, 3), seed=st.integers(0, 99))
@QUICKLY
def test_a_widened_network_contains_the_one_before(width: int, more: int, depth: int, seed: int) -> None:
    before, target = arrays(mlp(width, depth, seed)), arrays(mlp(width + more, depth, 0))
    after = Widened(width + more).apply(before, np.random.default_rng(seed))
    assert {n: a.shape for n, a in after.items()} == {n: a.shape for n, a in target.items()}
    for name, array in before.items():
        assert np.array_equal(after[name][tuple(slice(size) for size in array.shape)], array)


def test_silenced_new_units_leave_the_function_as_it_was() -> None:
    small, wide = mlp(5, 1, 3), mlp(9, 1, 0)
    weights = Widened(9).apply(arrays(small), np.random.default_rng(0))
    weights["3.weight"][:, 5:] = 0
    wide.load_state_dict({name: torch.from_numpy(a) for name, a in weights.items()})
    x = torch.randn(7, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(small(x), wide(x), atol=1e-6)


def test_new_entries_have_the_deviation_asked_for() -> None:
    new = Widened(400, deviation=0.1).apply(arrays(mlp(1, 1, 0)), np.random.default_rng(0))["1.weight"][1:]
    assert abs(new.std() - 0.1) < 0.005
    assert abs(new.mean()) < 0.005


def test_networks_that_cannot_be_widened_are_refused() -> None:
    with pytest.raises(ValueError, match="wider already"):
        Widened(3).apply(arrays(mlp(4, 1, 0)), np.random.default_rng(0))
    linear = Linear().build((4,), 3, np.random.default_rng(0))
    with pytest.raises(ValueError, match="without hidden layer"):
        Widened(3).apply(arrays(linear), np.random.default_rng(0))
    with pytest.raises(ValueError, match="must be positive"):
        Widened(3, deviation=0.0)


# -- squared loss -------------------------------------------------------------------------------------


def test_the_squared_loss_is_that_of_definition() -> None:
    split = Digits(n=100, labels=WrongLabels(0.5)).split(None, 3)
    net = Mlp(4).build((1, 8, 8), 10, np.random.default_rng(0))
    found = SquaredLoss().measure(net, split)
    for name, x, y in (("train", split.x_train, split.y_train), ("test", split.x_test, split.y_test)):
        outputs = net(torch.from_numpy(x)).detach().numpy().astype(float)
        assert found[f"{name}_squared_loss"] == pytest.approx(np.mean((outputs - np.eye(10)[y]) ** 2))


# -- some classes of a data set -----------------------------------------------------------------------


class Balanced(Examples, frozen=True):
    """Ten training and four test images of each of five classes; their one pixel is the class."""

    shape: ClassVar[tuple[int, ...]] = (1, 1, 1)
    classes: ClassVar[int] = 5
    train_size: ClassVar[int] = 50
    test_size: ClassVar[int] = 20

    labels: Corruption = TrueLabels()
    n: int | None = None
    extra: int = 0

    @property
    def whole(self) -> bool:
        return self.n is None

    @property
    def true_labels(self) -> bool:
        return self.labels.keeps_labels

    def source(self, root: Path | None) -> Source:
        return Source("balanced", "")

    def split(self, root: Path | None, replicate: int) -> Split:
        def part(each: int) -> tuple[Any, Any]:
            y = np.concatenate([np.repeat(np.arange(5), each), np.full(self.extra, 2)])
            return y.astype(np.float32).reshape(-1, 1, 1, 1), y

        return split_of(ImageSet(*part(10), *part(4)), TrueLabels(), 5, replicate)


def test_a_subset_has_its_classes_only_in_the_order_given() -> None:
    data = Subset(Balanced(), kept=(3, 1))
    assert (data.train_size, data.test_size, data.classes, data.shape) == (20, 8, 2, (1, 1, 1))
    split = data.split(None, 0)
    for x, y, size in ((split.x_train, split.y_true, 10), (split.x_test, split.y_test, 4)):
        assert np.array_equal(np.where(y == 0, 3, 1), x.ravel())
        assert np.bincount(y).tolist() == [size, size]


def test_replicates_draw_their_own_nested_images() -> None:
    whole, part = (Subset(Balanced(), kept=(0, 2, 4), n=n) for n in (None, 7))
    assert np.array_equal(part.split(None, 1).x_train, whole.split(None, 1).x_train[:7])
    assert not np.array_equal(whole.split(None, 1).x_train, whole.split(None, 2).x_train)


def test_labels_are_corrupted_among_the_kept_classes() -> None:
    split = Subset(Balanced(), kept=(0, 2, 4), labels=WrongLabels(1.0)).split(None, 0)
    assert set(split.y_train.tolist()) == {0, 1, 2}
    assert (split.y_train != split.y_true).all()


def test_subsets_that_cannot_be_are_refused() -> None:
    for wrong in ((0,), (0, 0), (0, 5)):
        with pytest.raises(ValueError, match="two or more different classes"):
            Subset(Balanced(), kept=wrong)
    with pytest.raises(ValueError, match="between 1 and 20"):
        Subset(Balanced(), kept=(0, 1), n=21)
    with pytest.raises(ValueError, match="corrupted here"):
        Subset(Balanced(labels=RandomLabels(0.5)), kept=(0, 1))
    with pytest.raises(ValueError, match="whole data sets"):
        Subset(Balanced(n=10), kept=(0, 1))
    with pytest.raises(ValueError, match="not of equal size"):
        Subset(Balanced(extra=3), kept=(2, 3)).split(None, 0)


def test_changes_reach_the_data_set_within() -> None:
    data = Subset(Balanced(), kept=(0, 1))
    assert data.but(extra=1).data == Balanced(extra=1)
    assert data.but(n=3).data == Balanced()


def test_the_classes_are_those_of_the_extension() -> None:
    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    assert [names[label] for label in CAR_FROG_HORSE_SHIP] == ["automobile", "frog", "horse", "ship"]
