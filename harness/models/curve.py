"""A path between two trained nets as a model of its own, of which one bend is trained.

Sources: Garipov et al. 2018, Section 3 (quadratic Bezier curves and polygonal chains with one bend, a
point of the path drawn for every batch); Draxler et al. 2018 find such paths by elastic bands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.models.architecture import AroundModel
from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    Weights = dict[str, np.ndarray]

KINDS = ("bezier", "chain")


class Curve(AroundModel, frozen=True):
    """A curve in the space of a model's weights between two fixed ends, with one bend to train.

    While it trains, every batch sees the net at a point drawn uniformly from the curve; evaluated, it is
    the net in the middle. Its start is two trained nets through ``Ends``.

    Args:
        model: the model of the nets.
        kind: "bezier", (1-t)^2 first + 2t(1-t) bend + t^2 last; or "chain", two straight pieces.

    Raises:
        ValueError: another kind.
    """

    kind: str = "bezier"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind not in KINDS:
            raise ValueError(f"Curve(kind={self.kind!r}): one of {', '.join(KINDS)}")

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The float32 module, at first with the model's initial weights as ends and bend."""
        from harness.models._curve_nets import CurveNet

        return CurveNet(self.model.build(shape, classes, generator), self.kind)


class Ends(Value, frozen=True):
    """Two trained nets become the ends of a curve, and the point halfway its bend."""

    def apply(self, parents: list[Weights], generator: np.random.Generator) -> Weights:
        """Weights of a ``CurveNet`` from those of two nets of its model."""
        import numpy as np

        first, last = parents
        halves = {name: (first[name] + last[name]) / 2 for name in first}
        weights = {f"bend.{name}": np.asarray(half, first[name].dtype) for name, half in halves.items()}
        for place, net in (("first", first), ("last", last)):
            weights |= {f"{place}.{name}": array for name, array in net.items()}
        return weights
