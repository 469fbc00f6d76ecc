"""A compiled library is tried before it is trusted: a step of three small nets must agree with torch's."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from harness.fleet.adaptive import AdamW
from harness.fleet.native_plans import NativePlan, plan_of
from harness.fleet.native_rules import NativeRule, rule_of

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import nn

EXAMPLES, CLASSES = 19, 3  # more than a vector holds, and not twice as many
RATE, DESCENT = 0.5, NativeRule(momentum=0.9)
ADAPTIVE = AdamW(RATE, 1, weight_decay=0.1, epsilon=0.1)
"""Its epsilon is large, so that a step is a smooth function of the gradient, near zero as well."""
TOLERANCE = 1e-4


class Stepping(Protocol):
    """What is asked of a net in training here."""

    def load(self, weights: dict[str, np.ndarray], velocities: Sequence[np.ndarray] = ()) -> None: ...

    def weights(self) -> dict[str, np.ndarray]: ...

    def epoch(
        self,
        x: np.ndarray,
        y: np.ndarray,
        order: np.ndarray,
        batches: Sequence[tuple[int, int]],
        rates: Sequence[float],
    ) -> float: ...


Make = Callable[[NativePlan, tuple[int, ...], int, NativeRule], Stepping]


def agrees(make: Make) -> bool:
    """Whether a step of nets of the kinds that the kernel knows comes out as torch has it.

    Args:
        make: a net of a plan, for examples of a shape and so many at once, with steps by a rule.
    """
    by_descent = _agrees(_blocks(), (2, 7, 9), make) and _agrees(_stages(), (2, 9, 10), make)
    return by_descent and _agrees(_squares(), (7,), make, ADAPTIVE)


def _agrees(module: nn.Module, shape: tuple[int, ...], make: Make, adaptive: AdamW | None = None) -> bool:
    """Whether a step of a net agrees: its loss, its weights, and what it keeps beside them."""
    import numpy as np
    import torch
    import torch.nn.functional as F

    x, y = _waves(EXAMPLES, *shape), torch.arange(EXAMPLES) % CLASSES
    plan = plan_of(module, shape)
    if plan is None:
        return False
    rule = rule_of(adaptive) if adaptive else DESCENT
    assert rule is not None
    tried = make(plan, shape, EXAMPLES, rule)
    tried.load({name: tensor.detach().numpy().copy() for name, tensor in module.state_dict().items()})
    with torch.inference_mode(False), torch.enable_grad():
        parameters = list(module.parameters())
        loss = F.cross_entropy(module.train()(x), y)
        gradients = torch.autograd.grad(loss, parameters)
    with torch.no_grad():
        if adaptive:
            adaptive.update(parameters, gradients, adaptive.begun(parameters), RATE)
        else:
            torch._foreach_sub_([*parameters], list(gradients), alpha=RATE)
    total = tried.epoch(x.numpy(), y.numpy(), np.arange(EXAMPLES), [(0, EXAMPLES)], [RATE])
    return abs(total / EXAMPLES - loss.item()) < TOLERANCE and _same(tried.weights(), module.state_dict())


def _same(weights: Mapping[str, np.ndarray], expected: Mapping[str, torch.Tensor]) -> bool:
    import numpy as np

    close = [np.allclose(weights[n], e.numpy(), rtol=0, atol=TOLERANCE) for n, e in expected.items()]
    return set(weights) == set(expected) and all(close)


def _blocks() -> nn.Module:
    """Convolution, pool and ReLU, then dense layers."""
    from torch import nn
    from torch.nn.utils import skip_init

    first, second = skip_init(nn.Linear, 30, 23), skip_init(nn.Linear, 23, CLASSES)
    front = (skip_init(nn.Conv2d, 2, 5, 3), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten())
    return _waving(nn.Sequential(*front, first, nn.ReLU(), second))


def _squares() -> nn.Module:
    """Dense layers with squares between them."""
    from torch import nn
    from torch.nn.utils import skip_init

    from harness.models._square_nets import Square

    first, second = skip_init(nn.Linear, 7, 23), skip_init(nn.Linear, 23, CLASSES)
    return _waving(nn.Sequential(nn.Flatten(), first, Square(), second))


def _stages() -> nn.Module:
    """Two branches, each stage of another kind, then dense layers, masked and normalized."""
    from torch import nn
    from torch.nn.utils import skip_init

    from harness.models._inception_nets import Beside
    from harness.models._masked_nets import masked
    from harness.models._nets import LocalResponseNorm, batch_norm, flat_batch_norm

    down = nn.Sequential(skip_init(nn.Conv2d, 7, 4, 3, stride=2, padding=1), batch_norm(4), nn.ReLU())
    beside = Beside(down, nn.MaxPool2d(3, stride=2, padding=1))
    first, second = skip_init(nn.Linear, 11 * 5 * 5, 23), skip_init(nn.Linear, 23, CLASSES)
    hidden = (first, flat_batch_norm(23), nn.ReLU(), second)
    masked(nn.Sequential(*hidden))
    front = (skip_init(nn.Conv2d, 2, 7, 5, padding=2), nn.ReLU(), beside, skip_init(nn.Conv2d, 11, 11, 1))
    norm = LocalResponseNorm(11, size=3, alpha=0.3, beta=0.75, k=1.0)
    return _waving(nn.Sequential(*front, nn.ReLU(), norm, nn.Flatten(), *hidden))


def _waving(module: nn.Module) -> nn.Module:
    """The module with weights from a formula, and every third one masked."""
    import torch

    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if name.endswith(("weight", "bias")):
                tensor.copy_(0.5 * _waves(*tensor.shape))
            elif name.endswith("mask"):
                tensor.copy_((torch.arange(tensor.numel()) % 3 > 0).reshape(tensor.shape))
    return module


def _waves(*shape: int) -> torch.Tensor:
    """Numbers of all sizes up to one that are not drawn: a library must not touch torch's generator."""
    import numpy as np
    import torch

    return torch.from_numpy(np.sin(np.arange(math.prod(shape), dtype=np.float32) ** 2).reshape(shape))
