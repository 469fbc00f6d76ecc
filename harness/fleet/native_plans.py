"""The nets that the native kernel trains, and what it must be told of them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import nn


class NativeConvolution(NamedTuple):
    """A convolution as native.cpp reads it, in this order.

    Attributes:
        channels: of the input; outputs: of the map.
        kernel: side of its square.
        height, width: of the input.
        bias: 1 if it has biases, else 0.
    """

    channels: int
    outputs: int
    kernel: int
    height: int
    width: int
    bias: int


class NativeDense(NamedTuple):
    """A dense layer as native.cpp reads it, in this order; ``bias`` is 1 if it has biases, else 0."""

    inputs: int
    outputs: int
    bias: int


class NativePlan(NamedTuple):
    """What native.cpp must know of a net.

    Attributes:
        convolutions: each is followed by a max-pool of 2 and ReLU.
        layers: the dense layers.
        parameters: name and shape of each parameter, in the order of ``state_dict``.
    """

    convolutions: tuple[NativeConvolution, ...]
    layers: tuple[NativeDense, ...]
    parameters: tuple[tuple[str, tuple[int, ...]], ...]

    @property
    def classes(self) -> int:
        return self.layers[-1].outputs


def plan_of(module: nn.Module, shape: tuple[int, ...]) -> NativePlan | None:
    """The plan of a float32 Sequential on the CPU, for examples of this shape; None for any other module.

    Blocks of Conv2d (square kernel, stride 1, no padding), MaxPool2d(2) and ReLU in either order, as many
    as you like; Flatten; Linear layers with ReLU between them and none at the end.
    """
    from torch import nn

    if type(module) is not nn.Sequential:
        return None
    kinds = {nn.Conv2d: "C", nn.MaxPool2d: "P", nn.ReLU: "R", nn.Flatten: "F", nn.Linear: "L"}
    layers = list(module)
    letters = "".join(kinds.get(type(layer), "?") for layer in layers)
    if not re.fullmatch("(C(PR|RP))*F(LR)*L", letters) or not all(map(_ordinary, layers)):
        return None
    parameters = tuple((name, tuple(p.shape)) for name, p in module.named_parameters())
    if len(parameters) != len(module.state_dict()):  # weights in two places
        return None
    maps = _convolutions([layer for layer in layers if type(layer) is nn.Conv2d], shape)
    if maps is None:
        return None
    convolutions, values = maps
    dense = _dense([layer for layer in layers if type(layer) is nn.Linear], values)
    return None if dense is None else NativePlan(convolutions, dense, parameters)


def _ordinary(layer: Any) -> bool:
    """Whether a layer does what its kind does by default, in float32 on the CPU."""
    from torch import float32, nn

    if any(p.dtype != float32 or p.device.type != "cpu" for p in layer.parameters()):
        return False
    if type(layer) is nn.Conv2d:
        square = layer.kernel_size[0] == layer.kernel_size[1]
        plain = (layer.stride, layer.dilation, layer.groups) == ((1, 1), (1, 1), 1)
        return square and plain and layer.padding in ("valid", (0, 0))
    if type(layer) is nn.MaxPool2d:
        halves = [layer.kernel_size, layer.stride] in ([2, 2], [(2, 2), (2, 2)], [2, None])
        return halves and (layer.padding, layer.dilation) == (0, 1) and not layer.ceil_mode
    return type(layer) is not nn.Flatten or (layer.start_dim, layer.end_dim) == (1, -1)


def _convolutions(
    layers: Sequence[Any], shape: tuple[int, ...]
) -> tuple[tuple[NativeConvolution, ...], int] | None:
    """The convolutions' part of a plan, and how many numbers are left for the dense layers."""
    if not layers:
        return (), math.prod(shape)
    if len(shape) != 3:
        return None
    plan, (channels, height, width) = [], shape
    for layer in layers:
        kernel = layer.kernel_size[0]
        if layer.in_channels != channels or min(height, width) <= kernel:
            return None
        bias = int(layer.bias is not None)
        plan.append(NativeConvolution(channels, layer.out_channels, kernel, height, width, bias))
        channels, height, width = layer.out_channels, (height - kernel + 1) // 2, (width - kernel + 1) // 2
    return tuple(plan), channels * height * width


def _dense(layers: Sequence[Any], values: int) -> tuple[NativeDense, ...] | None:
    """The dense layers' part of a plan, if they fit together."""
    plan = tuple(
        NativeDense(layer.in_features, layer.out_features, int(layer.bias is not None)) for layer in layers
    )
    fits = [layer.inputs for layer in plan] == [values, *(layer.outputs for layer in plan[:-1])]
    return plan if fits and values > 0 else None
