"""A probe: the squared loss of a trained network on its training and test examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.data.blocks import EVALUATION_BATCH, blocks
from harness.spec import Value

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from harness.data import Split


class SquaredLoss(Value, frozen=True):
    """Mean over examples and classes of (output - one-hot label)^2, as the trainer's loss of that name."""

    def measure(self, model: torch.nn.Module, split: Split) -> dict[str, float]:
        """``train_squared_loss`` on the labels as they are trained on, ``test_squared_loss`` on true ones."""
        return {
            "train_squared_loss": _loss(model, split.x_train, split.y_train),
            "test_squared_loss": _loss(model, split.x_test, split.y_test),
        }


def _loss(model: torch.nn.Module, images: NDArray[Any], labels: NDArray[Any]) -> float:
    import torch
    import torch.nn.functional as F

    device = next(model.parameters()).device
    total = 0.0
    with torch.inference_mode():
        for rows in blocks(len(labels), EVALUATION_BATCH):
            x, y = (torch.from_numpy(part[rows]).to(device) for part in (images, labels))
            outputs = model(x).double()
            total += float(((outputs - F.one_hot(y, outputs.shape[1])) ** 2).sum())
    return total / (len(labels) * outputs.shape[1])
