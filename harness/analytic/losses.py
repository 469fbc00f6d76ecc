"""A probe of a trained net: its mean cross-entropy on the test images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.data.blocks import EVALUATION_BATCH
from harness.spec import Value

if TYPE_CHECKING:
    from torch import nn

    from harness.data.split import Split


class HeldOutLoss(Value, frozen=True):
    """``test_loss``: the mean cross-entropy, in nats, over the test images."""

    def measure(self, model: nn.Module, split: Split) -> dict[str, float]:
        """The loss of the model as it is, in evaluation mode, summed in float64."""
        import torch
        import torch.nn.functional as F

        place = next(model.parameters()).device
        x, y = torch.from_numpy(split.x_test), torch.from_numpy(split.y_test)
        total = 0.0
        with torch.inference_mode():
            for images, labels in zip(x.split(EVALUATION_BATCH), y.split(EVALUATION_BATCH), strict=True):
                logits = model(images.to(place))
                total += float(F.cross_entropy(logits.double(), labels.to(place), reduction="sum"))
        return {"test_loss": total / len(y)}
