"""Learning rates that fall by other laws than a factor per epoch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.data import Digits
from harness.fleet import trainer
from harness.fleet.schedules import InverseSqrtSgd
from harness.models import Linear
from harness.spec import Experiment
from harness.spec.streams import stream


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
    weights = trainer.train(trainer.Member(experiment, 0, split)).weights
    for name, p in net.named_parameters():
        assert p.grad is not None
        assert np.allclose(weights[name], (p - 0.3 * p.grad).detach().numpy(), atol=1e-6)
