"""Trained nets side by side: whose weights they are, what they say together, and how they differ."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.analytic.ensembles import NetVariances
from harness.data import Digits
from harness.models import Mlp
from harness.models.ensemble import Ensemble, Members
from harness.spec.streams import stream

SHAPE, CLASSES = (1, 8, 8), 10
MODEL = Ensemble(Mlp(4), 4)


def nets(count: int) -> list[torch.nn.Module]:
    return [Mlp(4).build(SHAPE, CLASSES, stream(r, "initialization")) for r in range(count)]


def joined(members: list[torch.nn.Module]) -> torch.nn.Module:
    """An ensemble with the weights of these nets."""
    module = Ensemble(Mlp(4), len(members)).build(SHAPE, CLASSES, stream(9, "initialization"))
    weights = [{name: t.numpy() for name, t in net.state_dict().items()} for net in members]
    arrays = Members().apply(weights, stream(0, "transform"))
    module.load_state_dict({name: torch.from_numpy(np.array(a)) for name, a in arrays.items()})
    return module.eval()


def test_an_ensemble_says_the_mean_of_what_its_members_say() -> None:
    members = nets(4)
    x = torch.from_numpy(stream(0, "data").standard_normal((7, *SHAPE), dtype="float32"))
    with torch.inference_mode():
        mean = torch.stack([net(x).softmax(-1) for net in members]).mean(0)
        torch.testing.assert_close(joined(members)(x).exp(), mean)


def test_its_size_and_cost_are_those_of_all_members() -> None:
    assert MODEL.size(SHAPE, CLASSES) == 4 * Mlp(4).size(SHAPE, CLASSES)
    assert MODEL.cost(SHAPE, CLASSES) == 4 * Mlp(4).cost(SHAPE, CLASSES)
    built = MODEL.build(SHAPE, CLASSES, stream(0, "initialization"))
    assert sum(p.numel() for p in built.parameters()) == MODEL.size(SHAPE, CLASSES)
    with pytest.raises(ValueError, match="at least 1"):
        Ensemble(Mlp(4), 0)


def test_the_probe_reads_members_by_their_draw_of_data() -> None:
    split = Digits(n=1500).split(None, 0)
    first, second, *_ = nets(4)
    alike = NetVariances(2).measure(joined([first, first, second, second]), split)
    assert alike["weights_variance"] == pytest.approx(0, abs=1e-12)
    assert alike["data_variance"] > 0
    apart = NetVariances(2).measure(joined([first, second, first, second]), split)
    assert (
        apart["weights_variance"] > 0 > apart["data_variance"]
    )  # equal means, less their share of the other
    assert apart["single_error"] == pytest.approx(alike["single_error"])


def test_what_it_cannot_measure_is_refused() -> None:
    split = Digits(n=1500).split(None, 0)
    with pytest.raises(TypeError, match="the nets of an Ensemble, not"):
        NetVariances(2).measure(nets(1)[0], split)
    with pytest.raises(ValueError, match="of 3 nets: not"):
        NetVariances(2).measure(joined(nets(3)), split)
    with pytest.raises(ValueError, match="needs two draws"):
        NetVariances(1)
