"""What is written wrongly on a command line: one clear line with cause and fix, a status, no traceback."""

from __future__ import annotations

import argparse
import contextlib
import functools
import io
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.__main__ import main
from harness.lab import provenance
from harness.tests.invocations import WRONG, Invocation, write_checkout
from harness.tests.suites import run, run_harness

UNCLEAR: tuple[str, ...] = ()
"""Those that are still not one clear line; a twentieth of all may be."""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small checkout with files of every wrong kind, for all invocations."""
    return write_checkout(tmp_path_factory.mktemp("checkout"))


_commit = functools.cache(provenance.commit)
"""What git says of a folder is asked once: nothing is committed meanwhile."""


@pytest.fixture
def _inside(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be in the checkout, with no variable of the harness set, and nothing of the user's within reach.

    What was imported from the checkout is forgotten afterwards: other tests have files of the same names.
    """
    for name in [n for n in os.environ if n.startswith(("HARNESS_", "PYTEST_"))]:
        if name != "PYTEST_CURRENT_TEST":
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(checkout / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(checkout)
    monkeypatch.syspath_prepend(str(checkout))
    monkeypatch.setattr(
        argparse, "_", str
    )  # it looks for translations on the disk at every option of a command
    monkeypatch.setattr(provenance, "commit", _commit)
    before = {*sys.modules}
    yield
    for name in {*sys.modules} - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(checkout)):
            del sys.modules[name]


def invoked(invocation: Invocation) -> tuple[object, list[str]]:
    """The status of a command line, run within this process, and the lines of all that it says."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            if invocation.line[:1] == ("pytest",):
                status: object = int(pytest.main([*invocation.line[1:], "--capture=no"]))
            else:
                status = main(list(invocation.line))
        except SystemExit as ending:
            status = ending.code
    return status, said.getvalue().splitlines()


def problems(invocation: Invocation, status: object, lines: list[str]) -> list[str]:
    """What is not as it should be: a status, one line of error, its words, no traceback."""
    of_pytest = invocation.line[:1] == ("pytest",)
    told = _of_pytest(lines) if of_pytest else lines
    return [
        *(["no status"] if not isinstance(status, int) or not status else []),
        *([f"{len(told)} lines"] if len(told) != 1 else []),
        *(["other words"] if not any(re.search(invocation.says, line) for line in told) else []),
        *(["a traceback"] if any("Traceback" in line or "INTERNALERROR" in line for line in lines) else []),
    ]


def _of_pytest(lines: list[str]) -> list[str]:
    """The lines of error among those of a session; argparse says its usage first, which is none."""
    errors = [line for line in lines if "ERROR" in line or "rror: " in line or "nothing is selected" in line]
    return [line for line in errors if not line.startswith("ERROR: usage:")]


@pytest.mark.usefixtures("_inside")
@pytest.mark.parametrize("invocation", WRONG, ids=str)
def test_one_line_says_what_is_wrong(invocation: Invocation, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in invocation.variables:
        monkeypatch.setenv(name, value)
    status, lines = invoked(invocation)
    wrong = problems(invocation, status, lines)
    if str(invocation) in UNCLEAR:
        assert wrong, "it is clear now: take it out of UNCLEAR"
    else:
        assert not wrong, "\n".join([f"{', '.join(wrong)}; status {status}", *lines])


def test_there_are_many_and_nearly_all_are_clear() -> None:
    names = [str(invocation) for invocation in WRONG]
    assert len(set(names)) == len(names) >= 250
    assert len(UNCLEAR) <= len(names) / 20
    assert set(UNCLEAR) <= set(names)


IN_PROCESSES = (
    ("plan", "--store", "text"), ("report", "--diff", "a", "b"), ("check", "mine.py:no"),
    ("train", "-k", "no_such"), ("pytest", "claims", "--report", ""),
    ("pytest", "claims", "--store", "half.gz"),
)  # fmt: skip


@pytest.mark.parametrize("line", IN_PROCESSES, ids=" ".join)
def test_processes_of_their_own_say_the_same(line: tuple[str, ...], checkout: Path) -> None:
    (invocation,) = (each for each in WRONG if each.line == line and not each.variables)
    done = run(checkout, *line[1:]) if line[0] == "pytest" else run_harness(checkout, *line)
    lines = [row for row in done.text.splitlines() if not row.startswith("imported torch")]
    assert not problems(invocation, done.status, lines), done.text
