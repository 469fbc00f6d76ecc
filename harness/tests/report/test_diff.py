"""What changed between two reports: flips first, and intervals of the changes."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.evidence.measured import logarithm
from harness.evidence.outcome import Evidence
from harness.evidence.schema import ClaimReport, Report
from harness.evidence.statistics import above, all_reach, exact, judge
from harness.report import diff
from harness.spec.verdict import Expected, Verdict
from harness.tests import reports
from harness.tests.samples import WHY, exhaustive, measured


def one(check: Evidence, **changes: Any) -> Report:
    return reports.report(reports.claim(checks=(check,), figures=(), **changes))


def flipped(verdict: Verdict, **changes: Any) -> diff.Difference:
    before = reports.report(reports.claim(figures=()), reports.claim("other", figures=()))
    after = msgspec.structs.replace(
        before,
        claims=(msgspec.structs.replace(before.claims[0], verdict=verdict, **changes), before.claims[1]),
    )
    return diff.compare(before, after)


@pytest.mark.parametrize("full", [reports.report(*reports.every_kind())])
def test_a_report_does_not_differ_from_itself(full: Report) -> None:
    difference = diff.compare(full, full)
    assert (
        difference.flips,
        difference.added,
        difference.removed,
        difference.changes,
        difference.provenance,
    ) == ((),) * 5
    assert difference.restated == difference.tiers_added == difference.tiers_removed == ()
    assert difference.stayed == len(full.claims)
    verdicts = f"no verdict flipped, {difference.stayed} stayed\n"
    estimates = f"estimates: all {difference.compared} are the same numbers\n"
    assert diff.text(difference) == verdicts + estimates


def test_tiers_of_a_claim_are_compared_each_with_itself() -> None:
    quick, standard = (reports.claim("x", tier=t, id="test_x", figures=()) for t in ("quick", "standard"))
    before = reports.report(quick, standard)
    refuted = msgspec.structs.replace(quick, verdict=Verdict.REFUTED)
    difference = diff.compare(before, msgspec.structs.replace(before, claims=(refuted, standard)))
    assert [(flip.tier, flip.before, flip.after) for flip in difference.flips] == [
        ("quick", Verdict.REPRODUCED, Verdict.REFUTED)
    ]
    assert difference.stayed == 1


def test_an_unexpected_flip_is_marked_and_an_expected_one_is_not() -> None:
    bad = flipped(Verdict.REFUTED, unexpected=True, reason="the interval lies beyond the bound")
    assert [flip.after for flip in bad.unexpected_flips] == [Verdict.REFUTED]
    assert diff.text(bad).splitlines()[:3] == [
        "1 of 2 verdicts flipped, 1 unexpectedly",
        "  ⚠ unexpected: ✓ reproduced → ✗ refuted  quick    random_labels_are_fit[quick]: "
        "Training error reaches zero on completely random labels.",
        "      the interval lies beyond the bound",
    ]
    good = flipped(Verdict.REFUTED, unexpected=False, expected=Expected.REFUTED)
    assert (len(good.flips), good.unexpected_flips) == (1, ())
    assert [difference.what for difference in good.restated] == ["expected verdict"]
    for difference in (bad, good):
        assert "✓ reproduced → ✗ refuted" in diff.markdown(difference)


def test_a_flip_between_two_declared_verdicts_says_both_and_why() -> None:
    either = {"expected": Expected.PERHAPS_REPRODUCED, "expected_because": "it lies on its bound"}
    difference = flipped(Verdict.INCONCLUSIVE, reason="the interval covers it", **either)
    assert difference.unexpected_flips == ()
    assert diff.text(difference).splitlines()[2:4] == [
        "      the interval covers it",
        "      reproduced or inconclusive was expected: it lies on its bound",
    ]
    both = "the interval covers it; reproduced or inconclusive was expected: it lies on its bound"
    assert both in diff.markdown(difference)
    (restated,) = difference.restated
    assert (restated.before, restated.after) == ("reproduced", "reproduced or inconclusive")


def test_flips_come_unexpected_first() -> None:
    names = ("a", "b", "c")
    before = reports.report(*(reports.claim(name, figures=()) for name in names))
    claims = tuple(
        msgspec.structs.replace(c, verdict=Verdict.INCONCLUSIVE, unexpected=c.id.endswith("b[quick]"))
        for c in before.claims
    )
    difference = diff.compare(before, msgspec.structs.replace(before, claims=claims))
    assert [flip.unexpected for flip in difference.flips] == [True, False, False]


def test_items_of_one_report_only_are_listed_with_the_reason() -> None:
    a, b = reports.claim("a", figures=()), reports.claim("b", figures=())
    both = reports.report(a, b)
    deselected = msgspec.structs.replace(both.collected[1], selected=False, reason="no data here")
    without = reports.report(a, collected=(both.collected[0], deselected))
    assert [gone.why for gone in diff.compare(both, without).removed] == ["no data here"]
    assert [gone.why for gone in diff.compare(both, reports.report(a)).removed] == ["not in the other report"]
    assert [gone.id for gone in diff.compare(without, both).added] == [b.id]


def test_a_tier_of_one_report_only_is_named_and_its_items_are_not_listed() -> None:
    quick = reports.report(reports.claim(figures=()))
    more = reports.report(reports.claim(figures=()), reports.claim(tier="standard", figures=()))
    difference = diff.compare(quick, more)
    assert (difference.tiers_added, difference.tiers_removed, difference.added) == (("standard",), (), ())
    assert "only in the new report: tier standard" in diff.text(difference)
    assert "only in the old report: tier standard" in diff.markdown(diff.compare(more, quick))


def test_a_moved_bound_is_said() -> None:
    before, after = (one(reports.evidence(lower_bound=bound)) for bound in (0.1, 0.2))
    (restated,) = diff.compare(before, after).restated
    assert (restated.before, restated.after) == ("above 0.1", "above 0.2")


@exhaustive
@given(*[st.lists(st.floats(0.5, 9).map(lambda v: round(v, 3)), min_size=5, max_size=12)] * 2)
def test_means_are_compared_by_welch_and_ratios_in_logs(a: list[float], b: list[float]) -> None:
    from scipy import stats

    plain = [one(judge(above(measured(v), 0.1, because=WHY), 0.035)) for v in (a, b)]
    ratios = [one(judge(above(logarithm(measured(v)), 0.1, because=WHY), 0.035)) for v in (a, b)]
    if min(np.std(a), np.std(b)) < 1e-3 or np.mean(a) == np.mean(b):
        return
    for difference, x, y, back in (
        (diff.compare(*plain), a, b, float),
        (diff.compare(*ratios), np.log(a), np.log(b), np.exp),
    ):
        (change,) = difference.changes
        oracle = stats.ttest_ind(y, x, equal_var=False).confidence_interval(0.95)
        assert (change.low, change.high) == pytest.approx([back(end) for end in oracle], rel=1e-6, abs=1e-9)
        assert change.change == pytest.approx(back(np.mean(y) - np.mean(x)), rel=1e-6, abs=1e-9)
        assert change.clear == bool(oracle.low > 0 or oracle.high < 0)


def test_rates_are_compared_as_rates() -> None:
    from statsmodels.stats.proportion import confint_proportions_2indep

    all_of, few_of = ([0.0] * 10, [0.0] * 3 + [1.0] * 7)
    before, after = (one(judge(all_reach(measured(v), 0.0), 0.01)) for v in (all_of, few_of))
    (change,) = diff.compare(before, after).changes
    oracle = confint_proportions_2indep(3, 10, 10, 10, method="newcomb", compare="diff")
    assert (change.low, change.high) == pytest.approx(oracle)
    assert change.clear


def test_changes_come_largest_first_and_those_without_an_interval_last() -> None:
    def claims(shift: float) -> list[ClaimReport]:
        spread = {"small": 3.0, "large": 0.1, "unknown": None}
        return [
            reports.claim(name, figures=(), checks=(reports.evidence(estimate=1 + shift, spread=s),))
            for name, s in spread.items()
        ]

    difference = diff.compare(reports.report(*claims(0.0)), reports.report(*claims(1.0)))
    assert [change.id.rpartition("_")[2] for change in difference.changes] == [
        "large[quick]", "small[quick]", "unknown[quick]",
    ]  # fmt: skip
    assert [change.clear for change in difference.changes] == [True, False, False]
    shown = diff.text(difference)
    assert "3 of 3 changed, of 1 the 95 % interval" in shown
    assert "+1 (no interval)" in shown
    lines = shown.splitlines()
    assert [line.strip()[:1] for line in lines if line.startswith("  ")] == ["*", "+", "+"]


def test_exact_numbers_change_without_an_interval() -> None:
    before, after = (one(judge(exact(0.0, value, tolerance=9, because=WHY), 0.035)) for value in (1.0, 2.0))
    (change,) = diff.compare(before, after).changes
    assert (change.change, change.low, change.clear) == (1.0, None, False)


def test_provenance_is_compared_fact_by_fact_and_times_are_not() -> None:
    before = reports.report(reports.claim(figures=()))
    seen = msgspec.structs.replace(
        before.provenance, commit="fedcba", dirty=False, versions={"python": "3.13"}, cores=64,
        started="2026-01-01T00:00:00Z", wall_seconds=1.0,
    )  # fmt: skip
    facts = diff.compare(before, msgspec.structs.replace(before, provenance=seen)).provenance
    assert {moved.name: moved.after for moved in facts} == {
        "commit": "fedcba", "cores": "64", "version of python": "3.13", "version of torch": "none",
    }  # fmt: skip


def test_nothing_hostile_survives_and_length_is_kept() -> None:
    hostile = reports.report(reports.hostile())
    for difference in (diff.compare(reports.report(), hostile), diff.compare(hostile, reports.report())):
        assert "\x1b" not in diff.text(difference)
        outside_code = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", diff.markdown(difference).replace("\\`", ""))
        assert "<script" in diff.markdown(difference)
        assert "<script" not in outside_code
        assert len(diff.markdown(difference, 300).encode()) <= 300


def test_a_program_can_read_it() -> None:
    difference = diff.compare(reports.report(reports.claim(figures=())), reports.report())
    data = msgspec.json.decode(msgspec.json.encode(difference))
    assert data["removed"][0]["verdict"] == "reproduced"


def test_a_claim_is_its_module_and_function_wherever_pytest_was_started() -> None:
    top = reports.report(reports.claim(figures=()), reports.claim("other", figures=()))
    inside = msgspec.structs.replace(
        top,
        claims=tuple(msgspec.structs.replace(c, id=c.id.rpartition("/")[2]) for c in top.claims),
        collected=tuple(msgspec.structs.replace(c, id=c.id.rpartition("/")[2]) for c in top.collected),
    )
    assert inside.claims[0].id != top.claims[0].id
    for before, after in ((top, inside), (inside, top)):
        difference = diff.compare(before, after)
        assert (difference.stayed, difference.added, difference.removed) == (2, (), ())


def test_files_of_one_name_in_other_folders_are_other_claims() -> None:
    one = reports.report(reports.claim(figures=()))
    here, there = (
        msgspec.structs.replace(
            one,
            claims=(msgspec.structs.replace(one.claims[0], id=f"{folder}/test_a.py::test_x"),),
            collected=(),
        )
        for folder in ("mine", "yours")
    )
    difference = diff.compare(here, there)
    assert (difference.stayed, len(difference.added), len(difference.removed)) == (0, 1, 1)
