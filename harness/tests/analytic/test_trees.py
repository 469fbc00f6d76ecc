"""Grids of forests and boosted ensembles equal scikit-learn's own, member by member."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from harness.analytic import trees
from harness.analytic.scores import flat, label_sets
from harness.analytic.trees import BoostingGrid, ForestGrid
from harness.data.digits import Digits
from harness.spec.streams import stream

SPLIT = Digits(n=80, whiten=False).split(None, 0)


def solved(grid: Any, replicate: int = 0) -> dict[str, Any]:
    return grid.solve(SPLIT, stream(replicate, "solution"))


def test_a_grid_holds_the_scores_of_averaged_trees() -> None:
    from sklearn.tree import DecisionTreeRegressor

    scores = solved(ForestGrid((5, 60), (1, 3)))
    seeds = stream(0, "solution").integers(trees.SEEDS, size=3).tolist()
    targets = np.eye(10)[SPLIT.y_train]
    for i, leaves in enumerate((5, 60)):
        grown = [
            DecisionTreeRegressor(max_features=8, max_leaf_nodes=leaves, random_state=seed).fit(
                flat(SPLIT.x_train), targets
            )
            for seed in seeds
        ]
        for j, count in enumerate((1, 3)):
            mean = np.mean([tree.predict(flat(SPLIT.x_test)) for tree in grown[:count]], axis=0)
            squared = ((mean - np.eye(10)[SPLIT.y_test]) ** 2).sum(axis=1).mean()
            assert scores["test_mse"][i, j] == pytest.approx(squared)
            assert scores["test_error"][i, j] == (mean.argmax(axis=1) != SPLIT.y_test).mean()


def test_trees_grown_and_asked_without_checks_are_scikit_learns_own_to_the_bit() -> None:
    images, others = trees._pixels(SPLIT)
    checked = trees._tree(7, 3).fit(images, np.eye(10)[SPLIT.y_train])
    sets = label_sets(SPLIT, (), stream(0, "solution"))
    (unchecked,) = trees._grown(images, sets, 7, [3])
    for asked in (images, others):
        assert trees.said(unchecked, asked).tobytes() == checked.predict(asked).tobytes()


def test_full_trees_interpolate_and_leaves_lower_the_training_error() -> None:
    scores = solved(ForestGrid((2, 5, 20, 80), (1, 4)))
    assert scores["train_mse"].shape == (4, 2)
    assert (np.diff(scores["train_mse"][:, 0]) < 0).all()
    assert scores["train_error"][-1].tolist() == [0, 0]
    assert scores["train_mse"][-1, 0] == 0
    assert scores["train_error"][0, 0] > 0.5


def test_smaller_ensembles_are_the_first_of_larger_ones() -> None:
    whole, part = solved(ForestGrid((5, 20), (1, 2, 4))), solved(ForestGrid((20,), (4,)))
    np.testing.assert_array_equal(whole["test_mse"][1:, 2:], part["test_mse"])
    boosted = solved(BoostingGrid((1, 3), (1, 2)))
    alone = solved(BoostingGrid((1, 2, 3), (1,)))
    np.testing.assert_array_equal(boosted["test_mse"][:, 0], alone["test_mse"][[0, 2], 0])


def test_boosting_with_full_trees_leaves_a_fixed_share_of_the_residuals() -> None:
    scores = solved(BoostingGrid((1, 2, 3), (1,), leaves=80, rate=0.8))
    np.testing.assert_allclose(scores["train_mse"][:, 0], [0.2**2, 0.2**4, 0.2**6], rtol=1e-9)
    assert scores["train_error"][0, 0] == 0


def test_averaging_lowers_the_squared_error_and_replicates_differ() -> None:
    grid = BoostingGrid((1, 5), (1, 6))
    first, same, other = solved(grid), solved(grid), solved(grid, 1)
    assert (first["test_mse"][:, 1] < first["test_mse"][:, 0]).all()
    np.testing.assert_array_equal(first["test_mse"], same["test_mse"])
    assert (first["test_mse"] != other["test_mse"]).all()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ForestGrid((), (1,)), "ForestGrid(leaves=())"),
        (lambda: ForestGrid((5, 2), (1,)), "increasing"),
        (lambda: ForestGrid((1, 2), (1,)), "ForestGrid(leaves - 1=0): must be positive"),
        (lambda: BoostingGrid((1,), (2, 2)), "BoostingGrid(members=(2, 2))"),
        (lambda: BoostingGrid((1,), (1,), leaves=1), "must be positive"),
    ],
)
def test_bad_fields_are_refused_in_one_line(build: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as refused:
        build()
    assert "\n" not in str(refused.value)
