"""Size and cost of a model follow from its layers, and these from what it builds where it lists none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from torch import nn

from harness.lab.durations import estimate
from harness.models import Architecture, EpflAlexNet, Linear, Mlp, SmallAlexNet, SmallInception, StudentCnn
from harness.models._counting_nets import counted
from harness.models.architecture import AroundModel
from harness.models.conv246 import Conv
from harness.models.counts import multiply_adds, parameters
from harness.models.lenet import LeNet
from harness.spec import abbreviated
from harness.tests.simulated import SMALL

IMAGE = (3, 28, 28)


class Built(Architecture, frozen=True):
    """A model that says only how it is built: as another one."""

    model: Any

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        module: nn.Module = self.model.build(shape, classes, generator)
        return module


class Same(AroundModel, frozen=True):
    """Another model as it is."""


@pytest.mark.parametrize(
    "model",
    [
        Linear(), Mlp(7, depth=2), Mlp(7, bias=False), LeNet(), StudentCnn(4, 6, 5), Conv(2),
        SmallAlexNet(0.1), EpflAlexNet(0.1), SmallInception(width=0.06),
    ],
    ids=abbreviated,
)  # fmt: skip
def test_what_is_counted_is_what_the_model_lists(model: Any) -> None:
    listed, made = model.layers(IMAGE, 10), counted(model, IMAGE, 10)
    assert parameters(made) == parameters(listed) == Built(model).size(IMAGE, 10)
    assert multiply_adds(made) == multiply_adds(listed) == Built(model).cost(IMAGE, 10)


def test_a_module_is_built_once_to_be_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    build = Mlp.build

    def noted(*arguments: Any) -> Any:
        calls.append(1)
        return build(*arguments)

    monkeypatch.setattr(Mlp, "build", noted)
    model = Built(Mlp(9))
    assert (model.size((2, 3), 4), model.cost((2, 3), 4)) == (103, 90.0)
    assert Built(Mlp(9)).size((2, 3), 4) == 103
    assert Built(Mlp(8)).size((2, 3), 4) == 92
    assert len(calls) == 2


def test_a_model_around_another_is_estimated_like_it() -> None:
    assert estimate(SMALL.but(model=Same(SMALL.model))) == estimate(SMALL)
    assert estimate(SMALL.but(model=Built(SMALL.model))) == estimate(SMALL)


def test_a_model_that_is_not_built_says_so() -> None:
    with pytest.raises(
        NotImplementedError, match=r"^Architecture has no build\(shape, classes, generator\)$"
    ):
        Architecture().size((1,), 2)
