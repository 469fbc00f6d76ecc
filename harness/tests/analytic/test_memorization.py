"""Examples that nets learn: each net by an order of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.analytic.dense_nets import DenseNets
from harness.analytic.memorization import EasyExamples
from harness.data.digits import Digits
from harness.spec.streams import stream


def test_every_net_sees_every_example_once_in_an_order_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[np.ndarray] = []
    step = DenseNets.step

    def seen(nets: DenseNets, x: Any, y: Any, lr: float, momentum: float = 0.9) -> Any:
        batches.append(x)
        return step(nets, x, y, lr, momentum)

    monkeypatch.setattr(DenseNets, "step", seen)
    split = Digits(n=70).split(None, 0)
    EasyExamples(nets=3, width=4).solve(split, stream(0, "solution"))
    rows = {image.tobytes(): i for i, image in enumerate(split.x_train.reshape(70, -1))}
    orders = [[rows[image.tobytes()] for batch in batches for image in batch[net]] for net in range(3)]
    assert all(sorted(order) == list(range(70)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3
