"""The steps that the native kernel takes, and what it must be told of them."""

from __future__ import annotations

from typing import NamedTuple

from harness.fleet.adaptive import AdamL2, AdamW
from harness.spec.contracts import Optimizer


class NativeRule(NamedTuple):
    """A step as native_vectors.h reads it, in this order.

    Attributes:
        momentum, weight_decay: as in ``Sgd``; Adam has no momentum.
        adaptive: 1 if it is Adam's.
        apart: 1 if Adam's weight decay is apart from the gradient.
        mean_decay, square_decay, epsilon: as in ``AdamL2``.
    """

    momentum: float = 0.0
    weight_decay: float = 0.0
    adaptive: int = 0
    apart: int = 0
    mean_decay: float = 0.0
    square_decay: float = 0.0
    epsilon: float = 0.0


def rule_of(optimizer: Optimizer) -> NativeRule | None:
    """The rule of an optimizer's steps; None where the kernel does not know it, or it is not left to it."""
    if isinstance(optimizer, AdamL2) and type(optimizer) in (AdamL2, AdamW):
        decays = optimizer.mean_decay, optimizer.square_decay
        apart = int(optimizer.decoupled)
        return NativeRule(0.0, optimizer.weight_decay, 1, apart, *decays, optimizer.epsilon)
    if optimizer.plain_step and optimizer.fast_kernels:
        return NativeRule(optimizer.momentum, optimizer.weight_decay)
    return None
