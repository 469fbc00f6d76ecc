"""Sessions that are asked to end, end with a status of their own, and go on when they are repeated."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from harness.fleet.pausing import AGAIN, GRACE
from harness.suite import stopping
from harness.tests.suites import inside, run, run_harness, write, write_claims

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.usefixtures("patient")

CLAIMS = """
@claim(PAPER, "S1", says="x is large", reported="words", adapted=SMALL)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_large(x, check):
    large(x, check)


@claim(PAPER, "S2", says="x may be large", reported="words", adapted=SMALL,
       expected={"quick": ("inconclusive", "at the edge")})
@trained(x=about(0.5))
@control(says="no shift", x=NULL)
def test_edge(x, check):
    large(x, check)
"""
LONG = """
@claim(PAPER, "S1", says="x is large", reported="words", adapted=SMALL)
@trained(x=about(1.0, seconds=600))
@control(says="no shift", x=NULL)
def test_long(x, check):
    large(x, check)
"""
SAYS = "what was under way is kept, and the same command goes on from there"


def draws(folder: Path) -> int:
    """How many runs were computed."""
    return len((folder / "draws").read_text().splitlines())


def test_a_session_ends_when_its_time_is_over_and_goes_on_when_it_is_repeated(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(pytester.path, LONG)
    session = inside(pytester, monkeypatch, "--max-time", "0.3s")
    assert session.status == AGAIN
    session.says(f"ended by --max-time 0.3s: {SAYS}")
    assert "INTERNALERROR" not in session.text
    (pytester.path / "test_tiny.py").write_text(
        (pytester.path / "test_tiny.py").read_text().replace("600", "0")
    )
    before = signal.getsignal(signal.SIGTERM)
    assert inside(pytester, monkeypatch, "--max-time", "1h").status == 0
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_ends_the_workers_of_a_session_too(tmp_path: Path) -> None:
    write(tmp_path, LONG)
    began = time.monotonic()
    session = run(tmp_path, "-n", "2", "--max-time", "4s")
    assert session.status == AGAIN
    if time.monotonic() - began < GRACE:  # after it a machine that is as slow as that ends it without words
        session.says(f"ended by --max-time 4s: {SAYS}")
    assert "INTERNALERROR" not in session.text
    assert time.monotonic() - began < 60


def test_a_claim_with_a_fixture_of_its_own_is_left_to_pytest(tmp_path: Path) -> None:
    body = CLAIMS.replace("def test_large(x, check)", "def test_large(x, check, tmp_path)")
    write_claims(tmp_path, body)
    session = run_harness(tmp_path, "train", "--until-decided", "--processes", "1", "-k", "large")
    assert session.status == 1
    session.says(
        "cannot be judged: claims/test_tiny.py::test_large (quick): Mistake: it takes the fixture tmp_path"
    )


def test_workers_that_are_listed_are_asked_and_others_are_not(tmp_path: Path) -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        with stopping._listed(tmp_path / f"{os.getpid()}{stopping.PROCESS}"):
            stopping._ask(tmp_path)
        stopping._ask(tmp_path)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]
    (tmp_path / f"{2**22 + 1}{stopping.PROCESS}").touch()  # no process has this number
    stopping._ask(tmp_path)


@pytest.mark.usefixtures("warm")
def test_a_command_ends_when_its_time_is_over_and_goes_on_when_it_is_repeated(tmp_path: Path) -> None:
    write_claims(tmp_path, LONG)
    session = run_harness(tmp_path, "train", "--max-time", "2s")
    assert session.status == AGAIN
    session.says("0 failed", f"ended by --max-time 2s: {SAYS}")
    assert "Traceback" not in session.text


def test_nothing_is_trained_where_that_is_asked_for(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(pytester.path, CLAIMS)
    nothing = inside(pytester, monkeypatch, "--no-train", "--report", "rep")
    nothing.says("0 runs to judge, nothing is trained; 15 more are needed and not there")
    assert nothing.status == 0
    assert set(nothing.verdicts.values()) == {"not run"}
    assert {c.reason for c in nothing.report.claims} == {
        "needs runs that are not in the store: run without --no-train"
    }
    assert not (pytester.path / "draws").exists()
    assert not (pytester.path / "store").exists()
    assert inside(pytester, monkeypatch, "-k", "large").status == 0
    computed = draws(pytester.path)
    partly = inside(pytester, monkeypatch, "--no-train", "--report", "rep")
    assert partly.verdicts == {"large": "reproduced", "edge": "not run"}
    assert draws(pytester.path) == computed == 10


def test_without_training_a_verdict_rests_on_the_replicates_that_are_there(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_claims(pytester.path, CLAIMS)
    assert run_harness(pytester.path, "train", "--processes", "1").status == 0
    session = inside(pytester, monkeypatch, "claims", "--no-train", "--report", "rep", "-k", "edge")
    (entry,) = session.report.claims
    assert entry.verdict.value == "inconclusive"
    assert "more than 5 replicates were not trained: run without --no-train to train them" in entry.reason
    assert draws(pytester.path) == 15


def test_further_replicates_of_all_undecided_claims_are_trained_together(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_claims(pytester.path, CLAIMS)
    session = run_harness(pytester.path, "train", "--until-decided", "--processes", "1")
    assert session.status == 0, session.text
    session.says("undecided: 1 of 2 items, further replicates", "undecided: 0 of 1 items")
    computed = draws(pytester.path)
    assert computed == 25  # ten replicates of the claim at the edge and of its control, five of the other
    judged = inside(pytester, monkeypatch, "claims", "--report", "rep")
    assert judged.verdicts == {"large": "reproduced", "edge": "inconclusive"}
    assert draws(pytester.path) == computed  # judging reads no more than that
