"""The small Inception of Zhang et al. 2017 (Figure 3 and Table 1: 1,649,402 parameters)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.models.architecture import Architecture
from harness.models.counts import (
    convolution,
    dense,
    image,
    require_positive,
    scaled,
)
from harness.spec.contracts import LayerCount

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

FIRST = 96
# (a, b): 1x1 convolutions to a channels beside 3x3 convolutions to b channels;
# (c,): a 3x3 convolution of stride 2 to c channels beside a max-pool that passes its input on
STAGES: tuple[tuple[int, ...], ...] = (
    (32, 32), (32, 48), (80,), (112, 48), (96, 64), (80, 80), (48, 96), (96,), (176, 160), (176, 160),
)  # fmt: skip


class SmallInception(Architecture, frozen=True):
    """Nine modules in three resolutions, mean over the last map, one linear layer.

    Convolutions have biases even before batch normalisation, which has no gain and no offset: only so
    do the networks with and without it have the one count that the paper prints for both.

    Args:
        batch_norm: normalise after each convolution (eps 1e-3).
        width: factor on every number of channels, for cheaper versions.
    """

    batch_norm: bool = True
    width: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, width=self.width)

    def stages(self) -> tuple[tuple[int, ...], ...]:
        """``STAGES`` with the channels of this width."""
        return tuple(tuple(scaled(c, self.width) for c in stage) for stage in STAGES)

    def layers(self, shape: tuple[int, ...], classes: int) -> list[LayerCount]:
        """One entry per convolution, then the linear layer.

        Raises:
            ValueError: the shape is not that of images of at least 4x4 pixels.
        """
        inputs, height, breadth = image(self, shape, smallest=4)
        channels = scaled(FIRST, self.width)
        layers = [convolution(inputs, channels, 3, height * breadth)]
        for stage in self.stages():
            if len(stage) == 2:
                pixels = height * breadth
                layers += [convolution(channels, stage[0], 1, pixels)]
                layers += [convolution(channels, stage[1], 3, pixels)]
                channels = sum(stage)
            else:
                height, breadth = -(-height // 2), -(-breadth // 2)
                layers.append(convolution(channels, stage[0], 3, height * breadth))
                channels += stage[0]
        return [*layers, dense(channels, classes)]

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The float32 module, from ``generator`` alone.

        Convolutions are drawn with half the deviation of He et al. over the fan-out, as in the EPFL
        reproduction; the last layer is uniform in +-1/sqrt(inputs).
        """
        from harness.models._inception_nets import InceptionNet

        channels = image(self, shape, smallest=4)[0]
        first = scaled(FIRST, self.width)
        return InceptionNet(generator, channels, first, self.stages(), classes, self.batch_norm)
