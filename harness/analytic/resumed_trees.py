"""Forests and boosted trees, from the tree at which they were stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from harness.analytic.resuming import Between, Halfway, Parts
from harness.analytic.scores import LabelSets, label_sets
from harness.analytic.trees import (
    SEEDS,
    BoostingGrid,
    ForestGrid,
    Predictions,
    _averages,
    _grid,
    _pixels,
    _tree,
    said,
)
from harness.spec.contracts import Weights
from harness.spec.splits import Split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]


def forest_grid(
    solver: ForestGrid, split: Split, generator: np.random.Generator, begun: Halfway | None, between: Between
) -> dict[str, Any]:
    """What ``ForestGrid.solve`` gives; parts are trees."""
    sets = label_sets(split, (), generator)
    train, test = _pixels(split)
    targets = sets.targets
    seeds = generator.integers(SEEDS, size=solver.trees[-1]).tolist()
    forest = _Forest(sets, begun.arrays if begun else {})
    parts = Parts(begun, between)
    for place in range(parts.done, len(solver.leaves) * len(seeds)):
        parts.begins(forest.kept)
        row, member = divmod(place, len(seeds))
        tree = _tree(solver.leaves[row], seeds[member]).fit(train, targets, check_input=False)
        count = member + 1
        forest.add(Predictions(said(tree, train), said(tree, test)), count, scored=count in solver.trees)
    return _grid(forest.rows(len(solver.trees)))


class _Forest:
    """The sums of the predictions of a forest's first trees, and the scores taken so far.

    Attributes:
        scores: of each forest, in the order in which they were taken; name -> number.
    """

    def __init__(self, sets: LabelSets, held: Weights) -> None:
        self.sets = sets
        self.scores: list[dict[str, Floats]] = []
        self.sums: Predictions | None = None
        if held:
            self.sums = Predictions(held["train"], held["test"])
            names = sorted((name for name in held if name.startswith("score ")), key=_place)
            columns = {name.split(" ")[2]: held[name] for name in names}
            self.scores = [
                dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
            ]

    def add(self, member: Predictions, count: int, *, scored: bool) -> None:
        """Take a tree in, as ``trees`` averages them; the first of a forest begins it."""
        sums = self.sums
        if sums is None or count == 1:
            self.sums = sums = member
        else:
            self.sums = sums = Predictions(sums.train + member.train, sums.test + member.test)
        if scored:
            fitted, predicted = sums.train / count, sums.test / count
            self.scores.append({**self.sets.scores("train", fitted), **self.sets.scores("test", predicted)})

    def rows(self, width: int) -> list[list[dict[str, Floats]]]:
        """The scores as a grid, so many in a row."""
        return [self.scores[i : i + width] for i in range(0, len(self.scores), width)]

    def kept(self) -> Weights:
        """What a checkpoint keeps."""
        import numpy as np

        assert self.sums is not None, "a tree was grown"
        names = list(self.scores[0]) if self.scores else []
        columns = {
            f"score {i} {name}": np.array([each[name] for each in self.scores])
            for i, name in enumerate(names)
        }
        return {"train": self.sums.train, "test": self.sums.test, **columns}


def _place(name: str) -> int:
    return int(name.split(" ")[1])


def boosting_grid(
    solver: BoostingGrid,
    split: Split,
    generator: np.random.Generator,
    begun: Halfway | None,
    between: Between,
) -> dict[str, Any]:
    """What ``BoostingGrid.solve`` gives; parts are trees."""
    import numpy as np

    sets = label_sets(split, (), generator)
    train, test = _pixels(split)
    targets = sets.targets
    seeds = generator.integers(SEEDS, size=(solver.members[-1], solver.rounds[-1])).ravel().tolist()
    parts = Parts(begun, between)
    held = begun.arrays if begun else {}
    fitted, predicted = held.get("fitted"), held.get("predicted")
    path = (
        [Predictions(*pair) for pair in zip(held["path fitted"], held["path predicted"], strict=True)]
        if ("path fitted" in held)
        else []
    )

    def kept() -> Weights:
        assert fitted is not None, "a tree was grown"
        assert predicted is not None, "and its predictions taken"
        now = {"fitted": fitted, "predicted": predicted}
        if not path:
            return now
        taken = (np.array([each.train for each in path]), np.array([each.test for each in path]))
        return {**now, "path fitted": taken[0], "path predicted": taken[1]}

    for place in range(parts.done, len(seeds)):
        parts.begins(kept)
        done = place % solver.rounds[-1] + 1
        if fitted is None or predicted is None or done == 1:
            fitted, predicted = np.zeros_like(targets), np.zeros((len(test), targets.shape[1]))
        tree = _tree(solver.leaves, seeds[place]).fit(train, targets - fitted, check_input=False)
        fitted = fitted + solver.rate * said(tree, train)
        predicted = predicted + solver.rate * said(tree, test)
        if done in solver.rounds:
            path.append(Predictions(fitted, predicted))
    paths = [path[i :: len(solver.rounds)] for i in range(len(solver.rounds))]
    return _grid([_averages(iter(members), solver.members, sets) for members in paths])
