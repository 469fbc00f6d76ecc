"""Statistics of batch normalization taken anew for weights that no training has seen, such as an average's.

Izmailov et al. 2018 pass over the training images once for the average of weights; Garipov et al. 2018
(Section 3.3) at every point of a curve.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.analytic.weighed_loss import OfTheTraining, rows_at_once
from harness.spec.contracts import Probe
from harness.spec.informed import HowTrained, Informed

if TYPE_CHECKING:
    from torch import nn

    from harness.data.split import Split


class Recomputed(OfTheTraining, frozen=True):
    """Another probe, after batch normalization was given the statistics of all training images.

    Args:
        probe: what is measured then.
    """

    probe: Probe

    def measure_trained(self, model: nn.Module, split: Split, training: HowTrained) -> Mapping[str, Any]:
        """The results of the other probe."""
        recompute_statistics(model, split)
        if isinstance(self.probe, Informed):
            return self.probe.measure_trained(model, split, training)
        return self.probe.measure(model, split)


def recompute_statistics(net: nn.Module, split: Split) -> None:
    """Give batch normalization the statistics of all training images, in place."""
    import numpy as np
    import torch
    from torch import nn

    norms = [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    if not norms:
        return
    parts = math.ceil(len(split.y_train) / rows_at_once(net, split))
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a mean over all blocks, not a moving one
        norm.train()
    first = next(net.parameters())
    with torch.no_grad():
        for part in np.array_split(split.x_train, parts):  # of equal sizes: each counts as much
            net(torch.from_numpy(part).to(first.device, first.dtype))
    net.eval()
