"""How sure a verdict is to come again: fresh replicates are drawn from those seen, and judged up the ladder.

A smoothed bootstrap: the replicates of all checks of a claim and of its controls are drawn together, half of
each number's variance from the replicates themselves, so that their shape is kept, and half from a normal
distribution of the same covariance. Rates are drawn from the replicates alone, since runs that stop at their
target lie on it. Estimates stand for the truth, so a first failure of a kind that no replicate showed cannot
be foreseen.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from harness.evidence.contrasts import CONTRAST_LEVEL
from harness.evidence.inference import furthest_from, multinomial_p, multinomial_ps, sample
from harness.evidence.kinds import OfCounts, OfIdentity, OfMean, OfRate, OfSome, Relation, Replicated
from harness.evidence.readings import Sample, fails, holds, moments, reached, share_p
from harness.evidence.statistics import CONTROL_LEVEL, FEWEST, held, judge
from harness.spec.verdict import Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Marks: TypeAlias = NDArray[np.int8]  # [draw]: 1 reproduced, -1 refuted, 0 neither
    Bools: TypeAlias = NDArray[np.bool_]
    Rows: TypeAlias = NDArray[np.intp]  # numbers of draws

DRAWS = 400
"""Draws of all replicates: a chance of .9 is known to 1.5 points (one standard error)."""
OWN = 0.5
"""The share of the variance that comes from the replicates themselves; the rest is normal."""
MARKS = {Verdict.REPRODUCED: 1, Verdict.REFUTED: -1}


class World(NamedTuple):
    """What a body checked in a claim's world or a control's: relations, then ``exact`` verdicts."""

    relations: Sequence[Relation]
    exact: Sequence[Verdict] = ()
    positive: bool = False


class FreshDraws(NamedTuple):
    """A world's samples [draw, replicate], one for each relation that has numbers per replicate."""

    world: World
    samples: Sequence[Sample | None]

    def first(self, n: int, rows: Rows) -> list[Sample | None]:
        """The first n replicates of each in some of the draws; counts, whose number is fixed, as they are."""
        counted = [n if isinstance(r, Replicated) else None for r in self.world.relations]
        pairs = zip(self.samples, counted, strict=True)
        return [None if x is None else _part(x, rows, first) for x, first in pairs]


def _part(x: Sample, rows: Rows, n: int | None) -> Sample:
    return Sample(x.values[rows, :n], x.censored[rows, :n], x.unusable[rows, :n], x.resolution)


def chance_again(
    verdict: Verdict,
    claim: World,
    controls: Sequence[World],
    looks: Sequence[tuple[int, float]],
    control_looks: Sequence[int],
    draws: int = DRAWS,
) -> float | None:
    """The share of fresh sets of replicates on which a claim would come out as it did.

    Args:
        verdict: how it came out, with its controls.
        claim, controls: what was checked in each world, at the replicates that all of them have.
        looks: (replicates, level) of the ladder; ``control_looks``: replicates of looks at controls.
        draws: number of fresh sets.

    None where nothing is left to chance, or where there are too few replicates to draw from.
    """
    worlds = (claim, *controls)
    counted = [len(r.x) for w in worlds for r in w.relations if isinstance(r, Replicated)]
    chancy = counted or any(isinstance(r, OfCounts) for w in worlds for r in w.relations)
    if not chancy or (counted and min(counted) < FEWEST):
        return None
    last = max(looks[-1][0], *control_looks)
    fresh = _fresh(worlds, min(counted, default=FEWEST), draws, last)
    marks = verdicts(fresh[0], fresh[1:], looks, control_looks, draws)
    return float((marks == MARKS.get(verdict, 0)).mean())


