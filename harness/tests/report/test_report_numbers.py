"""What a report says in numbers: places on the common axis, rounding, p-values and costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.evidence.outcome import Evidence
from harness.evidence.schema import ClaimReport, RunRead, encode
from harness.evidence.statistics import RUNGS, above, all_reach, below, judge, matches
from harness.judging.ladder import judged
from harness.lab.lab import Lab
from harness.report import costs, forest, multiplicity, wording
from harness.report.contents import gather
from harness.spec.verdict import Verdict
from harness.tests import reports
from harness.tests.judging.test_ladder import ABOVE, NEGATIVE, item, looking
from harness.tests.samples import WHY, exhaustive, measured
from harness.tests.simulated import at

# -- the common axis -----------------------------------------------------------------------------------


@exhaustive
@given(
    st.lists(st.floats(-9, 9), min_size=5, max_size=8),
    st.floats(-9, 9),
    st.sampled_from(["above", "below", "matches", "all_reach"]),
)
def test_a_bar_lies_on_the_side_that_its_verdict_says(values: list[float], bound: float, kind: str) -> None:
    x = measured([round(v, 2) for v in values])
    relation = {
        "above": lambda: above(x, bound, because=WHY),
        "below": lambda: below(x, bound, because=WHY),
        "matches": lambda: matches(x, bound, 2.0, because=WHY),
        "all_reach": lambda: all_reach(x, bound),
    }[kind]()
    check = judge(relation, 0.035)
    place = forest.place(check)
    if place is None:
        assert check.low == check.high
        return
    assert place.low <= place.estimate <= place.high
    if abs(place.low) > 1e-9:
        assert (place.low > 0) == (check.verdict is Verdict.REPRODUCED)
    if check.verdict is Verdict.REFUTED:
        assert place.high < 0


def test_ratios_are_placed_by_their_logs() -> None:
    place = forest.place(
        reports.evidence(
            logarithmic=True, estimate=4.0, low=2.0, high=8.0, lower_bound=None, upper_bound=16.0
        )
    )
    assert place is not None
    assert (place.low, place.estimate, place.high) == pytest.approx((1, 2, 3))


def test_half_widths_are_those_of_the_side_that_faces_the_bound() -> None:
    for bound, expected in ((0.6, (-5, -2, -1)), (0.25, (-0.5, 0.5, 5 / 6))):
        place = forest.place(reports.evidence(lower_bound=bound, estimate=0.4, low=0.1, high=0.5))
        assert place is not None
        assert (place.low, place.estimate, place.high) == pytest.approx(expected)


def test_what_has_no_interval_is_told_in_words() -> None:
    exact = reports.evidence(relation="exact", level=0.0, estimate=3.0, low=None, high=None, lower_bound=None,
                             upper_bound=0.0, verdict=Verdict.REFUTED)  # fmt: skip
    assert forest.place(exact) is None
    (row,) = forest.rows(reports.claim(checks=(exact, exact)))
    assert row.told == "2 exact checks, among them: largest difference 3, at most 0 allowed"


@exhaustive
@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_the_axis_keeps_order_and_stays_within_itself(one: float, other: float) -> None:
    axis = forest.axis([reports.evidence()])
    low, high = sorted((axis.percent(one), axis.percent(other)))
    assert 0 <= low <= high <= 100
    assert (axis.percent(one) <= axis.percent(other)) or one > other
    assert axis.ticks[0] == axis.left
    assert axis.ticks[-1] == axis.right


@exhaustive
@given(st.lists(st.floats(-99, 99), min_size=5, max_size=8), st.floats(-99, 99))
def test_rounding_never_makes_an_interval_touch_its_bound(values: list[float], bound: float) -> None:
    check = judge(above(measured(values, 0.5), bound, because=WHY), 0.035)
    low, high = check.low or 0.0, check.high or 0.0
    if min(abs(low - bound), abs(high - bound)) < 1e-5:
        return
    shown = [float(end.replace("−", "-").replace(",", "")) for end in wording.interval(check).split(" to ")]
    assert (shown[0] > bound) == (low > bound)
    assert (shown[1] > bound) == (high > bound)


# -- p-values and costs --------------------------------------------------------------------------------


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
    assert sum(level for _, level in RUNGS) <= multiplicity.ERROR + 1e-12
    exact = reports.claim("e", checks=(reports.evidence(level=0.0),))
    undecided = reports.claim("i", verdict=Verdict.INCONCLUSIVE)
    claims = [reports.claim(), reports.claim("r", verdict=Verdict.REFUTED), exact, undecided]
    assert multiplicity.expected_false(claims) == pytest.approx(0.1)
    (row,) = gather([reports.report(*claims)]).rows
    assert row.expected_false == pytest.approx(0.1)


def _run(address: str, seconds: float, replicate: int = 0) -> RunRead:
    return RunRead(name="x", replicate=replicate, address=address, what="w", seconds=seconds, kernel="plain")


def test_a_run_counts_once_in_a_family_and_once_in_the_total() -> None:
    shared, alone, control = _run("aa", 8.0), _run("bb", 2.0), _run("cc", 1.0)
    second = _run("aa", 4.0, replicate=1)
    claims = [
        reports.claim("a", family="test_one", runs=(shared, alone), control_runs=(control, shared)),
        reports.claim("b", family="test_one", runs=(shared, second)),
        reports.claim("c", family="test_two", runs=(shared,)),
    ]
    one, two, total = costs.costs(claims)
    assert (one.family, one.claims, one.runs, one.seconds, one.shared) == ("test_one", 2, 4, 15.0, 8.0)
    assert (two.family, two.claims, two.runs, two.seconds, two.shared) == ("test_two", 1, 1, 8.0, 8.0)
    assert (total.claims, total.runs, total.seconds, total.shared) == (3, 4, 15.0, 8.0)
    assert [(s.item.id, s.seconds) for s in costs.slowest(claims)] == [
        (claims[1].id, 12.0), (claims[0].id, 11.0), (claims[2].id, 8.0),
    ]  # fmt: skip


def test_an_item_reports_what_its_controls_read(tmp_path: Path) -> None:
    body, _ = looking()
    lab = Lab(at(tmp_path))
    reported = judged(item(body, NEGATIVE, NEGATIVE, x=ABOVE), lab)
    read = {(run.address, run.replicate) for run in reported.control_runs}
    assert len(read) == len(reported.control_runs) == 5
    assert {address for address, _ in read} == {a for c in reported.controls for a in c.runs}
    assert not read & {(run.address, run.replicate) for run in reported.runs}


def test_runs_are_listed_by_experiment() -> None:
    runs = [_run("aa", 1.0, replicate=r) for r in (0, 1, 2, 5)] + [_run("bb", 3.0)]
    first, second = wording.runs(runs)
    assert (first.replicates, first.seconds, first.kernel) == ("0–2, 5", 4.0, "plain")
    assert (second.address, second.replicates) == ("bb", "0")


@pytest.mark.parametrize(
    "authors, year, shown",
    [
        ("Chiyuan Zhang, Samy Bengio, Moritz Hardt, Ben Recht", 2017, "Zhang et al. (2017)"),
        ("Mikhail Belkin, Daniel Hsu, Ji Xu", 2019, "Belkin, Hsu and Xu (2019)"),
        ("Chiyuan Zhang, Samy Bengio", None, "Zhang and Bengio"),
        ("Alicia Curth, Mihaela van der Schaar", 2023, "Curth and van der Schaar (2023)"),
        ("River et al.", 2017, "River et al. (2017)"),
        ("", 2017, "KEY"),
    ],
)
def test_sources_are_cited_shortly(authors: str, year: int | None, shown: str) -> None:
    paper = msgspec.structs.replace(reports.PAPERS[0], key="KEY", authors=authors, year=year)
    assert wording.short(paper) == shown


def test_an_estimate_that_is_a_rate_is_shown_as_counts() -> None:
    check: Evidence = judge(all_reach(measured([0.0] * 4 + [1.0]), 0.0), 0.035)
    assert wording.estimate(check) == "4 of 5"
    assert wording.bound(check) == "rate above 0.5"
