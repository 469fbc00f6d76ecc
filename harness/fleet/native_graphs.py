"""Convolutional nets of any shape as the native kernel's stages, and which ones it is quicker at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple

EXPONENT = 0.75  # of response norms: the only one that the kernel knows
INTEGERS = 5  # of a stage, beside its kind and what it reads
LARGEST, MOST = 2**15, 2**21
"""Numbers of an example in all maps, and multiply-adds of its convolutions, up to which stages are quicker.

Measured against channels-last torch on one core with 512-bit vectors: 8 times as fast at 30,000 numbers and
few channels, no faster at 40,000 or at 4 million multiply-adds, where maps leave the second cache and
oneDNN's blocks of channels pay.
"""


class StageKind(IntEnum):
    """What a stage does, numbered as in native_maps.h."""

    CONVOLVE = 0
    NORMALIZE = 1
    POOL = 2
    RECTIFY = 3
    RESPOND = 4
    JOIN = 5
    AVERAGE = 6


class NativeStage(NamedTuple):
    """A stage as native_maps.h reads it.

    Attributes:
        kind: what it does.
        source, other: numbers of the maps that it reads and joins to them: 0 for the images, then stages.
        integers: kernel, stride, padding, outputs and bias of a convolution; kernel, stride and padding of
            a pool; how far a response norm reaches.
        reals: epsilon and momentum of a batch norm; k and alpha, of each square, of a response norm.
        maps: channels, height and width of what it makes.
    """

    kind: StageKind
    source: int
    other: int
    integers: tuple[int, ...]
    reals: tuple[float, ...]
    maps: tuple[int, int, int]


class NativeGraph(NamedTuple):
    """The stages of a net, up to its first dense layer.

    Attributes:
        images: channels, height and width.
        stages: in the order in which they are computed.
        parts: the modules whose parameters and buffers they need, in order.
    """

    images: tuple[int, int, int]
    stages: tuple[NativeStage, ...]
    parts: list[Any]

    @property
    def values(self) -> int:
        """Numbers of an example that the dense layers read."""
        return math.prod(self.stages[-1].maps)

    @property
    def single(self) -> bool:
        """Whether moments are taken of maps of one pixel."""
        pixels = [s.maps[1] * s.maps[2] for s in self.stages if s.kind is StageKind.NORMALIZE]
        return min(pixels, default=2) == 1

    @property
    def size(self) -> int:
        """Numbers of one example in all maps."""
        return math.prod(self.images) + sum(math.prod(stage.maps) for stage in self.stages)

    @property
    def multiply_adds(self) -> int:
        """Those of all convolutions, forward, for one example."""
        total = 0
        for stage in self.stages:
            if stage.kind is StageKind.CONVOLVE:
                channels = (self.stages[stage.source - 1].maps if stage.source else self.images)[0]
                total += channels * stage.integers[0] ** 2 * math.prod(stage.maps)
        return total

    @property
    def pays(self) -> bool:
        """Whether the kernel is quicker than torch, by its size."""
        return self.size <= LARGEST and self.multiply_adds <= MOST

    @property
    def integers(self) -> list[int]:
        """All integers, as native_maps.h reads them."""
        flat = list(self.images)
        for s in self.stages:
            flat += [s.kind, s.source, s.other, *s.integers, *[0] * (INTEGERS - len(s.integers))]
        return flat

    @property
    def reals(self) -> list[float]:
        return [real for stage in self.stages for real in (stage.reals or (0.0, 0.0))]


class _Unstaged(Exception):
    """A part that the kernel does not know."""


def graph_of(front: Sequence[Any], shape: tuple[int, ...], *, mean: bool) -> NativeGraph | None:
    """The stages of the modules in front of the dense layers; None where one is not known.

    Args:
        front: modules, one after the other.
        shape: of an example.
        mean: whether the mean of each map is taken last of all.
    """
    if len(shape) != 3 or not front:
        return None
    growing = _Growing((shape[0], shape[1], shape[2]))
    try:
        end = growing.chain(front, 0)
        if mean:
            growing.add(StageKind.AVERAGE, end, maps=(growing.maps(end)[0], 1, 1))
    except _Unstaged:
        return None
    return NativeGraph(growing.images, tuple(growing.stages), growing.parts)


class _Growing:
    """Stages as they are added; each method takes and returns the number of maps."""

    def __init__(self, images: tuple[int, int, int]) -> None:
        self.images = images
        self.stages: list[NativeStage] = []
        self.parts: list[Any] = []

    def maps(self, number: int) -> tuple[int, int, int]:
        return self.stages[number - 1].maps if number else self.images

    def add(
        self,
        kind: StageKind,
        source: int,
        *,
        other: int = 0,
        integers: tuple[int, ...] = (),
        reals: tuple[float, ...] = (),
        maps: tuple[int, int, int] | None = None,
    ) -> int:
        self.stages.append(NativeStage(kind, source, other, integers, reals, maps or self.maps(source)))
        return len(self.stages)

    def chain(self, modules: Sequence[Any], source: int) -> int:
        """Modules one after the other."""
        for module in modules:
            source = self.module(module, source)
        return source

    def module(self, module: Any, source: int) -> int:
        """One module, whatever it is made of.

        Raises:
            _Unstaged: it is of another kind, or does not fit.
        """
        from torch import nn

        from harness.models._inception_nets import Beside, ConvModule
        from harness.models._nets import LocalResponseNorm

        kind = type(module)
        if module._forward_hooks or module._forward_pre_hooks:
            raise _Unstaged
        if kind in (nn.Sequential, ConvModule):
            return self.chain(list(module), source)
        if kind is Beside:
            return self._joined(self.module(module.left, source), self.module(module.right, source))
        if kind is nn.Conv2d:
            return self._convolved(module, source)
        if kind is nn.MaxPool2d:
            return self._pooled(module, source)
        if kind is nn.BatchNorm2d and moments_known(module):
            self.parts.append(module)
            return self.add(StageKind.NORMALIZE, source, reals=(module.eps, module.momentum))
        if kind is LocalResponseNorm and module.beta == EXPONENT:
            return self._responded(module, source)
        if kind is nn.ReLU:
            return self.add(StageKind.RECTIFY, source)
        raise _Unstaged

    def _joined(self, left: int, right: int) -> int:
        (channels, *sides), (others, *other_sides) = self.maps(left), self.maps(right)
        if sides != other_sides:
            raise _Unstaged
        return self.add(StageKind.JOIN, left, other=right, maps=(channels + others, sides[0], sides[1]))

    def _convolved(self, layer: Any, source: int) -> int:
        channels, height, width = self.maps(source)
        kernel, stride, padding = layer.kernel_size[0], layer.stride[0], layer.padding
        square = {layer.kernel_size, layer.stride, padding} <= {(kernel,) * 2, (stride,) * 2, padding}
        plain = square and (layer.dilation, layer.groups, layer.padding_mode) == ((1, 1), 1, "zeros")
        if not plain or isinstance(padding, str) or padding[0] != padding[1]:
            raise _Unstaged
        sides = _windows((height, width), kernel, stride, padding[0])
        if layer.in_channels != channels or padding[0] >= kernel:
            raise _Unstaged
        self.parts.append(layer)
        integers = (kernel, stride, padding[0], layer.out_channels, int(layer.bias is not None))
        return self.add(StageKind.CONVOLVE, source, integers=integers, maps=(layer.out_channels, *sides))

    def _pooled(self, layer: Any, source: int) -> int:
        channels, height, width = self.maps(source)
        numbers = (layer.kernel_size, layer.stride or layer.kernel_size, layer.padding)
        kernel, stride, padding = (n[0] if isinstance(n, tuple) and n[0] == n[1] else n for n in numbers)
        if not all(isinstance(n, int) for n in (kernel, stride, padding)) or kernel > 15:
            raise _Unstaged  # the place of a winner is kept in a byte
        if layer.dilation not in (1, (1, 1)) or layer.ceil_mode or layer.return_indices:
            raise _Unstaged
        sides = _windows((height, width), kernel, stride, padding)
        return self.add(StageKind.POOL, source, integers=(kernel, stride, padding), maps=(channels, *sides))

    def _responded(self, layer: Any, source: int) -> int:
        row = layer.band[0, :, 0, 0]
        reach, alpha = int((row > 0).sum()) - 1, float(row[0])
        return self.add(StageKind.RESPOND, source, integers=(reach,), reals=(float(layer.k), alpha))


def _windows(sides: tuple[int, int], kernel: int, stride: int, padding: int) -> tuple[int, int]:
    """How many windows there are along each side.

    Raises:
        _Unstaged: none.
    """
    height, width = ((side + 2 * padding - kernel) // stride + 1 for side in sides)
    if min(height, width) < 1:
        raise _Unstaged
    return height, width


def moments_known(layer: Any) -> bool:
    """Whether a batch normalization is without gain and offset, and keeps running averages of its moments."""
    plain = not layer.affine and layer.track_running_stats and layer.momentum is not None
    return plain and not layer._forward_hooks and not layer._forward_pre_hooks