def _fresh(worlds: Sequence[World], n: int, draws: int, last: int) -> list[FreshDraws]:
    """``last`` fresh replicates of everything, ``draws`` times, from the first n that were seen."""
    import numpy as np

    picked, weights, state = _chosen(n, draws, last)
    generator = np.random.Generator(np.random.Philox(0))
    generator.bit_generator.state = state
    kept, normal = math.sqrt(OWN * n / (n - 1)), math.sqrt(1 - OWN)

    counts: dict[tuple[int, ...], Sample] = {}

    def drawn(relation: Relation) -> Sample | None:
        if isinstance(relation, OfCounts):  # the same counts may be held against several probabilities
            seen = relation.counts
            if seen not in counts:
                again = generator.multinomial(sum(seen), _chances(relation), size=draws).astype(np.float64)
                counts[seen] = Sample(again, np.zeros(again.shape, bool), np.zeros(again.shape, bool), 1.0)
            return counts[seen]
        if not isinstance(relation, Replicated):
            return None
        x = sample(relation.x)
        values = x.values[:n]
        if isinstance(relation, OfRate) and not relation.strict:  # what stops at its target has reached it
            return Sample(values[picked], x.censored[:n][picked], x.unusable[:n][picked], x.resolution)
        mean = np.nanmean(values) if np.isfinite(values).any() else np.nan
        rest = values - mean
        smooth = weights @ np.where(np.isfinite(rest), rest, 0.0)
        return Sample(
            mean + kept * rest[picked] + normal * smooth,
            x.censored[:n][picked],
            x.unusable[:n][picked],
            x.resolution,
        )

    return [FreshDraws(world, [drawn(relation) for relation in world.relations]) for world in worlds]


@functools.lru_cache(maxsize=4)
def _chosen(n: int, draws: int, last: int) -> tuple[Rows, NDArray[np.float64], Mapping[str, Any]]:
    """The replicates, of n, that fresh ones are drawn from, and their weights: the same for all claims.

    Returns them as [draw, fresh] and [draw, fresh, replicate], and the generator's state after them.
    """
    import numpy as np

    generator = np.random.Generator(np.random.Philox(n))
    picked = generator.integers(n, size=(draws, last))
    weights = generator.normal(size=(draws, last, n)) / math.sqrt(n - 1)
    return picked, weights, generator.bit_generator.state


def _chances(r: OfCounts) -> Sequence[float]:
    """The stated probabilities where the counts do not reject them, else the shares that were counted.

    Counts that agree with what is stated lie around it by chance; drawn around themselves they would again.
    """
    if multinomial_p(r.counts, r.probabilities) > CONTROL_LEVEL:
        return r.probabilities
    return [count / sum(r.counts) for count in r.counts]


class _Telling:
    """What a control tells of each draw: ``mark`` [draw], ``failing`` and ``undecided`` [draw, check]."""

    def __init__(self, claim: FreshDraws, control: FreshDraws, draws: int) -> None:
        import numpy as np

        self.claim, self.control, self.draws = claim, control, draws
        self.positive = control.world.positive
        checks = len(claim.world.relations) + len(claim.world.exact)
        self.mark = np.zeros(draws, np.int8)
        self.failing = np.zeros((draws, checks), bool)
        self.undecided = np.zeros((draws, checks), bool)

    def look(self, n: int, at: Bools) -> None:
        """Judge the control at n replicates in the draws marked by ``at``."""
        import numpy as np

        rows = np.flatnonzero(at)
        if not rows.size:
            return
        claim, control = self.claim.world.relations, self.control.world.relations
        there, here = self.claim.first(n, rows), self.control.first(n, rows)
        shared_level = CONTROL_LEVEL / max(1, len(control))
        judges = [weighed(s, y, rows.size) for s, y in zip(control, here, strict=True)]
        marks = [judged(CONTROL_LEVEL, shared_level) for judged in judges]
        self.mark[rows] = _conjunction(self.control.world, marks, rows.size)
        for i, (r, s, x, y) in enumerate(zip(claim, control, there, here, strict=False)):
            alone = judges[i](CONTROL_LEVEL, CONTROL_LEVEL) == -1
            told = _contrasted(s, x, y, rows.size) if r.kind == s.kind else alone & False
            self.failing[rows, i] = (alone & (r.kind == s.kind)) | told
            self.undecided[rows, i] = marks[i] == 0
        if self.claim.world.exact and Verdict.REFUTED in self.control.world.exact:
            self.failing[rows, len(claim)] = True

    def pending(self, marks: Marks, uncovered: Bools) -> Bools:
        """Draws in which the verdict hangs on this control and more replicates may decide it."""
        if self.positive:
            return (marks == -1) & (self.mark == 0)
        blind = (self.mark == 0) & ~self.failing.any(axis=1)
        return (marks == 1) & (blind | (uncovered & self.undecided).any(axis=1))


