"""Probes of a trained curve between two nets: errors along it, along the straight line, along Nguyen's path.

Garipov et al. 2018, Section 3.3: statistics of batch normalization must be recomputed at every point.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from harness.analytic.scores import flat
from harness.analytic.sublevel import TwoLayer, explicit_path, losses_along
from harness.data.blocks import EVALUATION_BATCH
from harness.spec import Value

if TYPE_CHECKING:
    import torch

    from harness.data import Split
    from harness.models._curve_nets import CurveNet


class AlongCurve(Value, frozen=True):
    """Loss and errors at points of a ``CurveNet``'s curve and of the straight line between its ends.

    Args:
        points: evenly spaced values of t in [0, 1], ends included.
        recompute: statistics of batch normalization from all training images at each point; else those of
            the two ends, mixed as on the straight line.
    """

    points: int = 21
    recompute: bool = True

    def measure(self, model: torch.nn.Module, split: Split) -> dict[str, Any]:
        """``<path>_<measure>`` [points] and ``largest_<path>_<measure>`` for the paths curve and straight.

        Measures are train_loss (nats), train_error and test_error; ``worse_end_<measure>`` is the larger of
        a curve's two ends.
        """
        import numpy as np
        import torch

        curve, device = _curve_net(model), next(model.parameters()).device
        x, y, x_test, y_test = (
            torch.from_numpy(a).to(device) for a in (split.x_train, split.y_train, split.x_test, split.y_test)
        )
        measures: dict[str, Any] = {}
        for path in ("curve", "straight"):
            rows = []
            for t in np.linspace(0, 1, self.points):
                with torch.inference_mode():
                    net = self._net(curve, float(t), x, straight=path == "straight")
                    rows.append((*_loss_and_error(net, x, y), _loss_and_error(net, x_test, y_test)[1]))
            for name, values in zip(
                ("train_loss", "train_error", "test_error"), zip(*rows, strict=True), strict=True
            ):
                measures[f"{path}_{name}"] = list(values)
                measures[f"largest_{path}_{name}"] = max(values)
                measures[f"worse_end_{name}"] = max(values[0], values[-1])
        return measures

    def _net(self, model: CurveNet, t: float, x: torch.Tensor, *, straight: bool) -> torch.nn.Module:
        """The net at a point, in evaluation mode, with its statistics."""
        from torch import nn

        net: nn.Module = copy.deepcopy(model.bend)
        point = model.at(t, straight=straight)
        for name, parameter in net.named_parameters():
            parameter.data = point[name].detach()
        norms = [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        if self.recompute and norms:
            for norm in norms:
                norm.reset_running_stats()
                norm.momentum = None  # a mean over all batches, not a moving one
            net.train()
            for part in x.split(EVALUATION_BATCH):
                net(part)
        elif norms:
            first, last = dict(model.first.named_buffers()), dict(model.last.named_buffers())
            for name, buffer in net.named_buffers():
                buffer.data = ((1 - t) * first[name] + t * last[name]).to(buffer.dtype)
        return net.eval()


def _curve_net(model: torch.nn.Module) -> CurveNet:
    """The module of a ``harness.models.Curve``.

    Raises:
        TypeError: the module is of another model.
    """
    from harness.models._curve_nets import CurveNet

    if not isinstance(model, CurveNet):
        raise TypeError(f"a path needs the two ends of a Curve; this is a {type(model).__name__}")
    return model


def _loss_and_error(net: torch.nn.Module, x: torch.Tensor, y: torch.Tensor) -> tuple[float, float]:
    import torch
    import torch.nn.functional as F

    logits = torch.cat([net(part) for part in x.split(EVALUATION_BATCH)])
    return float(F.cross_entropy(logits, y)), float((logits.argmax(1) != y).double().mean())


class AlongExplicitPath(Value, frozen=True):
    """The training loss along Nguyen's path between the ends of a ``CurveNet`` of one hidden ReLU layer.

    It is computed in float64, on the float32 weights as they were trained.

    Args:
        loss: "squared" or "cross_entropy".
        steps: points of each of the seven straight pieces.
    """

    loss: str = "cross_entropy"
    steps: int = 20

    def measure(self, model: torch.nn.Module, split: Split) -> dict[str, Any]:
        """The losses ``path`` and ``straight`` [points] along both, and their rise above the worse end.

        ``worse_end`` is the larger loss of the two ends; ``excess`` and ``straight_excess`` are the largest
        loss on the path and on the straight line, less it.
        """
        import numpy as np

        curve = _curve_net(model)
        rows = flat(split.x_train)
        x = np.hstack([rows, np.ones((len(rows), 1))])
        y = np.eye(split.classes)[split.y_train]
        first, last = (_two_layer(net) for net in (curve.first, curve.last))
        corners = explicit_path(first, last, x, 0.0)
        pieces = len(corners) - 1
        path = losses_along(corners, x, y, 0.0, loss=self.loss, steps=self.steps)
        straight = losses_along([first, last], x, y, 0.0, loss=self.loss, steps=self.steps * pieces)
        worse = max(path[0], path[-1])
        return {
            "excess": max(path) - worse,
            "straight_excess": max(straight) - worse,
            "worse_end": worse,
            "path": np.array(path),
            "straight": np.array(straight),
        }


def _two_layer(net: torch.nn.Module) -> TwoLayer:
    """A module Flatten, Linear, ReLU, Linear as float64 arrays."""
    import numpy as np

    arrays = [tensor.detach().cpu().numpy().astype(np.float64) for tensor in net.state_dict().values()]
    weight, bias, output, offset = arrays
    return TwoLayer(np.vstack([weight.T, bias]), output.T, offset)
