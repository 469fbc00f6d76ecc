"""Progress on a terminal and in a log."""

from __future__ import annotations

import io

from harness.suite.live import Terminal
from harness.tests.plans import FIT, computed, fleet, runs, status_after


def test_what_was_under_way_is_said_when_a_session_is_stopped() -> None:
    shown, terminal = io.StringIO(), Terminal()
    terminal.open(shown)
    terminal.show(status_after([fleet(FIT, 10.0)], [computed(runs(FIT)[0], 1.0)]), False)
    terminal.close()
    terminal.close()
    said = "stopped: trained 1 of 3 runs (33 %), 0 s"
    assert shown.getvalue().startswith(said)
    assert shown.getvalue().endswith("; what is done is kept\n")
    assert shown.getvalue().count("\n") == 1


def test_a_plain_line_names_what_trains() -> None:
    shown, terminal = io.StringIO(), Terminal()
    terminal.open(shown)
    terminal.show(status_after([fleet(FIT, 10.0)], []), False)
    terminal.write()
    assert shown.getvalue() == "trained 0 of 3 runs (0 %), 0 s; Mlp(width=64), 100 images: 0 of 3 runs\n"
    terminal.close()
