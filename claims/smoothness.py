"""What the claims on batch normalization and the landscape share: worlds to compare with, figures, one rule.

Santurkar et al. 2018, Sections 2 and 3. Runs come in pairs, ``plain`` and ``norm``, whose solvers look along
the step every few steps.
"""

from __future__ import annotations

from harness import Check
from harness import Results
from harness import Simulation
from harness import above
from harness import below
from harness import ratio
from harness.analytic.step_landscape import deep_linear

LINEAR = {"lr": 0.01, "steps": 100, "every": 20}
NO_NORM = "no batch normalization on either side"
PLATEAU = (
    "first weights of the size of PyTorch's dense layers, with which the plain net stays on a plateau, where "
    "loss and gradient hardly change"
)


def linear(*, batch_norm: bool) -> Simulation:
    """Covariate shift in 25 linear layers of 20 units, full batches of Gaussian examples."""
    return Simulation(deep_linear, LINEAR | {"batch_norm": batch_norm})


def draw(check: Check, figure: str, series: str, run: Results, measure: str, y_label: str) -> None:
    """A measure over the steps that were looked at."""
    table = run.array(measure)
    every = run.runs[0].value.solver.every
    check.draw(
        figure,
        series=series,
        x=[every * i for i in range(table.shape[1])],
        y=table,
        x_label="gradient steps",
        y_label=y_label,
        y_scale="log",
    )


def draw_bands(check: Check, figure: str, plain: Results, norm: Results, what: str, y_label: str) -> None:
    """Lower and upper edge of what is met along the step, without and with normalization."""
    for name, run in (("plain", plain), ("batch norm", norm)):
        for edge, said in (("low", "lowest"), ("high", "highest")):
            draw(check, figure, f"{name}, {said} along the step", run, f"{what}_{edge}", y_label)


def check_not_reduced(check: Check, plain: Results, norm: Results) -> None:
    """Definition 2.1: neither direction nor size of a layer's gradient is kept better with normalization."""
    closer = norm.final("cosine") - plain.final("cosine")
    twentieth = "a twentieth of the way from a right angle to no change"
    check(below(closer.named("cosine, batch norm - plain"), 0.05, because=twentieth))
    further = ratio(norm.final("gradient_distance"), plain.final("gradient_distance"))
    check(above(further, 0.8, because="a fifth: less of a reduction would hardly be called one"))


def draw_shifts(check: Check, figure: str, plain: Results, norm: Results) -> None:
    """How layers' gradients moved, at each look during training."""
    for name, run in (("plain", plain), ("batch norm", norm)):
        for measure, label in (("cosines", "cosine"), ("distances", "distance")):
            table = run.array(measure)
            check.draw(
                f"{figure}, {label} of gradients before and after",
                series=name,
                x=list(range(table.shape[1])),
                y=table,
                x_label="look during training",
                y_label=label,
            )
