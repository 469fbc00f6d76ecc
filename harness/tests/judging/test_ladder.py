"""One item judged: the ladder, the controls, proofs, and what is an error rather than evidence."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import pytest

from harness.evidence.measured import Measured, WrongUse, ratio
from harness.evidence.statistics import RUNGS, above, all_reach, exists
from harness.judging.check import Check
from harness.judging.ladder import Item, judged
from harness.lab.lab import Failed, Lab
from harness.lab.results import Results
from harness.spec import Simulation, Tiers
from harness.spec.claim import Control
from harness.spec.verdict import Verdict
from harness.tests.items import ABOUT_4, ABOUT_40, ABOVE, BELOW, NEGATIVE, WHY, item, looking
from harness.tests.simulated import drawn, named, raising

# -- the ladder ---------------------------------------------------------------------------------------


def test_a_clear_case_is_decided_at_the_first_rung(lab: Lab) -> None:
    body, seen = looking()
    judgement = judged(item(body, NEGATIVE, x=ABOVE), lab)
    assert judgement.verdict is Verdict.REPRODUCED
    assert seen == [5, 5]  # the claim, then its control
    assert (judgement.checks[0].n, judgement.checks[0].level) == RUNGS[0]
    assert [run.replicate for run in judgement.runs] == [0, 1, 2, 3, 4]
    assert (judgement.controls[0].verdict, judgement.controls[0].discriminates) == (Verdict.REFUTED, True)
    assert judgement.controls[0].checks[0].level == 0.05


def test_the_ladder_is_climbed_only_while_nothing_is_decided(lab: Lab) -> None:
    unclear = named(drawn, shift=1.2, spread=-1.0)  # above zero in 4 of 5, 8 of 10 and 18 of 20 replicates
    body, seen = looking()
    judgement = judged(item(body, NEGATIVE, tier="standard", x=unclear), lab)
    assert judgement.verdict is Verdict.REPRODUCED
    assert seen == [5, 10, 20, 20]  # the control is judged at the claim's final number of replicates
    (check,) = judgement.checks
    assert (check.n, check.level) == RUNGS[2]
    assert check.spent == pytest.approx(RUNGS[0][1] + RUNGS[1][1])
    assert judgement.controls[0].checks[0].n == 20
    assert judgement.controls[0].contrasts[0].low is not None


def test_a_failure_of_what_every_run_must_do_ends_the_ladder(lab: Lab) -> None:
    values = lab.results("x", named(drawn), 5).final("x").values
    least = float(sorted(values)[1])
    seen: list[int] = []

    def body(x: Results, check: Check) -> None:
        seen.append(len(x.records))
        check(all_reach(x.final("x"), least, at="least"))

    judgement = judged(item(body, NEGATIVE, tier="standard", x=named(drawn)), lab)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert seen == [5, 5]


def test_a_judgement_says_how_sure_it_is_to_come_again(lab: Lab) -> None:
    body, _ = looking()
    assert judged(item(body, NEGATIVE, x=ABOVE), lab).chance == 1.0


@pytest.mark.parametrize(
    "tier, looks", [("quick", [5, 10]), ("standard", [5, 10, 20]), ("full", [5, 10, 20])]
)
def test_what_stays_unclear_is_inconclusive_at_the_last_rung(lab: Lab, tier: str, looks: list[int]) -> None:
    unclear = named(drawn)
    middle = float(np.mean(lab.results("x", unclear, 5).final("x").values))
    body, seen = looking(margin=middle)
    judgement = judged(item(body, tier=tier, x=unclear), lab)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert seen == looks
    assert judgement.reason


def test_a_fixed_number_of_replicates_is_one_look(lab: Lab) -> None:
    body, seen = looking()
    judgement = judged(item(body, NEGATIVE, n=7, x=ABOVE), lab)
    assert seen == [7, 7]
    assert (judgement.checks[0].n, judgement.checks[0].level) == (7, 0.05)


def test_only_the_replicates_of_the_rung_are_shown_whatever_the_store_has(lab: Lab) -> None:
    lab.results("x", ABOVE, 20)
    body, seen = looking()
    judged(item(body, x=ABOVE), lab)
    assert seen == [5]


def test_the_first_look_is_known_before_anything_runs() -> None:
    tiered = Tiers(quick=ABOVE, full=BELOW)
    body, _ = looking()
    needs = item(body, NEGATIVE, x=tiered, sweep=[ABOVE, BELOW], plain=3).needs()
    assert [n for _, n in needs] == [5] * 6
    assert [value for value, _ in needs] == [ABOVE, ABOVE, BELOW, BELOW, ABOVE, BELOW]


# -- errors -------------------------------------------------------------------------------------------


def test_a_claim_without_a_check_is_an_error(lab: Lab) -> None:
    with pytest.raises(ValueError, match="the claim made no check"):
        judged(item(lambda x, check: None, x=ABOVE), lab)


def test_a_check_of_something_else_is_an_error(lab: Lab) -> None:
    with pytest.raises(TypeError, match="not bool"):
        judged(item(lambda x, check: check(True), x=ABOVE), lab)


def test_a_bare_assertion_outside_hypothesis_is_an_error(lab: Lab) -> None:
    def body(x: Results, check: Check) -> None:
        assert x.final("x").values.max() < 0

    with pytest.raises(AssertionError):
        judged(item(body, x=ABOVE), lab)


def test_a_run_that_fails_fails_its_claim_and_no_other(lab: Lab) -> None:
    body, _ = looking()
    with pytest.raises(Failed, match=r"^OverflowError: the first line$"):
        judged(item(body, NEGATIVE, x=named(raising)), lab)
    assert judged(item(body, NEGATIVE, x=ABOVE), lab).verdict is Verdict.REPRODUCED


def test_a_missing_tier_is_an_error(lab: Lab) -> None:
    body, _ = looking()
    with pytest.raises(LookupError, match="no experiment is declared for tier 'quick'"):
        judged(item(body, x=Tiers(full=ABOVE)), lab)


# -- worlds -------------------------------------------------------------------------------------------


def test_a_sweep_is_read_as_a_list_of_results(lab: Lab) -> None:
    sweep = [named(drawn, shift=float(s)) for s in (0, 20, 40)]
    seen: list[list[Results]] = []

    def body(sweep: list[Results], factor: int, check: Check) -> None:
        seen.append(sweep)
        for small, large in itertools.pairwise(sweep):
            check(above(large.final("x") - small.final("x"), 1.0, because=WHY))

    turned = Control(says="turned round", positive=False, worlds={"sweep": sweep[::-1]})
    judgement = judged(item(body, turned, sweep=sweep, factor=3), lab)
    assert judgement.verdict is Verdict.REPRODUCED
    assert [results.name for results in seen[0]] == ["sweep 0", "sweep 1", "sweep 2"]
    assert len(judgement.runs) == 15
    assert len(judgement.controls[0].runs) == 15


def test_a_sweep_by_name_is_read_as_a_mapping_of_results_of_which_each_has_its_tiers(lab: Lab) -> None:
    nets = {n: Tiers(quick=named(drawn, shift=float(n)), full=named(raising)) for n in (4, 40)}
    seen: list[Mapping[int, Results]] = []

    def body(nets: Mapping[int, Results], check: Check) -> None:
        seen.append(nets)
        check(above(nets[40].final("x") - nets[4].final("x"), 1.0, because=WHY))

    turned = Control(
        says="exchanged", positive=False, worlds={"nets": {4: nets[40], 40: nets[4]}}, trivial=WHY
    )
    made = item(body, turned, nets=nets)
    assert [value for value, _ in made.needs()] == [ABOUT_4, ABOUT_40, ABOUT_40, ABOUT_4]
    judgement = judged(made, lab)
    assert judgement.verdict is Verdict.REPRODUCED
    assert {n: results.name for n, results in seen[0].items()} == {4: "nets 4", 40: "nets 40"}
    assert len(judgement.runs) == 10
    with pytest.raises(LookupError, match="no experiment is declared for tier 'standard'"):
        judged(item(body, turned, tier="standard", nets=nets), lab)


def test_worlds_may_depend_on_the_parameters_of_the_test(lab: Lab) -> None:
    def by_width(width: int, tier: str) -> Simulation:
        return named(drawn, shift=float(width if tier == "quick" else -width))

    body, _ = looking()
    made = item(body, NEGATIVE, x=by_width)
    wide = Item(**{name: getattr(made, name) for name in made.__struct_fields__} | {"params": {"width": 9}})
    assert judged(wide, lab).verdict is Verdict.REPRODUCED
    with pytest.raises(LookupError, match="by_width wants width"):
        judged(made, lab)


def test_curves_are_drawn_from_the_claims_world_alone(lab: Lab) -> None:
    def body(x: Results, check: Check) -> None:
        check(all_reach(x.final("x"), 0.0, at="least", because=WHY))
        check(exists(x.final("x"), 0.0, at="least"))
        y = x.curve("path")
        y[0, 0] = np.nan
        check.draw("Figure 1", series="x", x=[1, 2, 3], y=y, reported={"River": [(1, 2)]}, marks={"here": 2})

    judgement = judged(item(body, NEGATIVE, x=ABOVE), lab)
    assert judgement.verdict is Verdict.REPRODUCED
    (series,) = judgement.figures
    assert series.x == (1.0, 2.0, 3.0)
    assert series.y[0][0] is None
    assert len(series.y) == 5
    with pytest.raises(ValueError, match="every row of y needs one value for each of 2 x"):
        Check().draw("Figure 1", series="x", x=[1, 2], y=[[1, 2, 3]])


def test_measures_are_drawn_point_by_point_in_the_units_people_read() -> None:
    check, one = Check(), Measured(np.array([1.0, 2.0]))
    check.draw("Figure 1", series="x", x=[1, 2], y=[one, ratio(Measured(np.array([3.0, 8.0])), one)])
    assert check.series[0].y == ((1.0, pytest.approx(3.0)), (2.0, pytest.approx(4.0)))


def test_what_counts_something_else_than_replicates_is_an_error(lab: Lab) -> None:
    """A hundred images of five runs have a narrow interval, and are no hundred runs."""

    def body(x: Results, check: Check) -> None:
        images = np.repeat(x.final("x").values, 20)
        check(above(Measured(images, name="images"), 0.0, because=WHY))

    with pytest.raises(WrongUse, match="images has 100 numbers for 5 replicates"):
        judged(item(body, NEGATIVE, x=ABOVE), lab)
