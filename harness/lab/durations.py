"""How long runs will take: by their own timings, shipped costs, runs alike, or arithmetic alone."""

from __future__ import annotations

import functools
import math
import statistics
import typing
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from harness.lab import gpu_kinds, prices
from harness.lab.prices import Costs
from harness.spec import Experiment, Probing, Runnable, Simulation, Solved, Value
from harness.spec.contracts import CostedSolver
from harness.spec.watched import EVERYTHING, Watched

if TYPE_CHECKING:
    from harness.lab.runs import Run

MULTIPLY_ADDS_A_SECOND = 25e9
"""Multiply-adds that torch's float32 kernels do in a second on one core.

Beside the 217 experiments of ``reports/quick/records.jsonl.gz`` (an AMD EPYC), and for the epochs that they
trained, nets that torch trains took 0.3 to 1.7 times the estimate, and those of the native kernel, which came
later, a hundredth to 0.8 times. So it is an upper bound to plan by, which ``expected`` corrects.
"""

STEP_SECONDS_A_LAYER = 3e-4
"""Seconds of a gradient step for each layer, however small it is: what Python and torch take to call it.

Calibrated together with ``MULTIPLY_ADDS_A_SECOND``; the first plans had 4e-4 s a step, whatever the layers.
"""

START_SECONDS = 0.05
"""Seconds of a run of no steps: drawing its data, writing its record.

A round number, so that no estimate is zero: a twentieth of the quick tier's records took under 4 ms in all, a
quarter under 30 ms.
"""

UNKNOWN_SECONDS = 1.0
"""Seconds of what says nothing of its cost: a simulation, a probe, or a solver without ``cost``."""

PASSES = 4
"""Forward passes' worth of multiply-adds for a training image and epoch: forward, backward (by weights and by
inputs, each as dear as forward), and forward once more when the epoch is evaluated."""


def seconds_of(run: Run, timings: Mapping[str, float], device: str = "cpu") -> float:
    """Recorded seconds of an equal run, or a rough estimate from multiply-adds and steps."""
    return timings.get(run.kind) or estimate(run.value, device, run.watched)


def estimate(value: Runnable, device: str = "cpu", watched: Watched = EVERYTHING) -> float:
    """Seconds of a run on one core or GPU by arithmetic alone; most that may stop early need a fraction.

    The sum of two terms, multiply-adds and calls of layers, over the whole budget of epochs; what a GPU
    computes is counted by ``gpu_seconds``, and all else is a core's beside it.

    Args:
        value: what is computed; device: where.
        watched: the errors measured after every epoch, which a GPU's arithmetic tells apart.
    """
    if device != "cpu":
        from harness.lab import gpu_seconds  # and with it solvers, which a plan for a CPU does without

        if gpu := gpu_seconds.spent(value, gpu_kinds.of(device), watched):
            return gpu.seconds + START_SECONDS
    if isinstance(value, Solved) and _says_cost(type(value.solver)):
        solver = typing.cast(CostedSolver, value.solver)
        return solver.cost(value.data) / MULTIPLY_ADDS_A_SECOND + START_SECONDS
    if not isinstance(value, Experiment):
        return UNKNOWN_SECONDS
    data, optimizer, model = value.data, value.optimizer, value.model
    images = PASSES * data.train_size + data.test_size
    computing = model.cost(data.shape, data.classes) * images / MULTIPLY_ADDS_A_SECOND
    steps = math.ceil(data.train_size / optimizer.batch)
    layers = len(model.layers(data.shape, data.classes))
    return optimizer.epochs * (computing + steps * layers * STEP_SECONDS_A_LAYER) + START_SECONDS


@functools.cache  # a protocol looks at every attribute at every question
def _says_cost(kind: type) -> bool:
    return issubclass(kind, CostedSolver)


def expected(
    runs: Iterable[Run], timings: Mapping[str, float], device: str = "cpu", shipped: Costs | None = None
) -> dict[str, float]:
    """Seconds by ``Run.kind``: as recorded here, else as shipped, else the arithmetic estimate corrected.

    What is shipped is of another machine's cores, and is multiplied by how much longer runs take here; of
    what a GPU trains it tells nothing. The correction of an estimate is the median, in logarithms, of
    recorded over estimated seconds of runs alike: of those recorded here, else of those shipped. It carries
    both the speed of a machine and how early such runs stop. A kind is left out if nothing like it was timed
    anywhere.

    Args:
        runs: everything planned, with what is there already: its timings tell about the rest.
        timings: recorded seconds by kind.
        device: where they are computed.
        shipped: the costs to go by (default: those that ship with this version).
    """
    known = prices.shipped() if shipped is None else shipped
    values, watched = {}, {}
    for run in runs:
        values[run.kind], watched[run.kind] = run.value, run.watched

    def counted(kind: str) -> float:
        return estimate(values[kind], device, watched[kind])

    ratios: dict[tuple[str, ...], list[float]] = {}
    for kind, value in values.items():
        if timings.get(kind):
            ratios.setdefault(alike(value), []).append(math.log(timings[kind] / counted(kind)))
    slower = prices.slowness(known, timings) if known.kinds and len(timings) < len(values) else 1.0
    seconds = {}
    for kind, value in values.items():
        group = alike(value)
        elsewhere = prices.NOTHING if device != "cpu" and is_of_gpu(value) else known
        if timings.get(kind):
            seconds[kind] = timings[kind]
        elif elsewhere.of(kind):
            seconds[kind] = elsewhere.of(kind) * slower
        elif group in ratios:
            seconds[kind] = counted(kind) * math.exp(statistics.median(ratios[group]))
        elif elsewhere.ratio(group):
            seconds[kind] = counted(kind) * elsewhere.ratio(group) * slower
    return seconds


def is_of_gpu(value: Runnable) -> bool:
    """Whether a GPU computes it, if there is one: shipped costs, which are a core's, tell nothing of that."""
    from harness.lab import gpu_seconds

    return gpu_seconds.spent(value, gpu_kinds.DEFAULT) is not None


def alike(value: Value) -> tuple[str, ...]:
    """What two runs have in common if their times are about the same multiple of their estimates."""
    if isinstance(value, Experiment):
        parts = (value.model, value.stop, value.optimizer)
        return *(type(part).__name__ for part in parts), value.precision
    if isinstance(value, Probing):
        return type(value.probe).__name__, type(value.experiment.model).__name__
    if isinstance(value, Solved):
        return (type(value.solver).__name__,)
    return (value.function.__qualname__ if isinstance(value, Simulation) else type(value).__name__,)


def may_stop_early(value: Value) -> bool:
    """Say whether the estimate is an upper bound, because the run ends when its stopping rule says so."""
    return isinstance(value, Experiment) and value.stop is not None
