"""Batch normalization is torch's in training and in evaluation, and lies where the models say it does."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from harness.models import EpflAlexNet, Mlp, SmallInception, StudentCnn
from harness.models.cnn5 import Cnn5

SHAPE = (3, 16, 16)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def built(model: Any) -> Any:
    return model.build(SHAPE, 10, np.random.default_rng(0))


@pytest.mark.parametrize(
    "model", [Mlp(7, batch_norm=True), SmallInception(width=0.1), EpflAlexNet(width=0.1)], ids=str
)
def test_batches_are_normalized_by_themselves_and_remembered_by_a_tenth(model: Any) -> None:
    norms = [part for part in built(model).modules() if isinstance(part, NORMS)]
    assert norms
    generator = torch.Generator().manual_seed(0)
    for norm in norms:
        places = () if isinstance(norm, nn.BatchNorm1d) else (4, 5)
        x = 3 * torch.randn(6, norm.num_features, *places, generator=generator) + 2
        rows = x.transpose(0, 1).flatten(1).double()  # [feature, whatever is averaged over]
        mean, variance = rows.mean(1), rows.var(1, unbiased=False)
        out = norm.train()(x).transpose(0, 1).flatten(1).double()
        torch.testing.assert_close(out, (rows - mean[:, None]) / (variance[:, None] + 1e-3).sqrt())
        assert norm.running_mean is not None
        assert norm.running_var is not None
        torch.testing.assert_close(norm.running_mean.double(), 0.1 * mean)
        torch.testing.assert_close(norm.running_var.double(), 0.9 + 0.1 * rows.var(1, unbiased=True))
        out = norm.eval()(x).transpose(0, 1).flatten(1)
        scale = (norm.running_var + 1e-3).sqrt()
        expected = (x.transpose(0, 1).flatten(1) - norm.running_mean[:, None]) / scale[:, None]
        torch.testing.assert_close(out, expected)


def names(net: nn.Module) -> list[str]:
    return [type(part).__name__ for part in net.modules() if not list(part.children())]


def test_normalization_lies_before_each_relu_and_nowhere_without_it() -> None:
    hidden = ["Linear", "BatchNorm1d", "ReLU"]
    assert names(built(Mlp(7, depth=2, batch_norm=True))) == ["Flatten", *hidden, *hidden, "Linear"]
    assert "BatchNorm1d" not in names(built(Mlp(7, depth=2)))
    with_norm, without = (names(built(SmallInception(norm, width=0.1))) for norm in (True, False))
    assert [name for name in with_norm if name != "BatchNorm2d"] == without
    follows = [after for name, after in pairwise(with_norm) if name == "BatchNorm2d"]
    assert follows == ["ReLU"] * with_norm.count("Conv2d")


@pytest.mark.parametrize("model", [StudentCnn(8, 40, 20), Cnn5(16), Mlp(64, depth=2)], ids=str)
def test_layers_are_uniform_within_the_inverse_root_of_their_inputs(model: Any) -> None:
    for layer in built(model).modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            weight = layer.weight.detach()
            bound = weight[0].numel() ** -0.5
            assert 0.9 * bound < float(weight.abs().max()) <= bound
            assert float(weight.std()) == pytest.approx(bound / 3**0.5, rel=0.1)
            assert abs(float(weight.mean())) < 4 * bound / (3 * weight.numel()) ** 0.5
