"""A layer of squares against its formula."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.models.squares import Squares


def test_it_is_two_linear_maps_with_squares_between() -> None:
    net = Squares(width=5).build((6,), 3, np.random.default_rng(0))
    x = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    first, last = (net.get_submodule(name) for name in ("1", "3"))
    assert torch.equal(net(x), last(first(x) ** 2))
    assert sum(w.numel() for w in net.parameters()) == Squares(width=5).size((6,), 3) == 6 * 5 + 5 + 5 * 3 + 3


def test_no_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="width"):
        Squares(width=0)
