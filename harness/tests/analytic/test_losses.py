"""The held-out loss: every test image counts alike, whatever batch it is in."""

from __future__ import annotations

import pytest
import torch

from harness.analytic.losses import HeldOutLoss
from harness.data.blocks import EVALUATION_BATCH
from harness.data.digits import Digits
from harness.models import Mlp
from harness.spec.streams import stream


def test_the_held_out_loss_is_the_mean_over_images_and_not_over_batches() -> None:
    split = Digits(n=300).split(None, 0)
    assert len(split.y_test) % EVALUATION_BATCH
    model = Mlp(8).build((1, 8, 8), 10, stream(0, "initialization")).eval()
    with torch.no_grad():
        logits = model(torch.from_numpy(split.x_test)).double()
        expected = torch.nn.functional.cross_entropy(logits, torch.from_numpy(split.y_test))
    assert HeldOutLoss().measure(model, split)["test_loss"] == pytest.approx(float(expected), rel=1e-9)
