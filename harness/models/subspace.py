"""Another model of which only a random subspace of its weights is trained (Li et al. 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.models.architecture import AroundModel

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

PROJECTIONS = ("dense", "sparse", "fastfood")


class Subspace(AroundModel, frozen=True):
    """Weights theta = theta0 + P t, of which t of length ``dimension`` is trained, from zero.

    theta0 are the model's initial weights; P is fixed and random, drawn from the replicate's stream after
    them, so that a replicate has the same theta0 in all dimensions.

    Args:
        model: the model.
        dimension: of the subspace, at most the model's number of parameters D.
        projection: "dense", Gaussian columns; "sparse", about sqrt(D) entries of one size and either sign
            in each column; both of norm one. "fastfood", products of Walsh-Hadamard transforms with random
            diagonals and a permutation, whose columns have norm one up to the rows that are cut off.

    Raises:
        ValueError: another projection, or a dimension below one.
    """

    dimension: int
    projection: str = "fastfood"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.projection not in PROJECTIONS or self.dimension < 1:
            raise ValueError(
                f"Subspace(dimension={self.dimension}, projection={self.projection!r}): at least 1, and one "
                f"of {', '.join(PROJECTIONS)}"
            )

    def size(self, shape: tuple[int, ...], classes: int) -> int:
        """Number of trained parameters: the dimension."""
        return self.dimension

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The float32 module; its only parameter is ``coordinates`` [dimension].

        Raises:
            ValueError: the dimension is above the model's number of parameters.
        """
        from harness.models import _subspace_nets

        whole = self.model.size(shape, classes)
        if self.dimension > whole:
            raise ValueError(f"Subspace(dimension={self.dimension}): the model has {whole} parameters")
        module = self.model.build(shape, classes, generator)
        kinds = (_subspace_nets.Dense, _subspace_nets.Sparse, _subspace_nets.Fastfood)
        projection = kinds[PROJECTIONS.index(self.projection)](whole, self.dimension, generator)
        return _subspace_nets.SubspaceNet(module, projection)
