"""Orders of examples are those of the streams, whatever epochs are asked for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from harness.fleet import orders
from harness.fleet.orders import ENTRY_BYTES, FEW, SHORT, WORD, KeptOrders, Orders
from harness.spec import Draws
from harness.spec.streams import stream_of

EPOCHS = [*range(FEW + 4), 63, 64, 65, 1000, 3, 70_000, WORD - 1, WORD]


@pytest.fixture(autouse=True)
def _none_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "KEPT", KeptOrders())


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


def of_streams(replicate: int, epoch: int, n: int) -> np.ndarray:
    return stream_of(Draws(), replicate, "order", epoch).permutation(n)


def test_the_next_run_of_a_replicate_draws_no_order_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    first = [Orders(Draws(), 2).of(epoch, 31) for epoch in range(40)]
    monkeypatch.setattr(Orders, "_permuted", lambda *_: pytest.fail("drawn anew"))
    for epoch, expected in enumerate(first):
        assert np.array_equal(Orders(Draws(), 2).of(epoch, 31), expected)


def test_another_replicate_epoch_or_number_has_an_order_of_its_own() -> None:
    for replicate, epoch, n in ((0, 0, 20), (1, 0, 20), (0, 1, 20), (0, 0, 21), (0, 0, 20)):
        assert np.array_equal(Orders(Draws(), replicate).of(epoch, n), of_streams(replicate, epoch, n))


def test_what_a_run_does_to_its_order_is_not_kept() -> None:
    for _ in range(3):
        order = Orders(Draws(), 0).of(3, 50)
        assert order.dtype == np.int64
        assert np.array_equal(order, of_streams(0, 3, 50))
        order[:] = 0


@pytest.mark.parametrize("n", [SHORT, SHORT + 1])
def test_long_orders_are_whole(n: int) -> None:
    for _ in range(2):
        assert np.array_equal(Orders(Draws(), 0).of(0, n), of_streams(0, 0, n))


def test_the_orders_last_asked_for_are_kept_and_no_more_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "KEPT_BYTES", 3 * (2 * 10 + ENTRY_BYTES))
    kept = KeptOrders()
    for epoch in (0, 1, 2):
        kept.put((0, epoch, 10), np.arange(10))
        kept.put((0, epoch, 10), np.arange(10))  # by a run that drew it at the same time
    assert kept.get((0, 0, 10)) is not None
    kept.put((0, 3, 10), np.arange(10))
    assert [epoch for epoch in range(4) if kept.get((0, epoch, 10)) is not None] == [0, 2, 3]
