"""A layer of convolutions, pooled, and a dense layer; and small ones that start from clusters of a large one.

Brutzkus and Globerson 2019 hold such nets of few and of many filters against each other on MNIST.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.models.architecture import Architecture
from harness.models.counts import convolution, dense, image, require_positive
from harness.spec import Value
from harness.spec.contracts import LayerCount

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

    Weights = dict[str, NDArray[np.float32]]

KERNEL, POOL = 5, 4
SMALLEST = KERNEL + POOL - 1  # pixels of which one square to pool is left
ROUNDS = 20
"""Rounds of k-means, after which centres of a hundred filters have come to rest."""
STARTS = 10
"""Starts of k-means from random filters, of which the one with the least squared distances is kept."""


class OneConvolution(Architecture, frozen=True):
    """5x5 convolutions without padding, ReLU, maxima over squares of side 4, and a dense layer.

    Args:
        filters: how many.

    Raises:
        ValueError: no filter.
    """

    filters: int = 120

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, filters=self.filters)

    def pooled(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Height and width of the maps of maxima.

        Raises:
            ValueError: the shape is not that of images of at least 8x8 pixels.
        """
        _, height, width = image(self, shape, SMALLEST)
        return (height - KERNEL + 1) // POOL, (width - KERNEL + 1) // POOL

    def layers(self, shape: tuple[int, ...], classes: int) -> list[LayerCount]:
        """The convolution, then the dense layer."""
        rows, columns = self.pooled(shape)
        pixels = (shape[1] - KERNEL + 1) * (shape[2] - KERNEL + 1)
        return [
            convolution(shape[0], self.filters, KERNEL, pixels),
            dense(self.filters * rows * columns, classes),
        ]

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The float32 module, every layer uniform in +-1/sqrt(fan-in), from ``generator`` alone."""
        from torch import nn

        from harness.models import _nets

        rows, columns = self.pooled(shape)
        return nn.Sequential(
            _nets.unpadded_convolution(generator, shape[0], self.filters, KERNEL),
            nn.ReLU(),
            nn.MaxPool2d(POOL),
            nn.Flatten(),
            _nets.dense(generator, self.filters * rows * columns, classes),
        )


class FilterCentres(Value, frozen=True):
    """A transform for ``From``: the k-means centres of a ``OneConvolution``'s filters, for one of fewer.

    Filters are clustered with their biases. The dense layer is drawn afresh.

    Args:
        filters: how many centres.

    Raises:
        ValueError: no centre, or more than there are filters.
    """

    filters: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, filters=self.filters)

    def apply(self, weights: Weights, generator: np.random.Generator) -> Weights:
        """The small net's arrays by name, float32."""
        import numpy as np

        kernels, biases = weights["0.weight"], weights["0.bias"]
        if self.filters > len(kernels):
            raise ValueError(f"FilterCentres({self.filters}): the net has {len(kernels)} filters")
        rows = np.concatenate([kernels.reshape(len(kernels), -1), biases[:, None]], axis=1).astype(np.float64)
        centres = self._centres(rows, generator).astype(np.float32)
        last = weights["4.weight"]
        inputs = last.shape[1] // len(kernels) * self.filters
        reach = 1 / inputs**0.5
        return {
            "0.weight": centres[:, :-1].reshape(self.filters, *kernels.shape[1:]),
            "0.bias": centres[:, -1],
            "4.weight": generator.uniform(-reach, reach, (len(last), inputs)).astype(np.float32),
            "4.bias": generator.uniform(-reach, reach, len(last)).astype(np.float32),
        }

    def _centres(self, rows: NDArray[np.float64], generator: np.random.Generator) -> NDArray[np.float64]:
        """Centres [filters, values] of rows [n, values]: the best of several starts from random rows."""
        import numpy as np

        best, least = rows[: self.filters], np.inf
        for _ in range(STARTS):
            centres = rows[generator.choice(len(rows), self.filters, replace=False)]
            for _ in range(ROUNDS):
                nearest = _distances(rows, centres).argmin(axis=1)
                members = [rows[nearest == i] for i in range(self.filters)]
                centres = np.array(
                    [p.mean(axis=0) if len(p) else c for p, c in zip(members, centres, strict=True)]
                )
            spread = float(_distances(rows, centres).min(axis=1).sum())
            best, least = (centres, spread) if spread < least else (best, least)
        return best


def _distances(rows: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared distances [row, centre]."""
    distances: NDArray[np.float64] = ((rows[:, None] - centres) ** 2).sum(axis=2)
    return distances
