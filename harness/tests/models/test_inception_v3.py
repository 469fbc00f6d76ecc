"""Inception V3: torchvision's parameters and multiply-adds, drawn from the generator alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import Inception3

from harness.models import Dropout
from harness.models.inception_v3 import InceptionV3
from harness.spec.streams import stream


def test_inception_v3_has_torchvisions_parameters_and_multiply_adds() -> None:
    assert InceptionV3().size((3, 299, 299), 1000) == 23_834_568
    for side, classes in ((75, 3), (96, 1000), (299, 10)):
        with torch.device("meta"):
            net = Inception3(num_classes=classes, aux_logits=False, init_weights=False).eval()
            with FlopCounterMode(display=False) as counter:
                net(torch.empty(1, 3, side, side))
        shape = (3, side, side)
        assert InceptionV3().size(shape, classes) == sum(p.numel() for p in net.parameters())
        assert InceptionV3().cost(shape, classes) == counter.get_total_flops() / 2


def test_inception_v3_is_drawn_from_the_generator_alone() -> None:
    state = torch.get_rng_state()
    shape = (3, 75, 75)
    first, again = (Dropout(InceptionV3(), 0.2).build(shape, 4, stream(r, "initialization")) for r in (0, 0))
    assert torch.equal(torch.get_rng_state(), state)
    for (name, a), b in zip(first.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
        assert bool(torch.isfinite(a).all()), name
    drawn = {n: p.detach() for n, p in first.named_parameters()}
    assert all(abs(p.std() - 0.1) < 0.01 for n, p in drawn.items() if n.endswith("conv.weight"))
    assert drawn["fc.bias"].abs().max() <= 1 / np.sqrt(2048)
    first.eval()
    with torch.inference_mode():
        assert first(torch.zeros(2, 3, 75, 75)).shape == (2, 4)
    assert len([m for m in first.modules() if type(m).__name__ == "SeededDropout"]) == 1


@pytest.mark.parametrize("shape", [(3, 74, 75), (1, 299, 299), (5,)])
def test_inception_v3_refuses_other_images(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="InceptionV3 needs images"):
        InceptionV3().size(shape, 10)
