"""Dropout in the dense part of another model (Srivastava et al. 2014; Zhang et al. 2017, Section 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.models.architecture import AroundModel

if TYPE_CHECKING:
    import numpy as np
    from torch import nn


class Dropout(AroundModel, frozen=True):
    """Another model whose inputs to all dense layers but its first layer are dropped while it trains.

    What is kept is scaled by 1 / (1 - rate), so evaluation needs no change; there are no more parameters.

    Args:
        model: the model.
        rate: share of units dropped, anew in every step.

    Raises:
        ValueError: the rate is not between 0 and 1.
    """

    rate: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.rate < 1:
            raise ValueError(f"Dropout(rate={self.rate}): must be at least 0 and below 1")

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The model's module, from ``generator`` alone, with dropout put before its dense layers.

        Raises:
            ValueError: it has no dense layer behind another layer, so that nothing would be dropped.
        """
        from harness.models._dropout_nets import with_dropout

        module = self.model.build(shape, classes, generator)
        if not with_dropout(module, self.rate):
            raise ValueError(f"Dropout({type(self.model).__name__}): it has no hidden units to drop")
        return module
