"""How often the whole judge errs, by simulation: distributions, both sides, quick and full, with controls.

What is simulated is the judge of many samples at once; another test holds it to agree with the judge itself.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.evidence.inference import holm
from harness.evidence.kinds import Relation
from harness.evidence.measured import Measured
from harness.evidence.readings import Sample, holds
from harness.evidence.recurrence import FreshDraws, World, verdicts
from harness.evidence.statistics import CONTROL_RUNGS, above, below, equivalent, exact, rungs
from harness.tests.distributions import DISTRIBUTIONS, NEARLY_NORMAL, RESOLUTION, generator, median
from harness.tests.samples import WHY, measured

DRAWS = 10_000
"""Of which a share of .05 is known to .0022 (one standard error)."""
Floats = NDArray[np.float64]
Make = Callable[[Measured], Relation]
X = measured([0.0] * 5)
ABOVE: Make = lambda x: above(x, 0.0, because=WHY)  # noqa: E731
BELOW: Make = lambda x: below(x, 0.0, because=WHY)  # noqa: E731


def drawn(relations: Sequence[Relation], values: Sequence[Floats], resolution: float = 0.0) -> FreshDraws:
    """A world's relations with values [draw, replicate] for each."""
    nowhere = np.zeros(values[0].shape, bool)
    return FreshDraws(World(relations), [Sample(v, nowhere, nowhere, resolution) for v in values])


def certain(relations: Sequence[Relation], holding: bool) -> FreshDraws:
    """A control that chance has no part in: a negative one where all checks fail, or a positive one."""
    identity = exact(1.0, 1.0 if holding else 2.0)
    sure = [dataclasses.replace(identity, kind=r.kind) for r in relations]
    return FreshDraws(World(sure, positive=holding), [None] * len(sure))


def climbed(claim: FreshDraws, tier: str) -> tuple[float, float]:
    """Shares reproduced and refuted by a claim's own checks: its controls tell without fail."""
    draws = len(next(x for x in claim.samples if x is not None).values)
    fails, positive = (certain(claim.world.relations, holding) for holding in (False, True))
    marks = verdicts(claim, [fails, positive], rungs(tier), CONTROL_RUNGS, draws)
    return float((marks == 1).mean()), float((marks == -1).mean())


@functools.cache
def on_its_bound(name: str, by_median: bool) -> Floats:
    """Samples of a distribution whose median (or mean) is zero, [draw, replicate]."""
    draw = DISTRIBUTIONS[name]
    return draw(generator(20), (DRAWS, 20)) - (median(draw) if by_median else 0.0)


@pytest.mark.parametrize("tier", ["quick", "full"])
@pytest.mark.parametrize("make", [ABOVE, BELOW], ids=["above", "below"])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_whatever_the_distribution_the_typical_run_is_judged_wrongly_at_most_5_percent(
    name: str, make: Make, tier: str
) -> None:
    claim = drawn([make(X)], [on_its_bound(name, True)], RESOLUTION.get(name, 0.0))
    reproduced, refuted = climbed(claim, tier)
    assert reproduced <= 0.05
    assert refuted <= 0.05


@pytest.mark.parametrize("tier", ["quick", "full"])
@pytest.mark.parametrize("name", NEARLY_NORMAL)
def test_where_numbers_are_nearly_normal_the_mean_is_judged_wrongly_at_most_5_percent(
    name: str, tier: str
) -> None:
    values = on_its_bound(name, False)
    reproduced, refuted = climbed(drawn([ABOVE(X)], [values], RESOLUTION.get(name, 0.0)), tier)
    assert reproduced <= 0.05
    assert refuted <= 0.05
    if name == "normal":  # the budget is spent, not wasted
        assert min(reproduced, refuted) > 0.025


@pytest.mark.parametrize("side", [-5.0, 5.0])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_two_bounds_are_judged_wrongly_at_most_5_percent_of_the_time_each(name: str, side: float) -> None:
    values = on_its_bound(name, True) + side
    wide = drawn([equivalent(X, 5.0, because=WHY)], [values], RESOLUTION.get(name, 0.0))
    assert max(climbed(wide, "full")) <= 0.05
    narrow = drawn([equivalent(X, 1e-6, because=WHY)], [values - side], RESOLUTION.get(name, 0.0))
    reproduced, refuted = climbed(narrow, "full")
    assert refuted <= 0.05
    assert reproduced <= (1.0 if name == "zero" else 0.0)


