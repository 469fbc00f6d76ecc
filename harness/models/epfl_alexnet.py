"""The AlexNet of the EPFL reproduction of Zhang et al. (1,375,690 parameters)."""

from __future__ import annotations

from typing import ClassVar

from harness.models.alexnet import TwoConvolutions
from harness.models.counts import Pooling, Response


class EpflAlexNet(TwoConvolutions, frozen=True):
    """Twice (5x5 convolution, batch norm, ReLU, 3x3 max-pool of stride 3, response norm), then 384, 192.

    The report writes that pooling has stride 1, which cannot give its count; stride 3, the default of
    its code, does. The response norm has 5 channels, k = 2, alpha = 1e-4 over the 5, beta = 0.75.

    Args:
        width: factor on channels and hidden units, for cheaper versions.
    """

    channels: ClassVar[tuple[int, int]] = (64, 256)
    pooling: ClassVar[Pooling] = Pooling(kernel=3, stride=3, padding=0)
    response: ClassVar[Response] = Response(size=5, k=2.0, alpha=1e-4, beta=0.75)
    normalized: ClassVar[bool] = True
    smallest: ClassVar[int] = 9
