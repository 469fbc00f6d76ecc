"""What all commands print with: bytes for people, and tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from harness import commands


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (98_762, "99 KB"), (2.5e9, "2.5 GB"), (4e15, "4000 TB")],
)
def test_bytes_for_people(count: float, text: str) -> None:
    assert commands.sized(count) == text


def test_a_table_has_columns() -> None:
    rows: Sequence[Sequence[Any]] = [("a", 1, "x"), ("bbb", 100, "y")]
    assert commands.table(rows, right="1") == ["a      1  x", "bbb  100  y"]
