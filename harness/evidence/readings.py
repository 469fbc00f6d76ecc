"""How sure a relation is to hold, or to fail, of the mean and of the typical run: p-values of many samples.

A mean is read by Student's t, which is right where numbers are nearly normal. The typical run is read by an
exact binomial test: that more than half of all runs lie beyond the bound can be said of any distribution.
Everything here takes arrays [..., replicate], so that one implementation judges a claim's own sample and the
thousands of samples by which its chance to come again is found.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Bools: TypeAlias = NDArray[np.bool_]

HALF = 0.5
"""The share of all runs of which the typical one is: more than half lie beyond the bound."""

MOST_TABULATED = 200
"""Replicates up to which the p-values of all numbers of successes are kept: ladders have fewer."""


class Sample(NamedTuple):
    """Numbers per replicate, [..., replicate], NaN where there is none; ``resolution``: the smallest step.

    ``censored`` marks lower bounds, ``unusable`` what might be any number.
    """

    values: Floats
    censored: Bools
    unusable: Bools
    resolution: float


class Readings(NamedTuple):
    """p-values [...] of one statement: of the mean, and of the typical run."""

    mean: Floats
    typical: Floats

    @property
    def both(self) -> Floats:
        """The p-value of the statement in both readings."""
        import numpy as np

        return np.maximum(self.mean, self.typical)


def spread(x: Sample) -> tuple[Floats, Bools]:
    """The standard deviation over two or more replicates, [...], and whether it was raised to its floor.

    The floor is resolution / √12, the deviation of a number rounded to its resolution: zero spread is not
    certainty. An exact measure still has the rounding of floats.
    """
    import numpy as np

    with np.errstate(all="ignore"):
        deviations = np.std(x.values, axis=-1, ddof=1)
        rounding = np.max(np.abs(x.values), axis=-1) * np.finfo(np.float64).eps
    floor = np.maximum(x.resolution / math.sqrt(12), rounding)
    return np.maximum(deviations, floor), deviations <= floor


class Moments(NamedTuple):
    """The mean of each sample, [...], and its standard error."""

    mean: Floats
    error: Floats


def moments(x: Sample) -> Moments:
    """What every reading of a sample's mean starts from: whoever asks for several hands it to each."""
    import numpy as np

    n = x.values.shape[-1]
    with np.errstate(all="ignore"):
        mean = np.mean(x.values, axis=-1)
        error = spread(x)[0] / math.sqrt(n) if n > 1 else np.full_like(mean, np.inf)
    return Moments(mean, error)


def holds(x: Sample, lower: float | None, upper: float | None, seen: Moments | None = None) -> Readings:
    """How sure it is that x lies above ``lower`` and below ``upper``, in the units of ``x.values``.

    With two bounds each p-value is the larger of the two one-sided ones (Schuirmann 1987).
    """
    import numpy as np

    sides = _sides(x, lower, upper, seen or moments(x))
    return Readings(
        np.maximum.reduce([side.mean for side in sides]), np.maximum.reduce([side.typical for side in sides])
    )


def fails(
    x: Sample, lower: float | None, upper: float | None, seen: Moments | None = None
) -> tuple[Readings, ...]:
    """How sure it is that x lies below ``lower``, and above ``upper``: a reading for each bound there is."""
    seen = seen or moments(x)
    below = () if lower is None else _sides(x, None, lower, seen)
    above = () if upper is None else _sides(x, upper, None, seen)
    return (*below, *above)


def _sides(x: Sample, lower: float | None, upper: float | None, seen: Moments) -> tuple[Readings, ...]:
    """How sure it is that x lies above ``lower``, and below ``upper``: a reading for each."""
    import numpy as np

    n = x.values.shape[-1]
    mean, error = seen
    readings = []
    if lower is not None:  # a censored value is larger still, so it counts
        beyond = np.sum(x.values > lower, axis=-1)
        readings.append(Readings(_t_tail(mean - lower, error, n), share_p(beyond, n, HALF)))
    if upper is not None:
        beyond = np.sum((x.values < upper) & ~x.censored, axis=-1)
        p = np.where(x.censored.any(axis=-1), 1.0, _t_tail(upper - mean, error, n))
        readings.append(Readings(p, share_p(beyond, n, HALF)))
    return tuple(readings)


def reached(
    x: Sample, lower: float | None, upper: float | None, strict: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many replicates, [...], surely and how many perhaps lie within bounds (``strict``: not on them).

    A run that diverged does not.
    """
    import numpy as np

    low = -math.inf if lower is None else lower
    high = math.inf if upper is None else upper
    inside = (x.values >= low) & (x.values <= high)
    if strict:
        inside &= (x.values != low) & (x.values != high)
    surely = inside & ~x.unusable & ~(x.censored & math.isfinite(high))
    perhaps = inside | (x.censored & (x.values <= high)) | x.unusable
    return np.sum(surely, axis=-1), np.sum(perhaps, axis=-1)


def share_p(successes: NDArray[np.integer] | int, n: int, rate: float) -> Floats:
    """The p-value of "more than ``rate`` of all runs succeed": exact, binomial, for successes [...] of n."""
    import numpy as np

    counts = np.asarray(successes)
    if n <= MOST_TABULATED:
        of_each: Floats = _share_ps(n, rate)[counts]
        return of_each
    return _upper_tail(counts, n, rate)


@functools.lru_cache(maxsize=1024)
def _share_ps(n: int, rate: float) -> Floats:
    """``share_p`` of every number of successes: thousands of samples have few numbers between them."""
    import numpy as np

    return _upper_tail(np.arange(n + 1), n, rate)


def _upper_tail(counts: NDArray[np.integer], n: int, rate: float) -> Floats:
    import numpy as np
    from scipy.special import bdtrc

    return np.where(counts > 0, bdtrc(np.maximum(counts - 1, 0), n, rate), 1.0)


def _t_tail(distance: Floats, error: Floats, n: int) -> Floats:
    """One-sided p-values of means that lie ``distance`` beyond a bound: 1 where there is no mean."""
    import numpy as np
    from scipy.special import stdtr

    with np.errstate(all="ignore"):
        p = stdtr(n - 1, -distance / error)
    exactly = np.where(distance > 0, 0.0, 1.0)  # no spread at all, not even rounding
    return np.where(np.isfinite(distance), np.where(error > 0, p, exactly), 1.0)
