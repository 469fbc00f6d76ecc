"""What a page holds: which session's verdict, counted where, under whose name."""

from __future__ import annotations

from collections import Counter

import msgspec

from harness.report.contents import gather
from harness.spec.verdict import Expected, Verdict
from harness.tests import reports

ONE = reports.claim("one", figures=())
REFUTED = reports.claim("two", figures=(), verdict=Verdict.REFUTED, expected=Expected.REFUTED)
SURPRISE = reports.claim("three", figures=(), verdict=Verdict.INCONCLUSIVE, unexpected=True)


def test_of_two_sessions_the_one_that_ended_last_is_shown() -> None:
    again = msgspec.structs.replace(ONE, verdict=Verdict.INCONCLUSIVE)
    early, late = reports.report(ONE), reports.report(again)
    ended = msgspec.structs.replace(late.provenance, finished="2026-01-01T00:00:00Z")
    late = msgspec.structs.replace(late, provenance=ended)
    for order in ((early, late), (late, early)):
        assert [claim.verdict for claim in gather(order).claims] == [Verdict.INCONCLUSIVE]


def test_a_papers_row_counts_what_came_out_at_its_tier() -> None:
    standard = reports.claim("one", tier="standard", figures=())
    quick, other = gather([reports.report(ONE, REFUTED, SURPRISE, standard)]).rows
    assert (quick.tier, other.tier) == ("quick", "standard")
    assert quick.counts == Counter(
        dict.fromkeys((Verdict.REPRODUCED, Verdict.REFUTED, Verdict.INCONCLUSIVE), 1)
    )
    assert other.counts == Counter({Verdict.REPRODUCED: 1})
    assert (quick.unexpected, other.unexpected) == (1, 0)


def test_a_statement_counts_its_items_by_tier() -> None:
    items = [
        reports.claim(tier=tier, figures=(), id=f"claims/test_a.py::test_x[{p}]", verdict=verdict)
        for tier, p, verdict in (
            ("quick", 1, Verdict.REPRODUCED),
            ("quick", 2, Verdict.REFUTED),
            ("standard", 1, Verdict.INCONCLUSIVE),
        )
    ]
    ((family,),) = (section.families for section in gather([reports.report(*items)]).sections)
    assert family.statements[0].tiers == (
        ("quick", Counter({Verdict.REPRODUCED: 1, Verdict.REFUTED: 1})),
        ("standard", Counter({Verdict.INCONCLUSIVE: 1})),
    )
