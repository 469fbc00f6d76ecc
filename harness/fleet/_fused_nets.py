"""Batch normalization with the ReLU behind it as one operation, for GPUs, where both are bound by memory.

By torch's own kernels a map is read or written five times forward and eight times backward between one
convolution and the next; as one, three times and five times, and the map between both is not kept: backward
computes it anew. The parts are plain functions that ``torch.compile`` makes kernels of. What comes out are
the numbers of ``nn.BatchNorm2d`` and ``relu`` up to rounding, running statistics included.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import types
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.models._resnet18_nets import Block

EACH_CHANNEL = (0, 2, 3)
"""Dimensions that a channel's statistics are over, of maps [n, channels, height, width]."""
PRECISIONS = (torch.float64, torch.float32, torch.bfloat16)
"""Types of maps; statistics, gains and what is computed between are at least float32."""
INCEPTION = ("torchvision.models.inception", "BasicConv2d")
"""torchvision's convolution with its normalization and ReLU: by name, for only its users import it."""

Kept = tuple[Tensor, Tensor, Tensor]


class Witness(NamedTuple):
    """What one operation was called with: maps, gain and offset, running statistics as they were before."""

    x: Tensor
    gain: Tensor | None
    offset: Tensor | None
    running_mean: Tensor
    running_variance: Tensor
    momentum: float
    epsilon: float


_WITNESSES: list[list[Witness]] = []


def forward(
    x: Tensor,
    gain: Tensor | None,
    offset: Tensor | None,
    running_mean: Tensor,
    running_variance: Tensor,
    momentum: float,
    epsilon: float,
) -> Kept:
    """Rectified normalized maps, each channel's mean and inverse deviation; running statistics are moved."""
    wide = _wide(x)
    variance, mean = torch.var_mean(wide, EACH_CHANNEL, correction=0)
    count = x.shape[0] * x.shape[2] * x.shape[3]
    running_mean.mul_(1 - momentum).add_(mean * momentum)
    running_variance.mul_(1 - momentum).add_(variance * (momentum * count / (count - 1)))
    inverse = (variance + epsilon).rsqrt()
    return _changed(_centred(wide, mean, inverse), gain, offset).relu().to(x.dtype), mean, inverse


def backward(
    gradient: Tensor, x: Tensor, mean: Tensor, inverse: Tensor, gain: Tensor | None, offset: Tensor | None
) -> Kept:
    """The gradients by x, gain and offset."""
    centred = _centred(_wide(x), mean, inverse)
    passed = torch.where(_changed(centred, gain, offset) > 0, _wide(gradient), 0.0)
    by_offset, by_gain = passed.sum(EACH_CHANNEL), (passed * centred).sum(EACH_CHANNEL)
    count = x.shape[0] * x.shape[2] * x.shape[3]
    inner = passed - _of_channels(by_offset / count) - centred * _of_channels(by_gain / count)
    scale = inverse if gain is None else inverse * gain
    return (inner * _of_channels(scale)).to(x.dtype), by_gain, by_offset


def evaluated(
    x: Tensor, gain: Tensor | None, offset: Tensor | None, mean: Tensor, variance: Tensor, epsilon: float
) -> Tensor:
    """Maps normalized by running statistics and rectified."""
    centred = _centred(_wide(x), mean, (variance + epsilon).rsqrt())
    return _changed(centred, gain, offset).relu().to(x.dtype)


def _wide(maps: Tensor) -> Tensor:
    return maps if maps.dtype == torch.float64 else maps.float()


def _of_channels(values: Tensor) -> Tensor:
    return values[:, None, None]


def _centred(wide: Tensor, mean: Tensor, inverse: Tensor) -> Tensor:
    return (wide - _of_channels(mean)) * _of_channels(inverse)


