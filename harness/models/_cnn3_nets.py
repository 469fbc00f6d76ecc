"""The module of the three-layer convolutional network."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from torch import nn

from harness.models import _nets
from harness.models._cnn5_nets import padded_convolution


def cnn3(generator: np.random.Generator, channels: Sequence[int], classes: int) -> nn.Sequential:
    """Convolution, normalisation, ReLU and pooling three times; then the linear layer.

    Args:
        channels: of the image and of the three maps.
    """
    poolings = (nn.MaxPool2d(2), nn.MaxPool2d(2), nn.AdaptiveMaxPool2d(1))
    net: list[nn.Module] = []
    for (inputs, outputs), pooling in zip(pairwise(channels), poolings, strict=True):
        convolved = padded_convolution(generator, inputs, outputs, 3)
        net += [convolved, nn.BatchNorm2d(outputs), nn.ReLU(), pooling]
    return nn.Sequential(*net, nn.Flatten(), _nets.dense(generator, channels[-1], classes))
