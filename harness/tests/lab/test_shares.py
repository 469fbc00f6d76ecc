"""What each run took of those that a GPU was given together."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.fleet import memory
from harness.fleet.stacked import Stack
from harness.lab import shares
from harness.lab.shares import Shares


def ticking(*seconds: float) -> Iterator[float]:
    yield from seconds


def test_runs_in_turn_have_their_own_seconds_and_are_no_fleet() -> None:
    clock = ticking(10.0, 10.5, 12.5, 12.75)
    each = Shares(3, "cpu", lambda: next(clock))
    took = [each.of("reference") for _ in range(3)]
    assert [share.seconds for share in took] == [0.5, 2.0, 0.25]
    assert [share.fleet for share in took] == [1, 1, 1]
    assert all(share.peak_bytes > 0 for share in took)


def test_runs_of_a_stack_have_equal_parts_of_the_time_until_they_end() -> None:
    clock = ticking(10.0, 14.0, 18.0)
    each = Shares(4, "cpu", lambda: next(clock))
    took = [each.of(Stack.kernel) for _ in range(2)]
    assert [(share.fleet, share.seconds) for share in took] == [(4, 1.0), (4, 2.0)]
    assert Stack.kernel == shares.STACKED


def test_the_peak_is_of_each_run_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    peaks = iter((500, 100))

    class Told:
        def __init__(self, device: str) -> None:
            self.value = next(peaks, 0)

        def bytes(self) -> int:
            return self.value

    monkeypatch.setattr(memory, "Peak", Told)
    each = Shares(2, "cuda")
    assert [each.of("reference").peak_bytes for _ in range(2)] == [500, 100]
