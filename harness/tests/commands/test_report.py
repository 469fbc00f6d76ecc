"""``python -m harness report``: rendered again, and compared."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from harness.__main__ import main
from harness.spec.verdict import Verdict
from harness.tests.reports import claim, report


def test_report_renders_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "report.json").write_bytes(msgspec.json.encode(report()))
    assert main(["report", str(tmp_path)]) == 0
    first = (tmp_path / "report.html").read_bytes()
    assert main(["report", str(tmp_path), "--out", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again" / "report.html").read_bytes() == first
    (tmp_path / "report.json").write_text("{}")
    assert main(["report", str(tmp_path)]) == 1
    assert main(["report", str(tmp_path / "nowhere")]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert all("report.json" in row or "nowhere" in row for row in errors)


def test_two_reports_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("harness.report.diff")
    flipped = claim(verdict=Verdict.REFUTED, unexpected=True)
    for name, one in (("a", claim()), ("b", flipped)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").write_bytes(msgspec.json.encode(report(one)))
    a, b = str(tmp_path / "a"), str(tmp_path / "b" / "report.json")
    assert main(["report", "--diff", a, a]) == 0
    capsys.readouterr()
    assert main(["report", "--diff", a, b]) == 1
    assert "random_labels_are_fit" in capsys.readouterr().out
    assert main(["report", "--diff", a, b, "--json"]) == 1
    assert isinstance(json.loads(capsys.readouterr().out), dict)
    assert main(["report", "--diff", a, str(tmp_path / "c")]) == 1


def test_a_comparison_that_compares_nothing_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, one in (("a", claim()), ("b", claim("another"))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").write_bytes(msgspec.json.encode(report(one)))
    assert main(["report", "--diff", str(tmp_path / "a"), str(tmp_path / "b")]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "no claim has a result in both reports" in error
