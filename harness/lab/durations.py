"""How long runs will take: by their own timings, by those of runs alike, else by arithmetic alone."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from harness.spec import Experiment, Probing, Runnable, Simulation, Solved, Value

if TYPE_CHECKING:
    from harness.lab.runs import Run

UNKNOWN_LAYERS = 4
"""Layers that the estimate assumes for a model that does not list its own."""


def seconds_of(run: Run, timings: Mapping[str, float]) -> float:
    """Recorded seconds of an equal run, or a rough estimate from multiply-adds and steps."""
    return timings.get(run.kind) or estimate(run.value)


def estimate(value: Runnable) -> float:
    """Seconds of a run on one core by arithmetic alone; most runs with a stopping rule need a fraction.

    Multiply-adds at 25e9 a second, and 0.3 ms a step for each layer. For the epochs that they trained, the
    runs it was compared with took a third to twice as long (``durations.expected`` corrects for that).
    A solver may say its multiply-adds by a method ``cost(data)``; else it counts a second, as a probe does.
    """
    if isinstance(value, Solved) and hasattr(value.solver, "cost"):
        return float(value.solver.cost(value.data)) / 25e9 + 0.05
    if not isinstance(value, Experiment):
        return 1.0
    data, optimizer, model = value.data, value.optimizer, value.model
    forward = 2 * model.cost(data.shape, data.classes)
    per_epoch = forward * (4 * data.train_size + data.test_size)
    steps = math.ceil(data.train_size / optimizer.batch)
    layers = len(model.layers(data.shape, data.classes)) if hasattr(model, "layers") else UNKNOWN_LAYERS
    return optimizer.epochs * (per_epoch / 50e9 + steps * layers * 3e-4) + 0.05


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