def _contrasted(control: Relation, x: Sample | None, y: Sample | None, draws: int) -> Bools:
    """Whether the control's estimate is on the wrong side of a bound, and claim - control excludes zero."""
    import numpy as np

    if x is None or y is None or not isinstance(control, (OfMean, OfRate, OfSome)):
        return np.zeros(draws, bool)
    lower, upper = held(control)
    if isinstance(control, OfMean):
        mean = np.mean(y.values, axis=-1)
        low = np.zeros(draws, bool) if lower is None else mean <= lower
        high = np.zeros(draws, bool) if upper is None else mean >= upper
    else:
        rate, strict = (control.rate, control.strict) if isinstance(control, OfRate) else (0.0, False)
        missed = reached(y, lower, upper, strict=strict)[1] <= rate * y.values.shape[-1]
        low, high = missed & (lower is not None), missed & (upper is not None)
    unusable = x.unusable | y.unusable
    apart = Sample(x.values - y.values, unusable & False, unusable, x.resolution + y.resolution)
    seen = moments(apart)
    larger = (holds(apart, 0.0, None, seen).mean < CONTRAST_LEVEL) & ~y.censored.any(axis=-1)
    smaller = (holds(apart, None, 0.0, seen).mean < CONTRAST_LEVEL) & ~x.censored.any(axis=-1)
    return (low & larger) | (high & smaller)


def verdicts(
    claim: FreshDraws,
    controls: Sequence[FreshDraws],
    looks: Sequence[tuple[int, float]],
    control_looks: Sequence[int],
    draws: int,
) -> Marks:
    """How each draw comes out, controls included: what ``harness.judging`` does, for many samples at once."""
    import numpy as np

    marks, stopped = _climbed(claim, looks, draws)
    told = [_Telling(claim, control, draws) for control in controls]
    needed = np.array(
        [not r.uncontrolled for r in claim.world.relations] + [True] * len(claim.world.exact), dtype=bool
    )
    for n in control_looks:
        covered = np.any([c.failing for c in told if not c.positive], axis=0) if told else np.False_
        uncovered = needed & ~covered
        for control in told:
            control.look(n, (stopped == n) | ((stopped < n) & control.pending(marks, uncovered)))
    negative = [control for control in told if not control.positive]
    positive = [control for control in told if control.positive]
    nothing = np.zeros((draws, needed.size), bool)
    covered = np.any([nothing, *(c.failing for c in negative)], axis=0)
    kept = np.all(covered | ~needed, axis=1) & bool(negative)
    kept &= np.all([~nothing.any(axis=1), *(c.failing.any(axis=1) for c in negative)], axis=0)
    believed = np.all([np.full(draws, bool(positive)), *(c.mark == 1 for c in positive)], axis=0)
    believed |= _proved(claim.world)  # which needs no second world
    doubted = ((marks == 1) & ~kept) | ((marks == -1) & ~believed)
    return np.where(doubted, 0, marks).astype(np.int8)


def _proved(world: World) -> bool:
    """Is a check refuted by a counterexample, an identity or a bound rather than by a sample?"""
    exact = [r for r in world.relations if isinstance(r, (OfIdentity, OfSome))]
    seen = [*world.exact, *(judge(r, CONTROL_LEVEL).verdict for r in exact)]
    return Verdict.REFUTED in seen


