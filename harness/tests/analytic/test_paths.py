"""Paths between nets: their ends, their points, and what a layer put back changes."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analytic.paths import AlongCurve, AlongExplicitPath
from harness.analytic.resets import Reset
from harness.analytic.sublevel import (
    TwoLayer,
    activated,
    compressed,
    explicit_path,
    independent,
    losses_along,
    outputs,
)
from harness.data.digits import Digits
from harness.fleet import trainer
from harness.fleet.optimizers import Sgd
from harness.fleet.replica import built
from harness.models.curve import Curve, Ends
from harness.models.mlp import Mlp
from harness.models.redrawn import Redrawn
from harness.spec import Experiment
from harness.spec.streams import stream
from harness.tests.deterministic import derandomized

NET = Experiment(Digits(n=60), Mlp(8), Sgd(lr=0.05, epochs=2))
SPLIT = NET.data.split(None, 1000)
Weights = dict[str, np.ndarray]


def initial(model: Any, replicate: int = 1000) -> Weights:
    module = built(NET.but(model=model), replicate, SPLIT)
    return {name: tensor.detach().numpy().copy() for name, tensor in module.state_dict().items()}


def curve_of(model: Any, kind: str = "bezier", **optimizer: Any) -> tuple[Any, Weights, Weights]:
    """A curve's module after training, and the two nets it joins."""
    first, last = initial(model), initial(Redrawn(model))
    recipe = Sgd(**({"lr": 0.05, "epochs": 3} | optimizer))
    experiment = NET.but(model=Curve(model, kind), optimizer=recipe)
    start = Ends().apply([first, last], stream(1000, "transform"))
    trained = trainer.train(trainer.Member(experiment, 1000, SPLIT, start))
    return trainer.restored(experiment, SPLIT, trained.weights, "cpu"), first, last


def fractions(seed: int, *shape: int) -> np.ndarray:
    whole = np.random.default_rng(seed).integers(-3, 4, size=shape)
    return np.array([Fraction(int(v)) for v in whole.ravel()], dtype=object).reshape(shape)


def two_layer(seed: int, width: int) -> TwoLayer:
    return TwoLayer(fractions(seed, 2, width), fractions(seed + 1, width, 2), fractions(seed + 2, 2))


@derandomized
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 4), columns=st.integers(1, 6))
def test_independent_columns_give_back_all_columns(seed: int, rows: int, columns: int) -> None:
    exact = fractions(seed, rows, columns)
    chosen, coefficients = independent(exact)
    assert (exact[:, chosen] @ coefficients == exact).all()
    assert len(chosen) == np.linalg.matrix_rank(exact.astype(float))
    if exact.any():
        floats, by_floats = independent(exact.astype(float))
        assert len(floats) == len(chosen)
        np.testing.assert_allclose(exact.astype(float)[:, floats] @ by_floats, exact.astype(float), atol=1e-9)


@derandomized
@given(seed=st.integers(0, 10_000), n=st.integers(1, 3))
def test_a_compressed_net_says_the_same_with_n_units(seed: int, n: int) -> None:
    net, x = two_layer(seed, 2 * n), fractions(seed + 9, n, 2)
    units, small = compressed(net, x, Fraction(1, 10))
    assert len(units) <= n
    assert (outputs(small, x, Fraction(1, 10)) == outputs(net, x, Fraction(1, 10))).all()
    assert all(not small.output[i].any() for i in range(2 * n) if i not in units)


@derandomized
@given(seed=st.integers(0, 10_000))
def test_the_explicit_path_ends_where_it_should_and_stays_low_in_floats(seed: int) -> None:
    generator = np.random.default_rng(seed)
    x = np.hstack([generator.standard_normal((6, 3)), np.ones((6, 1))])
    nets = [TwoLayer(*(generator.standard_normal(s) for s in ((4, 12), (12, 3), (3,)))) for _ in range(2)]
    corners = explicit_path(nets[0], nets[1], x, 0.0)
    assert len(corners) == 8
    for end, net in zip((corners[0], corners[-1]), nets, strict=True):
        assert all((p == q).all() for p, q in zip(end, net, strict=True))
    for loss in ("squared", "cross_entropy"):
        losses = losses_along(corners, x, np.eye(3)[np.arange(6) % 3], 0.0, loss=loss, steps=5)
        assert len(losses) == 7 * 5 + 1
        assert max(losses) <= max(losses[0], losses[-1]) + 1e-9


