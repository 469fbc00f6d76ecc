"""The score of planted mistakes as a report has it: in one sentence, or not at all."""

from __future__ import annotations

from pathlib import Path

import msgspec

from harness.lab import provenance
from harness.lab.provenance import Planted

SCORE = Planted(
    commit="0123456789abcdef",
    planted=1234,
    killed_by_tests=1230,
    killed_by_claims=3,
    kinds={"seeds": 1000, "labels": 234},
    survivors={"one seed for all": "seeds"},
)


def test_the_score_is_read_from_the_reports(tmp_path: Path) -> None:
    assert provenance.mutants(tmp_path) == ""
    file = provenance.planted_at(tmp_path)
    file.parent.mkdir()
    file.write_bytes(msgspec.json.encode(SCORE))
    assert provenance.mutants(tmp_path) == (
        "1,234 mistakes of 2 kinds, planted one at a time into commit 0123456789ab: 1,230 noticed by tests, "
        "3 by claims alone, 1 by neither"
    )
    file.write_text("{}")
    assert provenance.mutants(tmp_path) == ""
