"""The cards: every run's number on its side of the bound, and what did not run is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.report import html
from harness.report.cards import Card, cards
from harness.report.contents import gather
from harness.report.render import load
from harness.report.story import HEADLINES
from harness.spec.verdict import Verdict
from harness.tests import reports

COMMITTED = Path(__file__).parents[3] / "reports"
TEST = HEADLINES[1].test.removeprefix("test_")


def one_card() -> Card:
    below = reports.evidence(
        relation="below", statement="a < 0.5", lower_bound=None, upper_bound=0.5, values=(0.1, 0.2, None)
    )
    above = reports.evidence(Verdict.REFUTED, relation="below", statement="a < 0.5", lower_bound=None,
                             upper_bound=0.5, values=(0.8, 0.9, 1.1))  # fmt: skip
    claim = reports.claim(TEST, figures=(), checks=(below,), controls=(reports.control(checks=(above,)),))
    (card,) = cards(gather([reports.report(claim)]))
    return card


def test_runs_and_controls_lie_on_their_sides_of_the_bound() -> None:
    quick, *_ = one_card().tiers
    assert quick.strip is not None
    (limit,) = quick.strip.limits
    assert len(quick.strip.claim) == 2, "one diverged"
    assert max(quick.strip.claim) < limit < min(quick.strip.control)
    assert quick.strip.hold == (0.0, limit)
    assert quick.verdicts == {Verdict.REPRODUCED: 1}


def test_tiers_that_did_not_run_are_said_not_to_have() -> None:
    _, standard, full = one_card().tiers
    for tier in (standard, full):
        assert tier.strip is None
        assert tier.verdicts == {Verdict.NOT_RUN: 1}
        assert tier.why == f"not declared at the {tier.name} tier"


def test_the_committed_reports_have_all_five_cards_each_with_a_control() -> None:
    contents = gather(load(sorted(path.parent for path in COMMITTED.glob("*/report.json"))))
    told = cards(contents)
    assert [card.title for card in told] == [headline.title for headline in HEADLINES]
    for card in told:
        assert card.control is not None
        assert card.control.discriminates
        assert [tier.name for tier in card.tiers] == ["quick", "standard", "full"]
        assert all(tier.strip for tier in card.tiers if Verdict.NOT_RUN not in tier.verdicts)
    first = html.pages(contents)[html.FIRST]
    assert first.index('class="cards"') < first.index('class="matrix"')
    assert len(first.encode()) < 300_000


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_report_of_other_claims_has_no_cards(verdict: Verdict) -> None:
    contents = gather([reports.report(reports.bare(verdict))])
    assert cards(contents) == ()
    assert 'class="cards"' not in html.pages(contents)[html.FIRST]