def test_below_the_width_there_is_no_room() -> None:
    generator = np.random.default_rng(0)
    x = generator.standard_normal((6, 8))
    nets = [TwoLayer(*(generator.standard_normal(s) for s in ((8, 7), (7, 1), (1,)))) for _ in range(2)]
    with pytest.raises(ValueError, match="width 7 is below the"):
        explicit_path(nets[0], nets[1], x, 0.1)


def test_units_and_losses_are_those_of_pencil_and_paper() -> None:
    assert activated(np.array([[2.0], [-2.0]]), np.array([[1.0]]), 0.1).tolist() == [[2.0], [-0.2]]
    net = TwoLayer(np.zeros((1, 1)), np.zeros((1, 2)), np.array([1.0, 1.0]))
    x, y = np.ones((1, 1)), np.array([[1.0, 0.0]])
    assert losses_along([net], x, y, 0.0, loss="squared", steps=1) == [0.5]
    assert losses_along([net], x, y, 0.0, loss="cross_entropy", steps=1) == pytest.approx([np.log(2)])


def test_a_redrawn_model_is_the_same_net_from_other_weights() -> None:
    plain, other, again = initial(Mlp(8)), initial(Redrawn(Mlp(8))), initial(Redrawn(Mlp(8)))
    assert plain.keys() == other.keys()
    assert all((other[name] == again[name]).all() for name in plain)
    assert all((plain[name] != other[name]).all() for name in plain)
    assert (initial(Redrawn(Mlp(8), 2))["1.weight"] != other["1.weight"]).all()
    assert Redrawn(Mlp(8)).size((1, 8, 8), 10) == Mlp(8).size((1, 8, 8), 10)
    with pytest.raises(ValueError, match=r"Redrawn\(draw=0\)"):
        Redrawn(Mlp(8), 0)


@pytest.mark.parametrize("kind", ["bezier", "chain"])
def test_only_the_bend_of_a_curve_is_trained(kind: str) -> None:
    module, first, last = curve_of(Mlp(8), kind)
    for t, net in ((0.0, first), (1.0, last)):
        for name, tensor in module.at(t).items():
            np.testing.assert_allclose(tensor.detach(), net[name], atol=1e-6)
    moved = module.bend.state_dict()["1.weight"].numpy() - (first["1.weight"] + last["1.weight"]) / 2
    assert np.abs(moved).max() > 1e-3
    middle = module.at(0.5)["1.weight"].detach().numpy()
    bend, ends = module.bend.state_dict()["1.weight"].numpy(), (first["1.weight"] + last["1.weight"]) / 2
    expected = bend if kind == "chain" else (bend + ends) / 2
    np.testing.assert_allclose(middle, expected, atol=1e-6)


def test_an_unmoved_bend_is_the_straight_line_and_no_weight_moves() -> None:
    module, first, last = curve_of(Mlp(8), lr=1e-30, epochs=1)
    assert (module.bend.state_dict()["1.bias"].numpy() == (first["1.bias"] + last["1.bias"]) / 2).all()
    measures = AlongCurve(points=3).measure(module, SPLIT)
    np.testing.assert_allclose(measures["curve_train_loss"], measures["straight_train_loss"], rtol=1e-5)


def test_a_probe_measures_the_nets_at_the_ends_and_leaves_the_curve() -> None:
    module, first, last = curve_of(Mlp(8))
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    measures = AlongCurve(points=5).measure(module, SPLIT)
    for net, place in ((first, 0), (last, -1)):
        ends = trainer.restored(NET, SPLIT, net, "cpu")
        import torch

        wrong = ends(torch.from_numpy(SPLIT.x_test)).argmax(1).numpy() != SPLIT.y_test
        assert measures["curve_test_error"][place] == pytest.approx(wrong.mean())
        assert measures["straight_test_error"][place] == pytest.approx(wrong.mean())
    assert measures["worse_end_test_error"] == max(
        measures["curve_test_error"][0], measures["curve_test_error"][-1]
    )
    assert measures["largest_curve_train_loss"] == max(measures["curve_train_loss"])
    assert all((tensor == before[name]).all() for name, tensor in module.state_dict().items())


