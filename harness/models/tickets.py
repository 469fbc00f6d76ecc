"""Sparse nets within trained ones: which weights are kept, and what they start from.

Source: Frankle and Carbin 2019, Sections 1 and 2: layer by layer the smallest weights of
a trained net go, and the others are put back to their initial values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Weights = dict[str, NDArray[np.float32]]
    Mask = NDArray[np.bool_]


class Schedule(Value, frozen=True):
    """The share of a layer's remaining weights that goes in one round of pruning.

    Args:
        rate: of dense layers.
        last: of the output layer; half of ``rate`` in the source.
        convolutions: of convolutional layers; None means ``rate``.

    Raises:
        ValueError: a share that is not between 0 and 1.
    """

    rate: float = 0.2
    last: float = 0.1
    convolutions: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("rate", "last", "convolutions"):
            share = getattr(self, name)
            if share is not None and not 0 < share < 1:
                raise ValueError(f"Schedule({name}={share!r}): must be above 0 and below 1")

    def rates(self, shapes: Sequence[tuple[int, ...]]) -> list[float]:
        """The share for each layer, given the shapes of their weights, first layer first."""
        convolutions = self.rate if self.convolutions is None else self.convolutions
        inner = [convolutions if len(shape) > 2 else self.rate for shape in shapes[:-1]]
        return [*inner, self.last]

    def left(self, shapes: Sequence[tuple[int, ...]], rounds: int) -> float:
        """The share of a dense net's weights that remain after so many rounds, biases not counted."""
        import math

        sizes = [math.prod(shape) for shape in shapes]
        kept = [remaining(n, rate, rounds) for n, rate in zip(sizes, self.rates(shapes), strict=True)]
        return sum(kept) / sum(sizes)


def remaining(count: int, rate: float, rounds: int) -> int:
    """How many of ``count`` weights remain after rounds that each keep the nearest whole number, or 1."""
    for _ in range(rounds):
        count = max(1, round(count * (1 - rate)))
    return count


class Ticket(Value, frozen=True):
    """The start of a sparse net: the mask of a trained one's largest weights, on the weights of another.

    With the trained net's own initial weights this is a winning ticket; with another draw of them, its
    re-initialization. The first parent is the trained net, with masks or without; the second the weights to
    start from. The result is one of ``Masked``.

    Args:
        schedule: how much goes in a round.
        rounds: of pruning done at once; more than one is one-shot pruning to the density they lead to.

    Raises:
        ValueError: ``rounds`` is not positive.
    """

    schedule: Schedule = Schedule()
    rounds: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rounds < 1:
            raise ValueError(f"Ticket(rounds={self.rounds}): must be at least 1")

    def apply(self, parents: list[Weights], generator: np.random.Generator) -> Weights:
        """Weights and masks by name, both float32; a weight that is masked is zero.

        Raises:
            ValueError: the two nets have not the same weights.
        """
        import numpy as np

        trained, initial = parents
        names = layers_of(initial)
        masks: dict[str, Mask] = {}
        for name, rate in zip(names, self.schedule.rates([initial[n].shape for n in names]), strict=True):
            if name not in trained or trained[name].shape != initial[name].shape:
                raise ValueError(f"Ticket: the trained net has no {name} of shape {initial[name].shape}")
            there = mask_of(trained, name)
            kept = remaining(int(there.sum()), rate, self.rounds)
            # a masked weight ranks below any other, one that was trained to zero included
            masks[name] = largest(np.where(there, np.abs(trained[name]), np.float32(-1)), kept)
        return under(masks, initial)


class RandomTicket(Value, frozen=True):
    """The start of a sparse net whose weights are drawn at random, as many in each layer as ``Ticket`` keeps.

    Args:
        schedule: how much goes in a round.
        rounds: of pruning that lead to the density.

    Raises:
        ValueError: ``rounds`` is not positive.
    """

    schedule: Schedule = Schedule()
    rounds: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rounds < 1:
            raise ValueError(f"RandomTicket(rounds={self.rounds}): must be at least 1")

    def apply(self, initial: Weights, generator: np.random.Generator) -> Weights:
        """Weights and masks by name, both float32; a weight that is masked is zero."""
        names = layers_of(initial)
        rates = self.schedule.rates([initial[name].shape for name in names])
        masks = {
            name: largest(
                generator.random(initial[name].shape), remaining(initial[name].size, rate, self.rounds)
            )
            for name, rate in zip(names, rates, strict=True)
        }
        return under(masks, initial)


def layers_of(weights: Weights) -> list[str]:
    """Names of the weights that pruning counts: all but biases and masks, first layer first."""
    return [name for name, array in weights.items() if name.endswith(".weight") and array.ndim > 1]


def mask_of(weights: Weights, name: str) -> Mask:
    """Tell which of a layer's weights are there, bool of its shape; all of them if it carries no mask."""
    import numpy as np

    mask = weights.get(f"{name.removesuffix('.weight')}.mask")
    return np.ones(weights[name].shape, bool) if mask is None else mask.astype(bool)


def largest(scores: NDArray[np.floating], count: int) -> Mask:
    """Where the ``count`` largest scores are, bool of their shape; of equal ones, those that come first."""
    import numpy as np

    mask = np.zeros(scores.size, bool)
    mask[np.argsort(-scores.ravel(), kind="stable")[:count]] = True
    return mask.reshape(scores.shape)


def under(masks: Mapping[str, Mask], weights: Weights) -> Weights:
    """The weights with those that are masked at zero, and the masks beside them, float32."""
    import numpy as np

    masked = {
        name: np.where(masks[name], array, 0).astype(array.dtype) if name in masks else array
        for name, array in weights.items()
        if not name.endswith(".mask")
    }
    shown = {f"{name.removesuffix('.weight')}.mask": mask.astype(np.float32) for name, mask in masks.items()}
    return masked | shown