def _changed(centred: Tensor, gain: Tensor | None, offset: Tensor | None) -> Tensor:
    if gain is None or offset is None:
        return centred
    return centred * _of_channels(gain) + _of_channels(offset)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as kernels of the device that it is called on first."""
    return torch.compile(function, dynamic=False, fullgraph=True)


@functools.cache
def _part(function: Callable[..., Any], key: tuple[Any, ...]) -> Callable[..., Any]:
    """A part compiled for maps of one kind: by a code object of its own, or torch would soon give up.

    It counts how often one is compiled anew, and stops at eight.
    """
    assert isinstance(function, types.FunctionType)
    alone = types.FunctionType(function.__code__.replace(), function.__globals__, function.__name__)
    return compiled(alone)


def _part_for(function: Callable[..., Any], x: Tensor, gain: Tensor | None) -> Callable[..., Any]:
    return _part(function, (x.device, x.dtype, x.shape, x.stride(), gain is None, compiled))


class NormalizedRelu(torch.autograd.Function):
    """Maps normalized and rectified in training; members of a stack lie side by side, as channels of one."""

    @staticmethod
    def forward(x: Tensor, gain: Any, offset: Any, *rest: Any) -> Kept:
        for witnesses in _WITNESSES:
            witnesses.append(Witness(x, gain, offset, *(r.clone() for r in rest[:2]), *rest[2:]))
        part = _part_for(forward, x, gain)
        outputs: Kept = part(x, gain, offset, *rest)
        return outputs

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Kept) -> None:
        x, gain, offset, *_ = inputs
        _, mean, inverse = output
        ctx.save_for_backward(x, mean, inverse, gain, offset)
        ctx.mark_non_differentiable(mean, inverse)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, mean, inverse, gain, offset = ctx.saved_tensors
        part = _part_for(backward, x, gain)
        by_x, by_gain, by_offset = part(gradients[0], x, mean, inverse, gain, offset)
        of_change = (None, None) if gain is None else (by_gain, by_offset)
        return by_x, *of_change, None, None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> tuple[Kept, tuple[int, int, int]]:
        count = info.batch_size
        flat = _side_by_side(count, in_dims, arguments)
        y, mean, inverse = NormalizedRelu.apply(*flat)
        return (_apart(y, count), mean.view(count, -1), inverse.view(count, -1)), (1, 0, 0)


class EvaluatedRelu(torch.autograd.Function):
    """The same in evaluation, which nothing differentiates."""

    @staticmethod
    def forward(x: Tensor, gain: Any, offset: Any, *rest: Any) -> Tensor:
        part = _part_for(evaluated, x, gain)
        output: Tensor = part(x, gain, offset, *rest)
        return output

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep nothing."""

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        raise NotImplementedError("maps that are normalized by running statistics have no gradient here")

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> tuple[Tensor, int]:
        count = info.batch_size
        return _apart(EvaluatedRelu.apply(*_side_by_side(count, in_dims, arguments)), count), 1


def _side_by_side(count: int, in_dims: tuple[Any, ...], arguments: tuple[Any, ...]) -> list[Any]:
    """Stacked arguments as those of one net: maps [n, members x channels, ...], else [members x channels].

    What is written to is never copied: running statistics must lie one member after the other.
    """
    flat = []
    for place, (dim, argument) in enumerate(zip(in_dims, arguments, strict=True)):
        if not isinstance(argument, Tensor):
            flat.append(argument)
        elif place:  # of each channel
            each = argument.expand(count, -1) if dim is None else argument.movedim(dim, 0)
            flat.append(each.view(-1) if dim is not None else each.reshape(-1))
        else:
            maps = argument[:, None].expand(-1, count, -1, -1, -1) if dim is None else argument
            flat.append((maps if dim is None else maps.movedim(dim, 1)).flatten(1, 2))
    return flat


def _apart(maps: Tensor, count: int) -> Tensor:
    return maps.unflatten(1, (count, -1))


def normalized(norm: nn.BatchNorm2d, x: Tensor) -> Tensor:
    """Maps normalized as ``norm`` does, and rectified."""
    if x.dtype not in PRECISIONS or (not norm.training and torch.is_grad_enabled()):
        return F.relu(norm(x))
    change = norm.weight, norm.bias
    if not norm.training:
        output: Tensor = EvaluatedRelu.apply(x, *change, norm.running_mean, norm.running_var, norm.eps)
        return output
    assert norm.num_batches_tracked is not None
    norm.num_batches_tracked.add_(1)
    running = norm.running_mean, norm.running_var, norm.momentum, norm.eps
    output, *_ = NormalizedRelu.apply(x, *change, *running)
    return output


@contextlib.contextmanager
def witnessed() -> Iterator[list[Witness]]:
    """What each operation is called with, as long as this lasts."""
    witnesses: list[Witness] = []
    _WITNESSES.append(witnesses)
    try:
        yield witnesses
    finally:
        _WITNESSES.pop()  # the last that was begun ends first


