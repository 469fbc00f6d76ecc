"""The judge of many samples at once gives each the verdict that the judge gives: checks, ladder, controls."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.evidence.inference import sample
from harness.evidence.kinds import Relation, Replicated
from harness.evidence.measured import Measured
from harness.evidence.readings import Sample
from harness.evidence.recurrence import MARKS, FreshDraws, World, chance_again, decisions, verdicts
from harness.evidence.statistics import (
    CONTROL_RUNGS,
    above,
    all_reach,
    argmax_in,
    below,
    equivalent,
    exact,
    exists,
    frequencies,
    judge,
    matches,
    most_reach,
    ordered,
    rungs,
)
from harness.judging import ladder
from harness.judging.check import Check
from harness.judging.ladder import Item, judged
from harness.lab.lab import Lab
from harness.spec.claim import Control, Paper, claim
from harness.spec.verdict import Verdict
from harness.tests.distributions import DISTRIBUTIONS, generator
from harness.tests.samples import WHY, measured
from harness.tests.simulated import drawn, named

Floats = NDArray[np.float64]
Body = Callable[[Measured, Measured], Sequence[Relation]]


def excused(relation: Relation) -> list[Relation]:
    check = Check()
    check(relation, uncontrolled="for this test")
    return check.relations


BODIES: dict[str, Body] = {
    "above": lambda x, y: [above(x, 0, because=WHY)],
    "below": lambda x, y: [below(x, 1, because=WHY)],
    "both sides": lambda x, y: [equivalent(x, 2, because=WHY), matches(y, 0.5, 2, because=WHY)],
    "an order": lambda x, y: ordered([y, x, x + 0.1], slack=0.2, because=WHY),
    "rates": lambda x, y: [most_reach(x, 0.5, at="least"), all_reach(y, 2)],
    "every run": lambda x, y: [all_reach(x, 0, at="least")],
    "an example": lambda x, y: [exists(x, 1.5, at="least"), above(y, -1, because=WHY)],
    "a peak": lambda x, y: [argmax_in([1, 2, 3], [x, y, y - 0.5], 1, 1, because=WHY)],
    "an identity": lambda x, y: [above(x, 0, because=WHY), exact(1.0, 1.0)],
    "uncontrolled": lambda x, y: [above(x, 0, because=WHY), *excused(above(y, -9, because=WHY))],
}
PAPER = Paper(key="RIVER2017", authors="River", title="Networks", venue="Streams", year=2017, url="")
WORLDS = {number: named(drawn, shift=float(number)) for number in range(3)}


class Shelf:
    """A lab whose numbers were drawn beforehand: it hands a world's number and how many are asked for."""

    def ensure(self, runs: object) -> None: ...

    def runs(self, value: object, replicates: int) -> list[object]:
        return []

    def results(self, name: str, value: Any, replicates: int) -> Any:
        world = next(number for number, v in WORLDS.items() if v == value)
        return SimpleNamespace(name=name, world=world, n=replicates, runs=[], records=[])


def measures(values: Floats, n: int) -> list[Measured]:
    """x and y from values [2, replicate]; the second in coarse steps, so that bounds are met exactly."""
    return [measured(values[0, :n], name="x"), measured(np.round(values[1, :n] * 2) / 2, 0.5, name="y")]


def of_one(body: Body, tier: str, worlds: Floats, positive: Sequence[bool]) -> Verdict:
    """The verdict of the judge itself; ``worlds`` is [world, 2, replicate], the claim's first."""

    def call(check: Check, read: Mapping[str, Any]) -> None:
        x = read["x"]
        for relation in body(*measures(worlds[x.world], x.n)):
            check(relation, uncontrolled=relation.uncontrolled)

    mark = claim(PAPER, "Section 1", says="so it is", reported="words", adapted={tier: "none"})
    declared: Any = mark(lambda: None)
    controls = [Control(says="x", positive=p, worlds={"x": WORLDS[i]}) for i, p in enumerate(positive, 1)]
    made = Item(
        claim=declared.claim,
        trained={"x": WORLDS[0]},
        controls=tuple(controls),
        params={},
        tier=tier,
        call=call,
    )
    return judged(made, cast(Lab, Shelf())).verdict


