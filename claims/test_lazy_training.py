"""Scaled up, a network learns by its linearization, hardly moves, and generalizes worse.

Chizat, Oyallon and Bach 2019: that wide networks barely move (Du et al. 2019,
``test_gradient_descent_convergence``) is a matter of the output's scale and not of the width. The weights
move as 1 / scale, and what is learnt then is what a fixed kernel learns: a student of a few ReLU units errs
more than one that moves. The regime in which descent on wide networks is understood is therefore not the one
in which they do well.

Students of 100 units and teachers of three, normal inputs. Steps and margins were read off replicates 1000 to
1003, which no verdict reads.
"""

from __future__ import annotations

from claims.papers import CHIZAT2019
from claims.papers import OVERCLAIM
from harness import Check
from harness import Results
from harness import Simulation
from harness import Tiers
from harness import above
from harness import claim
from harness import control
from harness import ratio
from harness import slope
from harness import trained
from harness.analytic.lazy import scaled_training

ADAPTED = {
    "quick": "200 examples in 20 dimensions, teachers of 3 units, students of 100",
    "standard": "1,000 examples in 50 dimensions, teachers of 3 units, students of 100",
}
SCALES, SMALL_SCALES = (10.0, 100.0, 1000.0), (1.0, 2.0, 10.0)


SIZES = {"quick": {"n": 200, "d": 20}, "standard": {"n": 1000, "d": 50}}


def at_tier(tier: str, scale: float, units: int) -> Simulation:
    """Training at this scale of the output."""
    asked = {"scale": scale, "units": units, "steps": 3000, "rate": 0.5}
    return Simulation(scaled_training, {**SIZES[tier], **asked})


def training(scale: float, units: int = 3) -> Tiers:
    """Training at this scale, of a student of a teacher of so many units."""
    return Tiers(**{tier: at_tier(tier, scale, units) for tier in SIZES})


def sweep(scales: tuple[float, ...]) -> Tiers:
    """Training at each of these scales."""
    return Tiers(**{tier: [at_tier(tier, scale, 3) for scale in scales] for tier in SIZES})


@claim(
    CHIZAT2019, "Abstract: a matter of scaling", adapted=ADAPTED, reported={"way of the weights": "1 / scale"}
)
@trained(runs=sweep(SCALES))
@control(runs=sweep(SMALL_SCALES), says="scales at which weights of length one move by as much as that")
def test_weights_move_as_the_inverse_of_the_scale(runs: list[Results], check: Check) -> None:
    """The weights move as the inverse of the output's scale."""
    moved = [run.final("moved") for run in runs]
    order = "-1, by the theorem; -0.98 in calibration, and -0.76 where training is not lazy"
    check(slope(SCALES, moved, -1.1, -0.9, log=True, because=order))


@claim(CHIZAT2019, "Abstract: lazily trained models do worse", reported="words", adapted=ADAPTED)
@trained(rich=training(1.0), lazy=training(100.0))
@control(lazy=training(2.0), says="a scale of 2, at which weights still move by most of their length")
def test_lazy_training_generalizes_worse(rich: Results, lazy: Results, check: Check) -> None:
    """A student of a few units errs more if it is trained lazily."""
    worse = ratio(lazy.final("test"), rich.final("test"))
    check(above(worse, 3.0, because="a kernel does not find three directions: 6 to 9 times in calibration"))


@claim(
    OVERCLAIM,
    "beside CHIZAT2019: is it features that lazy training does not find?",
    kind="counter",
    adapted=ADAPTED,
)
@trained(rich=training(1.0, units=0), lazy=training(100.0, units=0))
@control(lazy=training(2.0, units=0), says="a scale of 2")
def test_lazy_training_is_worse_on_a_linear_teacher_too(rich: Results, lazy: Results, check: Check) -> None:
    """That lazy training is worse is no matter of features to be found: a linear teacher shows it too."""
    worse = ratio(lazy.final("test"), rich.final("test"))
    check(above(worse, 8.0, because="12 to 30 times in calibration, on a function that both can express"))
