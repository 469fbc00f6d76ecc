"""What an entry says of the outcome that its claim declares: one verdict, or two of which either may come."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.report import render
from harness.tests.suites import Session, run, write

EITHER = """
EITHER = {"quick": ("inconclusive or reproduced", "half a deviation from its bound")}

@claim(PAPER, "S1", says="at the edge", adapted=SMALL, expected=EITHER)
@trained(x=about(0.5))
@control(says="no shift", x=NULL)
def test_edge(x, check):
    large(x, check)

@claim(PAPER, "S1", says="beyond it", adapted=SMALL, expected=EITHER)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_beyond(x, check):
    large(x, check)

BELOW = pytest.mark.claimed(expected=EITHER)

@claim(PAPER, "S1", says="x has a side", adapted=SMALL)
@trained(x=lambda centre: about(centre))
@control(says="far up", positive=True, x=about(9.0))
@control(says="no shift", x=NULL)
@pytest.mark.parametrize("centre", [pytest.param(-1.0, marks=BELOW), pytest.param(1.0, marks=BELOW)])
def test_side(x, check, centre):
    large(x, check)
"""


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A session in which each of the two verdicts comes out, and one that was not declared."""
    return run(write(tmp_path_factory.mktemp("either"), EITHER), "-n", "2", "--report", "rep")


def test_either_of_two_declared_verdicts_is_expected(judged: Session) -> None:
    entries = {claim.id.partition("::test_")[2]: claim for claim in judged.report.claims}
    outcomes = {name: (claim.verdict.value, claim.unexpected) for name, claim in entries.items()}
    assert outcomes == {
        "edge": ("inconclusive", False),
        "beyond": ("reproduced", False),
        "side[-1.0]": ("refuted", True),
        "side[1.0]": ("reproduced", False),
    }
    assert {claim.expected.value for claim in entries.values()} == {"reproduced or inconclusive"}
    assert judged.status == 1
    judged.says("1 failed, 3 passed", "refuted, expected reproduced or inconclusive: ")


def test_whatever_is_shown_says_both_verdicts_and_why(judged: Session) -> None:
    why = "half a deviation from its bound"
    judged.says(
        f"as expected (reproduced or inconclusive): {why}",
        "UNEXPECTED, expected reproduced or inconclusive: ",
        f"expected because: {why}",
    )
    folder = judged.folder / "rep"
    for shown in ("report.md", "report.html"):
        text = (folder / shown).read_text(encoding="utf-8")
        lines = [line.lower() for line in text.splitlines() if why in line]
        expected = [line for line in lines if f"reproduced or inconclusive was expected: {why}" in line]
        assert len(expected) == 4
        assert sum("unexpected: " in line for line in expected) == 1
    assert '"red"' in (folder / "badge.json").read_text()


def test_a_report_of_single_words_is_still_read(judged: Session, tmp_path: Path) -> None:
    text = (judged.folder / "rep" / "report.json").read_text(encoding="utf-8")
    (tmp_path / "report.json").write_text(
        text.replace('"reproduced or inconclusive"', '"inconclusive"'), encoding="utf-8"
    )
    (report,) = render.load([tmp_path])
    assert {claim.expected.value for claim in report.claims} == {"inconclusive"}
