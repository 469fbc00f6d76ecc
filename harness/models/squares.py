"""A network of one hidden layer whose units square, as in Gromov 2023's grokking of modular arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.models.architecture import Architecture
from harness.models.counts import dense, flat, require_positive
from harness.spec.contracts import LayerCount

if TYPE_CHECKING:
    import numpy as np
    from torch import nn


class Squares(Architecture, frozen=True):
    """Two linear maps with squares between them: units of every pair of inputs' products.

    Args:
        width: hidden units.

    Raises:
        ValueError: no unit.
    """

    width: int = 256

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, width=self.width)

    def layers(self, shape: tuple[int, ...], classes: int) -> list[LayerCount]:
        return [dense(flat(shape), self.width), dense(self.width, classes)]

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The float32 module, every layer uniform in +-1/sqrt(inputs), from ``generator`` alone."""
        from torch import nn

        from harness.models import _nets
        from harness.models._square_nets import Square

        return nn.Sequential(
            nn.Flatten(),
            _nets.dense(generator, flat(shape), self.width),
            Square(),
            _nets.dense(generator, self.width, classes),
        )
