"""The contract of probes that must know how a net was trained, beside its weights and its data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from harness.spec.contracts import Probe
from harness.spec.streams import stream

if TYPE_CHECKING:
    import numpy as np
    import torch

    from harness.spec.splits import Split


class HowTrained(NamedTuple):
    """What an informed probe is told of the training whose weights it measures.

    Attributes:
        loss: that of the experiment, "cross_entropy" or "squared".
        replicate: of the run; a probe's random numbers are its own.
    """

    loss: str = "cross_entropy"
    replicate: int = 0

    def generator(self) -> np.random.Generator:
        """The replicate's stream of what is solved, at its beginning: equal for all nets of a replicate."""
        return stream(self.replicate, "solution")


@runtime_checkable
class Informed(Probe, Protocol):
    """A probe that measures the training loss, or draws random numbers; ``measure`` is not called then."""

    def measure_trained(
        self, model: torch.nn.Module, split: Split, training: HowTrained
    ) -> Mapping[str, Any]:
        """Named numbers, and named sequences or arrays of numbers.

        Args:
            model: the trained module in evaluation mode, on the run's device; it may be changed.
            split: the arrays it was trained on, which are not written to.
            training: how it was trained.
        """