def both(witness: Witness) -> tuple[list[Tensor], list[Tensor]]:
    """Outputs, gradients and moved statistics of one operation, and the same by torch's own kernels.

    The gradient that comes in vanishes where ReLU bends: of millions of values some lie so near that by
    rounding they are on either side, and each would count as much as one that is forgotten.
    """
    x, gain, offset, mean, variance, momentum, epsilon = witness
    with torch.no_grad():
        unbent = F.batch_norm(x, None, None, gain, offset, True, momentum, epsilon)
        wave = torch.arange(x.numel(), device=x.device).sin().view_as(x)
        gradient = (wave * unbent.float().abs().tanh()).to(x.dtype)

    def gone(whole: Callable[..., Tensor]) -> list[Tensor]:
        running = mean.clone(), variance.clone()
        inputs = [each.detach().requires_grad_() for each in (x, gain, offset) if each is not None]
        change: list[Any] = inputs[1:] or [None, None]
        with torch.enable_grad():
            y = whole(inputs[0], *change, *running)
            return [y.detach(), *torch.autograd.grad(y, inputs, gradient), *running]

    def plain(x: Tensor, gain: Any, offset: Any, mean: Tensor, variance: Tensor) -> Tensor:
        return F.relu(F.batch_norm(x, mean, variance, gain, offset, True, momentum, epsilon))

    def fused(*arguments: Any) -> Tensor:
        y: Tensor = NormalizedRelu.apply(*arguments, momentum, epsilon)[0]
        return y

    return gone(fused), gone(plain)


# -- where nets do both --------------------------------------------------------------------------------------


def _is_norm(part: nn.Module) -> bool:
    """Whether a part is a batch normalization of maps as nets have them, whom nobody listens to."""
    return (
        type(part) is nn.BatchNorm2d
        and part.track_running_stats
        and part.momentum is not None
        and not (part._forward_hooks or part._forward_pre_hooks)
    )


def _is_relu(part: nn.Module | None) -> bool:
    return type(part) is nn.ReLU and not (part._forward_hooks or part._forward_pre_hooks)


def _block(block: Block, x: Tensor) -> Tensor:
    active = normalized(block.norm1, x)
    kept = x if block.beside is None else block.beside(active)
    inner: Tensor = block.conv2(normalized(block.norm2, block.conv1(active)))
    return inner + kept


def _inception(part: Any, x: Tensor) -> Tensor:
    return normalized(part.bn, part.conv(x))


def _sequence(net: nn.Sequential, x: Tensor) -> Tensor:
    parts: list[nn.Module | None] = [*net, None]
    done = False
    for part, after in itertools.pairwise(parts):
        if part is None or done:
            done = False
        elif isinstance(part, nn.BatchNorm2d) and _is_norm(part) and _is_relu(after):
            x, done = normalized(part, x), True
        else:
            x = part(x)
    return x


def _fusing(part: nn.Module) -> tuple[Callable[[Any, Tensor], Tensor], int] | None:
    """How a part goes forward with both as one, and how often it has them; None where it never does."""
    if type(part) is Block:
        return (_block, 2) if _is_norm(part.norm1) and _is_norm(part.norm2) else None
    if (type(part).__module__, type(part).__name__) == INCEPTION:
        return (_inception, 1) if isinstance(part.bn, nn.Module) and _is_norm(part.bn) else None
    if isinstance(part, nn.Sequential) and type(part).forward is nn.Sequential.forward:
        parts = list(part)
        count = sum(_is_norm(one) and _is_relu(two) for one, two in itertools.pairwise(parts))
        return (_sequence, count) if count else None
    return None


def places(module: nn.Module) -> int:
    """How often a net has a normalization and a ReLU that can be one."""
    return sum(fusing[1] for part in module.modules() if (fusing := _fusing(part)))


def fuse(module: nn.Module) -> None:
    """Have a net go forward with both as one; its parameters and their names stay."""
    for part in module.modules():
        if (fusing := _fusing(part)) and "forward" not in vars(part):
            part.forward = functools.partial(fusing[0], part)


def part_again(module: nn.Module) -> None:
    """Have a net go forward as it was made."""
    for part in module.modules():
        if isinstance(vars(part).get("forward"), functools.partial):
            del part.forward
