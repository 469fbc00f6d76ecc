"""Batches: a last one of a single example joins its neighbour."""

from __future__ import annotations

import numpy as np
import pytest

from harness.fleet.replica import batches
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
