"""The matrix: what a source says itself, in words and numbers, by tier; what is retold is not its own."""

from __future__ import annotations

import msgspec

from harness.evidence.schema import Collected
from harness.report.contents import gather
from harness.report.matrix import matrix
from harness.spec.said import Saying
from harness.spec.verdict import Expected, Verdict
from harness.tests import reports

NUMBER = reports.evidence(relation="matches", lower_bound=0.87, upper_bound=0.93)


def test_statements_and_printed_numbers_count_and_what_is_retold_does_not() -> None:
    claims = (
        reports.claim("says", paper="ZHANG2017", figures=()),
        reports.claim("prints", paper="ZHANG2017", kind=Saying.PRINTED, reported={"a": 0.9},
                      checks=(NUMBER,), figures=(), runs=()),
        reports.claim("told", paper="ZHANG2017", kind=Saying.RETOLD, verdict=Verdict.REFUTED,
                      expected=Expected.REFUTED, figures=(), runs=()),
        reports.claim("ours", paper="OVERCLAIM", kind=Saying.COUNTER, figures=(), runs=()),
        reports.claim("li", paper="LI2018", figures=(), runs=(), unexpected=True),
    )  # fmt: skip
    later = Collected(
        id="claims/test_a.py::test_b", tier="full", paper="LI2018", says="Later.", selected=False
    )
    report = reports.report(*claims)
    made = matrix(gather([msgspec.structs.replace(report, collected=(*report.collected, later))]))
    rows = {row.paper.key: row for part in made.parts for row in part.rows if row.paper.key != "RIVER2017"}
    assert list(rows) == ["ZHANG2017", "LI2018", "OVERCLAIM"], "in the order of the story"
    at = made.tiers.index("quick")
    assert rows["ZHANG2017"].cells[at] == {Verdict.REPRODUCED: 2}
    assert rows["OVERCLAIM"].cells[at] == {Verdict.REPRODUCED: 1}
    assert rows["LI2018"].cells[made.tiers.index("full")][Verdict.NOT_RUN] >= 1
    assert [row.unexpected for row in rows.values()] == [0, 1, 0]
    assert made.most == 2
