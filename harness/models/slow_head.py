"""A model whose last layer takes shorter steps than the others (Heckel and Yilmaz 2021)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.models.architecture import AroundModel

if TYPE_CHECKING:
    import numpy as np
    from torch import nn


class SlowHead(AroundModel, frozen=True):
    """Another model whose last dense layer moves by a share of each step, under gradient descent.

    Its weights and biases W are held as sqrt(share) V. A step of V is sqrt(share) times as long as one of W
    would be, and moves W by sqrt(share) of that: under gradient descent, with momentum or without, W moves
    by the share exactly, as if its learning rate were that share of the others'. Adam, which is blind to
    the scale of a gradient, moves it by the root of the share; weight decay is not scaled likewise.

    Args:
        model: the model; what it computes at its initial weights does not change but for rounding.
        share: of the learning rate, by which the last dense layer is trained.

    Raises:
        ValueError: the share is not positive.
    """

    share: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.share > 0:
            raise ValueError(
                f"SlowHead(share={self.share}): must be above 0, as a share of the learning rate"
            )

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The model's module, from ``generator`` alone, its last dense layer held by the root of the share.

        Raises:
            ValueError: it has no dense layer.
        """
        from harness.models._slow_head_nets import with_slow_head

        module = self.model.build(shape, classes, generator)
        if not with_slow_head(module, self.share):
            raise ValueError(f"SlowHead({type(self.model).__name__}): it has no dense layer to train slower")
        return module
