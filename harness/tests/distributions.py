"""Distributions of one number per replicate, of deviation one, on which the judge's errors are measured."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Floats]


def lognormal(s: float) -> Draw:
    """The exponential of a normal number of deviation s."""
    mean, deviation = math.exp(s * s / 2), math.exp(s * s / 2) * math.sqrt(math.exp(s * s) - 1)
    return lambda g, shape: (np.exp(s * g.normal(size=shape)) - mean) / deviation


def mirrored(draw: Draw) -> Draw:
    return lambda g, shape: -draw(g, shape)


def outlier(g: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """One run in twenty lies about 4.6 deviations away, as a net on a plateau does."""
    far = g.random(shape) < 0.05
    return (g.normal(size=shape) * 0.2 + far * 4.6 - 0.05 * 4.6) / math.sqrt(0.04 + 0.05 * 0.95 * 4.6**2)


def two_modes(share: float) -> Draw:
    """A share of the runs ends two deviations of a mode below the others."""

    def draw(g: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        low = g.random(shape) < share
        deviation = math.sqrt(0.09 + 4 * share * (1 - share))
        return (0.3 * g.normal(size=shape) - 2 * low + 2 * share) / deviation

    return draw


NEARLY_NORMAL: dict[str, Draw] = {
    "normal": lambda g, shape: g.normal(size=shape),
    "uniform": lambda g, shape: (g.random(shape) - 0.5) * math.sqrt(12),
    "t3": lambda g, shape: g.standard_t(3, shape) / math.sqrt(3),
    "epochs": lambda g, shape: g.integers(-1, 2, shape).astype(np.float64),
    "zero": lambda g, shape: np.zeros(shape),
    "bimodal50": two_modes(0.5),
}
SKEWED: dict[str, Draw] = {
    "lognormal.5": lognormal(0.5),
    "exponential": lambda g, shape: g.exponential(size=shape) - 1,
    "-exponential": mirrored(lambda g, shape: g.exponential(size=shape) - 1),
    "lognormal": lognormal(1.0),
    "-lognormal": mirrored(lognormal(1.0)),
    "outlier": outlier,
    "-outlier": mirrored(outlier),
    "bimodal30": two_modes(0.3),
}
DISTRIBUTIONS = NEARLY_NORMAL | SKEWED
RESOLUTION = {"epochs": 1.0}


def generator(key: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key))


def median(draw: Draw) -> float:
    """The median of a million draws."""
    return float(np.median(draw(generator(99), (1_000_000,))))
