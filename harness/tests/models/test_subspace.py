"""Nets in random subspaces of their weights, their three projections, LeNet's size, and Adam."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given
from hypothesis import strategies as st

from claims.subspaces import crossing
from harness.analytic.adam import Adam, _Update
from harness.data.digits import Digits
from harness.fleet import trainer
from harness.fleet.optimizers import Sgd
from harness.models._subspace_nets import Dense, Fastfood, Sparse, hadamard, steps_of, walsh_hadamard
from harness.models.lenet import LeNet
from harness.models.mlp import Mlp
from harness.models.subspace import PROJECTIONS, Subspace
from harness.spec import Experiment
from harness.spec.streams import stream
from harness.tests.deterministic import derandomized

SHAPE = (1, 8, 8)
NET = Mlp(8)
SPLIT = Digits(n=60).split(None, 1000)


def generator(number: int = 0) -> np.random.Generator:
    return stream(1000, "initialization", number)


def matrix(projection: Dense | Sparse | Fastfood) -> np.ndarray:
    """P [D, d], column by column."""
    return torch.stack([projection(row) for row in torch.eye(projection.dimension)], dim=1).numpy()


@derandomized
@given(k=st.integers(0, 9))
def test_the_transform_is_hadamards_matrix(k: int) -> None:
    x = torch.from_numpy(generator(k).standard_normal(2**k))
    matrices = [hadamard(step).double() for step in steps_of(2**k)]
    expected = scipy.linalg.hadamard(2**k) @ x.numpy()
    np.testing.assert_allclose(walsh_hadamard(x, matrices), expected, atol=1e-10)


@derandomized
@given(whole=st.integers(40, 300), dimension=st.integers(1, 40), number=st.integers(0, 20))
def test_columns_have_norm_one(whole: int, dimension: int, number: int) -> None:
    for kind in (Dense, Sparse):
        columns = matrix(kind(whole, dimension, generator(number)))
        assert columns.shape == (whole, dimension)
        np.testing.assert_allclose(np.linalg.norm(columns, axis=0), 1, rtol=1e-5)
    sparse = matrix(Sparse(whole, dimension, generator(number)))
    assert (np.count_nonzero(sparse, axis=0) == round(math.sqrt(whole))).all()


@derandomized
@given(k=st.integers(3, 8), number=st.integers(0, 20))
def test_fastfood_is_the_product_it_is_said_to_be(k: int, number: int) -> None:
    whole, dimension = 2**k - 2**k // 4, min(2**k // 2, 20)
    projection = Fastfood(whole, dimension, generator(number))
    mixed = scipy.linalg.hadamard(2**k)
    shuffled = np.eye(2**k)[projection.order.numpy()]
    product = mixed @ np.diag(projection.diagonal.numpy()) @ shuffled @ mixed
    expected = product[:whole, :dimension] * projection.signs.numpy()
    np.testing.assert_allclose(matrix(projection), expected, atol=1e-5)
    norms = np.linalg.norm(product[:, :dimension], axis=0) * math.sqrt(whole / 2**k)
    np.testing.assert_allclose(norms, 1, rtol=1e-4)  # of all rows; those kept differ from it at random


def test_fastfood_columns_are_near_norm_one_and_near_orthogonal() -> None:
    columns = matrix(Fastfood(3000, 60, generator()))
    np.testing.assert_allclose(np.linalg.norm(columns, axis=0), 1, atol=0.1)
    assert np.abs(columns.T @ columns - np.eye(60)).max() < 0.15


@pytest.mark.parametrize("projection", PROJECTIONS)
def test_the_module_is_the_model_at_the_projected_weights(projection: str) -> None:
    module: Any = Subspace(NET, 5, projection).build(SHAPE, 10, generator())
    plain = NET.build(SHAPE, 10, generator())
    x = torch.from_numpy(SPLIT.x_test[:7])
    torch.testing.assert_close(module(x), plain(x))  # coordinates begin at zero
    assert [tuple(p.shape) for p in module.parameters()] == [(5,)]
    with torch.no_grad():
        module.coordinates.copy_(torch.tensor([1.0, -2.0, 0.5, 3.0, 0.0]))
        moves, place = module.projection(module.coordinates), 0
        for parameter in plain.parameters():
            parameter.add_(moves[place : place + parameter.numel()].view_as(parameter))
            place += parameter.numel()
    assert place == NET.size(SHAPE, 10) == len(moves)
    torch.testing.assert_close(module(x), plain(x))


def test_a_replicate_keeps_its_initial_weights_in_all_dimensions() -> None:
    few, many = (Subspace(NET, d).build(SHAPE, 10, generator()) for d in (3, 30))
    x = torch.from_numpy(SPLIT.x_test[:7])
    torch.testing.assert_close(few(x), many(x))


def test_the_engine_trains_a_subspace_and_restores_it() -> None:
    experiment = Experiment(Digits(n=60), Subspace(NET, 20), Sgd(lr=1.0, epochs=15, batch=30))
    trained = trainer.train(trainer.Member(experiment, 1000, SPLIT))
    assert trained.curves["train_loss"][-1] < 0.8 * trained.curves["train_loss"][0]
    module = trainer.restored(experiment, SPLIT, trained.weights, "cpu")
    wrong = module(torch.from_numpy(SPLIT.x_test)).argmax(1).numpy() != SPLIT.y_test
    assert np.mean(wrong) == trained.curves["test_error"][-1]


def test_impossible_subspaces_are_refused() -> None:
    for wrong in ({"dimension": 0}, {"dimension": 3, "projection": "thin"}):
        with pytest.raises(ValueError, match="Subspace"):
            Subspace(NET, **wrong)
    with pytest.raises(ValueError, match="610 parameters"):
        Subspace(NET, 611).build(SHAPE, 10, generator())


def test_sizes_are_those_of_the_paper() -> None:
    lenet = LeNet()
    assert lenet.size((1, 28, 28), 10) == 44_426
    assert lenet.size((3, 32, 32), 10) == 62_006
    assert Mlp(200, depth=2).size((1, 28, 28), 10) == 199_210
    assert Mlp(200, depth=2).size((3, 32, 32), 10) == 656_810
    assert Mlp(400, depth=5).size((1, 28, 28), 10) == 959_610
    assert Mlp(50).size((1, 28, 28), 10) == 39_760
    for shape in ((1, 28, 28), (3, 32, 32), (2, 16, 19)):
        module = lenet.build(shape, 10, generator())
        assert sum(p.numel() for p in module.parameters()) == lenet.size(shape, 10)
        assert module(torch.zeros(2, *shape)).shape == (2, 10)
    with pytest.raises(ValueError, match="16x16"):
        lenet.size((1, 8, 8), 10)


def test_a_subspace_of_lenet_runs() -> None:
    module = Subspace(LeNet(), 10).build((1, 28, 28), 10, generator())
    assert module(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


def test_steps_are_those_of_torchs_adam() -> None:
    target = torch.linspace(-1, 1, 6)
    ours, theirs = torch.zeros(6, requires_grad=True), torch.zeros(6, requires_grad=True)
    update, reference = _Update([ours], 0.05), torch.optim.Adam([theirs], lr=0.05)
    for _ in range(20):
        update(torch.autograd.grad(((ours - target) ** 4).sum(), [ours]), 1.0)
        reference.zero_grad()
        ((theirs - target) ** 4).sum().backward()
        reference.step()
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_adam_learns_in_batches_and_repeats_itself() -> None:
    solver = Adam(Subspace(NET, 60, "sparse"), reach=5.0, steps=80, batch=25)
    results = solver.solve(SPLIT, stream(1000, "solution"))
    assert results == solver.solve(SPLIT, stream(1000, "solution"))
    assert results["parameters"] == 60
    assert (
        results["train_error"]
        < 0.2
        < solver.but(steps=1).solve(SPLIT, stream(1000, "solution"))["train_error"]
    )


def test_every_example_is_seen_before_any_is_seen_again() -> None:
    rows = [torch.as_tensor(drawn) for drawn in Adam(NET, steps=7, batch=4)._rows(10, generator())]
    assert [len(r) for r in rows] == [4, 4, 2, 4, 4, 2, 4]
    for epoch in (rows[:3], rows[3:6]):
        assert sorted(torch.cat(epoch).tolist()) == list(range(10))
    assert list(Adam(NET, steps=2)._rows(10, generator())) == [slice(None)] * 2
    for wrong in ({"steps": 0}, {"reach": 0.0}, {"batch": 0}):
        with pytest.raises(ValueError, match="Adam"):
            Adam(NET, **wrong)


def test_a_crossing_is_interpolated_in_logs_and_censored_where_there_is_none() -> None:
    nan = math.nan
    rows = np.array([[0.2, 0.6, 0.8], [0.9, 0.1, 0.1], [0.1, 0.2, 0.3], [nan, 0.9, 0.9], [0.2, 0.9, nan]])
    dimension = crossing((10, 100, 1000), rows, [0.4, 0.5, 0.5, 0.5, 0.9], "d")
    np.testing.assert_allclose(dimension.values, [10 * 10**0.5, 10, 1000, nan, 100])
    assert dimension.censored.tolist() == [False, False, True, False, False]