def of_many(body: Body, tier: str, draws: Floats, positive: Sequence[bool]) -> NDArray[np.int8]:
    """The marks of the judge of many; ``draws`` is [draw, world, 2, replicate]."""
    worlds = []
    for world, sign in enumerate((False, *positive)):
        each = [body(*measures(draw[world], 20)) for draw in draws]
        samples = [stacked([rs[i] for rs in each]) for i in range(len(each[0]))]
        worlds.append(FreshDraws(World(each[0], positive=sign), samples))
    return verdicts(worlds[0], worlds[1:], rungs(tier), CONTROL_RUNGS, len(draws))


def stacked(relations: Sequence[Relation]) -> Sample | None:
    """One relation's samples over draws, [draw, replicate]."""
    samples = [sample(r.x) for r in relations if isinstance(r, Replicated)]
    if not samples:
        return None
    values, censored, unusable = (np.stack([x[i] for x in samples]) for i in range(3))
    return Sample(values, censored, unusable, samples[0].resolution)


@pytest.mark.parametrize("tier", ["quick", "full"])
@pytest.mark.parametrize("name", BODIES)
def test_each_sample_gets_the_verdict_of_the_judge_itself(
    name: str, tier: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = functools.partial(chance_again, draws=10)  # the chance is not what is compared: its code runs
    monkeypatch.setattr(ladder, "chance_again", few)
    g, kinds = generator(len(name)), list(DISTRIBUTIONS.values())
    draws, worlds = 60, 3
    values = np.stack([kinds[i % len(kinds)](g, (worlds, 2, 20)) for i in range(draws)])
    values += g.choice([-1.5, -0.5, 0.0, 0.5, 1.0, 2.0], size=(draws, worlds, 2, 1))
    positive = (False, len(name) % 2 == 1)  # a second negative control for half of the bodies
    marks = of_many(BODIES[name], tier, values, positive)
    one_by_one = [MARKS.get(of_one(BODIES[name], tier, v, positive), 0) for v in values]
    assert marks.tolist() == one_by_one


def test_a_control_that_fails_two_checks_by_little_is_judged_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked at again while one of them is undecided, though the other fails."""
    monkeypatch.setattr(ladder, "chance_again", functools.partial(chance_again, draws=10))
    g, draws = generator(1), 30
    values = g.normal(size=(draws, 2, 2, 20))
    values[:, 0] += 99
    values[:, 1] -= g.choice([-0.2, 0.1, 0.4, 0.7], size=(draws, 2, 1))

    def body(x: Measured, y: Measured) -> Sequence[Relation]:
        return [above(x, 0, because=WHY), above(y, 0, because=WHY)]

    marks = of_many(body, "quick", values, [False])
    assert marks.tolist() == [MARKS.get(of_one(body, "quick", v, [False]), 0) for v in values]
    assert 5 < marks.sum() < 25  # neither verdict is rare


@pytest.mark.parametrize("name", ["above", "both sides", "rates", "an example", "a peak"])
def test_each_check_comes_out_as_judge_says_censored_and_diverged_runs_included(name: str) -> None:
    g = generator(7)

    def spoiled(n: int, label: str) -> Measured:
        values = np.where(g.random(n) < 0.05, np.nan, g.normal(0.5, 1, n))
        return Measured(values, 0.1, g.random(n) < 0.1, name=label)

    for n in [5, 10, 20] * 20:
        for r in BODIES[name](spoiled(n, "x"), spoiled(n, "y")):
            assert isinstance(r, Replicated)
            one = sample(r.x)
            many = Sample(one.values[None], one.censored[None], one.unusable[None], one.resolution)
            mark = decisions(r, many, 1, 0.04, 0.02)
            assert mark.tolist() == [MARKS.get(judge(r, 0.04, 0.02).verdict, 0)]


@pytest.mark.parametrize("counts", [(480, 520), (560, 440), (500, 500), (5, 5)])
def test_counts_drawn_again_are_judged_as_counts(counts: tuple[int, int]) -> None:
    r = frequencies([480, 520], [0.5, 0.5], because=WHY)
    nowhere = np.zeros((1, 2), bool)
    mark = decisions(r, Sample(np.array([counts], dtype=float), nowhere, nowhere, 1.0), 1, 0.04, 0.02)
    again = judge(frequencies(counts, [0.5, 0.5], because=WHY), 0.04, 0.02)
    assert mark.tolist() == [MARKS.get(again.verdict, 0)]


# -- the chance ---------------------------------------------------------------------------------------

SPREAD = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])


def around(centre: float, positive: bool = False) -> World:
    return World([above(measured(SPREAD + centre), 0, because=WHY)], (), positive)


def chance(centre: float, verdict: Verdict, *controls: World) -> float:
    value = chance_again(verdict, around(centre), controls, rungs("quick"), CONTROL_RUNGS)
    assert value is not None
    return value


def test_what_is_far_from_its_bound_comes_again_and_what_is_near_may_not() -> None:
    assert chance(99, Verdict.REPRODUCED, around(-99)) == 1.0
    nearer, near = (chance(centre, Verdict.REPRODUCED, around(-99)) for centre in (0.5, 0.9))
    assert 0.05 < nearer < near < 0.95
    assert chance(-99, Verdict.REFUTED, around(-99)) == 0.0  # no positive control
    assert chance(-99, Verdict.REFUTED, around(99, positive=True)) == 1.0
    assert chance(99, Verdict.INCONCLUSIVE) == 1.0  # without a control it never is anything else


def test_runs_that_stop_at_their_target_are_not_drawn_beyond_it() -> None:
    stopped = World([most_reach(measured([0.0085, 0.01, 0.0095, 0.005, 0.0095]), 0.01)])
    unfit = World([most_reach(measured([0.8, 0.81, 0.79, 0.8, 0.82]), 0.01)])
    looks = rungs("quick")
    assert chance_again(Verdict.REPRODUCED, stopped, [unfit], looks, CONTROL_RUNGS) == 1.0


def test_a_control_that_is_hardly_told_apart_lowers_the_chance() -> None:
    assert 0.3 < chance(99, Verdict.REPRODUCED, around(-0.4)) < 1.0
    assert chance(99, Verdict.REPRODUCED, around(3)) == 0.0


def test_counts_that_agree_with_what_is_stated_are_drawn_around_it() -> None:
    """At 5 % of level a true statement is rejected again 5 % of the time, wherever its own counts lie."""
    for counts in ((500, 500), (530, 470)):
        seen = World([frequencies(counts, [0.5, 0.5], because=WHY)])
        told = World([frequencies(counts, [0.1, 0.9], because=WHY)])
        again = chance_again(Verdict.REPRODUCED, seen, [told], ((5, 0.05),), (5,))
        assert again == pytest.approx(0.95, abs=0.035)


def test_where_nothing_is_chance_or_too_little_was_seen_there_is_none() -> None:
    looks = rungs("quick")
    assert chance_again(Verdict.REPRODUCED, World([exact(1, 1)]), [], looks, CONTROL_RUNGS) is None
    few = World([above(measured([1.0, 2.0]), 0, because=WHY)])
    assert chance_again(Verdict.INCONCLUSIVE, few, [], looks, CONTROL_RUNGS) is None


def test_the_chance_is_the_same_each_time_it_is_computed() -> None:
    assert chance(0.7, Verdict.REPRODUCED, around(-9)) == chance(0.7, Verdict.REPRODUCED, around(-9))


@pytest.mark.parametrize("centre", [0.6, 1.0, 1.6])
def test_the_mean_chance_is_near_the_rate_at_which_it_happens(centre: float) -> None:
    """The claims are 60, of normal numbers, and their control tells without fail."""
    looks = rungs("full")
    values = generator(31).normal(centre, 1, size=(600, 20))
    nowhere = np.zeros(values.shape, bool)
    seen, far = (Sample(v, nowhere, nowhere, 0.0) for v in (values, values - 99))
    marks = verdicts(FreshDraws(around(0), [seen]), [FreshDraws(around(0), [far])], looks, CONTROL_RUNGS, 600)
    worlds = [World([above(measured(v), 0, because=WHY)]) for v in values[:60]]
    chances = [chance_again(Verdict.REPRODUCED, w, [around(-99)], looks, CONTROL_RUNGS, 100) for w in worlds]
    assert np.mean(np.array(chances, dtype=float)) == pytest.approx((marks == 1).mean(), abs=0.15)
