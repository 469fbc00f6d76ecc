"""How the whole distributions of layer inputs move in a training with and without batch normalization.

Santurkar et al. 2018, Section 2.1, Figure 1 shows histograms of what enters a layer as training goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.analytic.scores import require_positive
from harness.analytic.step_landscape import Descent, scored

if TYPE_CHECKING:
    import numpy as np

    from harness.analytic.normalized_nets import Floats, LayerPass
    from harness.data.split import Split


class LayerInputs(Descent, frozen=True):
    """A training that looks, every few steps, at the histogram of all that enters each layer.

    Results, of the last weights: ``train_loss`` and ``train_error`` on all training images as one batch.
    ``histogram_shift``: the median over looks of how far histograms of one batch moved since the look before.
    By look after the first: ``shifts``.

    Args:
        lr: learning rate.
        every: steps between two looks.

    Raises:
        ValueError: a number that is not positive, or steps for fewer than two looks.
    """

    lr: float = 0.1
    every: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("lr", "every"):
            require_positive("LayerInputs", name, getattr(self, name))
        if self.steps <= self.every:
            raise ValueError(f"LayerInputs(steps={self.steps}, every={self.every}): there is only one look")

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        """One training, with its looks."""
        import numpy as np

        nets, theta, everything, steps = self.start(split, generator)
        fixed = everything.x[: self.batch]
        before: list[LayerPass] | None = None
        shifts: list[float] = []
        with np.errstate(all="ignore"):
            for i, batch in enumerate(steps):
                if i % self.every == 0:
                    now = nets.passes(theta, fixed, batch.noise)
                    if before is not None:
                        shifts.append(histogram_shift(before, now))
                    before = now
                theta = theta - np.float32(self.lr) * nets.gradients(theta, *batch)[1]
            losses, errors = scored(nets, theta, everything)
        return {
            "train_loss": float(losses[0]),
            "train_error": float(errors[0]),
            "histogram_shift": float(np.median(shifts)),
            "shifts": np.array(shifts),
        }


def histogram_shift(before: list[LayerPass], after: list[LayerPass]) -> float:
    """The mean over layers, but the first, of how far the histogram of what enters them moved.

    It is the least distance (Wasserstein's first) by which all the values, of every unit and example alike,
    must move on average to give the other histogram, over their standard deviation before.
    """
    import numpy as np

    def moved(a: Floats, b: Floats) -> float:
        return float(np.abs(np.sort(b, axis=None) - np.sort(a, axis=None)).mean() / a.std())

    return float(
        np.mean([moved(old.inputs, new.inputs) for old, new in zip(before[1:], after[1:], strict=True)])
    )
