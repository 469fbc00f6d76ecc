"""The residual network: its blocks, and weights from the generator alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from harness.models.cnn5 import Cnn5
from harness.models.resnet18 import ResNet18

CIFAR = (3, 32, 32)


@pytest.mark.parametrize("model", [Cnn5(2), ResNet18(2)])
def test_weights_come_from_the_generator_alone(model: Any) -> None:
    torch.manual_seed(0)
    one, same, other = (model.build(CIFAR, 10, np.random.default_rng(seed)) for seed in (1, 1, 2))
    before = torch.random.get_rng_state()
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, same.state_dict()[name])
    assert any(not torch.equal(p, q) for p, q in zip(one.parameters(), other.parameters(), strict=True))
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_residual_block_adds_its_input() -> None:
    net: Any = ResNet18(1).build(CIFAR, 10, np.random.default_rng(0)).eval()
    block = net.blocks[1]
    torch.nn.init.zeros_(block.conv2.weight)
    x = torch.randn(2, 1, 5, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(block(x), x)
    assert net.blocks[3].beside.stride == (2, 2)
