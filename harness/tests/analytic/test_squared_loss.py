"""The squared loss of a trained network is that of its definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.analytic.squared_loss import SquaredLoss
from harness.data import Digits, WrongLabels
from harness.models import Mlp


def test_the_squared_loss_is_that_of_definition() -> None:
    split = Digits(n=100, labels=WrongLabels(0.5)).split(None, 3)
    net = Mlp(4).build((1, 8, 8), 10, np.random.default_rng(0))
    losses = SquaredLoss().measure(net, split)
    for name, x, y in (("train", split.x_train, split.y_train), ("test", split.x_test, split.y_test)):
        outputs = net(torch.from_numpy(x)).detach().numpy().astype(float)
        assert losses[f"{name}_squared_loss"] == pytest.approx(np.mean((outputs - np.eye(10)[y]) ** 2))
