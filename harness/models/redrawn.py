"""The same model from other initial weights, so that one replicate has several independent nets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.models.architecture import AroundModel

if TYPE_CHECKING:
    import numpy as np
    from torch import nn


class Redrawn(AroundModel, frozen=True):
    """Another model whose initial weights are a further independent draw of the replicate's stream.

    The module is the model's own, so the kernel that trains it is, too; the order of examples is that of
    the replicate.

    Args:
        model: the model.
        draw: which draw, 1 and up; 0 would be the model's own.

    Raises:
        ValueError: ``draw`` is not positive.
    """

    draw: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.draw < 1:
            raise ValueError(f"Redrawn(draw={self.draw}): must be at least 1")

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The model's module, from a stream that ``generator`` never reaches."""
        import numpy as np

        bits = generator.bit_generator
        if not isinstance(bits, np.random.Philox):
            raise TypeError(f"Redrawn needs a Philox stream, not {type(bits).__name__}")
        return self.model.build(shape, classes, np.random.Generator(bits.jumped(self.draw)))
