"""What a body is given when it is rehearsed: results of the right names and shapes, with made-up numbers.

What a training measures is known beforehand, so its stand-in refuses other names. What a solver, a simulation
or a probe returns is not, so theirs answers to every name, and its arrays bear whatever is done to them.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.evidence.kinds import Relation
from harness.evidence.measured import Measured, Unknown, WrongKind, WrongUse
from harness.judging.check import Check
from harness.judging.ladder import RUNNABLE, runnables
from harness.judging.unshared import unshared
from harness.lab.results import Results
from harness.spec import Experiment, Runnable, plain
from harness.spec.watched import EVERYTHING, NOTHING, Watched, curves_of

if TYPE_CHECKING:
    import numpy as np

TRAINED = ("train_loss", "train_error", "test_error")
LABELED = ("corrupted_error", "clean_error")
STREAMED = (
    *("train_top5_error", "test_top5_error", "least_train_error", "least_test_error"),
    *("least_train_top5_error", "least_test_top5_error"),
)

LONGEST = 10_000
"""A curve has no more epochs than this in a rehearsal; no body of a claim reads a later one by its number."""
PATIENCE = 10_000
"""So often a body may ask for a number that nobody knows, before its rehearsal ends (it may be a loop)."""
ENTRIES = 3
"""As many entries an axis of unknown length has where a number is needed."""


class Unbearable(Exception):
    """The body asks for what a stand-in cannot know; it is no mistake of the body's."""


class Doubt:
    """How often a body asked for numbers that nobody knows: what it does after that may be no mistake."""

    def __init__(self) -> None:
        self.asked = 0

    def raised(self) -> None:
        """Count one more.

        Raises:
            Unbearable: that was too often.
        """
        self.asked += 1
        if self.asked > PATIENCE:
            raise Unbearable


class Anything:
    """An array of unknown shape, or something read from one: it bears every operation.

    Args:
        replicates: its length, where one is needed.
        doubt: hears of every number that is asked for.
    """

    def __init__(self, replicates: int, doubt: Doubt) -> None:
        self._replicates, self._doubt = replicates, doubt

    def _itself(self, *_: Any, **__: Any) -> Anything:
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _itself
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __matmul__ = _itself
    __rmatmul__ = __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __divmod__ = _itself
    __neg__ = __pos__ = __abs__ = __invert__ = __round__ = __trunc__ = __floor__ = __ceil__ = _itself
    __lt__ = __le__ = __gt__ = __ge__ = __getitem__ = __call__ = _itself
    __array_ufunc__ = __array_function__ = _itself
    __eq__ = __ne__ = _itself  # type: ignore[assignment]
    __hash__ = object.__hash__

    def __getattr__(self, name: str) -> Anything:
        if name.startswith("__"):  # protocols that it does not meet
            raise AttributeError(name)
        return self

    def __setitem__(self, place: object, value: object) -> None:
        """Nothing is kept."""

    def __len__(self) -> int:
        self._doubt.raised()
        return self._replicates

    def __iter__(self) -> Iterator[Anything]:
        self._doubt.raised()
        return iter([self] * self._replicates)

    def __contains__(self, value: object) -> bool:
        return bool(self)

    def __bool__(self) -> bool:
        self._doubt.raised()
        return True

    def __index__(self) -> int:
        self._doubt.raised()
        return ENTRIES

    __int__ = __index__

    def __float__(self) -> float:
        self._doubt.raised()
        return 0.5

    def __format__(self, specification: str) -> str:
        return "0.5"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        import numpy as np

        self._doubt.raised()
        return np.linspace(0.4, 0.6, self._replicates).astype(dtype or float)


