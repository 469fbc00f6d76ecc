"""A probe of a net as it is: its losses and errors, which one that was not trained has none of otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.analytic.weighed_loss import OfTheTraining, rows_at_once
from harness.data.blocks import blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from harness.data.split import Split
    from harness.spec.informed import HowTrained

MEASURES = ("train_loss", "train_error", "test_loss", "test_error")


class Performance(OfTheTraining, frozen=True):
    """Losses of the experiment's kind and shares of wrong classes, on training and on test images.

    Results: ``train_loss``, ``train_error``, ``test_loss``, ``test_error``, of the net in evaluation mode, by
    the labels as they are trained on and by the true ones of test images; a run of ``Untrained`` has no
    others.
    """

    def measure_trained(self, model: nn.Module, split: Split, training: HowTrained) -> dict[str, float]:
        """The four numbers."""
        return performance(model, split, training.loss)


def performance(net: nn.Module, split: Split, loss: str) -> dict[str, float]:
    """The results of ``Performance``."""
    at_once = rows_at_once(net, split)
    sides = ((split.x_train, split.y_train), (split.x_test, split.y_test))
    numbers = [number for x, y in sides for number in _loss_and_error(net, x, y, loss, at_once)]
    return dict(zip(MEASURES, numbers, strict=True))


def _loss_and_error(
    net: nn.Module, images: NDArray[Any], labels: NDArray[Any], loss: str, at_once: int
) -> tuple[float, float]:
    """Mean loss, summed in float64, and share of wrong classes."""
    import torch
    import torch.nn.functional as F

    device = next(net.parameters()).device
    total, wrong = 0.0, 0
    with torch.inference_mode():
        for rows in blocks(len(labels), at_once):
            x, y = (torch.from_numpy(part[rows]).to(device) for part in (images, labels))
            scores = net(x).double()
            if loss == "squared":
                total += float(((scores - F.one_hot(y, scores.shape[1])) ** 2).sum()) / scores.shape[1]
            else:
                total += float(F.cross_entropy(scores, y, reduction="sum"))
            wrong += int((scores.argmax(1) != y).sum())
    return total / len(labels), wrong / len(labels)
