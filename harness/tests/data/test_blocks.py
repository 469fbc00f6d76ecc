"""Blocks of rows: each row is in one of them, in order, and none is larger than asked for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.data.blocks import blocks


@given(st.integers(0, 50), st.integers(1, 60))
def test_blocks_cover_every_row_once_and_in_order(n: int, size: int) -> None:
    parts = list(blocks(n, size))
    rows = list(range(n))
    assert [row for part in parts for row in rows[part]] == rows
    assert all(0 < part.stop - part.start <= size for part in parts)
    assert sum(part.stop - part.start < size for part in parts) <= 1
