"""A slow last layer: the same function at the start, and a share of each step of gradient descent."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from harness.fleet.native_plans import plan_of
from harness.models.architecture import Architecture
from harness.models.cnn3 import Cnn3
from harness.models.mlp import Mlp
from harness.models.slow_head import SlowHead

SHAPE, CLASSES = (1, 8, 8), 3
SHARE = 0.04


class Headless(Architecture, frozen=True):
    """A model without a dense layer."""

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The pixels themselves."""
        return nn.Sequential(nn.Flatten())


def trained(model: Mlp | SlowHead, rates: dict[str, float]) -> nn.Module:
    """The model after three steps of descent with momentum, at a rate for the head and one for the rest."""
    module = model.build(SHAPE, CLASSES, np.random.default_rng(0))
    (*_, (name, head)) = [(n, m) for n, m in module.named_modules() if isinstance(m, nn.Linear)]
    rest = [p for n, p in module.named_parameters() if not n.startswith(f"{name}.")]
    groups = [
        {"params": list(head.parameters()), "lr": rates["head"]},
        {"params": rest, "lr": rates["rest"]},
    ]
    optimizer = torch.optim.SGD(groups, lr=1.0, momentum=0.9)
    x = torch.randn(20, *SHAPE, generator=torch.Generator().manual_seed(1))
    y = torch.arange(20) % CLASSES
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(x), y).backward()
        optimizer.step()
    return module


def test_the_last_layer_moves_as_at_a_share_of_the_learning_rate() -> None:
    slow = trained(SlowHead(Mlp(6, depth=2), SHARE), {"head": 0.5, "rest": 0.5})
    expected = trained(Mlp(6, depth=2), {"head": 0.5 * SHARE, "rest": 0.5})
    other = trained(Mlp(6, depth=2), {"head": 0.5, "rest": 0.5})
    x = torch.randn(50, *SHAPE, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(slow(x), expected(x), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(slow(x), other(x), atol=1e-2)


@pytest.mark.parametrize("model", [Mlp(6), Cnn3(2)])
def test_it_computes_what_the_model_computes_before_it_is_trained(model: Mlp | Cnn3) -> None:
    plain = model.build(SHAPE, CLASSES, np.random.default_rng(0)).eval()
    slow = SlowHead(model, SHARE).build(SHAPE, CLASSES, np.random.default_rng(0)).eval()
    x = torch.randn(5, *SHAPE, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(slow(x), plain(x))
    assert SlowHead(model).size(SHAPE, CLASSES) == model.size(SHAPE, CLASSES)


def test_no_fast_kernel_takes_it_for_the_plain_net() -> None:
    generator = np.random.default_rng(0)
    assert plan_of(Mlp(6).build(SHAPE, CLASSES, generator), SHAPE) is not None
    assert plan_of(SlowHead(Mlp(6)).build(SHAPE, CLASSES, generator), SHAPE) is None


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0, as a share of the learning rate"):
        SlowHead(Mlp(6), 0.0)
    with pytest.raises(ValueError, match="no dense layer to train slower"):
        SlowHead(Headless()).build(SHAPE, CLASSES, np.random.default_rng(0))
