"""Sweeps of width of dense nets: the experiments that the families on double descent share.

Calibrated on digits and replicates 1000 and up, which no verdict reads: learning rate, batch and budget, the
number of images, the groups of widths (dip, peak and tail, chosen there once and for all) and all margins of
the quick tier. The standard tier takes all of that as it is to images of MNIST, averaged to 8x8 pixels as
well; only its margins are its own, from replicates 1000 to 1007, looked at again on 1100 to 1107.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence

from harness import Check
from harness import Experiment
from harness import From
from harness import Measured
from harness import Results
from harness import Sgd
from harness import Tiers
from harness import WhenFitted
from harness import mean_of
from harness.analytic.squared_loss import SquaredLoss
from harness.data import Augmented
from harness.data import AveragedMnist
from harness.data import Digits
from harness.data import RandomCrop
from harness.data import TrueLabels
from harness.data import WrongLabels
from harness.data.scaled import ScaledMnist
from harness.models import Mlp
from harness.models.widening import Widened

CLASSES, PIXELS = 10, 64
NOISY_DIGITS = Digits(n=1000, labels=WrongLabels(0.2))
NOISY_MNIST = AveragedMnist(n=1000, n_test=3000, labels=WrongLabels(0.2), crop=24, square=3)
TRUE_LABELS = TrueLabels()
RECIPE = Sgd(lr=0.02, epochs=600, batch=32)
DIP, PEAK, TAIL = (5, 6, 8), (16, 20), (64, 128)
WIDTHS = (4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 64, 128)
NET = Tiers(quick=Experiment(NOISY_DIGITS, Mlp(), RECIPE), standard=Experiment(NOISY_MNIST, Mlp(), RECIPE))
MOVED_ABOUT = (RandomCrop(8, padding=1),)
SHIFTED = Tiers(
    quick=Augmented(NOISY_DIGITS.but(whiten=False), MOVED_ABOUT),
    standard=Augmented(
        ScaledMnist(n=1000, n_test=3000, labels=WrongLabels(0.2), crop=24, square=3), MOVED_ABOUT
    ),
)
"""The same images moved about by up to a pixel, and then standardised one by one."""

LADDER = (2, 4, 6, 8, 12, 16, 20, 26, 32, 40, 46, 50, 53)
COARSE = (4, 8, 16, 32, 53)
BEYOND = (54, 60, 100)
REUSE_DATA = Digits(n=400)
REUSE_RECIPE = Sgd(lr=0.1, epochs=625, momentum=0.95)


def net(width: int | Tiers, **changes: object) -> Tiers:
    """One hidden layer on 1,000 images of digits of which a fifth is labeled wrongly, for 600 epochs."""
    return NET.but(model__width=width, **changes)


def at_widths(widths: Sequence[int], **changes: object) -> dict[int, Tiers]:
    """The same at several widths, as ``@trained`` takes them."""
    return {width: net(width, **changes) for width in widths}


def parameters(width: int) -> int:
    """The parameters of a network of one hidden layer on digits."""
    return Mlp(width).size((PIXELS,), CLASSES)


def group(nets: Mapping[int, Results], widths: Sequence[int], measure: str = "test_error") -> Measured:
    """A measure after training, mean over a group of widths, [replicate]."""
    return mean_of([nets[width].final(measure) for width in widths])


def best(nets: Mapping[int, Results], widths: Sequence[int]) -> Measured:
    """The smallest test error over the epochs, mean over a group of widths, [replicate]."""
    return mean_of([nets[width].best("test_error") for width in widths])


def window(run: Results, measure: str, first: int, last: int) -> Measured:
    """A measure's mean over the epochs ``first`` to ``last``, both included, [replicate]."""
    values = run.curve(measure)[:, first - 1 : last].mean(axis=1)
    name = f"{measure} of epochs {first} to {last} ({run.name})"
    return Measured(values, resolution=run.final(measure).resolution, name=name)


def reused(ladder: Sequence[int], *, to: int, beyond: bool = False) -> Experiment:
    """A width of a ladder on which every network starts from the one before (squared loss, true labels).

    Belkin et al.: below the threshold training ends at zero error, beyond it at the budget; only with
    ``beyond`` does a network beyond the threshold reuse weights as well.
    """
    at = tuple(ladder).index(to)
    before = reused(ladder, to=ladder[at - 1], beyond=beyond) if at else None
    if to not in BEYOND:
        return fresh(to).but(stop=WhenFitted(), start=From(before, Widened(to)) if before else None)
    return fresh(to).but(start=From(before, Widened(to))) if before and beyond else fresh(to)


def fresh(width: int) -> Experiment:
    """A network from its own initial weights, trained for the whole budget."""
    return Experiment(REUSE_DATA, Mlp(width), REUSE_RECIPE, loss="squared", probes=(SquaredLoss(),))


def all_reused(
    widths: Sequence[int], ladder: Sequence[int] = LADDER, *, beyond: bool = False
) -> dict[int, Experiment]:
    """Widths of one ladder, as ``@trained`` takes them."""
    return {width: reused(ladder, to=width, beyond=beyond) for width in widths}


def all_fresh(widths: Sequence[int]) -> dict[int, Experiment]:
    """Several widths, each from its own initial weights."""
    return {width: fresh(width) for width in widths}


def draw_by_parameters(
    check: Check,
    figure: str,
    series: str,
    points: Mapping[int, Measured],
    y_label: str,
    *,
    x_scale: str = "log",
    marks: Mapping[str, float] | None = None,
) -> None:
    """A measure by width, over the number of parameters of networks of one hidden layer."""
    check.draw(
        figure,
        series=series,
        x=[parameters(width) for width in points],
        y=list(points.values()),
        x_label="parameters",
        y_label=y_label,
        x_scale=x_scale,
        marks=marks,
    )
