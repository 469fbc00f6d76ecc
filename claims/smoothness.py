"""Batch normalization and the landscape: the nets that are compared, their figures, one rule.

Santurkar et al. 2018, Sections 2 and 3. Runs come in pairs, ``plain`` and ``norm``, whose solvers look along
the step every few steps. Calibrated as the family ``test_batch_normalization`` says.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from harness import Anew
from harness import Check
from harness import Measured
from harness import Results
from harness import Simulation
from harness import Solved
from harness import Tiers
from harness import above
from harness import below
from harness import ratio
from harness.analytic.landscape_of_models import Landscape
from harness.analytic.step_landscape import AcrossRates
from harness.analytic.step_landscape import AlongTheStep
from harness.analytic.step_landscape import deep_linear
from harness.data import Cifar10
from harness.data import Digits
from harness.data import Mnist
from harness.models.vgg import Vgg


class Worlds(NamedTuple):
    """What is compared for one net, without batch normalization and with it, and a near miss of both.

    Of the MLP it is a small learning rate; of VGG, where each run takes half a minute, the plain net on both
    sides, read anew on one.
    """

    plain: Tiers
    norm: Tiers
    near_plain: Tiers
    near_norm: Tiers | Anew


DIGITS, MNIST = Digits(n=1000), Mnist(n=5000, crop=None, n_test=1000)
PLAIN = Tiers(quick=Solved(DIGITS, AlongTheStep(batch=64, steps=100)), standard=Solved(MNIST, AlongTheStep()))
NORM = PLAIN.but(solver__batch_norm=True)
SMALL = PLAIN.but(solver__variance=1 / 3)
SLOW, SLOW_NORM = (run.but(solver__lr=0.003) for run in (PLAIN, NORM))
PLAIN_RATES = Tiers(
    quick=Solved(DIGITS, AcrossRates(batch=64, steps=100)), standard=Solved(MNIST, AcrossRates())
)
NORM_RATES = PLAIN_RATES.but(solver__batch_norm=True)
NOISY_RATES = NORM_RATES.but(solver__noisy=True, solver__rates=(0.1, 0.3, 1.0))
NOISY_PLAIN_RATES = PLAIN_RATES.but(solver__noisy=True)
VGG = Tiers(
    standard=Solved(Cifar10(n=4000, crop=None, n_test=1000), Landscape(Vgg(11, width=16), lr=0.03)),
    full=Solved(Cifar10(crop=None), Landscape(Vgg(11), lr=0.1, steps=15_000, every=250, accelerated=True)),
)
VGG_NORM = VGG.but(solver__model__batch_norm=True)
NETS = {"mlp": Worlds(PLAIN, NORM, SLOW, SLOW_NORM), "vgg": Worlds(VGG, VGG_NORM, VGG, Anew(VGG))}
ADAPTED = {
    "quick": "an MLP of 8 hidden layers of 100 ReLU units and 100 steps on 1,000 digits of 8x8 pixels, for "
    "VGG on CIFAR-10",
    "standard": "an MLP of 8 hidden layers of 100 ReLU units and 200 steps on 5,000 images of MNIST, for VGG "
    "on CIFAR-10",
}
VGG_ADAPTED = {
    "standard": "VGG11 with a quarter of its channels, 4,000 images of CIFAR-10, 200 steps at a rate of 0.03",
    "full": "a constant learning rate of 0.1; no momentum; one dense layer",
}

LINEAR = {"lr": 0.01, "steps": 100, "every": 20}
NO_NORM = "no batch normalization on either side"
NEAR = (
    "for the MLP a learning rate of 0.003, at which it is the plain net that looks smooth; for VGG no batch "
    "normalization on either side, read anew"
)


def nets(**changes: object) -> pytest.MarkDecorator:
    """The MLP and VGG in turn; ``changes`` are what else differs in the claim on VGG."""
    marked = pytest.mark.claimed(adapted=VGG_ADAPTED, **changes)
    return pytest.mark.parametrize("net", ["mlp", pytest.param("vgg", marks=marked)])


def plain_net(net: str) -> Tiers:
    """The net without batch normalization."""
    return NETS[net].plain


def norm_net(net: str) -> Tiers:
    """The same net with batch normalization."""
    return NETS[net].norm


def near_plain(net: str) -> Tiers:
    """What stands for the plain net in the near miss."""
    return NETS[net].near_plain


def near_norm(net: str) -> Tiers | Anew:
    """What stands for the net with batch normalization in the near miss."""
    return NETS[net].near_norm


def shown(figure: str, net: str) -> str:
    """The name under which the report shows a figure for a net."""
    return f"{figure}, VGG" if net == "vgg" else figure


def times_less(measure: str, plain: Results, norm: Results) -> Measured:
    """How many times smaller a measure is for the second, which has batch normalization."""
    return ratio(plain.final(measure), norm.final(measure))


def linear(*, batch_norm: bool, **changes: object) -> Simulation:
    """Covariate shift in 25 linear layers of 20 units, full batches of Gaussian examples."""
    return Simulation(deep_linear, LINEAR | {"batch_norm": batch_norm} | changes)


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


def draw_rates(check: Check, series: str, run: Results) -> None:
    """The training error after all steps over learning rates."""
    check.draw(
        "Training error at learning rates from 0.01 to 3",
        series=series,
        x=run.runs[0].value.solver.rates,
        y=run.array("errors"),
        x_label="learning rate",
        y_label="training error",
        x_scale="log",
    )


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