class StandIn(Results):
    """Results of a value that has not been computed, ``replicates`` of them.

    Attributes:
        known: the names of what is measured; None where only running it would tell.
        watched: the errors whose curves the body has read so far.
    """

    def __init__(self, name: str, value: Runnable, replicates: int, doubt: Doubt) -> None:
        from harness.lab.runs import Run

        run = Run(value=value, replicate=0, address="", key="", kind="", source="")
        super().__init__(name, [run] * replicates, ())
        self.value, self.replicates, self._doubt = value, replicates, doubt
        self.known = measures(value)
        self.watched = NOTHING

    def __repr__(self) -> str:
        return f"<stand-in of {self.name}>"

    def __getattribute__(self, name: str) -> Any:
        if name == "records":
            self.watched = EVERYTHING
            return Anything(self.replicates, self._doubt)
        return super().__getattribute__(name)

    def final(self, measure: str) -> Measured:
        """Numbers of the size of an error rate, other ones for every measure."""
        return self._numbers(measure, f"{measure} ({self.name})")

    def best(self, measure: str) -> Measured:
        self._curves(measure)
        return self._numbers(measure, f"best {measure} ({self.name})")

    def at(self, measure: str, *, when: str, below: float) -> Measured:
        self._named(when)
        self._curves(measure, when)
        return self._numbers(measure, f"{measure} when {when} <= {below:g} ({self.name})")

    def epochs_to(self, measure: str, target: float) -> Measured:
        self._curves(measure)
        return self._numbers(measure, f"epochs to {measure} <= {target:g} ({self.name})")

    def curve(self, measure: str) -> np.ndarray:
        """A curve that falls over the whole budget; of what is no training, anything."""
        import numpy as np

        self._named(measure)
        self._curves(measure)
        if self.known is None or measure not in self.known:
            return Anything(self.replicates, self._doubt)  # type: ignore[return-value]
        start = _numbers(self.replicates, measure, self.name)[:, None]
        return np.array(start / np.sqrt(self.epochs))

    def array(self, measure: str) -> np.ndarray:
        if self._is_trained and not self.value.probes:  # type: ignore[union-attr]
            raise Unknown(f"{self.name} has no {measure!r}; it has nothing of this kind: read curve(...)")
        return Anything(self.replicates, self._doubt)  # type: ignore[return-value]

    @property
    def epochs(self) -> np.ndarray:
        import numpy as np

        if not self._is_trained:
            return Anything(self.replicates, self._doubt)  # type: ignore[return-value]
        return np.arange(1, _whole(lambda: self.value.optimizer.epochs, LONGEST) + 1)  # type: ignore[union-attr]

    @property
    def steps(self) -> np.ndarray:
        value: Any = self.value
        return self.epochs * _whole(lambda: math.ceil(value.data.train_size / value.optimizer.batch))

    @property
    def _is_trained(self) -> bool:
        return isinstance(self.value, Experiment)

    def _curves(self, *names: object) -> None:
        """Note that curves are read; a name that is not known yet may be any."""
        known = [name for name in names if isinstance(name, str)]
        self.watched |= curves_of(known) if len(known) == len(names) else EVERYTHING

    def _numbers(self, measure: str, name: str) -> Measured:
        self._named(measure)
        return Measured(_numbers(self.replicates, measure, self.name), name=name)

    def _named(self, measure: object) -> None:
        """Refuse a name that no run of this kind will have."""
        if not isinstance(measure, (str, Anything)):
            raise Unknown(f"{self.name} has no {measure!r}: measures have names")
        if self.known is not None and self._certain and measure not in self.known:
            raise Unknown(f"{self.name} has no {measure!r}; it has {', '.join(self.known)}")

    @property
    def _certain(self) -> bool:
        """Can nothing else be measured? A probe returns what it likes."""
        return self._is_trained and not self.value.probes  # type: ignore[union-attr]


def measures(value: Runnable) -> tuple[str, ...] | None:
    """What a training measures after every epoch; None for a solver, a simulation or a probe.

    Whether there are corrupted labels is the data's affair, so their measures may always be asked for.
    """
    if not isinstance(value, Experiment):
        return None
    streamed = bool(getattr(value.data, "streamed", False))
    losses = ("test_loss",) if value.losses else ()
    return (*TRAINED, *losses, *LABELED, *(STREAMED if streamed else ()))


def _whole(read: Callable[[], Any], most: int = 10**9) -> int:
    """A positive whole number that a user's class says; 1 where it cannot."""
    try:
        return max(1, min(int(read()), most))
    except Exception:  # what is wrong with the class is said elsewhere
        return 1


@functools.cache
def _numbers(replicates: int, *names: str) -> np.ndarray:
    """[replicate], between 0.2 and 0.9, other ones for other names: differences do not vanish."""
    import zlib

    import numpy as np

    level = 0.3 + 0.5 * zlib.crc32(" ".join(map(str, names)).encode()) / 2**32
    return level + np.linspace(-0.1, 0.1, replicates)


class Heeding(Check):
    """Takes relations as the judge's own does; of a figure it looks at nothing but numbers of points."""

    def __init__(self, doubt: Doubt) -> None:
        super().__init__()
        self._doubt = doubt

    def __call__(self, relation: Relation | Sequence[Relation], *, uncontrolled: str = "") -> None:
        """Refuse what ``Check`` would, and a number that a body reads from its results."""
        if isinstance(relation, Anything):
            raise WrongKind("check() takes a relation such as above(...), not a number read from results")
        super().__call__(relation, uncontrolled=uncontrolled)

    def draw(self, figure: str, **series: Any) -> None:
        """Refuse what ``Check.draw`` would, as far as the shapes are known."""
        try:
            inspect.signature(Check.draw).bind(self, figure, **series)
        except TypeError as error:
            raise WrongKind(f"check.draw: {error}") from None
        x, y = series["x"], series["y"]
        if self._doubt.asked or not (_sized(x) and _sized(y)):
            return
        measures_only = all(isinstance(point, Measured) for point in y)
        counts = [len(y)] if measures_only else [len(row) for row in y if _sized(row)]
        wrong = [count for count in counts if count != len(x)]
        if wrong:
            raise WrongUse(f"{figure}, {series['series']}: a row of y has {wrong[0]} values for {len(x)} x")


def _sized(values: object) -> bool:
    return hasattr(values, "__len__") and not isinstance(values, Anything)


def watched(read: Any) -> Watched:
    """The errors whose curves were read of a stand-in, or of any of a sweep."""
    if isinstance(read, StandIn):
        return read.watched
    members = read.values() if isinstance(read, Mapping) else read if isinstance(read, list) else ()
    return functools.reduce(Watched.__or__, map(watched, members), NOTHING)


def standing(name: str, value: Any, replicates: int, doubt: Doubt) -> Any:
    """What a body reads for a value of its world: stand-ins for what is computed, else the value."""
    if isinstance(value, RUNNABLE):
        return StandIn(name, plain(value), replicates, doubt)
    if not runnables(value):
        return unshared(value)
    if isinstance(value, Mapping):
        return {key: standing(f"{name} {key}", v, replicates, doubt) for key, v in value.items()}
    return [standing(f"{name} {i}", v, replicates, doubt) for i, v in enumerate(value)]
