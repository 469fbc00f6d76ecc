"""How long runs will take: by their own timings, by those of runs alike, else by arithmetic alone."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from harness.lab.plan import estimate
from harness.spec import Experiment, Probing, Simulation, Solved, Value, abbreviated

if TYPE_CHECKING:
    from harness.lab.plan import Run


def expected(runs: Iterable[Run], timings: Mapping[str, float]) -> dict[str, float]:
    """Seconds by ``Run.kind``: as recorded, or the arithmetic estimate corrected by what runs alike took.

    The correction is the median, in logarithms, of recorded over estimated seconds: it carries both the
    speed of this machine and how early such runs stop. Kinds of which nothing alike was timed are left out.

    Args:
        runs: everything planned, what is there already included: its timings tell about the rest.
        timings: recorded seconds by kind.
    """
    values = {run.kind: run.value for run in runs}
    ratios: dict[tuple[str, ...], list[float]] = {}
    for kind, value in values.items():
        if timings.get(kind):
            ratios.setdefault(alike(value), []).append(math.log(timings[kind] / estimate(value)))
    found = {}
    for kind, value in values.items():
        if timings.get(kind):
            found[kind] = timings[kind]
        elif alike(value) in ratios:
            found[kind] = estimate(value) * math.exp(statistics.median(ratios[alike(value)]))
    return found


def alike(value: Value) -> tuple[str, ...]:
    """What runs share whose times are a like multiple of their estimates."""
    if isinstance(value, Experiment):
        return type(value.model).__name__, type(value.stop).__name__, value.precision
    if isinstance(value, Probing):
        return type(value.probe).__name__, type(value.experiment.model).__name__
    if isinstance(value, Solved):
        return (type(value.solver).__name__,)
    return (value.function.__qualname__ if isinstance(value, Simulation) else type(value).__name__,)


def may_stop_early(value: Value) -> bool:
    """Is the estimate an upper bound, because the run ends when its stopping rule says so?"""
    return isinstance(value, Experiment) and value.stop is not None


def described(value: Value) -> str:
    """What trains, for a line of progress: ``SmallInception, 20,000 images``."""
    if isinstance(value, Probing):
        return f"{_bare(value.probe)} of {described(value.experiment)}"
    if isinstance(value, Experiment):
        return f"{_bare(value.model)}, {_examples(value.data)}"
    if isinstance(value, Solved):
        return f"{_bare(value.solver)}, {_examples(value.data)}"
    return value.function.__name__ if isinstance(value, Simulation) else _bare(value)


def _bare(value: Any) -> str:
    return abbreviated(value).removesuffix("()")


def _examples(data: Any) -> str:
    size, shape = getattr(data, "train_size", None), getattr(data, "shape", ())
    if size is None:
        return type(data).__name__
    return f"{size:,} {'images' if len(shape) == 3 else 'examples'}"
