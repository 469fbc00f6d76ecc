"""A probe of trained nets side by side: what the loss and the errors rise by on the straight line between.

Frankle et al. 2020 take the largest error on the line above the mean of its ends, instability; Ainsworth,
Hayase and Srinivasa 2022 the loss. Both are given here, and the rise above the straight line between the
values of the ends, which no two ends of different quality make larger than it is.
"""

from __future__ import annotations

import copy
import itertools
from typing import TYPE_CHECKING, Any

from harness.analytic.performance import MEASURES, performance
from harness.analytic.recomputed import recompute_statistics
from harness.analytic.weighed_loss import OfTheTraining

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import nn

    from harness.data.split import Split
    from harness.spec.informed import HowTrained


class Barrier(OfTheTraining, frozen=True):
    """The largest rise on the straight lines between all pairs of the nets of an ``Ensemble``.

    For each measure, ``train_loss`` and ``test_loss`` (of the experiment's loss), ``train_error`` and
    ``test_error``, the results are: ``<measure>_barrier``, the largest value on a line above the straight
    line between the values of its ends, never below zero; ``<measure>_instability``, that above the mean of
    the two ends; of the pair for which either is largest. Of two nets also ``<measure>_along`` [places].
    Between equal nets all rises are exactly zero.

    Args:
        places: points of each line, evenly spaced, ends included.
        recompute: statistics of batch normalization from all training images at every place; else those of
            the ends are mixed as their weights are.

    Raises:
        ValueError: fewer than three places.
    """

    places: int = 11
    recompute: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.places < 3:
            raise ValueError(f"Barrier(places={self.places}): two ends, and one place between them at least")

    def measure_trained(self, model: nn.Module, split: Split, training: HowTrained) -> dict[str, Any]:
        """The rises, of all pairs the largest.

        Raises:
            TypeError: the model is no ``Ensemble``.
            ValueError: it has one member only.
        """
        import numpy as np

        nets = _side_by_side(model)
        ends = [self._seen(net, split, training.loss) for net in nets]
        lines = []
        for i, j in itertools.combinations(range(len(nets)), 2):
            between = [
                self._seen(between_nets(nets[i], nets[j], t), split, training.loss)
                for t in np.linspace(0, 1, self.places)[1:-1]
            ]
            lines.append([ends[i], *between, ends[j]])
        seen = np.array(lines)  # [pairs, places, measures]
        results: dict[str, Any] = {}
        for name, values in zip(MEASURES, np.moveaxis(seen, 2, 0), strict=True):
            results |= {f"{name}_{of}": rise for of, rise in rises(values).items()}
            if len(values) == 1:
                results[f"{name}_along"] = values[0]
        return results

    def _seen(self, net: nn.Module, split: Split, loss: str) -> list[float]:
        """The measures of a net."""
        if self.recompute:
            recompute_statistics(net, split)
        return list(performance(net, split, loss).values())


def rises(values: NDArray[np.float64]) -> dict[str, float]:
    """``barrier`` and ``instability`` of values on lines, [lines, places], of all lines the largest."""
    import numpy as np

    shares = np.linspace(0, 1, values.shape[1])
    first, last = values[:, :1], values[:, -1:]
    straight = first + shares * (last - first)
    straight[:, -1] = values[:, -1]
    return {
        "barrier": float(np.max(values - straight)),
        "instability": float(np.max(values.max(axis=1) - (first + last)[:, 0] / 2)),
    }


def between_nets(first: nn.Module, last: nn.Module, t: float) -> nn.Module:
    """The net at a share t of the way from one to another, of the same shape; counters are the first's."""
    import torch

    net = copy.deepcopy(first)
    towards = last.state_dict()
    with torch.no_grad():
        for name, array in net.state_dict().items():
            if array.is_floating_point():
                array += t * (towards[name] - array)  # between equal nets exactly these
    return net


def _side_by_side(model: torch.nn.Module) -> Sequence[nn.Module]:
    """The nets of an ``Ensemble``'s module."""
    from harness.models._ensemble_nets import EnsembleNet

    if not isinstance(model, EnsembleNet):
        raise TypeError(f"Barrier measures the nets of an Ensemble, not {type(model).__name__}")
    if len(model.nets) < 2:
        raise ValueError("Barrier needs two nets to have a line between them; this Ensemble has one")
    return list(model.nets)
