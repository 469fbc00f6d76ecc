"""One number per replicate, and arithmetic that remembers what the numbers can bear."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from harness.evidence.phrases import joined

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


COARSEST = 1e300
"""Largest resolution of a log: a quotient of floats may overflow, and no two logs are that far apart."""


class Slip(Exception):
    """What is written cannot be meant, whatever numbers are measured: a rehearsal may say so beforehand."""


class WrongKind(Slip, TypeError):
    """An operation that things of this kind do not have."""


class WrongUse(Slip, ValueError):
    """An argument that is missing or cannot be meant."""


class Unknown(Slip, KeyError):
    """A name that stands for nothing; the message lists the names there are."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""  # KeyError would quote it


@dataclasses.dataclass(frozen=True, eq=False)
class Measured:
    """One number per replicate.

    Args:
        values: [replicate], NaN where the run diverged (an infinity is stored as NaN).
        resolution: the smallest step the measure can take: 1.0 for an epoch, 1/n for an error rate
            over n examples, 0 if exact.
        censored: [replicate], True where the run did not get there within its budget, so that its
            value is a lower bound. Default: nowhere.
        logarithmic: the values are logs of a ratio; they are judged as logs and shown as ratios.
        name: what is measured, for people; words shared at the end of two names are written once:
            ``(half corrupted - true) test_error``.
        unusable: [replicate], True where a censored value was subtracted or divided by, or where a
            ratio had a number that is not positive. Default: nowhere.
        raised, lowered: chosen as the largest (smallest) of several noisy numbers, so that its mean is too
            large (small): a relation that profits from it refuses it.

    Raises:
        ValueError: the arrays do not have one entry per replicate, or the resolution is negative.
    """

    values: NDArray[np.float64]
    resolution: float = 0.0
    censored: NDArray[np.bool_] = None  # type: ignore[assignment]  # filled in by __post_init__
    logarithmic: bool = False
    name: str = "value"
    unusable: NDArray[np.bool_] = None  # type: ignore[assignment]
    raised: bool = False
    lowered: bool = False

    __array_ufunc__ = None  # numpy scalars leave arithmetic to the operators below

    def __post_init__(self) -> None:
        import numpy as np

        values = np.array(numeric(self.name, self.values), dtype=np.float64)
        values[~np.isfinite(values)] = np.nan
        flags = (self.censored, self.unusable)
        censored, unusable = (
            np.zeros(values.shape, bool) if flag is None else np.array(flag, dtype=bool) for flag in flags
        )
        if values.ndim != 1 or not values.shape == censored.shape == unusable.shape:
            raise ValueError(f"{self.name}: values, censored and unusable need one entry per replicate")
        if not (math.isfinite(self.resolution) and self.resolution >= 0):
            raise ValueError(f"{self.name}: resolution={self.resolution!r} must be finite and not negative")
        for name, array in (("values", values), ("censored", censored), ("unusable", unusable)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        object.__setattr__(self, "resolution", float(self.resolution))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def diverged(self) -> NDArray[np.bool_]:
        """[replicate], True where there is no number because the run diverged."""
        import numpy as np

        return np.isnan(self.values) & ~self.unusable

    @property
    def shown(self) -> NDArray[np.float64]:
        """The values in the units people read, [replicate]: ratios instead of their logs."""
        import numpy as np

        return np.exp(self.values) if self.logarithmic else self.values

    def named(self, name: str) -> Measured:
        """The same numbers under another name."""
        return dataclasses.replace(self, name=name)

    def __add__(self, other: Measured | float) -> Measured:
        if isinstance(other, Measured):
            return combined((self, other), (1.0, 1.0), joined((self.name, other.name), " + "))
        return _shifted(self, number(f"{self.name} +", other))

    __radd__ = __add__

    def __neg__(self) -> Measured:
        return combined((self,), (-1.0,), f"1 / {self.name}" if self.logarithmic else f"-{self.name}")

    def __sub__(self, other: Measured | float) -> Measured:
        if isinstance(other, Measured):
            return combined((self, other), (1.0, -1.0), joined((self.name, other.name), " - "))
        return _shifted(self, -number(f"{self.name} -", other))

    def __rsub__(self, other: float) -> Measured:
        return _shifted(-self, number(f"- {self.name}", other))

    def __mul__(self, factor: float) -> Measured:
        if isinstance(factor, Measured):
            raise WrongKind("products of measures are not judged; for a quotient use ratio(a, b)")
        _refuse_ratio(self)
        factor = number(f"{self.name} *", factor)
        return combined((self,), (factor,), f"{factor:g} {self.name}")

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> Measured:
        if isinstance(divisor, Measured):
            raise WrongKind("a quotient of measures is judged in logs: use ratio(a, b)")
        divisor = number(f"{self.name} /", divisor)
        return (self * (1 / divisor)).named(f"{self.name} / {divisor:g}")

    # A comparison would know no interval, and so be no evidence.

    def __gt__(self, other: object) -> NoReturn:
        raise _compared(self, ">", other)

    def __ge__(self, other: object) -> NoReturn:
        raise _compared(self, ">=", other)

    def __lt__(self, other: object) -> NoReturn:
        raise _compared(self, "<", other)

    def __le__(self, other: object) -> NoReturn:
        raise _compared(self, "<=", other)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (int, float, Measured)) and other is not self:
            raise _compared(self, "==", other)
        return other is self

    __hash__ = object.__hash__

    def __bool__(self) -> NoReturn:
        raise WrongKind(f"{self.name} is a number for each replicate, neither true nor false: check(...) it")


