"""The mean of trained nets' weights as the start of one net of their model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np

    Weights = dict[str, np.ndarray]


class Average(Value, frozen=True):
    """Nets of one model become one, whose weights are the mean of theirs, summed in float64.

    Running statistics of batch normalization are averaged as well: those of the average itself are another
    matter (``harness.analytic.recomputed.Recomputed``). Counters are those of the first.
    """

    def apply(self, parents: list[Weights], generator: np.random.Generator) -> Weights:
        """The means by name.

        Raises:
            ValueError: the nets are not of one model, or there is one alone.
        """
        import numpy as np

        if not isinstance(parents, list):
            raise ValueError("an Average is of several nets: start=(From(first), From(second, Average()))")
        first = parents[0]
        shapes = [{name: array.shape for name, array in net.items()} for net in parents]
        if any(other != shapes[0] for other in shapes):
            raise ValueError("an Average is of nets of one model; these differ in names or shapes of weights")
        return {
            name: np.mean([net[name] for net in parents], axis=0, dtype=np.float64).astype(array.dtype)
            if np.issubdtype(array.dtype, np.floating)
            else array
            for name, array in first.items()
        }
