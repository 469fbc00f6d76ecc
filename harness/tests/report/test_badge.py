"""The badge counts, and turns red only for the unexpected."""

from __future__ import annotations

import json

from harness.evidence.schema import Report
from harness.report import badge
from harness.report.contents import gather
from harness.spec.verdict import Expected, Verdict
from harness.tests import reports


def test_badge_counts_and_turns_red_only_for_the_unexpected(full: Report) -> None:
    expected = reports.report(reports.claim(), reports.bare(Verdict.REFUTED, expected=Expected.REFUTED))
    badges = [json.loads(badge.render(gather([r]))) for r in (expected, full, reports.report())]
    assert badges[0]["message"] == "1 reproduced, 1 refuted"
    assert badges[0]["label"] == "claims at quick scale"
    assert [b["color"] for b in badges] == ["brightgreen", "red", "lightgrey"]
    assert all(b["schemaVersion"] == 1 for b in badges)
    assert badges[2]["message"] == "no claims"
    surprise = reports.report(reports.claim(), reports.bare(Verdict.REFUTED, unexpected=True))
    assert json.loads(badge.render(gather([surprise])))["color"] == "red"
