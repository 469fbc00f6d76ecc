"""Steps that are written out give the bits of torch's graph, and are taken where they may be."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from harness.analytic.written_steps import gradients_of
from harness.models import Mlp
from harness.models.architecture import Architecture
from harness.models.subspace import PROJECTIONS, Subspace
from harness.spec.streams import stream

SHAPE, CLASSES, EXAMPLES = (1, 5, 7), 10, 33
WRITTEN: list[Architecture] = [
    Mlp(9),
    Mlp(12, depth=3),
    *(Subspace(Mlp(9, depth=2), 6, projection) for projection in PROJECTIONS),
]
LEFT: list[Architecture] = [
    Mlp(9, batch_norm=True),
    Mlp(9, bias=False),
    Subspace(Mlp(9, batch_norm=True), 6),
    Subspace(Mlp(9, bias=False), 6),
]


@pytest.mark.parametrize("model", [*WRITTEN, *LEFT], ids=repr)
def test_gradients_are_those_of_the_graph(model: Architecture) -> None:
    draws = stream(3, "data")
    x = torch.from_numpy(draws.standard_normal((EXAMPLES, *SHAPE), dtype="float32"))
    y = torch.from_numpy(draws.integers(CLASSES, size=EXAMPLES))
    module = model.build(SHAPE, CLASSES, stream(0, "initialization"))
    weights = list(module.parameters())
    gradients_at = gradients_of(module)
    for _ in range(3):  # weights change in place, as an optimizer changes them
        loss, gradients = gradients_at(x, y)
        expected = F.cross_entropy(module(x), y)
        assert torch.equal(loss.detach(), expected.detach())
        for ours, torchs in zip(gradients, torch.autograd.grad(expected, weights), strict=True):
            assert torch.equal(ours, torchs)
        assert loss.requires_grad is (model in LEFT)  # no graph was made where it is written out
        with torch.no_grad():
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.sub_(gradient, alpha=0.5)


def test_a_net_with_a_hook_is_left_to_torch() -> None:
    module = Mlp(9).build(SHAPE, CLASSES, stream(0, "initialization"))
    module.get_submodule("1").register_forward_hook(lambda _, inputs, outputs: outputs * 2)
    x, y = torch.ones(4, *SHAPE), torch.zeros(4, dtype=torch.int64)
    loss, _ = gradients_of(module)(x, y)
    assert torch.equal(loss, F.cross_entropy(module(x), y))
