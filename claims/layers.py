"""Trained nets with layers put back: to earlier weights of their own, or to another draw of initial ones.

Zhang, Bengio and Singer 2022. A patched net passes once over the data at a rate too small to move a weight,
which refreshes statistics of batch normalization.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence

from harness import Check
from harness import Experiment
from harness import From
from harness import Measured
from harness import Results
from harness import Tiers
from harness import Untrained
from harness import mean_of
from harness.analytic.resets import Movement
from harness.analytic.resets import Reset
from harness.analytic.resets import WeightSizes
from harness.models.redrawn import Redrawn
from harness.spec import TIERS

NO_STEP = 1e-30  # a learning rate too small to change a float32 weight
CHANCE = "ten points of accuracy from chance, which is an error of 0.9"
RANDOM_GUESSES = {"test error with a critical layer put back": "essentially that of random guesses"}
NO_DECLINE = {"a robust layer put back": "no adverse decline in performance"}


def each(nets: Tiers, change: Callable[[Experiment], Experiment]) -> Tiers:
    """A change of every tier's experiment."""
    return Tiers(**{t: change(nets[t]) for t in TIERS if t in nets})


def halfway(net: Experiment) -> int:
    """The epoch in the middle of a training."""
    return net.optimizer.epochs // 2


def at_epoch(net: Experiment, epoch: int) -> Experiment:
    """The same training at an earlier epoch; at epoch 0, its initial weights."""
    if not epoch:
        return net.but(optimizer__lr=NO_STEP, optimizer__epochs=1, optimizer__decay=1.0)
    return net.but(optimizer__epochs=epoch)


def patched(
    nets: Tiers, layers: tuple[str, ...], *, epoch: int = 0, half: bool = False, fresh: bool = False
) -> Tiers:
    """The trained net with some layers of an earlier epoch, or of another draw of the initial weights.

    Args:
        half: put back to the middle of training, whatever ``epoch`` says.
    """

    def change(net: Experiment) -> Experiment:
        drawn = net.but(model=Redrawn(net.model)) if fresh else net
        other = at_epoch(drawn, halfway(net) if half else epoch)
        start = (From(net), From(other, Reset(layers)))
        return at_epoch(net, 0).but(start=start)

    return each(nets, change)


def moved(nets: Tiers, *, last: bool = False) -> Tiers:
    """What training has added to the weights, in sizes of those before; ``last``, in its last epoch alone."""

    def change(net: Experiment) -> Experiment:
        start = (From(net), From(at_epoch(net, net.optimizer.epochs - 1 if last else 0), Movement()))
        return net.but(optimizer=Untrained(), start=start, probes=(WeightSizes(),))

    return each(nets, change)


def one_by_one(
    nets: Tiers, layers: tuple[str, ...], *, half: bool = False, fresh: bool = False
) -> list[Tiers]:
    """The net with each of some layers put back alone, in the order of the layers."""
    return [patched(nets, (layer,), half=half, fresh=fresh) for layer in layers]


def drops(net: Results, put_back: Sequence[Results], layers: tuple[str, ...]) -> list[Measured]:
    """What the test error gains by putting back each layer, [layer] of [replicate]."""
    return [
        (patch.final("test_error") - net.final("test_error")).named(f"drop, {layer}")
        for patch, layer in zip(put_back, layers, strict=True)
    ]


def mean_error(put_back: Sequence[Results]) -> Measured:
    """The mean test error over layers put back, [replicate]."""
    return mean_of([patch.final("test_error") for patch in put_back])


def draw_layers(
    check: Check,
    series: str,
    costs: Sequence[Measured],
    *,
    figure: str = "Layers put back, one at a time",
    x_label: str = "layer",
    y_label: str = "loss of test accuracy",
) -> None:
    """What each layer costs, or the error that it leaves, from the first up."""
    layers = range(1, len(costs) + 1)
    check.draw(figure, series=series, x=layers, y=costs, x_label=x_label, y_label=y_label)
