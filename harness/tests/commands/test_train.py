"""``python -m harness train``: what fails is told with its cause."""

from __future__ import annotations

from pathlib import Path

from harness.lab.lab import Lab
from harness.tests.simulated import at, drawn, named, raising
from harness.tests.suites import run_harness


def test_a_run_that_fails_is_told_with_its_cause(suite: Path) -> None:
    done = run_harness(suite, "train", "standard", "--processes", "1")
    assert done.status == 1
    done.says("trained 0 runs", "5 failed: ValueError: no convergence (replicate 0 of Simulation(fails))")
    assert "Traceback" not in done.text


def test_failures_are_told_once_each(tmp_path: Path) -> None:
    from harness.commands.train import failed

    lab = Lab(at(tmp_path))
    runs = [*lab.runs(named(raising), 3), *lab.runs(named(drawn), 2)]
    lab.ensure(runs)
    (line,) = failed(lab.failures, runs)
    assert line == "3 failed: OverflowError: the first line (replicate 0 of Simulation(raising))"
