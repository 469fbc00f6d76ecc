"""Layers whose weights are drawn from a numpy generator, in the order in which they are made.

torch's global generator is neither read nor advanced: layers are allocated without initialisation,
so several threads may build at once and the same generator state always gives the same weights.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

BATCH_NORM_EPSILON = 1e-3


def uniform_(tensor: Tensor, bound: float, generator: np.random.Generator) -> None:
    """Fill with uniform draws from [-bound, bound)."""
    draws = generator.random(tuple(tensor.shape), dtype=np.float32)
    with torch.no_grad():
        tensor.copy_(torch.from_numpy((2 * draws - 1) * np.float32(bound)))


def normal_(tensor: Tensor, deviation: float, generator: np.random.Generator) -> None:
    """Fill with normal draws of mean zero."""
    draws = generator.standard_normal(tuple(tensor.shape), dtype=np.float32)
    with torch.no_grad():
        tensor.copy_(torch.from_numpy(draws * np.float32(deviation)))


def dense(generator: np.random.Generator, inputs: int, outputs: int, bias: bool = True) -> nn.Linear:
    """Fully connected; weights and biases uniform in +-1/sqrt(inputs), torch's own default."""
    layer = skip_init(nn.Linear, inputs, outputs, bias=bias)
    for parameter in layer.parameters():
        uniform_(parameter, 1 / math.sqrt(inputs), generator)
    return layer


def convolution(
    generator: np.random.Generator, inputs: int, outputs: int, kernel: int, *, stride: int = 1, scale: float
) -> nn.Conv2d:
    """Same-padded convolution; weights N(0, scale^2 * 2 / (kernel^2 * outputs)), biases zero.

    The deviation is that of the EPFL reproduction, the only source that states one.
    """
    layer = skip_init(nn.Conv2d, inputs, outputs, kernel, stride=stride, padding=kernel // 2)
    normal_(layer.weight, scale * math.sqrt(2 / (kernel * kernel * outputs)), generator)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


def unpadded_convolution(generator: np.random.Generator, inputs: int, outputs: int, kernel: int) -> nn.Conv2d:
    """Convolution without padding; weights and biases uniform in +-1/sqrt(fan-in), torch's own default."""
    layer = skip_init(nn.Conv2d, inputs, outputs, kernel)
    for parameter in layer.parameters():
        uniform_(parameter, 1 / math.sqrt(inputs * kernel * kernel), generator)
    return layer


class LocalResponseNorm(nn.Module):
    """Local response normalisation over channels, as a 1x1 convolution with a banded matrix.

    Equal to ``torch.nn.functional.local_response_norm`` up to rounding (``alpha`` is divided by
    ``size``), and on a CPU about twice as fast within a small convolutional net.
    """

    band: Tensor

    def __init__(self, channels: int, *, size: int, alpha: float, beta: float, k: float) -> None:
        super().__init__()
        near = np.abs(np.subtract.outer(np.arange(channels), np.arange(channels))) <= size // 2
        band = torch.from_numpy(near.astype(np.float32) * np.float32(alpha / size))
        self.register_buffer("band", band[:, :, None, None], persistent=False)
        self.beta, self.k = beta, k

    def forward(self, x: Tensor) -> Tensor:
        return x * nn.functional.conv2d(x * x, self.band).add(self.k).pow(-self.beta)


def batch_norm(channels: int) -> nn.BatchNorm2d:
    """Batch normalisation of maps without gain and offset."""
    return nn.BatchNorm2d(channels, eps=BATCH_NORM_EPSILON, affine=False)


def flat_batch_norm(features: int) -> nn.BatchNorm1d:
    """Batch normalisation of vectors without gain and offset."""
    return nn.BatchNorm1d(features, eps=BATCH_NORM_EPSILON, affine=False)
