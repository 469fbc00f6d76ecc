"""What a session says of itself: the command as it was given, and nothing of this machine."""

from __future__ import annotations

import pytest

from harness.suite.reporting import _without_paths


@pytest.mark.parametrize(
    "arguments, shown",
    [
        (["claims", "-m", "quick"], ["claims", "-m", "quick"]),
        (["/home/me/claims", "-q"], ["DIR", "-q"]),
        (["--store", "/data/store", "-x"], ["--store", "DIR", "-x"]),
        (["--report=/data/report", "--basetemp=/x"], ["--report=DIR", "--basetemp=DIR"]),
    ],
)
def test_folders_of_this_machine_are_left_out_of_the_command(arguments: list[str], shown: list[str]) -> None:
    assert _without_paths(arguments) == shown
