"""A rescaled net says what it said, and its loss is sharper by what the factor allows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from harness.analytic.curvature import Sharpness
from harness.analytic.rescaled import Rescaled
from harness.models import Linear, Mlp
from harness.spec.streams import stream
from harness.tests.analytic.test_curvature import CLASSES, images
from harness.tests.deterministic import derandomized

GENERATOR = stream(0, "transform")


def net(seed: int, transform: Rescaled | None = None) -> nn.Module:
    module = Mlp(width=4, depth=2).build((5,), CLASSES, np.random.default_rng(seed)).eval()
    if transform:
        weights = {name: array.numpy() for name, array in module.state_dict().items()}
        kept = {name: array.copy() for name, array in weights.items()}
        changed = transform.apply(weights, GENERATOR)
        assert all((weights[name] == kept[name]).all() for name in kept)  # not written to
        assert [(n, a.shape, a.dtype) for n, a in changed.items()] == [
            (n, a.shape, a.dtype) for n, a in kept.items()
        ]
        module.load_state_dict({name: torch.from_numpy(array) for name, array in changed.items()})
    return module


@derandomized
@given(seed=st.integers(0, 10_000), power=st.integers(-3, 6))
def test_the_function_stays_to_the_bit_and_the_curvature_goes_with_the_square(seed: int, power: int) -> None:
    split, factor = images(seed, 5), 2.0**power
    x = torch.from_numpy(split.x_train)
    assert torch.equal(net(seed)(x), net(seed, Rescaled(factor))(x))
    # curvatures along the second layer's weights alone grow by the square, and the largest is no less
    sharp, plain = (
        Sharpness().measure(n, split)["sharpness"] for n in (net(seed, Rescaled(256.0)), net(seed))
    )
    assert sharp > 100 * plain


def test_the_first_layer_alone_is_another_function_and_one_layer_is_refused() -> None:
    x = torch.from_numpy(images(0, 5).x_train)
    assert not torch.allclose(net(0)(x), net(0, Rescaled(2.0, balanced=False))(x))
    linear = Linear().build((5,), CLASSES, np.random.default_rng(0))
    with pytest.raises(ValueError, match="needs two layers"):
        Rescaled(2.0).apply({n: a.numpy() for n, a in linear.state_dict().items()}, GENERATOR)
    with pytest.raises(ValueError, match="must be positive"):
        Rescaled(0.0)
