"""``python -m harness``: its help, its exit statuses, and readers that have seen enough."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.__main__ import COMMANDS, main
from harness.tests.suites import ROOT, environment, write_claims

CLAIMS = """
@claim(PAPER, "S1", says="x is small", reported="words", adapted=SMALL)
@trained(x=about(1.0))
def test_small(x, check):
    large(x, check)
"""


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for name in COMMANDS:
        assert ended(name, "--help") == 0
        shown = capsys.readouterr().out
        assert f"examples:\n  python -m harness {name} " in shown, shown
    assert ended("--help") == 0
    shown = capsys.readouterr().out
    assert all(f"    {name} " in shown for name in COMMANDS)
    assert "exit status:" in shown


@pytest.mark.parametrize(
    "arguments",
    [
        (), ("lists",), ("plan", "quickly"), ("train", "--processes", "0"), ("train", "--processes", "x"),
        ("report",), ("report", "a", "--diff", "a", "b"), ("store",), ("store", "gc", "fast"),
        ("data",), ("data", "digest"), ("doctor", "large"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_wrong_command_line_is_status_2(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(*arguments) == 2
    assert "python -m harness" in capsys.readouterr().err


def ended(*arguments: str) -> object:
    """The status with which the command line itself ends the program."""
    with pytest.raises(SystemExit) as ending:
        main(list(arguments))
    return ending.value.code


def test_an_interrupt_is_status_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(asked: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.commands.doctor.diagnosis", interrupted)
    assert main(["doctor"]) == 130
    assert capsys.readouterr().err == "python -m harness doctor: interrupted\n"


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    suite = write_claims(tmp_path, CLAIMS)
    command = [sys.executable, "-m", "harness", "list"]
    with subprocess.Popen(
        command, cwd=suite, env=environment(suite), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as listing:
        assert listing.stdout is not None
        assert listing.stderr is not None
        listing.stdout.close()
        assert listing.stderr.read() == b""
    assert listing.returncode == 0


def test_without_standard_output_nothing_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A program may be started with it closed (``>&-``)."""
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["report", str(ROOT / "reports" / "quick"), "--csv"]) == 0
    assert capsys.readouterr().err == ""
