"""The same model from other initial weights, so that one replicate has several independent nets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.models.counts import Layer
from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np
    from torch import nn


class Redrawn(Value, frozen=True):
    """Another model whose initial weights are a further independent draw of the replicate's stream.

    The module is the model's own, so the kernel that trains it is, too; the order of examples is that of
    the replicate.

    Args:
        model: the model.
        draw: which draw, 1 and up; 0 would be the model's own.

    Raises:
        ValueError: ``draw`` is not positive.
    """

    model: Any
    draw: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.draw < 1:
            raise ValueError(f"Redrawn(draw={self.draw}): must be at least 1")

    def layers(self, shape: tuple[int, ...], classes: int) -> list[Layer]:
        """Those of the model."""
        return list(self.model.layers(shape, classes))

    def size(self, shape: tuple[int, ...], classes: int) -> int:
        """Number of parameters: those of the model."""
        return int(self.model.size(shape, classes))

    def cost(self, shape: tuple[int, ...], classes: int) -> float:
        """Multiply-adds of one forward pass of one example: those of the model."""
        return float(self.model.cost(shape, classes))

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The model's module, from a stream that ``generator`` never reaches."""
        import numpy as np

        bits = generator.bit_generator
        if not isinstance(bits, np.random.Philox):
            raise TypeError(f"Redrawn needs a Philox stream, not {type(bits).__name__}")
        module: nn.Module = self.model.build(shape, classes, np.random.Generator(bits.jumped(self.draw)))
        return module
