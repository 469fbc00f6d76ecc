"""Checks as CSV: a row each, numbers as they are, no formulas."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import msgspec
import pytest

from harness.__main__ import main
from harness.evidence.schema import Report
from harness.report import sheet
from harness.spec.verdict import Verdict
from harness.tests.reports import HOSTILE, bare, claim, control, evidence, refutation, report


def rows(*reports: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(sheet.render(reports))))


def test_a_row_for_each_check_of_claim_and_controls() -> None:
    several = claim(checks=(evidence(), evidence(estimate=0.5)), controls=(control(),))
    told = rows(report(several, refutation()))
    assert [(row["world"], row["check"]) for row in told] == [
        ("claim", "1"), ("claim", "2"), ("control", "1"),
        ("claim", "1"), ("control", "1"), ("positive control", "1"),
    ]  # fmt: skip
    first = told[0]
    assert list(first) == list(sheet.COLUMNS)
    assert (first["tier"], first["paper"], first["verdict"]) == ("quick", "RIVER2017", "reproduced")
    assert float(first["estimate"]) == evidence().estimate
    assert (first["lower_bound"], first["upper_bound"]) == ("0.1", "")
    assert (first["unexpected"], first["commit"]) == ("false", "0123456789abcdef")
    assert told[3]["claim_verdict"] == "refuted"


def test_a_claim_without_checks_has_a_row_with_its_reason() -> None:
    (row,) = rows(report(bare(Verdict.NOT_RUN, reason="no data")))
    assert (row["claim_verdict"], row["reason"], row["check"], row["estimate"]) == (
        "not run",
        "no data",
        "",
        "",
    )


@pytest.mark.parametrize("sign", ["=", "+", "-", "@"])
def test_no_text_is_a_formula(sign: str) -> None:
    (row,) = rows(report(claim(says=f"{sign}cmd|' /C calc'!A0", controls=())))
    assert row["says"].startswith(f"'{sign}")
    negative = rows(report(claim(checks=(evidence(estimate=-0.5),), controls=())))
    assert negative[0]["estimate"] == "-0.5"


def test_hostile_texts_stay_in_their_cells() -> None:
    told = rows(report(claim(says=HOSTILE, where='a "b", c\nd', controls=())))
    assert len(told) == 1
    assert told[0]["where"] == 'a "b", c d'


def test_reports_are_printed_one_below_the_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, tier in (("a", "quick"), ("b", "standard")):
        (tmp_path / name).mkdir()
        one = report(claim(tier=tier, figures=(), controls=()))
        (tmp_path / name / "report.json").write_bytes(msgspec.json.encode(one))
    assert main(["report", str(tmp_path / "a"), str(tmp_path / "b"), "--csv"]) == 0
    told = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["tier"] for row in told] == ["quick", "standard"]
    assert not (tmp_path / "a" / "report.md").exists()
