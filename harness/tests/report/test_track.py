"""Tracks stay on their axis and read as drawn."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.report import track
from harness.tests import reports

FIXED = settings(derandomize=True, deadline=None, database=None, max_examples=50)


NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)


@given(st.tuples(*[NUMBERS] * 6))
@FIXED
def test_a_track_stays_on_its_axis(numbers: tuple[float | None, ...]) -> None:
    names = ("estimate", "low", "high", "lower_bound", "upper_bound")
    check = msgspec.structs.replace(reports.evidence(), **dict(zip(names, numbers, strict=False)))
    laid = track.track(check, reports.evidence(estimate=numbers[5]))
    assert len(track.text(check)) in (0, 24)
    if laid is not None:
        places: list[Any] = [laid.estimate, laid.low, laid.high, laid.hold_low, laid.hold_high, laid.control]
        assert all(place is None or 0 <= place <= 1 for place in places)


OPEN: tuple[dict[str, Any], ...] = ({"high": None}, {"low": None})


def test_a_track_is_open_where_there_is_no_limit_and_shows_the_control_where_it_is() -> None:
    closed = track.track(reports.evidence(), reports.evidence(estimate=0.2))
    assert closed is not None
    assert not closed.open_low
    assert not closed.open_high
    assert closed.control is not None
    assert closed.estimate is not None
    assert closed.control < closed.estimate
    above, below = (track.track(reports.evidence(**ends)) for ends in OPEN)
    assert above is not None
    assert below is not None
    assert (above.open_low, above.open_high, above.high) == (False, True, 1.0)
    assert (below.open_low, below.open_high, below.low) == (True, False, 0.0)


def test_tracks_read_as_drawn() -> None:
    assert track.text(reports.evidence()) == "·░░░░░░░░░░░░├═══●════┤░"
    below = reports.evidence(estimate=0.05, low=None, high=0.08, lower_bound=None, upper_bound=0.02)
    assert track.text(below) == "◄═──────────●─────────┤·"
    assert track.text(reports.evidence(estimate=None, low=None, high=None)) == ""
