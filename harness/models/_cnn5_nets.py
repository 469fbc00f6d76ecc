"""The module of the five-layer convolutional network."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from torch import nn
from torch.nn.utils import skip_init

from harness.models import _nets


def padded_convolution(
    generator: np.random.Generator,
    inputs: int,
    outputs: int,
    kernel: int,
    *,
    stride: int = 1,
    bias: bool = True,
) -> nn.Conv2d:
    """Same-padded convolution; weights and biases uniform in +-1/sqrt(fan-in), torch's own default."""
    layer = skip_init(nn.Conv2d, inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=bias)
    for parameter in layer.parameters():
        _nets.uniform_(parameter, (inputs * kernel * kernel) ** -0.5, generator)
    return layer


def cnn5(generator: np.random.Generator, channels: Sequence[int], classes: int) -> nn.Sequential:
    """Convolution, normalisation, ReLU four times, with poolings between; then the linear layer.

    Args:
        channels: of the image and of the four maps.
    """
    poolings = (None, nn.MaxPool2d(2), nn.MaxPool2d(2), nn.AdaptiveMaxPool2d(1))
    net: list[nn.Module] = []
    for (inputs, outputs), pooling in zip(pairwise(channels), poolings, strict=True):
        net += [
            padded_convolution(generator, inputs, outputs, 3),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            *([pooling] if pooling is not None else []),
        ]
    return nn.Sequential(*net, nn.Flatten(), _nets.dense(generator, channels[-1], classes))