def _climbed(
    claim: FreshDraws, looks: Sequence[tuple[int, float]], draws: int
) -> tuple[Marks, NDArray[np.int64]]:
    """The verdict of the claim's own checks, and the replicates at which it stopped."""
    import numpy as np

    marks, stopped = np.zeros(draws, np.int8), np.zeros(draws, np.int64)
    for n, level in looks:
        rows = np.flatnonzero(stopped == 0)
        marks[rows], hopeless = _conjoined(claim, n, level, rows)
        ended = (marks[rows] != 0) | hopeless | (n == looks[-1][0])
        stopped[rows[ended]] = n
    return marks, stopped


def _conjoined(drawn: FreshDraws, n: int, level: float, rows: Rows) -> tuple[Marks, Bools]:
    """The conjunction of a world's checks at a look, and where a rate asked of every run has failed."""
    import numpy as np

    relations, samples = drawn.world.relations, drawn.first(n, rows)
    marks = [
        decisions(r, x, rows.size, level, level / len(relations))
        for r, x in zip(relations, samples, strict=True)
    ]
    hopeless = np.zeros(rows.size, bool)
    for r, x in zip(relations, samples, strict=True):
        if isinstance(r, OfRate) and r.every and x is not None:
            perhaps = reached(x, *held(r), strict=r.strict)[1]
            hopeless |= (n * r.rate < perhaps) & (perhaps < n)
    return _conjunction(drawn.world, marks, rows.size), hopeless


def _conjunction(world: World, marks: Sequence[Marks], draws: int) -> Marks:
    """What the marks of a world's checks come to, with what is known of it exactly."""
    import numpy as np

    every = [*(np.full(draws, MARKS.get(verdict, 0), np.int8) for verdict in world.exact), *marks]
    refuted, reproduced = np.any(np.equal(every, -1), axis=0), np.all(np.equal(every, 1), axis=0)
    return _marked(refuted, reproduced)


def decisions(r: Relation, x: Sample | None, draws: int, level: float, refute_level: float) -> Marks:
    """How a relation comes out on each sample [draw, replicate]: what ``judge`` does, for many at once.

    Of counts a sample is [draw, outcome].
    """
    return weighed(r, x, draws)(level, refute_level)


def weighed(r: Relation, x: Sample | None, draws: int) -> Callable[[float, float], Marks]:
    """``decisions`` at any two levels: what no level changes, which takes most of the time, is done once."""
    import numpy as np

    n = 0 if x is None else x.values.shape[-1]
    if isinstance(r, OfMean) and x is not None:
        seen = moments(x)
        failing, holding = [side.both for side in fails(x, *held(r), seen)], holds(x, *held(r), seen).both
        return lambda level, refute_level: _marked(
            np.any([p <= refute_level / len(failing) for p in failing], axis=0), holding <= level
        )
    if isinstance(r, OfRate) and x is not None:
        surely, perhaps = reached(x, *held(r), strict=r.strict)
        missing, reaching = share_p(n - perhaps, n, 1 - r.rate), share_p(surely, n, r.rate)
        possible = (surely == n) | (not r.every)
        return lambda level, refute_level: _marked(missing <= refute_level, (reaching <= level) & possible)
    if isinstance(r, OfSome) and x is not None:
        one = reached(x, *held(r))[0] > 0
        return lambda level, refute_level: _marked(~one & (judge(r, level).verdict is Verdict.REFUTED), one)
    if isinstance(r, OfCounts) and x is not None:
        counts, p = x.values.astype(np.int64), r.probabilities
        differing = multinomial_ps(counts, p)
        return lambda level, refute_level: _marked(
            differing < refute_level, furthest_from(counts, p, level) < r.within
        )
    # an identity: chance has no part in it
    return lambda level, refute_level: np.full(draws, MARKS.get(judge(r, level).verdict, 0), np.int8)


def _marked(refuted: Bools, reproduced: Bools) -> Marks:
    import numpy as np

    return np.where(refuted, -1, np.where(reproduced, 1, 0)).astype(np.int8)
