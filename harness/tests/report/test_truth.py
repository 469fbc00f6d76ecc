"""What reports say of listed claims: verdicts and tolerances, as docs/EVIDENCE.md documents them."""

from __future__ import annotations

from harness.report.truth import with_verdicts
from harness.spec.verdict import Verdict
from harness.tests.reports import claim, control, evidence, report


def test_a_claim_has_what_its_reports_say_tier_by_tier() -> None:
    quick = claim(checks=(evidence(lower_bound=0.1, upper_bound=0.5),), chance=0.75)
    standard = claim(id=quick.id, tier="standard", verdict=Verdict.REFUTED, controls=(control(),))
    listed = {"id": quick.id, "tiers": ["quick", "standard", "full"]}
    (told,) = with_verdicts([listed], [report(quick), report(standard)])
    assert list(told["judged"]) == ["quick", "standard"]
    first = told["judged"]["quick"]
    assert (first.verdict, first.chance, first.figures) == (Verdict.REPRODUCED, 0.75, ("Figure 1a",))
    assert first.experiments == ("digits, 512 units",)
    assert (first.checks[0].lower_bound, first.checks[0].upper_bound) == (0.1, 0.5)
    assert told["judged"]["standard"].controls == {control().says: Verdict.REFUTED}
    (other,) = with_verdicts([listed | {"id": "another"}], [report(quick)])
    assert other["judged"] == {}
