"""p-values of claims, Holm's adjustment, and how many verdicts may be false."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from harness.evidence.schema import ClaimReport, encode
from harness.evidence.statistics import above, judge
from harness.report import multiplicity
from harness.report.contents import gather
from harness.spec.verdict import Verdict
from harness.tests import reports
from harness.tests.samples import WHY, measured


def _with(*p_values: float | None, name: str = "x", **changes: Any) -> ClaimReport:
    checks = tuple(reports.evidence(p_value=p) for p in p_values)
    return reports.claim(name, figures=(), checks=checks, **changes)


def test_the_p_value_of_several_checks_is_the_largest() -> None:
    assert multiplicity.p_value(_with(0.01, 0.03, 0.02)) == 0.03
    assert multiplicity.p_value(_with(0.01, None)) is None
    exact = reports.evidence(relation="exact", level=0.0)
    assert multiplicity.p_value(reports.claim(checks=(exact,))) is None
    both = (reports.evidence(p_value=0.01), exact)
    assert multiplicity.p_value(reports.claim(checks=both)) == 0.01
    refuted = msgspec.structs.replace(exact, verdict=Verdict.REFUTED)
    assert multiplicity.p_value(reports.claim(checks=(both[0], refuted))) == 1.0


def test_a_p_value_counts_the_looks_and_both_readings() -> None:
    looked = reports.evidence(p_value=0.01, p_typical=0.02, spent=0.032)
    assert multiplicity.p_value(reports.claim(checks=(looked,))) == pytest.approx(0.052)
    mean = reports.evidence(p_value=0.03, p_typical=0.02, spent=0.0)
    assert multiplicity.p_value(reports.claim(checks=(mean,))) == 0.03
    certain = reports.evidence(p_value=0.99, p_typical=1.0, spent=0.046)
    assert multiplicity.p_value(reports.claim(checks=(certain,))) == 1.0


def test_the_p_value_of_a_claim_is_at_most_the_level_exactly_where_its_checks_are_reproduced() -> None:
    generator = np.random.default_rng(0)
    for _ in range(50):
        xs = [measured(generator.normal(1.0, 1.0, 5)) for _ in range(2)]
        checks = tuple(judge(above(x, 0.0, because=WHY), 0.035) for x in xs)
        p = multiplicity.p_value(reports.claim(checks=checks))
        assert p is not None
        assert (p <= 0.035) == all(check.verdict is Verdict.REPRODUCED for check in checks)


@pytest.mark.parametrize("p_values", [[0.01, 0.04, 0.03, 0.2], [0.02, None, 0.001], [None], [1.0, 0.0]])
def test_holm_agrees_with_statsmodels_within_a_paper_and_tier(p_values: list[float | None]) -> None:
    from statsmodels.stats.multitest import multipletests

    claims = [_with(p, name=f"c{i}") for i, p in enumerate(p_values)]
    elsewhere = [_with(0.5, name="c", tier="standard"), _with(0.5, name="c", paper="MEADOW2019")]
    adjusted = multiplicity.adjusted([*claims, *elsewhere])
    oracle = multipletests([1.0 if p is None else p for p in p_values], method="holm")[1]
    expected = {(c.id, c.tier): a for c, p, a in zip(claims, p_values, oracle, strict=True) if p is not None}
    assert adjusted == pytest.approx({**expected, **{(c.id, c.tier): 0.5 for c in elsewhere}})


def test_adjusting_changes_no_verdict_and_no_report() -> None:
    full = reports.report(*reports.every_kind())
    before = encode(full)
    contents = gather([full])
    assert encode(full) == before
    assert {c.verdict for c in contents.claims} == {c.verdict for c in full.claims}


def test_as_many_verdicts_may_be_false_as_the_levels_allow() -> None:
    exact = reports.claim("e", checks=(reports.evidence(level=0.0),))
    undecided = reports.claim("i", verdict=Verdict.INCONCLUSIVE)
    claims = [reports.claim(), reports.claim("r", verdict=Verdict.REFUTED), exact, undecided]
    assert multiplicity.expected_false(claims) == pytest.approx(0.1)
    (row,) = gather([reports.report(*claims)]).rows
    assert row.expected_false == pytest.approx(0.1)
