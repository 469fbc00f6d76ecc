"""Ensembles of regression trees over both of their sizes: leaves of a tree (or rounds) and members.

Trees are fitted to one-hot labels by squared error, each split over sqrt(inputs) drawn pixels, without
bootstrap, so that full trees interpolate. Source: Belkin, Hsu, Ma and Mandal 2019 (decision trees and
ensemble methods), where one axis is glued to the other; Curth, Jeffares and van der Schaar 2023.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from harness.analytic.scores import LabelSets, flat, label_sets, require_increasing, require_positive
from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sklearn.tree import DecisionTreeRegressor

    from harness.data.split import Split

    Floats: TypeAlias = NDArray[np.float64]

SEEDS = 2**31 - 1  # trees are seeded with numbers below, which scikit-learn takes on every platform


class Predictions(NamedTuple):
    """The outputs of trees, [images, classes] each."""

    train: Floats
    test: Floats


class ForestGrid(Value, frozen=True):
    """Forests of so many trees of so many leaves: every combination.

    Results are [leaves, trees]: ``train_error``, ``test_error``, ``train_mse``, ``test_mse`` (summed over
    classes). Smaller forests are the first trees of larger ones, and every number of leaves draws from
    the same seeds.

    Args:
        leaves: increasing numbers of leaves at most; a tree ends earlier once it fits every example.
        trees: increasing numbers of trees.

    Raises:
        ValueError: an axis that is not increasing, or a tree of one leaf.
    """

    leaves: tuple[int, ...]
    trees: tuple[int, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        require_increasing(type(self).__name__, "leaves", self.leaves)
        require_increasing(type(self).__name__, "trees", self.trees)
        require_positive(type(self).__name__, "leaves - 1", self.leaves[0] - 1)

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        """The scores of every combination."""
        sets = label_sets(split, (), generator)
        train, test = _pixels(split)
        seeds = generator.integers(SEEDS, size=self.trees[-1]).tolist()
        rows = []
        for leaves in self.leaves:
            members = (
                Predictions(said(tree, train), said(tree, test))
                for tree in _grown(train, sets, leaves, seeds)
            )
            rows.append(_averages(members, self.trees, sets))
        return _grid(rows)


class BoostingGrid(Value, frozen=True):
    """Ensembles of boosted trees: every combination of boosting rounds and members.

    A member starts from zero and adds ``rate`` times a tree fitted to its residuals in every round (L2
    boosting); members differ in the pixels drawn. Results are those of
    ``ForestGrid``, [rounds, members].

    Args:
        rounds: increasing numbers of rounds.
        members: increasing numbers of members whose predictions are averaged.
        leaves: of each tree.
        rate: learning rate.

    Raises:
        ValueError: an axis that is not increasing, or a tree of one leaf.
    """

    rounds: tuple[int, ...]
    members: tuple[int, ...]
    leaves: int = 10
    rate: float = 0.85

    def __post_init__(self) -> None:
        super().__post_init__()
        require_increasing(type(self).__name__, "rounds", self.rounds)
        require_increasing(type(self).__name__, "members", self.members)
        require_positive(type(self).__name__, "leaves - 1", self.leaves - 1)

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        """The scores of every combination."""
        sets = label_sets(split, (), generator)
        pixels = _pixels(split)
        seeds = generator.integers(SEEDS, size=(self.members[-1], self.rounds[-1])).tolist()
        members = [self._boosted(pixels, sets.targets, member) for member in seeds]
        paths = zip(*members, strict=True)  # for each number of rounds, the members' predictions
        return _grid([_averages(iter(path), self.members, sets) for path in paths])

    def _boosted(self, pixels: tuple[Floats, Floats], targets: Floats, seeds: list[int]) -> list[Predictions]:
        """One member's predictions on training and test images at each number of rounds."""
        import numpy as np

        train, test = pixels
        fitted, predicted = np.zeros_like(targets), np.zeros((len(test), targets.shape[1]))
        path = []
        for done, seed in enumerate(seeds, start=1):
            tree = _tree(self.leaves, seed).fit(train, targets - fitted, check_input=False)
            fitted = fitted + self.rate * said(tree, train)
            predicted = predicted + self.rate * said(tree, test)
            if done in self.rounds:
                path.append(Predictions(fitted, predicted))
        return path


def _pixels(split: Split) -> tuple[Floats, Floats]:
    """Training and test images as float32 rows, to which trees would convert them at every fit."""
    import numpy as np

    return flat(split.x_train).astype(np.float32), flat(split.x_test).astype(np.float32)


def _tree(leaves: int, seed: int) -> DecisionTreeRegressor:
    from sklearn.tree import DecisionTreeRegressor

    return DecisionTreeRegressor(max_features="sqrt", max_leaf_nodes=leaves, random_state=seed)


def _grown(train: Floats, sets: LabelSets, leaves: int, seeds: list[int]) -> Iterator[DecisionTreeRegressor]:
    targets = sets.targets
    return (_tree(leaves, seed).fit(train, targets, check_input=False) for seed in seeds)


def said(tree: DecisionTreeRegressor, images: Floats) -> Floats:
    """What a tree says of several outputs [images, outputs], of images as ``_pixels`` has them.

    Its own ``predict`` comes to the same, and looks at the images and at itself for longer than this takes.
    """
    predicted: Floats = tree.tree_.predict(images)[:, :, 0]
    return predicted


def _averages(
    members: Iterator[Predictions], counts: tuple[int, ...], sets: LabelSets
) -> list[dict[str, Floats]]:
    """Scores of the mean prediction of the first members, at each of the counts."""
    sums: Predictions | None = None
    rows = []
    for count, member in enumerate(members, start=1):
        sums = member if sums is None else Predictions(sums.train + member.train, sums.test + member.test)
        if count in counts:
            fitted, predicted = sums.train / count, sums.test / count
            rows.append({**sets.scores("train", fitted), **sets.scores("test", predicted)})
    return rows


def _grid(rows: list[list[dict[str, Floats]]]) -> dict[str, Floats]:
    """Each score as an array [first axis, second axis]; there is one set of labels."""
    import numpy as np

    return {name: np.array([[cell[name][0] for cell in row] for row in rows]) for name in rows[0][0]}
