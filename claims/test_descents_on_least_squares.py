"""Gradient descent on least squares: its limit is the minimum norm, and its risk can descend twice over time.

The limit is gradient descent's, not interpolation's: Adam interpolates elsewhere. Over its steps the risk
descends twice where parts of the features are learnt at different speeds, each with a descent of its own
(Heckel and Yilmaz 2021); with steps scaled to even the speeds it descends once, and further.

Calibrated on replicates 1000 and up: numbers of steps, the three times at which the path is read, and the
margins. The path is computed from eigenvalues, and held against literal steps by the instrument's tests.
"""

from __future__ import annotations

from claims.figures import draw_sweep
from claims.papers import HASTIE2019
from claims.papers import HECKEL2021
from claims.papers import OVERCLAIM
from claims.sweeps import at
from claims.texts import SECOND_CONTROL
from claims.texts import nearer
from harness import Change
from harness import Check
from harness import Measured
from harness import Results
from harness import Simulation
from harness import above
from harness import below
from harness import claim
from harness import control
from harness import ordered
from harness import ratio
from harness import trained
from harness.analytic.descents import descent_end
from harness.analytic.descents import epoch_risks


def descent(method: str, epochs: int, **settings: float) -> Simulation:
    """A descent on 20 examples with 80 features."""
    return Simulation(descent_end, {"method": method, "n": 20, "p": 80, "epochs": epochs, **settings})


SGD = descent("sgd", 300)
ADAM = descent("adam", 3000, rate=0.001)
TWENTY_ADAPTED = {"quick": "20 examples with 80 features, a simulation of our own"}
# groups of features: how many, their deviation, the norm of what they contribute, relative learning rate
EQUAL_STEPS = ((200, 1.0, 1.0, 1.0), (10, 0.03, 1.5, 1.0))
SCALED_STEPS = ((200, 1.0, 1.0, 0.05 * 0.03**2), (10, 0.03, 1.5, 1.0))
HALVED_STEPS = ((200, 1.0, 1.0, 0.5), (10, 0.03, 1.5, 1.0))
EPOCHS = (1, 2, 3, 5, 10, 20, 30, 50, 100, 300, 1000, 3000, 10_000, 30_000, 100_000)
GROUPS_ADAPTED = {
    "quick": "800 examples, 200 features of scale 1 and 10 of scale 0.03, a simulation of our own"
}


def epochs(groups: tuple[tuple[int, float, float, float], ...]) -> Simulation:
    """Gradient descent with noise of deviation 2, by groups of features."""
    return Simulation(epoch_risks, {"n": 800, "groups": groups, "noise": 4.0, "times": EPOCHS})


def after(path: Results, *steps: int) -> list[Measured]:
    """The risk after each of these numbers of steps."""
    return [at(path, "risk", EPOCHS.index(t), of=f"after {t} steps") for t in steps]


def draw_path(check: Check, series: str, path: Results) -> None:
    """The risk over gradient descent's steps."""
    points = dict(zip(EPOCHS, after(path, *EPOCHS), strict=True))
    figure = "Risk over gradient steps"
    draw_sweep(check, figure, series=series, points=points, x_label="steps", y_label="risk")


@claim(
    HASTIE2019,
    "Proposition 1, for stochastic steps",
    adapted=TWENTY_ADAPTED,
    reported={"limit from zero": "the interpolant of smallest norm"},
)
@trained(descent=SGD)
@control(
    descent=descent("sgd", 300, start=0.1), says="from elsewhere: what lies outside the span never moves"
)
def test_stochastic_descent_from_zero_ends_at_the_minimum_norm(descent: Results, check: Check) -> None:
    """From zero, gradient descent one example at a time ends at the interpolant of minimum norm."""
    rounding = "float64 leaves 1e-14 here; a descent that ended elsewhere is off by its whole norm"
    check(below(descent.final("distance"), 1e-8, because=rounding))


@claim(
    OVERCLAIM,
    "after HASTIE2019, Proposition 1: other optimizers",
    kind="counter",
    changed=SECOND_CONTROL,
    adapted=TWENTY_ADAPTED,
)
@trained(descent=ADAM)
@control(descent=SGD, says="stochastic gradient descent")
@control(descent=descent("adam", 30, rate=0.001), says="stopped after 30 steps, before it interpolates")
def test_adam_does_not_end_at_the_minimum_norm(descent: Results, check: Check) -> None:
    """Adam interpolates too, and ends at another solution, larger and partly outside the span of the
    examples: the minimum norm is gradient descent's bias, not interpolation's."""
    check(below(descent.final("train_mse"), 1e-8, because="of targets of variance one: it interpolates"))
    larger = descent.final("norm_ratio")
    check(above(larger, 1.05, because="one in twenty, where gradient descent is exact"))
    outside = "a tenth of the squared norm, where gradient descent has none"
    check(above(descent.final("outside"), 0.1, because=outside))


@claim(
    HECKEL2021, "Abstract; Section 2, linear regression; Figure 2", reported="words", adapted=GROUPS_ADAPTED
)
@trained(path=epochs(EQUAL_STEPS))
@control(
    path=epochs(SCALED_STEPS), says="steps scaled by group, so that both are learnt at about the same time"
)
def test_the_risk_descends_twice_over_epochs(path: Results, check: Check) -> None:
    """Where noisy features are learnt fast and the signal's slowly, the risk of gradient descent falls,
    rises and falls again, below its first minimum."""
    first, peak, last = after(path, 1, 30, 10_000)
    eighth = "an eighth of the noise's variance"
    check(above(peak - first, 0.5, because=eighth))
    check(above(first - last, 0.5, because=eighth))
    draw_path(check, "one step size", path)


@claim(
    HECKEL2021,
    "Abstract; Section 2, scaled step sizes",
    reported="words",
    adapted={"quick": GROUPS_ADAPTED["quick"] + "; the best moment is picked by the risk itself, for both"},
    changed=(
        Change(
            "window",
            "The order of risks was asked up to 3,000 steps, where the path has settled and steps "
            "differ by rounding, and is asked up to 300 since it had come out reproduced.",
        ),
        nearer("one step size on both sides"),
    ),
)
@trained(path=epochs(SCALED_STEPS), plain=epochs(EQUAL_STEPS))
@control(
    path=epochs(HALVED_STEPS), says="steps of the fast features halved, which leaves them the faster by far"
)
def test_scaled_steps_remove_the_second_descent(path: Results, plain: Results, check: Check) -> None:
    """Step sizes scaled by group remove the second descent, and the best risk on the way is lower."""
    gain = ratio(path.final("best_risk"), plain.final("best_risk"))
    check(below(gain, 0.8, because="a fifth less"))
    rising = after(path, 30, 50, 100, 300)
    check(ordered(rising, because="after its minimum the risk only rises: any rise, at every step"))
    draw_path(check, "scaled step sizes", path)
