"""Fully connected networks on 4,000 images of MNIST: a peak with the paper's reuse of weights, none without.

Belkin et al. 2019, Figure 3, train networks of one hidden layer on the squared loss, each below n x K =
40,000 parameters from the weights of the one before; the loss rises up to there and falls beyond. The family
on the reuse of weights asks on digits what of that is the reuse's; here is the paper's setting, for a GPU.

Nothing here has been run. The paper does not say its learning rate and batch: they are those of a published
reproduction, whose records of five runs show a fall from .271 to .065 at 51 units with the reuse, and none
without. At a standard tier, 150 and 400 epochs of four and eight widths, without reuse and on cross-entropy,
were looked at on replicates 1000 and 1001: a peak of two points in one run and none in the other.
"""

from __future__ import annotations

from collections.abc import Mapping

from claims.papers import BELKIN2019
from claims.papers import OVERCLAIM
from claims.texts import DIRECTION
from harness import Check
from harness import Experiment
from harness import From
from harness import Results
from harness import Sgd
from harness import Tiers
from harness import WhenFitted
from harness import above
from harness import claim
from harness import control
from harness import equivalent
from harness import ratio
from harness import trained
from harness.analytic.squared_loss import SquaredLoss
from harness.data import Mnist
from harness.models import Mlp
from harness.models.widening import Widened

IMAGES = Mnist(n=4000, crop=None, whiten=False)
LOSS = "test_squared_loss"
LADDER = (5, 9, 13, 15, 25, 30, 34, 38, 41, 44, 46, 48, 49, 50)
"""Hidden units of the paper's networks of 4,000 to 39,500 parameters."""
BEYOND = (51, 57, 63, 107, 252)
"""Of those from 40,000 to 200,000."""
SHOWN = (13, 25, 38, 46, 50)
EPOCHS = 6000
FALLING = Sgd(lr=0.1, epochs=EPOCHS, batch=128, momentum=0.95, decay=0.9, decay_steps=500 * 32)
"""Below the threshold the rate falls by a tenth every 500 epochs, of 32 batches."""
CONSTANT = Sgd(lr=0.1, epochs=EPOCHS, batch=128, momentum=0.95)
ADAPTED = {"full": "learning rate 0.1 and batches of 128, which the paper does not state"}


def fresh(width: int) -> Experiment:
    """A network from its own initial weights, with the optimizer of its side of the threshold."""
    below = width in LADDER
    optimizer, stop = (FALLING, WhenFitted()) if below else (CONSTANT, None)
    return Experiment(IMAGES, Mlp(width), optimizer, stop=stop, loss="squared", probes=(SquaredLoss(),))


def reused(width: int, ladder: tuple[int, ...] = LADDER) -> Experiment:
    """A network that starts from the weights of the one before it on the ladder, and so on down."""
    at = ladder.index(width)
    if not at:
        return fresh(width)
    return fresh(width).but(start=From(reused(ladder[at - 1], ladder), Widened(width)))


REUSED_BELOW = {w: Tiers(full=reused(w)) for w in SHOWN} | {w: Tiers(full=fresh(w)) for w in BEYOND}
NEVER_REUSED = {w: Tiers(full=fresh(w)) for w in (*SHOWN, *BEYOND)}
ALWAYS_REUSED = {w: Tiers(full=reused(w, (*LADDER, *BEYOND))) for w in (*SHOWN, *BEYOND)}


@claim(
    BELKIN2019,
    "Figure 3: a fully connected network on MNIST",
    adapted=ADAPTED,
    reported={"threshold, n x K parameters": 40_000},
    contested="OVERCLAIM: without reuse of weights there is no peak, and with reuse everywhere no fall",
)
@trained(nets=REUSED_BELOW)
@control(nets=NEVER_REUSED, says="every network from its own initial weights")
@control(nets=ALWAYS_REUSED, says="weights reused beyond the threshold as well")
def test_the_loss_peaks_at_40_000_parameters(nets: Mapping[int, Results], check: Check) -> None:
    """The squared test loss rises up to n x K parameters, falls beyond, and ends below all before."""
    losses = {width: net.final(LOSS) for width, net in nets.items()}
    rise = "a fifth: more than five runs of one width scatter by in the reproduction's records"
    check(above(ratio(losses[50], losses[13]).named("50 units / 13 units"), 1.2, because=rise))
    fall = "half as much again, as on digits"
    check(above(ratio(losses[50], losses[63]).named("50 units / 63 units"), 1.5, because=fall))
    end = ratio(losses[13], losses[252]).named("13 units / 252 units")
    check(above(end, 1.0, because=DIRECTION))
    check.draw(
        "Figure 3",
        series="reused below n x K",
        x=[Mlp(width).size((784,), 10) for width in losses],
        y=list(losses.values()),
        x_label="parameters",
        y_label="squared test loss",
        x_scale="log",
        marks={"n x K": 40_000},
    )


@claim(
    OVERCLAIM,
    "against BELKIN2019, Figure 3: without reuse",
    kind="counter",
    adapted=ADAPTED,
    contested="BELKIN2019: the loss peaks at n x K parameters",
)
@trained(nets={width: NEVER_REUSED[width] for width in (50, 63)})
@control(nets={width: REUSED_BELOW[width] for width in (50, 63)}, says="weights reused below the threshold")
def test_without_reuse_the_loss_does_not_fall_at_the_threshold(
    nets: Mapping[int, Results], check: Check
) -> None:
    """From initial weights of their own, networks of 50 and of 63 units have about the same loss."""
    fall = ratio(nets[50].final(LOSS), nets[63].final(LOSS)).named("50 units / 63 units")
    check(equivalent(fall, 1.25, because="a quarter, half of the fall that the paper's claim asks for"))
