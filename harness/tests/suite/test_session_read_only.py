"""Sessions over stores that are only read: one that cannot be written, and a file of shipped records."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import scipy.stats  # noqa: F401  # sessions inside this process need it, and parts cannot be imported twice

from harness.tests.suites import Session, inside, run, run_harness, write

pytest_plugins = ["pytester"]

Freeze = Callable[[Path], None]

CLAIMS = """
@claim(PAPER, "S1", says="x is large", reported="words", adapted=SMALL)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_large(x, check):
    large(x, check)

@claim(PAPER, "S1", says="x is larger", reported="words", adapted=SMALL)
@trained(x=about(2.0))
@control(says="no shift", x=NULL)
def test_larger(x, check):
    large(x, check)
"""


def test_a_session_judges_what_is_there(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, freeze: Freeze
) -> None:
    write(pytester.path, CLAIMS)

    def session(*arguments: str) -> Session:
        return inside(pytester, monkeypatch, "--report", "rep", *arguments)

    assert session("-k", "test_large and not larger").status == 0
    freeze(pytester.path / "store")
    done = session("-k", "test_large and not larger")
    assert (done.status, done.verdicts) == (0, {"large": "reproduced"})
    both = session()
    assert (both.status, both.verdicts) == (1, {"large": "reproduced", "larger": "error"})
    both.says("Read-only file system; use another with --store DIR")
    assert "INTERNAL" not in both.text
    assert session("--fresh").verdicts == {"large": "error", "larger": "error"}


DEADLY = """
import os, signal

@claim(PAPER, "S1", says="x is large", reported="words", adapted=SMALL)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
@pytest.mark.parametrize("nth", range(4))
def test_large(x, check, nth):
    check(above(x.final("x"), 0.5, because="half"))
    if nth == 2 and os.environ.get("DEADLY") and isinstance(x.records, list):
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_worker_that_dies_over_shipped_records_costs_its_item_alone(tmp_path: Path) -> None:
    write(tmp_path, "")
    (tmp_path / "test_tiny.py").unlink()
    write(tmp_path / "claims", DEADLY)
    for name in ("conftest.py", "pyproject.toml"):
        (tmp_path / "claims" / name).unlink()
    assert run(tmp_path, "claims", "-m", "quick", "--report", "rep").status == 0
    assert run_harness(tmp_path, "store", "export", "rep").status == 0
    shutil.rmtree(tmp_path / "store")
    (tmp_path / "temporary").mkdir()
    done = run(
        tmp_path, "claims", "-m", "quick", "--store", "rep/records.jsonl.gz", "--report", "rep", "-n", "2",
        DEADLY="1", TMPDIR=str(tmp_path / "temporary"),
    )  # fmt: skip
    assert done.status == 1, done.text
    expected = {f"large[{nth}]": "error" if nth == 2 else "reproduced" for nth in range(4)}
    assert done.verdicts == expected
    done.says("shipped records of commit unknown: 10 runs to judge, nothing is trained")
    assert "INTERNAL" not in done.text
    assert not list((tmp_path / "temporary").glob("overclaim-*"))
