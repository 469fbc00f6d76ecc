"""How many bytes a solver takes beside its data, counted from its fields and the sizes of the data alone.

It stands apart from the solvers, whose code is part of the names of their runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from harness.analytic.gabor import GaborMagnitudes, LinearFit, OnFeatures, RandomPatches
from harness.analytic.kernel_interpolation import KernelInterpolation, memory
from harness.analytic.random_features import RandomFeatureSweep, SampleSweep
from harness.spec import values_in
from harness.spec.contracts import Dataset

FLOAT32, FLOAT64 = 4, 8
"""Bytes of a number."""
SIGNED_QUARTERS = 8
"""Features of a random patch: two signs, four quarters."""
FACTORS = 2.4
"""A matrix of a sweep is there with its factor, and what is drawn for it: 2.0 to 2.3 measured."""
FITTED = 5.5
"""Matrices of all features in float64 at the peak of a linear fit and its ridge, whose order is changed and
which are factored in turn: 3.3 to 5.2 measured, the more the more features there are to an example."""


class SeenExamples(NamedTuple):
    """What a solver sees.

    Attributes:
        train, test: how many; inputs: numbers of each; targets: columns that are solved for.
    """

    train: int
    test: int
    inputs: int
    targets: int


class Held(NamedTuple):
    """Bytes beside the data: of this machine's memory, and of a GPU's."""

    host: int = 0
    gpu: int = 0


def examples_of(data: Dataset) -> SeenExamples:
    """The examples of a data set, with a column for each class."""
    return SeenExamples(data.train_size, data.test_size, math.prod(data.shape), data.classes)


def taken_by(solver: Any, data: Dataset) -> Held:
    """What a solver takes beside the data, where that is known to be much; else nothing."""
    return _held(solver, examples_of(data), data.shape)


def features(kind: Any, shape: Sequence[int]) -> int:
    """How many numbers an image of a shape becomes; of features that are not ours, as many as it has."""
    if isinstance(kind, GaborMagnitudes):
        _, height, width = shape
        places = (height // kind.pool) * (width // kind.pool)
        return len(kind.wavelengths) * kind.orientations * places
    if isinstance(kind, RandomPatches):
        return SIGNED_QUARTERS * kind.filters
    return math.prod(shape)


def _held(solver: Any, seen: SeenExamples, shape: Sequence[int]) -> Held:
    every = seen.train + seen.test
    if isinstance(solver, OnFeatures):
        inner = seen._replace(inputs=features(solver.features, shape))
        inside = _held(solver.solver, inner, (inner.inputs,))
        return Held(FLOAT32 * every * inner.inputs + inside.host, inside.gpu)
    columns = seen.targets * max(1, len(getattr(solver, "labels", ())))
    if isinstance(solver, KernelInterpolation):
        points = FLOAT64 * every * seen.inputs
        taken = memory(seen.train, inputs=seen.inputs, targets=columns, device=solver.device)
        return Held(points, taken) if solver.device == "cuda" else Held(points + taken)
    if isinstance(solver, LinearFit):
        return Held(int(FITTED * FLOAT64 * every * seen.inputs))
    if isinstance(solver, RandomFeatureSweep | SampleSweep):
        widest = solver.widths[-1] if isinstance(solver, RandomFeatureSweep) else solver.width
        return Held(int(FACTORS * FLOAT64 * every * widest))
    parts = [_held(part, seen, shape) for part in values_in(solver) if isinstance(part, KernelInterpolation)]
    return Held(sum(part.host for part in parts), sum(part.gpu for part in parts))
