"""Random streams keyed by what they are for, so that nothing depends on the order of execution.

Replicate 3 draws the same labels whichever worker trains it, in whatever company; replicate 3 of two
experiments starts from the same weights and sees its images in the same order, so they are paired.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.spec.experiments import Draws

if TYPE_CHECKING:
    import numpy as np

PURPOSES = (
    "data",
    "labels",
    "initialization",
    "order",
    "augmentation",
    "noise",
    "simulation",
    "solution",
    "transform",
)


def stream(replicate: int, purpose: str, *more: int) -> np.random.Generator:
    """An independent generator for (replicate, purpose, ...); ``more`` is an epoch, say.

    Raises:
        ValueError: an unknown purpose or a negative number.
    """
    import numpy as np

    if purpose not in PURPOSES:
        raise ValueError(f"unknown purpose {purpose!r}: one of {', '.join(PURPOSES)}")
    # the length leads: SeedSequence does not tell (3, 4) from (3, 4, 0)
    key = (len(more), replicate, PURPOSES.index(purpose), *more)
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))


def stream_of(draws: Draws, replicate: int, purpose: str, *more: int) -> np.random.Generator:
    """The generator of a training for (replicate, purpose, ...), of the draw that its experiment names.

    Raises:
        ValueError: as ``stream``; or a replicate beyond those that have other draws.
    """
    return stream(draws.replicate(purpose, replicate), purpose, *more)
