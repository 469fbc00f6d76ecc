"""``python -m harness fresh``: other replicates are judged, and what came out otherwise is said."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from harness.commands import fresh
from harness.evidence.schema import ClaimReport, Report, decode
from harness.report import render
from harness.spec.verdict import Verdict
from harness.tests.suites import Session, run, run_harness, write_claims

CLAIMS = """
@claim(PAPER, "S1", says="x is large", reported="words", adapted=SMALL)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_large(x, check):
    large(x, check)
    check.draw("Figure 1", series="s", x=[1, 2], y=x.array("curve"))

EITHER = {"quick": ("inconclusive or reproduced", "it lies on its bound")}

@claim(PAPER, "S1", says="at the edge", reported="words", adapted=SMALL, expected=EITHER)
@trained(x=about(0.5))
@control(says="no shift", x=NULL)
def test_edge(x, check):
    large(x, check)

@claim(PAPER, "S5", says="adding nothing changes nothing", reported="words", adapted=SMALL)
@trained(world=0)
@control(says="one off", world=-1)
@given(n=st.integers(0, 100))
def test_exact(world, n):
    assert n == n + world
"""
FRESH = range(3000, 3010)


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with a report of its quick tier, and its records in a store."""
    folder = write_claims(tmp_path_factory.mktemp("fresh"), CLAIMS)
    judged = run(folder, "claims", "-m", "quick", "--report", "reports/quick")
    assert judged.status == 0, judged.text
    return folder


@pytest.fixture(scope="module")
def again(suite: Path) -> Session:
    """Its judgement on fresh replicates, with a report of its own."""
    done = run_harness(suite, "fresh", "quick", "--report", "rep")
    assert done.status == 0, done.text
    return done


def replicates(claim: ClaimReport) -> list[int]:
    return sorted({run.replicate for run in (*claim.runs, *claim.control_runs)})


def test_the_tier_is_judged_on_other_replicates(suite: Path, again: Session) -> None:
    ordinary = decode((suite / "reports" / "quick" / "report.json").read_bytes())
    for report, every in ((ordinary, range(10)), (again.report, FRESH)):
        read = {claim.id.partition("::test_")[2]: replicates(claim) for claim in report.claims}
        assert read == {"large": list(every[:5]), "edge": list(every), "exact": []}
    values = [
        {v for c in r.claims for check in c.checks for v in check.values} for r in (ordinary, again.report)
    ]
    assert values[0]
    assert not values[0] & values[1]
    seen = again.report.provenance
    assert (seen.first_replicate, seen.replicates) == (3000, "3000 to 3009")
    assert (ordinary.provenance.first_replicate, ordinary.provenance.replicates) == (
        0,
        "0 and up; quick: up to 10",
    )
    assert all(claim.command.endswith('" --first-replicate 3000') for claim in again.report.claims)
    assert not any("first-replicate" in claim.command for claim in ordinary.claims)
    again.says(
        "tier quick (-m quick), replicates 3000 and up", " verdicts on replicates 3000 and up ",
        "replicates 3000 to 3009 beside reports/quick (0 and up; quick: up to 10):",
        "\n3 of 3 the same, none opposite\n",
    )  # fmt: skip


def test_a_session_of_workers_judges_them_too(suite: Path, again: Session) -> None:
    done = run(suite, "claims", "-m", "quick", "--first-replicate", "3000", "-n", "2", "--report", "spread")
    assert done.status == 0, done.text
    done.says("0 runs to train", " verdicts on replicates 3000 and up ")
    report = decode((suite / "spread" / "report.json").read_bytes())
    assert report.provenance.replicates == "3000 to 3009"
    assert {c.id: replicates(c) for c in report.claims} == {c.id: replicates(c) for c in again.report.claims}


def edited(suite: Path, folder: Path, changed: Callable[[ClaimReport], ClaimReport]) -> Path:
    """The suite's report with other verdicts, in a folder."""
    before: Report = decode((suite / "reports" / "quick" / "report.json").read_bytes())
    render.write(msgspec.structs.replace(before, claims=tuple(map(changed, before.claims))), folder)
    return folder


