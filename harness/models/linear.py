"""Logistic regression: one layer, no hidden unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.models.architecture import Architecture
from harness.models.counts import dense, flat
from harness.spec.contracts import LayerCount

if TYPE_CHECKING:
    import numpy as np
    from torch import nn


class Linear(Architecture, frozen=True):
    """A linear map with bias of the flattened example: (values + 1) x classes parameters."""

    def layers(self, shape: tuple[int, ...], classes: int) -> list[LayerCount]:
        return [dense(flat(shape), classes)]

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The float32 module, uniform in +-1/sqrt(values), from ``generator`` alone."""
        from torch import nn

        from harness.models import _nets

        return nn.Sequential(nn.Flatten(), _nets.dense(generator, flat(shape), classes))
