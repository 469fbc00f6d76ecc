"""The modules that the native kernel knows, and what it says of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from torch import nn

from harness.fleet import native
from harness.fleet.native_plans import plan_of
from harness.fleet.native_rules import NativeRule
from harness.models import Dropout, Mlp, StudentCnn
from harness.models._dropout_nets import SeededDropout
from harness.models._square_nets import Square
from harness.models.noisy_inputs import AdversarialInputs, NoisyInputs


def built(model: Any, shape: tuple[int, ...]) -> nn.Module:
    module: nn.Module = model.build(shape, 10, np.random.default_rng(0))
    return module


def dense(*between: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(6, 8), *between, nn.ReLU(), nn.Linear(8, 4))


def hooked() -> nn.Sequential:
    """A net of which one layer does something else besides."""
    module = dense()
    module[3].register_forward_pre_hook(lambda _, inputs: (2 * inputs[0],))
    return module


def hooked_as_a_whole() -> nn.Sequential:
    """A net whose inputs are changed before they enter it."""
    module = dense()
    module.register_forward_pre_hook(lambda _, inputs: (2 * inputs[0],))
    return module


def sequences() -> dict[str, tuple[nn.Module, tuple[int, ...]]]:
    """Modules that native.cpp does not know, by what is special about them."""
    conv, pool, relu, flat = nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten()
    last, image, shared = nn.Linear(18, 4), (1, 8, 8), nn.Linear(6, 6)
    return {
        "a subclass": (type("Other", (nn.Sequential,), {})(flat, nn.Linear(6, 4)), (6,)),
        "one layer": (nn.Linear(6, 4), (6,)),
        "gain and offset": (dense(nn.BatchNorm1d(8)), (6,)),
        "moments of the batch alone": (
            dense(nn.BatchNorm1d(8, affine=False, track_running_stats=False)),
            (6,),
        ),
        "torch's own dropout": (dense(nn.Dropout()), (6,)),
        "noise before ReLU": (dense(SeededDropout(0.5)), (6,)),
        "hooked": (hooked(), (6,)),
        "hooked as a whole": (hooked_as_a_whole(), (6,)),
        "noise on the inputs": (built(NoisyInputs(Mlp(8)), (6,)), (6,)),
        "noise on maps": (built(NoisyInputs(StudentCnn(3, 8, 8)), (1, 20, 20)), (1, 20, 20)),
        "attacks": (built(AdversarialInputs(Dropout(Mlp(8))), (6,)), (6,)),
        "squares after ReLU": (dense(relu, Square()), (6,)),
        "normalized squares": (dense(nn.BatchNorm1d(8, affine=False), Square()), (6,)),
        "normalized after ReLU": (dense(relu, nn.BatchNorm1d(8, affine=False)), (6,)),
        "ReLU at the end": (nn.Sequential(flat, nn.Linear(6, 4), relu), (6,)),
        "groups": (nn.Sequential(nn.Conv2d(2, 2, 3, groups=2), pool, relu, flat, last), (2, 8, 8)),
        "oblong": (nn.Sequential(nn.Conv2d(1, 2, (3, 5)), pool, relu, flat, nn.Linear(12, 4)), image),
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
    assert native.net(module, shape, batch=4, loss="squared", rule=NativeRule()) is None


def test_a_plan_names_parameters_as_torch_does() -> None:
    module, shape = built(StudentCnn(6, 20, 10), (2, 18, 18)), (2, 18, 18)
    plan = plan_of(module, shape)
    assert plan is not None
    assert plan.convolutions == ((2, 6, 5, 18, 18, 1), (6, 6, 5, 7, 7, 1))
    assert [layer.integers for layer in plan.layers] == [
        (6, 20, 1, 0, 0, 0, 0), (20, 10, 1, 0, 0, 0, 0), (10, 10, 1, 0, 0, 0, 0),
    ]  # fmt: skip
    assert plan.plain
    assert plan.least == 1
    assert [name for name, _ in plan.parameters] == list(module.state_dict())
