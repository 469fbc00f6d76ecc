"""Orders of examples are those of the streams, whatever epochs are asked for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from harness.fleet import orders
from harness.fleet.orders import FEW, WORD, Orders
from harness.spec import Draws
from harness.spec.streams import stream_of

EPOCHS = [*range(FEW + 4), 63, 64, 65, 1000, 3, 70_000, WORD - 1, WORD]


@pytest.mark.parametrize(
    ("draws", "replicate"), [(Draws(), 0), (Draws(), 7), (Draws(order=3), 5), (Draws(order=41), 2**26)]
)
@pytest.mark.filterwarnings("error")
def test_orders_are_those_of_the_streams(draws: Draws, replicate: int) -> None:
    several = Orders(draws, replicate)
    for epoch in EPOCHS:
        expected = stream_of(draws, replicate, "order", epoch).permutation(101)
        assert np.array_equal(several.of(epoch, 101), expected), epoch


def test_few_generators_are_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    asked: Callable[..., np.random.Generator] = stream_of

    def counted(draws: Draws, replicate: int, purpose: str, epoch: int) -> np.random.Generator:
        made.append(epoch)
        return asked(draws, replicate, purpose, epoch)

    monkeypatch.setattr(orders, "stream_of", counted)
    several = Orders(Draws(), 0)
    for epoch in range(200):
        several.of(epoch, 5)
    assert len(made) <= FEW + 200 / orders.AT_ONCE + 1


def test_where_seeds_are_mixed_otherwise_numpys_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "LEFT", orders.LEFT + 2)
    several = Orders(Draws(), 1)
    for epoch in range(FEW + 5):
        expected = stream_of(Draws(), 1, "order", epoch).permutation(9)
        assert np.array_equal(several.of(epoch, 9), expected)
