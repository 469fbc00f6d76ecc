"""Sparse nets: what pruning keeps, that masked weights stay zero, and what the others start from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analytic.losses import HeldOutLoss
from harness.data import Digits, GeneratedImages
from harness.fleet import table, trainer
from harness.fleet.optimizers import Sgd, Untrained
from harness.fleet.replica import Replica, built
from harness.fleet.stacked import Stack
from harness.models import Dropout, Linear, Mlp
from harness.models.conv246 import Conv
from harness.models.lenet300 import LeNet300
from harness.models.masked import Masked
from harness.models.tickets import RandomTicket, Schedule, Ticket, mask_of, remaining
from harness.spec import Experiment
from harness.spec.streams import stream
from harness.tests.deterministic import derandomized

DENSE = Experiment(
    Digits(n=90), LeNet300(12, 7), Sgd(lr=0.05, epochs=3, momentum=0.9, weight_decay=0.01, batch=20)
)
CONV = Experiment(
    GeneratedImages(n=40, size=8, n_test=20),
    Conv(2),
    Sgd(lr=0.01, epochs=1, weight_decay=0.01, batch=20),
)
NET = Experiment(DENSE.data, Masked(DENSE.model), DENSE.optimizer)
HALF = Schedule(rate=0.5, last=0.25)
Weights = dict[str, np.ndarray]


def initial(experiment: Experiment, replicate: int = 1000) -> Weights:
    module = built(experiment, replicate, experiment.data.split(None, replicate))
    return {name: tensor.detach().numpy().copy() for name, tensor in module.state_dict().items()}


def after(experiment: Experiment, start: Weights | None = None, replicate: int = 1000) -> Weights:
    split = experiment.data.split(None, replicate)
    return trainer.train(trainer.Member(experiment, replicate, split, start)).weights


def weights_of(seed: int, *, masks: bool = False) -> Weights:
    """The weights of a small net, some of them equal; with masks, some of them zero."""
    draws = np.random.default_rng(seed)
    weights: Weights = {}
    for name, shape in {"1": (6, 5), "3": (4, 6), "5": (3, 4)}.items():
        weights[f"{name}.weight"] = draws.integers(-9, 10, shape).astype(np.float32)
        weights[f"{name}.bias"] = draws.random(shape[0], dtype=np.float32)
        if masks:
            weights[f"{name}.mask"] = (draws.random(shape) < 0.8).astype(np.float32)
            weights[f"{name}.weight"] *= weights[f"{name}.mask"]
    return weights


# -- what is kept -------------------------------------------------------------------------------------


@derandomized
@given(seed=st.integers(0, 10_000), masks=st.booleans(), rounds=st.integers(1, 4))
def test_the_largest_weights_of_each_layer_are_kept(seed: int, masks: bool, rounds: int) -> None:
    trained, fresh = weights_of(seed, masks=masks), weights_of(seed + 1)
    masked = Ticket(HALF, rounds).apply([trained, fresh], stream(0, "transform"))
    for layer, rate in {"1": 0.5, "3": 0.5, "5": 0.25}.items():
        name = f"{layer}.weight"
        there, kept = mask_of(trained, name), mask_of(masked, name)
        assert kept.sum() == remaining(int(there.sum()), rate, rounds)
        assert not (kept & ~there).any()
        gone = there & ~kept
        sizes = np.abs(trained[name])
        assert not gone.any() or sizes[kept].min() >= sizes[gone].max()
        assert masked[name][kept].tobytes() == fresh[name][kept].tobytes()
        assert (masked[name][~kept] == 0).all()
        assert masked[f"{layer}.bias"].tobytes() == fresh[f"{layer}.bias"].tobytes()


@derandomized
@given(seed=st.integers(0, 10_000), rounds=st.integers(2, 4))
def test_rounds_without_training_between_them_are_one_shot(seed: int, rounds: int) -> None:
    dense = weights_of(seed)
    stepwise = dense
    for _ in range(rounds):
        stepwise = Ticket(HALF).apply([stepwise, dense], stream(0, "transform"))
    once = Ticket(HALF, rounds).apply([dense, dense], stream(0, "transform"))
    for name in ("1.mask", "3.mask", "5.mask"):
        assert stepwise[name].sum() == once[name].sum()
        layer = name.replace("mask", "weight")  # of equal weights, others may be kept
        first, second = (np.sort(np.abs(dense[layer][weights[name] > 0])) for weights in (stepwise, once))
        assert np.array_equal(first, second)


@derandomized
@given(count=st.integers(1, 300_000), rate=st.floats(0.05, 0.9), rounds=st.integers(0, 25))
def test_a_share_goes_in_every_round(count: int, rate: float, rounds: int) -> None:
    expected = count * (1 - rate) ** rounds
    left = remaining(count, rate, rounds)
    assert left >= 1
    assert abs(left - expected) <= max(1.0, 0.5 / rate) + 1e-6 * count


def test_a_random_mask_keeps_as_many_weights_in_each_layer() -> None:
    fresh = weights_of(3)
    chosen = Ticket(HALF, 2).apply([weights_of(4), fresh], stream(0, "transform"))
    drawn = [RandomTicket(HALF, 2).apply(fresh, stream(r, "transform")) for r in (0, 0, 1)]
    for name in ("1.mask", "3.mask", "5.mask"):
        assert drawn[0][name].sum() == chosen[name].sum()
        assert np.array_equal(drawn[0][name], drawn[1][name])
        layer = name.replace("mask", "weight")
        assert np.array_equal(drawn[0][layer], fresh[layer] * drawn[0][name])
    assert any(not np.array_equal(drawn[0][n], drawn[2][n]) for n in ("1.mask", "3.mask"))


def test_every_weight_is_as_likely_to_be_in_a_random_mask() -> None:
    generator, fresh = stream(0, "transform"), weights_of(3)
    masks = [RandomTicket(HALF).apply(fresh, generator)["1.mask"] for _ in range(400)]
    shares = np.mean(masks, axis=0)
    assert shares.min() > 0.4  # 4 standard deviations of a share of 1/2 in 400
    assert shares.max() < 0.6


def test_convolutions_have_a_rate_of_their_own() -> None:
    shapes: list[tuple[int, ...]] = [(4, 3, 3, 3), (10, 20), (10, 10)]
    assert Schedule(convolutions=0.15).rates(shapes) == [0.15, 0.2, 0.1]
    assert Schedule().rates(shapes) == [0.2, 0.2, 0.1]
    assert Schedule(0.5, 0.5).left([(10, 10), (2, 10)], 2) == pytest.approx(0.25)


def test_nets_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"no 1\.weight"):
        Ticket().apply([initial(DENSE.but(model=Mlp(5))), initial(DENSE)], stream(0, "transform"))
    for wrong in ({"rate": 0.0}, {"last": 1.0}, {"convolutions": -0.1}):
        with pytest.raises(ValueError, match="above 0 and below 1"):
            Schedule(**wrong)
    for kind in (Ticket, RandomTicket):
        with pytest.raises(ValueError, match="at least 1"):
            kind(rounds=0)


# -- training under a mask -----------------------------------------------------------------------------


def test_with_a_mask_of_ones_the_model_trains_as_it_is() -> None:
    split = DENSE.data.split(None, 1000)
    plain = Replica(built(DENSE, 1000, split), DENSE, 1000, split, "cpu")
    masked = Replica(built(NET, 1000, split), NET, 1000, split, "cpu")
    rows = [(plain.epoch(e), masked.epoch(e)) for e in range(3)]
    assert all(a == b for a, b in rows)
    for name, array in plain.weights().items():
        assert array.tobytes() == masked.weights()[name].tobytes(), name


@pytest.mark.parametrize("net", [DENSE, CONV], ids=["dense", "convolutional"])
def test_masked_weights_stay_zero_under_momentum_and_weight_decay(net: Experiment) -> None:
    sparse = net.but(model=Masked(net.model))
    start = Ticket(HALF, 2).apply([after(net), initial(net)], stream(0, "transform"))
    weights = after(sparse, start)
    names = [name for name in weights if name.endswith(".weight")]
    assert len(names) >= 3
    for name in names:
        mask = mask_of(start, name)
        assert np.array_equal(mask, mask_of(weights, name))
        assert not mask.all()
        assert (weights[name][~mask] == 0).all()
        assert (weights[name][mask] != start[name][mask]).mean() > 0.5


def test_stacked_on_a_gpus_path_they_stay_zero_too() -> None:
    split = DENSE.data.split(None, 1000)
    starts = [Ticket(HALF, k).apply([after(DENSE), initial(DENSE)], stream(0, "transform")) for k in (1, 2)]
    stack = Stack([(NET, 1000, split)] * 2, "cpu")
    for place, start in enumerate(starts):
        stack.load(place, start)
    stack.epoch([0, 0])
    for place, start in enumerate(starts):
        alone = Replica(built(NET, 1000, split), NET, 1000, split, "cpu")
        alone.load(start)
        alone.epoch(0)
        weights = stack.weights(place)
        for name in ("1.weight", "3.weight", "5.weight"):
            assert (weights[name][~mask_of(start, name)] == 0).all()
            np.testing.assert_allclose(weights[name], alone.weights()[name], atol=1e-5)


def test_a_masked_net_is_the_net_with_those_weights_at_zero() -> None:
    split = DENSE.data.split(None, 1000)
    start = RandomTicket(HALF).apply(initial(DENSE), stream(0, "transform"))
    spoilt = start | {"1.weight": initial(DENSE)["1.weight"]}  # masked weights that are not zero
    plain = {name: array for name, array in start.items() if not name.endswith(".mask")}
    losses = [
        HeldOutLoss().measure(trainer.restored(net, split, weights, "cpu"), split)["test_loss"]
        for net, weights in ((NET, start), (NET, spoilt), (DENSE, plain), (DENSE, initial(DENSE)))
    ]
    assert losses[0] == losses[1] == losses[2] != losses[3]


def test_tickets_of_untrained_nets_are_those_of_a_rate_of_zero() -> None:
    """A learning rate that is zero in float32 leaves initial weights as they are, and costs an epoch."""
    start = Ticket(HALF, 2)
    lazy = DENSE.but(optimizer=DENSE.optimizer.but(lr=1e-300, epochs=1))
    firsts = [after(DENSE.but(optimizer=Untrained())), after(lazy), initial(DENSE)]
    ends = [after(NET, start.apply([after(DENSE), w], stream(1000, "transform"))) for w in firsts]
    for end in ends[1:]:
        assert all(end[name].tobytes() == array.tobytes() for name, array in ends[0].items())


def test_whichever_kernel_takes_a_masked_net_keeps_its_masks() -> None:
    split = DENSE.data.split(None, 1000)
    start = RandomTicket(HALF).apply(initial(DENSE), stream(0, "transform"))
    kinds = (table.chosen(built(NET, 1000, split), NET, "cpu"), Replica)
    kernels: list[Any] = [kind(built(NET, 1000, split), NET, 1000, split, "cpu") for kind in kinds]
    for net in kernels:
        net.load(start)
        net.epoch(0)
    chosen, plain = (net.weights() for net in kernels)
    for name in ("1.weight", "3.weight", "5.weight"):
        assert (chosen[name][~mask_of(start, name)] == 0).all()
        np.testing.assert_allclose(chosen[name], plain[name], atol=1e-5)


def test_dropout_and_masks_go_together_and_names_stay() -> None:
    noisy = CONV.but(model=Dropout(CONV.model))
    plain, masked = initial(noisy), initial(CONV.but(model=Masked(noisy.model)))
    assert set(plain) == set(initial(CONV))
    assert {n for n in masked if not n.endswith(".mask")} == set(plain)
    assert all(np.array_equal(plain[name], masked[name]) for name in plain)


def test_a_model_without_layers_cannot_be_masked() -> None:
    class Nothing(Mlp, frozen=True):
        def build(self, shape: Any, classes: int, generator: Any) -> Any:
            from torch import nn

            return nn.Sequential(nn.Flatten())

    with pytest.raises(ValueError, match="no dense or convolutional layer"):
        Masked(Nothing()).build((1, 8, 8), 10, stream(0, "initialization"))


# -- the models ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "shape", "weights"),
    [
        (LeNet300(), (1, 28, 28), 266_200),  # 784 * 300 + 300 * 100 + 100 * 10
        (Conv(2), (3, 32, 32), 4_300_992),
        (Conv(4), (3, 32, 32), 2_425_024),
        (Conv(6), (3, 32, 32), 2_261_184),
    ],
)
def test_models_have_the_weights_they_should(model: Any, shape: tuple[int, ...], weights: int) -> None:
    module = model.build(shape, 10, stream(0, "initialization"))
    arrays = [p for p in module.parameters() if p.ndim > 1]
    assert [tuple(p.shape) for p in arrays] == model.shapes(shape, 10)
    assert sum(p.numel() for p in arrays) == weights
    assert (
        sum(p.numel() for p in module.parameters()) == model.size(shape, 10) == Masked(model).size(shape, 10)
    )
    assert all(not p.any() for p in module.parameters() if p.ndim == 1)
    for p in arrays:
        fans = (p.shape[0] + p.shape[1]) * p[0, 0].numel()
        assert float(p.detach().std()) == pytest.approx((2 / fans) ** 0.5, rel=6 / (2 * p.numel()) ** 0.5)


@pytest.mark.parametrize("depth", [2, 4, 6])
def test_convolutional_nets_cost_what_their_layers_do(depth: int) -> None:
    import torch
    from torch import nn

    model = Conv(depth)
    module = model.build((3, 16, 16), 10, stream(0, "initialization"))
    costs: list[int] = []

    def count(layer: Any, inputs: Any, output: Any) -> None:
        costs.append(layer.weight.numel() * output[0, 0].numel())

    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(count)
    assert module(torch.zeros(1, 3, 16, 16)).shape == (1, 10)
    assert model.cost((3, 16, 16), 10) == sum(costs)


def test_sizes_that_make_no_net_are_refused() -> None:
    with pytest.raises(ValueError, match="one of 2, 4, 6"):
        Conv(3)
    with pytest.raises(ValueError, match="at least 8x8"):
        Conv(6).size((3, 7, 7), 10)
    with pytest.raises(ValueError, match="must be positive"):
        LeNet300(0)


def test_the_held_out_loss_is_the_mean_negative_logarithm() -> None:
    net = DENSE.but(model=Linear())
    split = net.data.split(None, 1000)
    weights = initial(net)
    weight, bias = (next(a for n, a in weights.items() if n.endswith(end)) for end in ("weight", "bias"))
    logits = split.x_test.reshape(len(split.x_test), -1).astype(np.float64) @ weight.T + bias
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = -np.log(shares[np.arange(len(shares)), split.y_test]).mean()
    measured = HeldOutLoss().measure(trainer.restored(net, split, weights, "cpu"), split)
    assert measured["test_loss"] == pytest.approx(expected, abs=1e-6)
