"""The two AlexNets differ in channels, pooling, response norm and batch normalisation."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from torch import nn

from harness.models import _nets
from harness.models.counts import Pooling, Response


def alexnet(
    generator: np.random.Generator,
    channels: tuple[int, ...],
    widths: tuple[int, ...],
    *,
    pool: Pooling,
    norm: bool,
    response: Response,
) -> nn.Module:
    """5x5 convolutional blocks, then dense layers with ReLU between them.

    Pooling comes before ReLU: the two commute, and a fraction of the ReLU is left to do.

    Args:
        channels: of the image and after each convolution.
        widths: of the flattened map, the hidden layers and the output.
        pool: of the max-pools.
        norm: batch normalisation after each convolution.
        response: constants of the local response norm.
    """
    net: list[nn.Module] = []
    for inputs, outputs in pairwise(channels):
        net.append(_nets.convolution(generator, inputs, outputs, 5, scale=1.0))
        if norm:
            net.append(_nets.batch_norm(outputs))
        net += [nn.MaxPool2d(*pool), nn.ReLU(), _nets.LocalResponseNorm(outputs, **response._asdict())]
    net.append(nn.Flatten())
    for inputs, outputs in pairwise(widths):
        net += [_nets.dense(generator, inputs, outputs), nn.ReLU()]
    return nn.Sequential(*net[:-1])