def number(what: str, value: Any) -> float:
    """A plain number that somebody writes as a bound, margin or factor.

    Args:
        what: it is, for people.

    Raises:
        TypeError: it is none, but a word, several numbers, a truth value or a measure, say.
    """
    shape = getattr(value, "shape", ())
    several = isinstance(shape, tuple) and len(shape) > 0
    if several or isinstance(value, (str, bytes, bool)) or not hasattr(type(value), "__float__"):
        instead = ": write above(x - y, 0, because=...)" if isinstance(value, Measured) else ""
        raise WrongKind(f"{what} {_shortly(value)} is no number{instead}")
    return float(value)


def measured(kind: str, x: Any) -> None:
    """Refuse what is no measure, and so has no replicates that anybody knows of.

    Raises:
        TypeError: it is something else.
    """
    if isinstance(x, Measured):
        return
    if not hasattr(x, "unusable"):  # a stand-in in a rehearsal has it too
        raise WrongKind(
            f"{kind} takes a number for each replicate, such as x.final('test_error') or Measured(values), "
            f"not {_shortly(x)}"
        )


def measured_each(kind: str, parts: Any) -> None:
    """Refuse what is no list of measures.

    Raises:
        TypeError: it is one measure, or something in it is none.
    """
    if isinstance(parts, Measured):
        raise WrongKind(f"{kind} takes a list of measures, not {parts.name} alone")
    for part in parts:
        measured(kind, part)


def numeric(what: str, values: Any, *, complex_too: bool = False) -> Any:
    """The values, if numpy makes numbers of them without leaving anything out.

    Raises:
        TypeError: they are words, dates or complex numbers, or some are masked.
    """
    import numpy as np

    if isinstance(values, np.ndarray) and values.dtype == np.float64 and type(values) is np.ndarray:
        return values
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise WrongKind(f"{what}: some of the values are masked; say NaN where there is no number")
    kind = np.asarray(values).dtype
    if kind.kind not in ("biufcO" if complex_too else "biufO"):
        raise WrongKind(f"{what}: values of type {kind} are no real numbers")
    return values


def _shortly(value: Any) -> str:
    """A value for people: itself where that is short, else its class."""
    if isinstance(value, Measured):
        return value.name
    plain = value is None or isinstance(value, (str, bytes, bool, int, float, complex))
    return f"{value!r:.40}" if plain else f"of type {type(value).__name__}"


def combined(
    parts: Sequence[Measured], weights: Sequence[float], name: str, *, logarithmic: bool | None = None
) -> Measured:
    """The weighted sum of measures, paired by replicate; resolutions add up.

    A censored part with a positive weight leaves a lower bound; with a negative one nothing usable.

    Raises:
        ValueError: no parts, different numbers of replicates, or a ratio mixed with a plain measure.
    """
    import numpy as np

    _require_paired(parts)
    pairs = tuple(zip(parts, weights, strict=True))
    with np.errstate(all="ignore"):
        values = np.sum([weight * part.values for part, weight in pairs], axis=0)
    zero = np.zeros(len(parts[0]), bool)
    return Measured(
        values,
        sum(abs(weight) * part.resolution for part, weight in pairs),
        np.any([part.censored if weight > 0 else zero for part, weight in pairs], axis=0),
        parts[0].logarithmic if logarithmic is None else logarithmic,
        name,
        np.any([part.unusable | (part.censored if weight < 0 else zero) for part, weight in pairs], axis=0),
        any(part.raised if weight > 0 else part.lowered for part, weight in pairs if weight),
        any(part.lowered if weight > 0 else part.raised for part, weight in pairs if weight),
    )