def test_statistics_are_recomputed_from_the_training_images() -> None:
    """One batch holds all images, so fresh statistics must give the net's own answer in training mode."""
    import torch
    import torch.nn.functional as F

    module, _, _ = curve_of(Mlp(8, batch_norm=True))
    fresh = AlongCurve(points=3).measure(module, SPLIT)["curve_train_loss"][1]
    stale = AlongCurve(points=3, recompute=False).measure(module, SPLIT)["curve_train_loss"][1]
    from torch.func import functional_call

    module.bend.train()
    logits = functional_call(module.bend, module.at(0.5), (torch.from_numpy(SPLIT.x_train),))
    expected = F.cross_entropy(logits, torch.from_numpy(SPLIT.y_train)).item()
    assert fresh == pytest.approx(
        expected, rel=0.05
    )  # running variances are unbiased, those of a batch are not
    assert abs(stale - expected) > 2 * abs(fresh - expected)


def test_the_explicit_path_of_a_trained_curve_is_measured_on_its_ends() -> None:
    wide = Mlp(120)
    module, first, _ = curve_of(wide, epochs=1)
    measures = AlongExplicitPath(steps=3).measure(module, SPLIT)
    assert measures["excess"] < 1e-9
    assert measures["worse_end"] == max(measures["path"][0], measures["path"][-1])
    import torch
    import torch.nn.functional as F

    net = trainer.restored(NET.but(model=wide), SPLIT, first, "cpu")
    loss = F.cross_entropy(net(torch.from_numpy(SPLIT.x_train)), torch.from_numpy(SPLIT.y_train))
    assert measures["path"][0] == pytest.approx(loss.item(), rel=1e-5)


def test_a_reset_takes_its_layers_from_the_other_net_only() -> None:
    first, last = initial(Mlp(8)), initial(Redrawn(Mlp(8)))
    weights = Reset(("3.",)).apply([first, last], stream(1000, "transform"))
    assert all((weights[n] == (last if n.startswith("3.") else first)[n]).all() for n in first)
    with pytest.raises(ValueError, match="no weights begin with '2\\.'"):
        Reset(("2.",)).apply([first, last], stream(1000, "transform"))


def test_a_shorter_training_is_a_checkpoint_of_a_longer_one() -> None:
    whole = trainer.train(trainer.Member(NET.but(optimizer__epochs=4), 1000, SPLIT), until_epoch=2)
    short = trainer.train(trainer.Member(NET.but(optimizer__epochs=2), 1000, SPLIT))
    still = trainer.train(trainer.Member(NET.but(optimizer__lr=1e-30, optimizer__epochs=1), 1000, SPLIT))
    for name, array in initial(Mlp(8)).items():
        assert (short.weights[name] == whole.weights[name]).all()
        assert (still.weights[name] == array).all()
        assert (short.weights[name] != array).any()


def test_curves_have_two_kinds() -> None:
    assert Curve(Mlp(8)).size((1, 8, 8), 10) == Mlp(8).size((1, 8, 8), 10)
    with pytest.raises(ValueError, match="Curve"):
        Curve(Mlp(8), "spline")


@pytest.mark.parametrize("probe", [AlongCurve(points=2), AlongExplicitPath(steps=1)])
def test_a_path_needs_the_ends_of_a_curve(probe: AlongCurve | AlongExplicitPath) -> None:
    module = Mlp(8).build(SPLIT.x_train.shape[1:], SPLIT.classes, stream(0, "initialization"))
    with pytest.raises(TypeError, match="the two ends of a Curve; this is a Sequential"):
        probe.measure(module, SPLIT)