@pytest.mark.parametrize("checks", [2, 3, 5])
def test_a_conjunction_on_its_bounds_is_rarely_refuted_and_rarely_reproduced(checks: int) -> None:
    values = generator(21).normal(size=(checks, DRAWS, 20))
    reproduced, refuted = climbed(drawn([ABOVE(X)] * checks, list(values)), "full")
    assert reproduced <= 0.05
    assert refuted <= 0.05


def test_an_order_is_not_refuted_where_every_step_rises_by_half_a_deviation() -> None:
    """As the mean of the smallest step it was, 74 times in a hundred."""
    for rise, power in ((0.5, 0.0), (1.0, 0.35), (2.0, 0.99)):
        levels = generator(22).normal(size=(4, DRAWS, 20)) / np.sqrt(2)  # so that a step has deviation one
        steps = [levels[i + 1] - levels[i] + rise for i in range(3)]
        reproduced, refuted = climbed(drawn([ABOVE(X)] * 3, steps), "full")
        assert refuted <= 0.05
        assert reproduced >= power


@pytest.mark.parametrize("tier, power", [("quick", 0.55), ("full", 0.82)])
def test_the_ladder_has_power_at_a_deviation_beyond_the_bound(tier: str, power: float) -> None:
    reproduced, refuted = climbed(drawn([ABOVE(X)], [on_its_bound("normal", False) + 1]), tier)
    assert reproduced >= power
    assert refuted <= 0.01


@pytest.mark.parametrize("claims", [5, 20, 60])
def test_p_values_that_count_the_looks_keep_the_error_of_a_family(claims: int) -> None:
    """Holm's column over claims that are all false, on their bounds, names one at most 5 % of the time."""
    families = 200_000 // claims // 5
    values = generator(23).normal(size=(families * claims, 20))
    p, open_still, spent = np.ones(len(values)), np.ones(len(values), bool), 0.0
    for n, level in rungs("full"):
        nowhere = np.zeros((len(values), n), bool)
        seen = Sample(values[:, :n], nowhere, nowhere, 0.0)
        both, lost = holds(seen, 0.0, None).both, holds(seen, None, 0.0).both
        p = np.where(open_still, np.minimum(1.0, spent + both), p)
        open_still &= (both > level) & (lost > level)
        spent += level
    for u in (0.01, 0.02, 0.035, 0.05):
        assert (p <= u).mean() <= u
    named = [min(holm(family)) <= 0.05 for family in p.reshape(families, claims).tolist()]
    assert np.mean(named) <= 0.05


def judged_with_control(e: float, correlation: float, tier: str, d: float = 1.5) -> tuple[float, float]:
    """Shares reproduced of a claim d deviations beyond its bound, with a control at e and without."""
    g = generator(24)
    z = g.normal(size=(DRAWS, 20))
    other = correlation * z + np.sqrt(1 - correlation**2) * g.normal(size=z.shape)
    claim, control = drawn([ABOVE(X)], [d + z]), drawn([ABOVE(X)], [e + other])
    marks = verdicts(claim, [control], rungs(tier), CONTROL_RUNGS, DRAWS)
    return float((marks == 1).mean()), climbed(claim, tier)[0]


@pytest.mark.parametrize("tier", ["quick", "full"])
@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_a_control_in_which_the_claim_holds_rarely_passes_and_a_weak_one_costs_little(
    correlation: float, tier: str
) -> None:
    assert judged_with_control(0.5, correlation, tier)[0] < 0.1
    assert judged_with_control(1.5, correlation, tier)[0] < 0.01  # the claim's own world, drawn anew
    weak, alone = judged_with_control(-0.5, correlation, tier)
    assert alone - weak < 0.02
    good, alone = judged_with_control(-2.0, correlation, tier)
    assert alone - good < 0.002


@pytest.mark.parametrize("tier", ["quick", "full"])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_false_claim_is_rarely_reproduced_with_any_control(name: str, tier: str) -> None:
    values = on_its_bound(name, True)
    claim = drawn([ABOVE(X)], [values], RESOLUTION.get(name, 0.0))
    for shift in (-2.0, 0.0):
        control = drawn([ABOVE(X)], [np.roll(values, 1, axis=0) + shift], RESOLUTION.get(name, 0.0))
        marks = verdicts(claim, [control], rungs(tier), CONTROL_RUNGS, DRAWS)
        assert (marks == 1).mean() <= 0.05
        assert (marks == -1).mean() == 0  # which would need a positive control
