"""Parameters and multiply-adds of layers, and the sides of their maps, by arithmetic alone."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from harness.spec.contracts import LayerCount


class Pooling(NamedTuple):
    """A max-pool: side of its squares, steps between them, zeros around the map."""

    kernel: int
    stride: int
    padding: int

    def pooled(self, side: int) -> int:
        """The side of a map of this side afterwards."""
        return (side + 2 * self.padding - self.kernel) // self.stride + 1


class Response(NamedTuple):
    """Constants of a local response norm: divide by (k + alpha / size * sum of squares over size) ** beta."""

    size: int
    k: float
    alpha: float
    beta: float


def dense(inputs: int, outputs: int, bias: bool = True) -> LayerCount:
    """A fully connected layer."""
    return LayerCount((inputs + bias) * outputs, inputs * outputs)


def convolution(inputs: int, outputs: int, kernel: int, pixels: int) -> LayerCount:
    """A square convolution with bias whose output map has ``pixels`` positions."""
    weights = kernel * kernel * inputs * outputs
    return LayerCount(weights + outputs, weights * pixels)


def parameters(layers: Iterable[LayerCount]) -> int:
    """Number of trainable parameters."""
    return sum(layer.parameters for layer in layers)


def multiply_adds(layers: Iterable[LayerCount]) -> float:
    """Multiply-adds of one forward pass of one example."""
    return float(sum(layer.multiply_adds for layer in layers))


def flat(shape: tuple[int, ...]) -> int:
    """Number of values of one example.

    Raises:
        ValueError: the shape is empty or has a side below one.
    """
    if not shape or min(shape) < 1:
        raise ValueError(f"no example has the shape {shape}")
    return math.prod(shape)


def image(model: object, shape: tuple[int, ...], smallest: int) -> tuple[int, int, int]:
    """The shape as (channels, height, width), if the model can take it.

    Raises:
        ValueError: not an image with channels first, or a side shorter than ``smallest``.
    """
    if len(shape) == 3 and shape[0] >= 1 and min(shape[1:]) >= smallest:
        return shape[0], shape[1], shape[2]
    raise ValueError(
        f"{type(model).__name__} needs images (channels, height, width) of at least "
        f"{smallest}x{smallest} pixels, not the shape {shape}"
    )


def scaled(channels: int, width: float) -> int:
    """A number of channels times a width factor, rounded, at least one."""
    return max(1, round(channels * width))


def require_positive(model: object, **fields: float) -> None:
    """Refuse sizes that make no network.

    Raises:
        ValueError: a field is zero or negative.
    """
    for name, value in fields.items():
        if not value > 0:
            raise ValueError(f"{type(model).__name__}({name}={value}): must be positive")
