"""``list --json`` with what reports say of each claim, documented field by field."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec

from harness.report.truth import TrueCheck, TrueVerdict
from harness.tests.suites import ROOT, run_harness


def fields() -> set[str]:
    text = (ROOT / "docs/EVIDENCE.md").read_text()
    rows = text.partition("<!-- fields -->")[2].partition("<!-- end of fields -->")[0].splitlines()
    return {name for row in rows for name in re.findall(r"`([\w.]+)`", row.split(" | ")[0])}


def test_every_field_is_documented(judged: Path) -> None:
    (entry, *_) = json.loads(run_harness(judged, "list", "--json").text.partition("imported torch")[0])
    assert fields() == {
        *entry,
        *(f"judged.{name}" for name in TrueVerdict.__struct_fields__),
        *(f"checks.{name}" for name in TrueCheck.__struct_fields__),
    }


def test_reports_are_read_where_they_lie(judged: Path, tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/quick").symlink_to(judged / "rep")
    done = run_harness(judged, "list", "--json", "--reports", str(tmp_path / "reports"), "-k", "large")
    entries = json.loads(done.text.partition("imported torch")[0])
    assert {entry["judged"]["quick"]["verdict"] for entry in entries} == {"reproduced"}
    (large,) = (entry for entry in entries if entry["id"].endswith("test_large"))
    (check,) = large["judged"]["quick"]["checks"]
    assert (check["lower_bound"], check["upper_bound"]) == (0.5, None)
    assert msgspec.json.decode(json.dumps(check), type=TrueCheck).because == "half of what was reported"
