"""The nets that the native kernel trains, and what it must be told of them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from harness.fleet.native_graphs import NativeGraph, graph_of, moments_known

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
    """A dense layer as native.cpp reads it, in this order, integers before reals; what is so is 1, else 0.

    Attributes:
        inputs, outputs: numbers of an example; bias: it has biases.
        masked: its weights are multiplied with a mask.
        normalized: batch normalization comes before its ReLU; with ``epsilon`` and ``momentum``.
        dropped: its inputs are dropped while it trains, a share of ``rate``.
        squared: its outputs are squared, in place of ReLU.
    """

    inputs: int
    outputs: int
    bias: int
    masked: int = 0
    normalized: int = 0
    dropped: int = 0
    squared: int = 0
    epsilon: float = 0.0
    momentum: float = 0.0
    rate: float = 0.0

    @property
    def integers(self) -> tuple[int, ...]:
        return self[:7]

    @property
    def reals(self) -> tuple[float, ...]:
        return self[7:]


Named: TypeAlias = tuple[str, tuple[int, ...]]


class NativePlan(NamedTuple):
    """What native.cpp must know of a net.

    Attributes:
        convolutions: each is followed by a max-pool of 2 and ReLU.
        layers: the dense layers.
        parameters: name and shape of each parameter, in the order of ``state_dict``.
        graph: in place of convolutions, stages of another kind.
        buffers: name and shape of each mask and running moment.
        counters: names of the numbers of steps that batch normalizations have seen.
    """

    convolutions: tuple[NativeConvolution, ...]
    layers: tuple[NativeDense, ...]
    parameters: tuple[Named, ...]
    graph: NativeGraph | None = None
    buffers: tuple[Named, ...] = ()
    counters: tuple[str, ...] = ()

    @property
    def classes(self) -> int:
        return self.layers[-1].outputs

    @property
    def plain(self) -> bool:
        """Whether it needs nothing but what is trained: no stages, masks, moments or dropped inputs."""
        return self.graph is None and not any(any(layer.integers[3:]) for layer in self.layers)

    @property
    def least(self) -> int:
        """Examples that a step needs at least: of single numbers no moments can be taken."""
        single = self.graph is not None and self.graph.single
        return 2 if single or any(layer.normalized for layer in self.layers) else 1


def plan_of(module: nn.Module, shape: tuple[int, ...]) -> NativePlan | None:
    """The plan of a float32 module on the CPU, for examples of this shape; None for any that is not known.

    A Sequential of blocks of Conv2d (square kernel, stride 1, no padding), MaxPool2d(2) and ReLU in either
    order, or of what ``native_graphs`` knows; Flatten; dense layers, each but the last with ReLU (and maybe
    batch normalization before it) or with squares. Their weights may be masked, their inputs dropped. Or an
    Inception.
    """
    from torch import nn

    from harness.models._inception_nets import InceptionNet

    if any(p.dtype.itemsize != 4 or p.device.type != "cpu" for p in module.parameters()):
        return None
    if _does_more(module):
        return None
    if type(module) is InceptionNet:
        front, mean = list(module.stages), True
        rest: list[nn.Module] = [module.last]
    elif type(module) is nn.Sequential:
        parts, mean = list(module), False
        kinds = [type(part) for part in parts]
        if nn.Flatten not in kinds or not _flattens(parts[kinds.index(nn.Flatten)]):
            return None
        front, rest = parts[: kinds.index(nn.Flatten)], parts[kinds.index(nn.Flatten) + 1 :]
    else:
        return None
    return _planned(module, shape, front, rest, mean=mean)


def _does_more(module: nn.Module) -> bool:
    """Whether something is done to what enters or leaves a part, but for a dense layer, which tells itself.

    Noise on a net's inputs is such: a hook of the whole net, whose draws are kept in its first part.
    """
    from torch import nn

    parts = [part for part in module.modules() if not isinstance(part, nn.Linear)]
    return any(part._forward_hooks or part._forward_pre_hooks for part in parts)


def _planned(
    module: nn.Module, shape: tuple[int, ...], front: Sequence[Any], rest: Sequence[Any], *, mean: bool
) -> NativePlan | None:
    """The plan of a module of which a front and dense layers are told apart."""
    names = {id(part): f"{name}." if name else "" for name, part in module.named_modules()}
    maps = None if mean else _convolutions(front, shape)
    graph = graph_of(front, shape, mean=mean) if maps is None else None
    if maps is not None:
        convolutions, values = maps
    elif graph is not None:
        convolutions, values = (), graph.values
    else:
        return None
    dense = _dense(rest, values)
    if dense is None:
        return None
    parts = [*(graph.parts if graph else [part for part in front if list(part.parameters())]), *dense.parts]
    return _named(module, NativePlan(convolutions, dense.layers, (), graph), parts, names)


def _named(
    module: nn.Module, plan: NativePlan, parts: Sequence[Any], names: dict[int, str]
) -> NativePlan | None:
    """A plan with the names of all that its parts keep, if that is all of the module's, each in one place."""
    parameters: list[Named] = []
    buffers: list[Named] = []
    counters: list[str] = []
    for part in parts:
        for name, tensor in part.named_parameters(recurse=False):
            parameters.append((names[id(part)] + name, tuple(tensor.shape)))
        for name, tensor in part.named_buffers(recurse=False):
            if tensor.dim():
                buffers.append((names[id(part)] + name, tuple(tensor.shape)))
            else:
                counters.append(names[id(part)] + name)
    kept = [*(name for name, _ in (*parameters, *buffers)), *counters]
    in_order = [name for name, _ in parameters] == [name for name, _ in module.named_parameters()]
    if not in_order or sorted(kept) != sorted(module.state_dict()):
        return None
    return plan._replace(parameters=tuple(parameters), buffers=tuple(buffers), counters=tuple(counters))