def mean_of(parts: Sequence[Measured]) -> Measured:
    """The mean of several measures, replicate by replicate (of ratios: the geometric mean)."""
    measured_each("mean_of", parts)
    name = f"mean of {joined([part.name for part in parts], ', ')}"
    return combined(parts, [1 / len(parts)] * len(parts) if parts else (), name)


def larger_of(*parts: Measured) -> Measured:
    """The largest of several measures, replicate by replicate; a lower bound if any part is one.

    Noise alone raises it: with equal means by 0.57 deviations for two measures and 1.16 for five. So no
    relation takes it where being large is in the claim's favour.
    """
    import numpy as np

    measured_each("larger_of", parts)
    _require_paired(parts)
    values = np.max([part.values for part in parts], axis=0)
    censored = np.any([part.censored for part in parts], axis=0)
    chosen = _chosen(parts, values, censored, "larger of")
    return dataclasses.replace(chosen, raised=chosen.raised or len(parts) > 1)


def smaller_of(*parts: Measured) -> Measured:
    """The smallest of several measures, replicate by replicate; a lower bound only where the smallest is.

    Noise alone lowers it: no relation takes it where being small is in the claim's favour.
    """
    import numpy as np

    measured_each("smaller_of", parts)
    _require_paired(parts)
    values = np.min([part.values for part in parts], axis=0)
    known = np.any([(part.values == values) & ~part.censored for part in parts], axis=0)
    censored = np.any([part.censored for part in parts], axis=0) & ~known
    chosen = _chosen(parts, values, censored, "smaller of")
    return dataclasses.replace(chosen, lowered=chosen.lowered or len(parts) > 1)


def ratio(numerator: Measured, denominator: Measured) -> Measured:
    """The ratio of two measures, replicate by replicate, held as logs; relative resolutions add up."""
    measured("ratio", numerator)
    measured("ratio", denominator)
    name = joined((numerator.name, denominator.name), " / ")
    return combined((logarithm(numerator), logarithm(denominator)), (1.0, -1.0), name)


def logarithm(x: Measured) -> Measured:
    """The same measure held as logs (a ratio already is); numbers that are not positive are unusable."""
    import numpy as np

    if x.logarithmic:
        return x
    positive = x.values > 0
    values = np.log(np.where(positive, x.values, np.nan))
    relative = x.resolution / float(np.mean(x.values[positive])) if positive.any() else 0.0
    resolution = min(relative, COARSEST)
    unusable = x.unusable | (x.values <= 0)
    return Measured(values, resolution, x.censored, True, x.name, unusable, x.raised, x.lowered)


def _compared(x: Measured, sign: str, other: object) -> WrongKind:
    """What to write in place of a plain comparison."""
    paired = isinstance(other, Measured)
    number = f"{other:g}" if isinstance(other, (int, float)) else "..."
    if sign == "==":
        written = f"equivalent(x - {'y' if paired else number}, margin, because=...)"
    else:
        relation = "above" if sign in (">", ">=") else "below"
        written = f"{relation}(x{' - y, 0' if paired else f', {number}'}, because=...)"
    compared = other.name if isinstance(other, Measured) else number
    return WrongKind(f"{x.name} {sign} {compared} knows no interval: write check({written})")


def _shifted(x: Measured, shift: float) -> Measured:
    _refuse_ratio(x)
    name = f"({x.name} {'-' if shift < 0 else '+'} {abs(shift):g})"
    return dataclasses.replace(x, values=x.values + shift, name=name)


def _refuse_ratio(x: Measured) -> None:
    if x.logarithmic:
        raise WrongUse(f"{x.name} is a ratio, judged in logs: put the number into the bound instead")


def _require_paired(parts: Sequence[Measured]) -> None:
    if not parts:
        raise WrongUse("nothing to combine: at least one measure is needed")
    measured_each("arithmetic", parts)
    for part in parts[1:]:
        if len(part) != len(parts[0]):
            raise ValueError(
                f"{parts[0].name} has {len(parts[0])} replicates and {part.name} has {len(part)}: "
                "comparisons are paired by replicate"
            )
        if part.logarithmic != parts[0].logarithmic:
            raise WrongUse(f"{parts[0].name} and {part.name}: a ratio cannot be mixed with a plain measure")


def _chosen(
    parts: Sequence[Measured], values: NDArray[np.float64], censored: NDArray[np.bool_], which: str
) -> Measured:
    import numpy as np

    return Measured(
        values,
        max(part.resolution for part in parts),
        censored,
        parts[0].logarithmic,
        f"{which} {joined([part.name for part in parts], ', ')}",
        np.any([part.unusable for part in parts], axis=0),
        any(part.raised for part in parts),
        any(part.lowered for part in parts),
    )
