"""The table: how a run is trained, by device and shape, as measurement favours.

The first row that suits wins; what no row knows is trained by the plain path. ``reports/speed.md`` has the
measurements. Not in the table because they lose on a CPU: vmap, torch.compile, grouped convolutions. On
CUDA whole fleets are stacked where that is measured to pay (``trainer.stack_pays``).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from harness.fleet import numerics
from harness.fleet.replica import ChannelsLast, Replica, built
from harness.spec import Experiment
from harness.spec.contracts import Kernel
from harness.spec.splits import Split

if TYPE_CHECKING:
    import torch

FORCED = numerics.FORCED
"""The variable that forces the plain path."""


class KernelClass(Protocol):
    """The class of a kernel."""

    @property
    def kernel(self) -> str:
        """The name of the kernel."""

    def __call__(
        self, module: torch.nn.Module, experiment: Experiment, replicate: int, split: Split, device: str
    ) -> Kernel:
        """A run ready to train, from a module at its initial weights on the CPU."""


class Row(NamedTuple):
    """One kernel.

    Attributes:
        device: "cpu" or "cuda", where it is used.
        kernel: its name.
        shape: what it trains, in words.
        suits: whether it can train a run, whose module is at its initial weights on the CPU.
        make: imports it.
    """

    device: str
    kernel: str
    shape: str
    suits: Callable[[torch.nn.Module, Experiment], bool]
    make: Callable[[], KernelClass]


def _is_streamed(module: torch.nn.Module, experiment: Experiment) -> bool:
    return experiment.data.streamed


def _has_written_step(experiment: Experiment) -> bool:
    """Whether the kernels' own step is the optimizer's, and the optimizer leaves it to them."""
    return experiment.optimizer.plain_step and experiment.optimizer.fast_kernels


def _is_small(module: torch.nn.Module, experiment: Experiment) -> bool:
    from harness.fleet import native, native_plans, native_rules

    known = native_rules.rule_of(experiment.optimizer) is not None
    plan = native_plans.plan_of(module, experiment.data.shape) if known else None
    if plan is None or (plan.graph is not None and not plan.graph.pays):
        return False
    if experiment.precision == "bfloat16" and not (plan.plain and plan.convolutions):
        return False  # the library's products of dense layers are faster where the processor has bfloat16
    return native.available()


def _is_dense(module: torch.nn.Module, experiment: Experiment) -> bool:
    from harness.fleet.backprop import dense_layers

    return _has_written_step(experiment) and dense_layers(module) is not None


def _is_convolutional(module: torch.nn.Module, experiment: Experiment) -> bool:
    from torch import nn

    return any(isinstance(m, nn.Conv2d) for m in module.modules())


def _is_capturable(module: torch.nn.Module, experiment: Experiment) -> bool:
    from harness.fleet.captured import is_capturable

    return is_capturable(module, experiment)


def _is_capturable_and_convolutional(module: torch.nn.Module, experiment: Experiment) -> bool:
    return _is_capturable(module, experiment) and _is_convolutional(module, experiment)


def _streamed() -> KernelClass:
    from harness.fleet.ranks import Streamed

    return Streamed


def _native() -> KernelClass:
    from harness.fleet.small import Native

    return Native


def _backprop() -> KernelClass:
    from harness.fleet.backprop import Backprop

    return Backprop


def _captured() -> KernelClass:
    from harness.fleet.captured import Captured

    return Captured


def _captured_last() -> KernelClass:
    from harness.fleet.captured import CapturedLast

    return CapturedLast


STREAMED = tuple(
    Row(device, "streamed", "images that stay on disk", _is_streamed, _streamed) for device in ("cpu", "cuda")
)
"""No matter of speed: such data do not fit into memory, so not even ``HARNESS_KERNEL`` changes it."""
TABLE = (
    *STREAMED,
    Row(
        "cpu",
        "native",
        "LeNet-like nets; in float32 dense and small ones, given a compiler",
        _is_small,
        _native,
    ),
    Row("cpu", "backprop", "dense ReLU nets in bfloat16, or without a compiler", _is_dense, _backprop),
    Row("cpu", "channels_last", "convolutional nets", _is_convolutional, lambda: ChannelsLast),
    Row(
        "cuda",
        "captured_channels_last",
        "convolutional nets, dropout and Adam included",
        _is_capturable_and_convolutional,
        _captured_last,
    ),
    Row("cuda", "captured", "other nets, dropout and Adam included", _is_capturable, _captured),
    Row(
        "cuda",
        "channels_last",
        "convolutional nets that draw by the host",
        _is_convolutional,
        lambda: ChannelsLast,
    ),
)


def replica(experiment: Experiment, replicate: int, split: Split, device: str) -> Kernel:
    """A run ready to train, by the kernel that the table names for it."""
    module = built(experiment, replicate, split)
    return chosen(module, experiment, device)(module, experiment, replicate, split, device)


def chosen(module: torch.nn.Module, experiment: Experiment, device: str) -> KernelClass:
    """The kernel for a module on a device.

    Raises:
        ValueError: ``HARNESS_KERNEL`` is set to something else than "reference".
    """
    forced = os.environ.get(FORCED, "")
    if forced not in ("", "reference"):
        raise ValueError(f'{FORCED}={forced}: the only kernel that can be forced is "reference"')
    kind = device.partition(":")[0]
    rows = (row for row in (STREAMED if forced else TABLE) if row.device == kind)
    return next((row.make() for row in rows if row.suits(module, experiment)), Replica)
