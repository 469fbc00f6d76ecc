"""The table: how a run is trained, by device and shape, as measurement favours.

First row that suits wins; what no row knows is trained by the plain path. Ratios are images per CPU
second to a plain DataLoader loop on one thread, measured in one run (reports/speed.md has the last ones).
Not in the table because they lose on a CPU: vmap (0.5-0.8), torch.compile (0.6), grouped convolutions.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from harness.fleet.optimizers import Sgd
from harness.fleet.replica import ChannelsLast, Replica, built
from harness.spec import Experiment

if TYPE_CHECKING:
    import torch

    from harness.data import Split

FORCED = "HARNESS_KERNEL"
"""Set this variable to "reference" to train everything by the plain path (to compare the two)."""


class Row(NamedTuple):
    """One kernel: where it is used, what it trains, whether it suits, and why it is here."""

    device: str
    kernel: str
    shape: str
    suits: Callable[[torch.nn.Module, Experiment], bool]
    make: Callable[[], type[Replica]]


def _is_dense(module: torch.nn.Module, experiment: Experiment) -> bool:
    from harness.fleet.backprop import dense_layers

    return type(experiment.optimizer) is Sgd and dense_layers(module) is not None


def _is_convolutional(module: torch.nn.Module, experiment: Experiment) -> bool:
    from torch import nn

    return any(isinstance(m, nn.Conv2d) for m in module.modules())


def _backprop() -> type[Replica]:
    from harness.fleet.backprop import Backprop

    return Backprop


TABLE = (
    Row("cpu", "backprop", "dense ReLU nets", _is_dense, _backprop),
    Row("cpu", "channels_last", "convolutional nets", _is_convolutional, lambda: ChannelsLast),
    Row("cuda", "channels_last", "convolutional nets", _is_convolutional, lambda: ChannelsLast),
)


def replica(experiment: Experiment, replicate: int, split: Split, device: str) -> Replica:
    """A run ready to train, by the kernel that the table names for it."""
    module = built(experiment, replicate, split)
    return chosen(module, experiment, device)(module, experiment, replicate, split, device)


def chosen(module: torch.nn.Module, experiment: Experiment, device: str) -> type[Replica]:
    """The kernel for a module on a device.

    Raises:
        ValueError: ``HARNESS_KERNEL`` is set to something else than "reference".
    """
    forced = os.environ.get(FORCED, "")
    if forced not in ("", "reference"):
        raise ValueError(f'{FORCED}={forced}: the only kernel that can be forced is "reference"')
    kind = device.partition(":")[0]
    rows = () if forced else (row for row in TABLE if row.device == kind)
    return next((row.make() for row in rows if row.suits(module, experiment)), Replica)
