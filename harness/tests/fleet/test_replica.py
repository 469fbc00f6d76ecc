"""Batches: a last one of a single example joins its neighbour."""

from __future__ import annotations

import numpy as np
import pytest

from harness import Sgd
from harness.fleet.adaptive import AdamW
from harness.fleet.replica import Replica, batches, built
from harness.fleet.schedules import InverseSqrtSgd
from harness.tests.simulated import SMALL
from harness.tests.trainings import trained

pytestmark = pytest.mark.usefixtures("prepared")


@pytest.mark.parametrize(
    "n, size, sizes",
    [
        (10, 5, [5, 5]), (11, 5, [5, 6]), (12, 5, [5, 5, 2]), (3, 5, [3]), (1, 5, [1]), (6, 5, [6]),
        (3, 1, [1, 2]), (2, 2, [2]),
    ],
)  # fmt: skip
def test_a_last_batch_of_one_joins_its_neighbour(n: int, size: int, sizes: list[int]) -> None:
    pieces = batches(n, size)
    assert [end - begin for begin, end in pieces] == sizes
    assert (pieces[0][0], pieces[-1][1]) == (0, n)


def test_batch_norm_trains_where_one_example_is_left_over() -> None:
    outcome = trained(SMALL.but(data__n=129, model__batch_norm=True, optimizer__epochs=1))
    assert outcome.steps_per_epoch == 1
    assert np.isfinite(outcome.curves["train_loss"]).all()


class Rising(Sgd, frozen=True):
    """A rate of its own at every step."""

    def lr_at(self, step: int, steps_per_epoch: int) -> float:
        """The rate, times one more than the step."""
        return self.lr * (1 + step)


@pytest.mark.parametrize(
    "optimizer",
    [
        Sgd(0.5, 9, decay=0.5, batch=20),
        Sgd(0.5, 9, decay=0.5, decay_steps=2, batch=20),
        AdamW(0.5, 9, decay=0.5, batch=20),
        AdamW(0.5, 9, decay=0.5, decay_steps=3, batch=20),
        InverseSqrtSgd(0.5, 9, period=2, batch=20),
        Rising(0.5, 9, batch=20),
    ],
    ids=repr,
)
def test_every_step_has_its_rate(optimizer: Sgd, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = SMALL.but(optimizer=optimizer)
    split = experiment.data.split(None, 0)
    replica = Replica(built(experiment, 0, split), experiment, 0, split, "cpu")
    seen: list[list[float]] = []

    def descend(order: np.ndarray, rates: list[float]) -> float:
        seen.append(rates)
        return 0.0

    monkeypatch.setattr(replica, "_descend", descend)
    for epoch in (0, 3):
        replica.epoch(epoch)
    steps = replica.steps
    assert steps > 3
    assert seen == [[optimizer.lr_at(e * steps + i, steps) for i in range(steps)] for e in (0, 3)]
