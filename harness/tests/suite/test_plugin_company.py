"""Plugins that people have beside ours: the same verdicts in their company, and reports that name no place.

``tox -e company`` brings them. Some act unasked (they shuffle, or draw the terminal), so that no other test
runs with them.
"""

from __future__ import annotations

import getpass
import importlib.util
import os
import platform
import sys
from pathlib import Path

import pytest

from harness.tests.suites import COMPANY, Session, run, write

MISSING = [package for module, package in COMPANY.items() if not importlib.util.find_spec(module)]

if MISSING:
    pytest.skip(f"tox -e company brings {', '.join(MISSING)}", allow_module_level=True)

PYPROJECT = """
[tool.pytest]
strict = true
addopts = ["-ra", "-p", "no:cacheprovider", "-p", "no:benchmark"]
"""
CLAIMS = """
@pytest.mark.parametrize("shift", [1.0, 2.0])
@claim(PAPER, "S1", says="x is large", reported="words", adapted=SMALL)
@trained(x=lambda shift: about(shift))
@control(x=about(0.0), says="no shift")
def test_large(x, check, shift):
    large(x, check)


@claim(PAPER, "S2", says="x is large without a shift", reported="words", adapted=SMALL)
@trained(x=NULL)
@control(x=about(1.0), says="a shift", positive=True)
def test_null(x, check):
    large(x, check)


@claim(PAPER, "S3", says="this cannot be computed", reported="words", adapted=SMALL)
@trained(x=Simulation(fails, {}))
@control(x=NULL, says="no shift")
def test_failing(x, check):
    large(x, check)


@claim(PAPER, "S4", says="integers are commutative", reported="words", adapted=SMALL)
@trained(world=0)
@control(world=1, says="one more on one side")
@given(a=st.integers(), b=st.integers())
def test_exact(world, a, b):
    assert a + b + world == b + a
"""
VERDICTS = {
    "large[1.0]": "reproduced", "large[2.0]": "reproduced", "null": "refuted", "failing": "error",
    "exact": "reproduced",
}  # fmt: skip
ASKED: dict[str, tuple[str, ...]] = {
    "beside us": (),
    "randomly": ("--randomly-seed", "7"),
    "repeat": ("--count", "2"),
    "rerunfailures": ("--reruns", "1"),
    "cov": ("--cov", ".", "--cov-report", "term"),
    "html": ("--html", "theirs.html", "--self-contained-html"),
    "instafail": ("--instafail",),
    "timeout": ("--timeout", "100"),
    "all at once": (
        "--count", "2", "--reruns", "1", "--cov", ".", "--html", "theirs.html", "--instafail",
        "--timeout", "100",
    ),
}  # fmt: skip
"""What people ask of them."""


def told(session: Session) -> None:
    """The verdicts are those that we come to alone, once each, and nothing tells where they were come to."""
    session.says("5 claims judged: 3 reproduced, 1 refuted, 1 error; 2 unexpected")
    assert session.status == pytest.ExitCode.TESTS_FAILED
    assert session.verdicts == VERDICTS
    assert len(session.report.claims) == len(VERDICTS)
    assert "INTERNALERROR" not in session.text
    assert "Traceback" not in session.text
    private = [str(session.folder), str(Path.home()), platform.node()]
    private += [getpass.getuser()] if len(getpass.getuser()) > 4 else []
    for file in (session.folder / "rep").iterdir():
        content = file.read_text()
        assert not [word for word in private if word in content], file.name


def judged(folder: Path, *arguments: str) -> Session:
    """A session of its own: what others import, or have loaded too early, is part of what is tried."""
    write(folder, CLAIMS)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    return run(folder, "--report", "rep", *arguments, PYTHONPATH=os.pathsep.join(sys.path))


@pytest.mark.parametrize("asked", ASKED)
def test_verdicts_are_the_same_in_their_company(asked: str, tmp_path: Path) -> None:
    told(judged(tmp_path, *ASKED[asked]))


@pytest.mark.parametrize("asked", ["beside us", "all at once"])
def test_verdicts_are_the_same_with_workers_too(asked: str, tmp_path: Path) -> None:
    told(judged(tmp_path, "-n", "2", *ASKED[asked]))


def test_what_forks_for_every_claim_is_refused(tmp_path: Path) -> None:
    judged(tmp_path, "--forked").refused("--forked judges claims in processes that cannot say")
