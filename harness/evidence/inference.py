"""Intervals, tests and their power, as plain functions of numbers."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from harness.evidence.measured import Measured
from harness.evidence.readings import Sample, spread

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Counts: TypeAlias = NDArray[np.int64]  # [outcome, k], or [k] for one outcome
    Floats: TypeAlias = NDArray[np.float64]

FEWEST = 5
"""With fewer replicates the numbers are shown, and nothing is concluded."""
ENUMERATED = 50_000
"""Outcomes of a multinomial test up to which all of them are enumerated."""
DRAWN = 20_000
"""Outcomes that are drawn where there are more."""
AS_LIKELY = 1e-7
"""Difference of two log likelihoods, from the rounding of sums of logs, up to which they count as equal."""
AFFORDABLE = 1_000_000
"""Replicates up to which a number of them is looked for."""
LARGEST_LOG = 709.0
"""The exponential of a larger number overflows float64 (its largest number is exp(709.78))."""


class Interval(NamedTuple):
    """Both ends of an interval."""

    low: float
    high: float


class MeanInterval(NamedTuple):
    """A mean and both ends of its interval."""

    mean: float
    low: float
    high: float


class Deviation(NamedTuple):
    """A standard deviation over replicates, and whether it was raised to its floor."""

    value: float
    floored: bool


def exponential(log: float) -> float:
    """The number whose logarithm this is, infinite where float64 holds none so large."""
    return math.exp(log) if log < LARGEST_LOG else math.inf


def mean_interval(x: Measured, level: float) -> MeanInterval:
    """The mean and its interval by Student's t, each side at one-sided ``level``, in units of ``x.values``.

    Censored values are lower bounds, so they leave no upper side; a run that diverged or is unusable
    leaves no mean at all (NaN).
    """
    import numpy as np
    from scipy.special import stdtrit

    n = len(x)
    if n == 0 or x.unusable.any() or x.diverged.any():
        return MeanInterval(math.nan, math.nan, math.nan)
    with np.errstate(all="ignore"):
        mean = float(np.mean(x.values))
    half = float(stdtrit(n - 1, 1 - level)) * deviation(x).value / math.sqrt(n) if n > 1 else math.inf
    return MeanInterval(mean, mean - half, math.inf if x.censored.any() else mean + half)


def sample(x: Measured) -> Sample:
    """What is read of a measure, [replicate]: NaN where a run diverged or its number is unusable."""
    import numpy as np

    return Sample(np.where(x.unusable, np.nan, x.values), x.censored, x.unusable, x.resolution)


def deviation(x: Measured) -> Deviation:
    """The standard deviation over two or more replicates, and whether it was raised to its floor."""
    value, floored = spread(Sample(x.values, x.censored, x.unusable, x.resolution))
    return Deviation(float(value), bool(floored))


def rate_interval(successes: int, n: int, level: float) -> Interval:
    """The interval of a success rate, exact (Clopper and Pearson), each side at one-sided ``level``."""
    from scipy.special import betaincinv

    low = float(betaincinv(successes, n - successes + 1, level)) if successes > 0 else 0.0
    high = float(betaincinv(successes + 1, n - successes, 1 - level)) if successes < n else 1.0
    return Interval(low, high)


def within_p(counts: Sequence[int], probabilities: Sequence[float], within: float) -> float:
    """The level at which ``rate_interval`` begins to bound every probability to ``within`` of the stated one.

    It is the largest p-value of the exact binomial tests of each count against both ends of its range.
    """
    from scipy.special import bdtr, bdtrc

    n, values = sum(counts), [0.0]
    for count, p in zip(counts, probabilities, strict=True):
        if p + within <= 1:
            values.append(float(bdtr(count, n, p + within)))
        if p - within >= 0:
            values.append(float(bdtrc(count - 1, n, p - within)) if count else 1.0)
    return max(values)


def welch_interval(
    change: float, deviations: tuple[float, float], n: tuple[int, int], level: float = 0.05
) -> Interval:
    """Two-sided interval of a difference of two means over independent replicates (Welch 1947).

    Args:
        change: the difference of the means.
        deviations, n: standard deviation over replicates and number of replicates (at least 2) of each.
        level: two-sided level.
    """
    from scipy.special import stdtrit

    parts = [deviation**2 / count for deviation, count in zip(deviations, n, strict=True)]
    total = sum(parts)
    if total <= 0:
        return Interval(change, change)
    freedom = total**2 / sum(part**2 / (count - 1) for part, count in zip(parts, n, strict=True))
    half = float(stdtrit(freedom, 1 - level / 2)) * math.sqrt(total)
    return Interval(change - half, change + half)


def rate_change_interval(successes: tuple[int, int], n: tuple[int, int], level: float = 0.05) -> Interval:
    """Two-sided interval of the second success rate minus the first (Newcombe 1998, method 10)."""
    from scipy.special import ndtri

    z = float(ndtri(1 - level / 2))
    p, q = (k / count for k, count in zip(successes, n, strict=True))
    (low_p, high_p), (low_q, high_q) = (_wilson(k, count, z) for k, count in zip(successes, n, strict=True))
    return Interval(q - p - math.hypot(q - low_q, high_p - p), q - p + math.hypot(high_q - q, p - low_p))


def _wilson(successes: int, n: int, z: float) -> Interval:
    """The score interval of a rate (Wilson 1927)."""
    rate, weight = successes / n, z * z / n
    centre = (rate + weight / 2) / (1 + weight)
    half = z / (1 + weight) * math.sqrt(rate * (1 - rate) / n + weight / (4 * n))
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def multinomial_p(counts: Sequence[int], probabilities: Sequence[float]) -> float:
    """p-value of the exact multinomial test: the probability of an outcome no likelier than the counts.

    All outcomes are enumerated if there are at most ``ENUMERATED``; otherwise ``DRAWN`` are drawn from a
    fixed stream, and the observed one counts as one more, which keeps the test valid.
    """
    import numpy as np

    return float(multinomial_ps(np.asarray([counts], dtype=np.int64), probabilities)[0])


def multinomial_ps(counts: Counts, probabilities: Sequence[float]) -> Floats:
    """``multinomial_p`` of many counts [draw, k] with the same sum, [draw]."""
    import numpy as np
    from scipy.special import gammaln, xlogy

    if not len(counts):
        return np.zeros(0)
    p, n, k = np.asarray(probabilities, dtype=np.float64), int(counts[0].sum()), counts.shape[-1]
    enumerated = math.comb(n + k - 1, k - 1) <= ENUMERATED
    outcomes = _compositions(n, k) if enumerated else _multinomial_draws(n, p)

    def log_likelihood(x: Counts) -> Floats:
        return gammaln(n + 1) + np.sum(xlogy(x, p) - gammaln(x + 1), axis=-1)

    likelihoods = np.sort(log_likelihood(outcomes))
    unlikely = np.searchsorted(likelihoods, log_likelihood(counts) + AS_LIKELY, side="right")
    if not enumerated:
        return (1 + unlikely) / (1 + len(outcomes))
    summed = np.concatenate([[0.0], np.cumsum(np.exp(likelihoods))])
    return np.minimum(1.0, summed[unlikely])


def furthest_from(counts: Counts, probabilities: Sequence[float], level: float) -> Floats:
    """How far exact intervals of counts [draw, k] reach from the stated probabilities at most, [draw]."""
    import numpy as np
    from scipy.special import betaincinv

    n, p = counts.sum(axis=-1, keepdims=True), np.asarray(probabilities, dtype=np.float64)
    with np.errstate(all="ignore"):  # where a count is 0 or n, which has an end of its own
        low = np.where(counts > 0, betaincinv(counts, n - counts + 1, level), 0.0)
        high = np.where(counts < n, betaincinv(counts + 1, n - counts, 1 - level), 1.0)
    ends: Floats = np.max(np.maximum(np.abs(low - p), np.abs(high - p)), axis=-1)
    return ends


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for their number (Holm 1979), in the given order."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = float(largest)
    return adjusted


def power(n: int, level: float, effect_over_sd: float) -> float:
    """The chance that a one-sided t test of n replicates clears its bound.

    Args:
        n: replicates, at least 2.
        level: one-sided level.
        effect_over_sd: distance of the true mean from the bound, in standard deviations of the
            (paired) number per replicate.
    """
    from scipy.special import nctdtr, stdtrit

    return 1 - float(nctdtr(n - 1, effect_over_sd * math.sqrt(n), stdtrit(n - 1, 1 - level)))


_power = power  # the next function has an argument of that name


def replicates_needed(level: float, effect_over_sd: float, power: float = 0.8) -> int:
    """The fewest replicates (at least 5) with that power; arguments as for ``power``.

    Raises:
        ValueError: no number of replicates is enough, or it is above a million.
    """
    n = FEWEST
    while not _power(n, level, effect_over_sd) >= power:
        n *= 2
        if effect_over_sd <= 0 or power >= 1 or n > AFFORDABLE:
            raise ValueError(f"no affordable n has power {power:g} for an effect of {effect_over_sd:g} SD")
    counts = range(FEWEST, n + 1)
    return counts[bisect.bisect_left(counts, power, key=lambda k: _power(k, level, effect_over_sd))]


def _compositions(n: int, k: int) -> Counts:
    """All ways to write n as an ordered sum of k counts, [outcome, k]."""
    import numpy as np

    bars = np.array(list(itertools.combinations(range(n + k - 1), k - 1)), dtype=np.int64).reshape(-1, k - 1)
    edges = np.pad(bars, ((0, 0), (1, 1)), constant_values=((0, 0), (-1, n + k - 1)))
    return np.diff(edges, axis=1) - 1


def _multinomial_draws(n: int, p: Floats) -> Counts:
    """Outcomes of n draws with probabilities p [k], [outcome, k], the same at every call."""
    import numpy as np

    generator = np.random.Generator(np.random.Philox(0))
    return generator.multinomial(n, p / p.sum(), size=DRAWN)