def _convolutions(
    front: Sequence[Any], shape: tuple[int, ...]
) -> tuple[tuple[NativeConvolution, ...], int] | None:
    """The convolutions' part of a plan without stages, and how many numbers are left for the dense layers."""
    from torch import nn

    kinds = {nn.Conv2d: "C", nn.MaxPool2d: "P", nn.ReLU: "R"}
    letters = "".join(kinds.get(type(layer), "?") for layer in front)
    if not re.fullmatch("(C(PR|RP))*", letters) or not all(map(_ordinary, front)):
        return None
    if not front:
        return (), math.prod(shape)
    if len(shape) != 3:
        return None
    plan, (channels, height, width) = [], shape
    for layer in (layer for layer in front if type(layer) is nn.Conv2d):
        kernel = layer.kernel_size[0]
        if layer.in_channels != channels or min(height, width) <= kernel:
            return None
        bias = int(layer.bias is not None)
        plan.append(NativeConvolution(channels, layer.out_channels, kernel, height, width, bias))
        channels, height, width = layer.out_channels, (height - kernel + 1) // 2, (width - kernel + 1) // 2
    return tuple(plan), channels * height * width


def _ordinary(layer: Any) -> bool:
    """Whether a convolution or pool does what its kind does by default."""
    from torch import nn

    if type(layer) is nn.Conv2d:
        square = layer.kernel_size[0] == layer.kernel_size[1]
        plain = (layer.stride, layer.dilation, layer.groups) == ((1, 1), (1, 1), 1)
        return square and plain and layer.padding in ("valid", (0, 0))
    if type(layer) is nn.MaxPool2d:
        halves = [layer.kernel_size, layer.stride] in ([2, 2], [(2, 2), (2, 2)], [2, None])
        return halves and (layer.padding, layer.dilation) == (0, 1) and not layer.ceil_mode
    return True


def _flattens(layer: Any) -> bool:
    return (layer.start_dim, layer.end_dim) == (1, -1)


class _DensePart(NamedTuple):
    """The dense layers' part of a plan, and the modules whose parameters and buffers it needs, in order."""

    layers: tuple[NativeDense, ...]
    parts: list[Any]


def _dense(rest: Sequence[Any], values: int) -> _DensePart | None:
    """The dense layers' part of a plan, if they fit together."""
    from torch import nn

    from harness.models._masked_nets import MaskedLinear
    from harness.models._square_nets import Square

    kinds = {nn.Linear: "L", MaskedLinear: "L", nn.BatchNorm1d: "N", nn.ReLU: "R", Square: "S"}
    letters = "".join(kinds.get(type(layer), "?") for layer in rest)
    if not re.fullmatch("(L(N?R|S))*L", letters):
        return None
    layers: list[NativeDense] = []
    for layer in rest:
        if type(layer) is nn.BatchNorm1d and moments_known(layer):
            layers[-1] = layers[-1]._replace(
                normalized=1, epsilon=layer.eps, momentum=float(layer.momentum or 0)
            )
        elif isinstance(layer, nn.Linear):
            rate = _dropped(layer)
            if rate is None or layer.in_features != values or not values:
                return None
            values = layer.out_features
            ends = layer.in_features, layer.out_features, int(layer.bias is not None)
            masked = int(type(layer) is MaskedLinear)
            layers.append(NativeDense(*ends, masked, dropped=int(rate > 0), rate=rate))
        elif type(layer) is Square:
            layers[-1] = layers[-1]._replace(squared=1)
        elif type(layer) is not nn.ReLU:
            return None
    return _DensePart(tuple(layers), [part for part in rest if list(part.state_dict())])


def _dropped(layer: Any) -> float | None:
    """The share of a dense layer's inputs that is dropped; None where something else is done to them."""
    from harness.models._dropout_nets import SeededDropout

    inside, hooks = list(layer.children()), len(layer._forward_pre_hooks) + len(layer._forward_hooks)
    if not inside and not hooks:
        return 0.0
    if [type(part) for part in inside] == [SeededDropout] and hooks == 1:
        return float(inside[0].rate)
    return None
