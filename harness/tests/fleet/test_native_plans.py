"""The modules that the native kernel knows, and what it says of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from torch import nn

from harness.fleet import native
from harness.fleet.native_plans import plan_of
from harness.models import Mlp, StudentCnn


def built(model: Any, shape: tuple[int, ...]) -> nn.Module:
    module: nn.Module = model.build(shape, 10, np.random.default_rng(0))
    return module


def sequences() -> dict[str, tuple[nn.Module, tuple[int, ...]]]:
    """Modules that native.cpp does not know, by what is special about them."""
    conv, pool, relu, flat = nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten()
    last, image, shared = nn.Linear(18, 4), (1, 8, 8), nn.Linear(6, 6)
    return {
        "a subclass": (type("Other", (nn.Sequential,), {})(flat, nn.Linear(6, 4)), (6,)),
        "one layer": (nn.Linear(6, 4), (6,)),
        "batch norm": (built(Mlp(8, batch_norm=True), (6,)), (6,)),
        "ReLU at the end": (nn.Sequential(flat, nn.Linear(6, 4), relu), (6,)),
        "no pool": (nn.Sequential(conv, relu, flat, nn.Linear(72, 4)), image),
        "padding": (nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), pool, relu, flat, nn.Linear(32, 4)), image),
        "stride": (nn.Sequential(nn.Conv2d(1, 2, 3, stride=2), pool, relu, flat, nn.Linear(2, 4)), image),
        "groups": (nn.Sequential(nn.Conv2d(2, 2, 3, groups=2), pool, relu, flat, last), (2, 8, 8)),
        "oblong": (nn.Sequential(nn.Conv2d(1, 2, (3, 5)), pool, relu, flat, nn.Linear(12, 4)), image),
        "wide pool": (nn.Sequential(conv, nn.MaxPool2d(3), relu, flat, nn.Linear(8, 4)), image),
        "ceiling": (nn.Sequential(conv, nn.MaxPool2d(2, ceil_mode=True), relu, flat, last), image),
        "other images": (nn.Sequential(conv, pool, relu, flat, last), (1, 10, 10)),
        "not an image": (nn.Sequential(conv, pool, relu, flat, last), (64,)),
        "double": (nn.Sequential(flat, nn.Linear(6, 4)).double(), (6,)),
        "shared weights": (nn.Sequential(flat, shared, relu, shared), (6,)),
        "other width": (nn.Sequential(flat, nn.Linear(6, 4)), (7,)),
        "not flat": (nn.Sequential(nn.Flatten(2), nn.Linear(6, 4)), (3, 6)),
    }


@pytest.mark.parametrize("name", sequences())
def test_other_modules_have_no_plan(name: str) -> None:
    module, shape = sequences()[name]
    assert plan_of(module, shape) is None
    assert native.net(module, shape, batch=4, loss="squared", momentum=0.0, weight_decay=0.0) is None


def test_a_plan_names_parameters_as_torch_does() -> None:
    module, shape = built(StudentCnn(6, 20, 10), (2, 18, 18)), (2, 18, 18)
    plan = plan_of(module, shape)
    assert plan is not None
    assert plan.convolutions == ((2, 6, 5, 18, 18, 1), (6, 6, 5, 7, 7, 1))
    assert plan.layers == ((6, 20, 1), (20, 10, 1), (10, 10, 1))
    assert [name for name, _ in plan.parameters] == list(module.state_dict())
