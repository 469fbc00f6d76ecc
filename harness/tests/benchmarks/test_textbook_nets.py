"""Textbook networks compute what ours do, at the sizes there are."""

from __future__ import annotations

from typing import Any

import pytest

from harness.benchmarks.workloads import WORKLOADS, Workload
from harness.models import Mlp, SmallAlexNet, SmallInception
from harness.spec.streams import stream

NAMES = [workload.name for workload in WORKLOADS]


@pytest.mark.parametrize("workload", WORKLOADS, ids=NAMES)
def test_the_textbook_network_computes_what_ours_does(workload: Workload) -> None:
    """Equal counts alone would let a wrong stride or norm pass: with our weights, outputs are equal."""
    import torch

    from harness.benchmarks.textbook_nets import textbook

    shape, classes = workload.data.shape, workload.data.classes
    net = textbook(workload.model, shape, classes).eval()
    ours = workload.model.build(shape, classes, stream(0, "initialization")).eval()
    assert sum(p.numel() for p in net.parameters()) == workload.parameters()
    x = 30 * torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))  # the response norms bite
    with torch.no_grad():
        for mine, theirs in zip(ours.parameters(), net.parameters(), strict=True):
            theirs.copy_(mine)
        torch.testing.assert_close(net(x), ours(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "model", [SmallAlexNet(width=0.5), SmallInception(batch_norm=False), Mlp(batch_norm=True)]
)
def test_no_textbook_network_of_another_size(model: Any) -> None:
    from harness.benchmarks.textbook_nets import textbook

    with pytest.raises(ValueError, match=r"has .* parameters, ours|no textbook version"):
        textbook(model, (3, 28, 28), 10)
