"""Batch normalization over several processes, whose operations torch has for GPUs alone, for a pretended one.

``torch.nn.SyncBatchNorm`` is made of these: statistics of a process's part of a batch, those of all parts
together, and what they give forward and backward. Statistics are in float32, whatever the images are in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def _by_channel(values: Tensor, like: Tensor) -> Tensor:
    """Values [channels], to go with a batch [n, channels, ...]."""
    return values.view(1, -1, *[1] * (like.dim() - 2))


def _over(batch: Tensor) -> list[int]:
    """All dimensions of a batch but its channels."""
    return [0, *range(2, batch.dim())]


def stats(batch: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Mean and inverse deviation of each channel."""
    variance, mean = torch.var_mean(batch.float(), _over(batch), correction=0)
    return mean, (variance + eps).rsqrt()


def gathered(
    batch: Tensor, means: Tensor, inverses: Tensor, running_mean: Tensor | None, running_var: Tensor | None,
    momentum: float, eps: float, counts: Tensor,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Mean and inverse deviation of all parts together, from theirs [parts, channels]; running ones move on.

    Args:
        counts: values of a channel in each part.
    """
    shares, count = (counts / counts.sum())[:, None], counts.sum()
    mean = (shares * means).sum(0)
    variance = (shares * (inverses**-2 - eps + (means - mean) ** 2)).sum(0)
    if running_mean is not None and running_var is not None:
        running_mean.lerp_(mean, momentum)
        running_var.lerp_(variance * count / (count - 1), momentum)
    return mean, (variance + eps).rsqrt()


def normalized(
    batch: Tensor, weight: Tensor | None, bias: Tensor | None, mean: Tensor, inverse: Tensor, eps: float
) -> Tensor:
    """The batch with mean zero and deviation one in each channel, scaled and shifted."""
    gain = inverse if weight is None else inverse * weight
    out = (batch.float() - _by_channel(mean, batch)) * _by_channel(gain, batch)
    return (out if bias is None else out + _by_channel(bias, batch)).to(batch.dtype)


def sums(
    gradient: Tensor, batch: Tensor, mean: Tensor, inverse: Tensor, weight: Tensor | None, *wanted: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Sums over a part: of its gradient, of that times the centred batch, and those by gain and by bias."""
    dy = gradient.float()
    total = dy.sum(_over(batch))
    product = (dy * (batch.float() - _by_channel(mean, batch))).sum(_over(batch))
    return total, product, product * inverse, total


def backward(
    gradient: Tensor, batch: Tensor, mean: Tensor, inverse: Tensor, weight: Tensor | None, total: Tensor,
    product: Tensor, counts: Tensor,
) -> Tensor:  # fmt: skip
    """The gradient by a part of the batch, of the sums over all parts."""
    count = counts.sum()
    centred = batch.float() - _by_channel(mean, batch)
    slope = gradient.float() - _by_channel(total / count, batch)
    slope = slope - centred * _by_channel(inverse**2 * product / count, batch)
    gain = inverse if weight is None else inverse * weight
    return (slope * _by_channel(gain, batch)).to(batch.dtype)


NORMALIZING: dict[str, Callable[..., Any]] = {
    "aten::batch_norm_stats": stats,
    "aten::batch_norm_gather_stats_with_counts": gathered,
    "aten::batch_norm_elemt": normalized,
    "aten::batch_norm_backward_reduce": sums,
    "aten::batch_norm_backward_elemt": backward,
}
"""By the names of the operations that they stand for."""
