"""VGG: torchvision's convolutions and names, the variance asked for, and what cannot be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from harness.models.vgg import Vgg

CIFAR = (3, 28, 28)


WHOLE = (3, 32, 32)


def built(model: Any, shape: tuple[int, ...], classes: int, seed: int = 0) -> Any:
    return model.build(shape, classes, np.random.default_rng(seed))


@pytest.mark.parametrize("norm", [False, True])
def test_vgg_has_the_convolutions_of_torchvision_and_their_names(norm: bool) -> None:
    from torchvision.models import vgg11, vgg11_bn

    theirs = (vgg11_bn if norm else vgg11)(init_weights=False).features
    net = built(Vgg(11, batch_norm=norm), WHOLE, 10)
    ours = [name for name, _ in net.named_children() if name.startswith("conv")]
    assert ours == [f"conv{i}" for i in range(1, 9)]
    kinds = [type(m) for m in net if not isinstance(m, (torch.nn.Flatten, torch.nn.Linear))]
    assert kinds == [type(m) for m in theirs]
    for name, conv in zip(ours, (m for m in theirs if isinstance(m, torch.nn.Conv2d)), strict=True):
        assert getattr(net, name).weight.shape == conv.weight.shape
    assert (net.conv1.bias is None) == norm


def test_vgg_with_and_without_batch_norm_starts_from_the_same_weights_of_the_variance_asked_for() -> None:

    plain, norm = (built(Vgg(11, width=16, batch_norm=b, variance=0.5), WHOLE, 10) for b in (False, True))
    for i in range(1, 9):
        a, b = (getattr(net, f"conv{i}").weight.detach() for net in (plain, norm))
        assert torch.equal(a, b)
    assert float(plain.conv8.weight.detach().var()) == pytest.approx(0.5 / (9 * 128), rel=0.02)
    assert not plain.conv8.bias.detach().any()


def test_vggs_that_cannot_be_are_refused() -> None:
    for wrong, said in (
        ({"depth": 12}, "one of 11, 13"),
        ({"width": 0}, "positive"),
        ({"hidden": (3, 0)}, "hidden"),
    ):
        with pytest.raises(ValueError, match=said):
            Vgg(**wrong)
    with pytest.raises(ValueError, match="32x32"):
        Vgg().size(CIFAR, 10)
