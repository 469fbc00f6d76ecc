"""The shipped table of what runs cost: read, believed as far as it goes, and missed by nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.lab import prices
from harness.lab.prices import NOTHING, Costs, made, probed, shipped, slowness


def test_the_table_is_read_by_the_beginning_of_a_kind() -> None:
    table = Costs(kinds={"ab" * 6: 2.5}, alike={"Mlp Sgd": 0.5})
    assert table.of("ab" * 32) == 2.5
    assert table.of("cd" * 32) == 0.0
    assert (table.ratio(("Mlp", "Sgd")), table.ratio(("Sgd", "Mlp"))) == (0.5, 0.0)


def test_a_table_that_is_missing_or_damaged_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for content in (None, b"{", b'{"kinds": 3}'):
        file = tmp_path / "costs.json"
        if content is not None:
            file.write_bytes(content)
        monkeypatch.setattr(prices, "FILE", file)
        shipped.cache_clear()
        assert shipped() == NOTHING
    monkeypatch.undo()
    shipped.cache_clear()
    assert shipped().kinds


def test_the_same_costs_make_the_same_bytes() -> None:
    one = made({"b" * 64: 1.2345, "a" * 64: 2.0}, {("Mlp", "Sgd"): [0.1, 0.4]}, 0.001)
    assert one == made({"a" * 64: 2.0, "b" * 64: 1.2345}, {("Mlp", "Sgd"): [0.4, 0.1]}, 0.001)
    assert b'"bbbbbbbbbbbb": 1.23' in one
    assert b'"Mlp Sgd": 0.2' in one  # the median in logarithms


def test_without_timings_the_loop_tells_and_without_a_loop_nothing() -> None:
    assert slowness(Costs(probe=probed() / 2), {}) == pytest.approx(2.0)
    assert slowness(NOTHING, {}) == 1.0


def test_a_few_timings_do_not_tell_and_zeros_never() -> None:
    kinds = [f"{i:012d}".ljust(64, "0") for i in range(prices.ENOUGH)]
    table = Costs(probe=probed(), kinds={kind[: prices.KIND]: 1.0 for kind in kinds})
    assert slowness(table, dict.fromkeys(kinds[:-1], 3.0)) == pytest.approx(1.0)
    assert slowness(table, dict.fromkeys(kinds, 3.0)) == pytest.approx(3.0)
    assert slowness(table, dict.fromkeys(kinds, 0.0)) == pytest.approx(1.0)