def test_what_came_out_otherwise_is_told_worst_first_and_an_opposite_is_status_1(
    suite: Path, again: Session, tmp_path: Path
) -> None:
    verdicts = {"test_large": Verdict.REFUTED, "test_edge": Verdict.REPRODUCED}

    def other(claim: ClaimReport) -> ClaimReport:
        return msgspec.structs.replace(
            claim, verdict=verdicts.get(claim.id.rpartition("::")[2], claim.verdict)
        )

    against = edited(suite, tmp_path / "other", other)
    done = run_harness(suite, "fresh", "quick", "--against", str(against))
    assert done.status == 1
    told = done.text.partition(f"beside {against}")[2].splitlines()[1:]
    assert told[0] == "  opposite  ✗ refuted → ✓ reproduced         n 5 → 5  foretold > 99 %  large"
    other_row = re.compile(r"  declared  ✓ reproduced → \? inconclusive  n 10 → 10  foretold \d+ %    edge")
    assert other_row.fullmatch(told[1])
    assert told[3] == "      reproduced or inconclusive was expected: it lies on its bound"
    assert told[4] == "1 of 3 the same, 1 another that they declare, 1 opposite"


def test_a_selection_for_programs(suite: Path, again: Session) -> None:
    done = run_harness(suite, "fresh", "quick", "claims/test_tiny.py::test_large", "-k", "large", "--json")
    assert done.status == 0, done.text
    said = done.json
    assert (said["same"], said["other"], said["opposite"], said["unknown"]) == (1, 0, 0, [])
    (item,) = said["items"]
    assert (item["outcome"], item["before"], item["after"], item["n_after"]) == ("same",) + (
        "reproduced",
    ) * 2 + (5,)


def test_such_a_report_takes_no_other_ones_place(suite: Path, again: Session) -> None:
    before = (suite / "reports" / "quick" / "report.json").read_bytes()
    for refused in (
        run_harness(suite, "fresh", "quick", "--report", "reports/quick"),
        run(suite, "claims", "--first-replicate", "3000", "--report", "reports/quick"),
    ):
        assert refused.status in (1, 4)
        refused.says(
            "--report reports/quick: the report there is of replicates 0 and up, and one of 3000 and up"
        )
    assert (suite / "reports" / "quick" / "report.json").read_bytes() == before
    exporting = run_harness(suite, "store", "export", "rep")
    assert exporting.status == 1
    exporting.says("rep: replicates 3000 and up were judged; shipped are those from 0 on")
    same = run_harness(suite, "fresh", "quick", "--against", "rep")
    assert same.status == 1
    same.says("fresh: rep: that report is of the same replicates (3000 to 3009)")


def test_what_makes_no_sense_is_one_line(suite: Path) -> None:
    why = "verdicts have read replicates 0 to 99"
    for done, status in (
        (run_harness(suite, "fresh", "quick", "--first", "1000"), 2),
        (run_harness(suite, "plan", "--first-replicate", "x"), 2),
        (run(suite, "claims", "--first-replicate", "7"), 4),
    ):
        assert done.status == status
        done.says(why if "--first-replicate: 'x'" not in done.text else "'x' is not a number from 0 up")
    missing = run_harness(suite, "fresh", "full")
    assert missing.status == 1
    missing.says("reports/full: No such file")
    nothing = run_harness(suite, "fresh", "quick", "-k", "nothing")
    assert nothing.status == 1
    nothing.says("nothing was judged (pytest ended with status 5): see above")


def test_an_interrupted_session_ends_its_own_processes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = subprocess.Popen.wait
    interrupts = iter([KeyboardInterrupt])

    def wait(session: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        for interrupt in interrupts:
            raise interrupt
        return waited(session, timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", wait)
    ended = tmp_path / "ended"
    slow = f"import pathlib, time; time.sleep(0.5); pathlib.Path({str(ended)!r}).touch()"
    with pytest.raises(KeyboardInterrupt):
        fresh._ended([sys.executable, "-c", slow], quiet=False)
    assert ended.exists()


def test_they_are_planned_and_trained_ahead_and_kept(suite: Path, tmp_path: Path) -> None:
    folder = tmp_path / "ahead"
    shutil.copytree(suite / "claims", folder / "claims")
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(suite / name, folder / name)
    ahead = ("--first-replicate", "3000")
    assert run_harness(folder, "train", "--processes", "1").status == 0
    run_harness(folder, "plan", *ahead).says("15 runs to train", "0 in the store")
    run_harness(folder, "train", "--processes", "1", *ahead).says("trained 15 runs", "0 failed")
    run_harness(folder, "plan", *ahead).says("0 runs to train", "15 in the store")
    run_harness(folder, "store", "gc", "--all").says("nothing to remove")
    again = run(folder, "claims", *ahead, "-k", "large")
    again.says("0 runs to train, 10 in the store")
