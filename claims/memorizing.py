"""Trainings on true labels and on noise that families on memorization share, so that each is done once.

Calibrated on replicates 1000 and 1001, which no verdict reads: learning rates, widths, budgets and the radius
of the search for critical samples.
"""

from __future__ import annotations

from harness import Experiment
from harness import Probing
from harness import Sgd
from harness import Tiers
from harness import WhenFitted
from harness.analytic.memorization import CriticalSamples
from harness.data import Digits
from harness.data import GaussianInputs
from harness.data import Mnist
from harness.data import RandomLabels
from harness.models import Dropout
from harness.models import Mlp

DATA = Tiers(quick=Digits(n=1000), standard=Mnist(n=2000, crop=None, n_test=1000))
GAUSSIAN = GaussianInputs()
RANDOM = RandomLabels(1.0)
REAL = Tiers(
    quick=Experiment(
        DATA["quick"], Mlp(128, depth=2), Sgd(lr=0.02, epochs=150, batch=32), stop=WhenFitted(0.005)
    ),
    standard=Experiment(
        DATA["standard"], Mlp(128, depth=2), Sgd(lr=0.01, epochs=150, batch=32), stop=WhenFitted(0.005)
    ),
)
MANY = REAL.but(standard__data__n=8000)
LEVELS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
REGULARIZED = Tiers(
    quick=REAL["quick"].but(optimizer=Sgd(lr=0.05, epochs=45), stop=None),
    standard=REAL["standard"].but(optimizer=Sgd(lr=0.02, epochs=60), stop=None),
)
DROPPED = REGULARIZED.but(model=Dropout(Mlp(128, depth=2), 0.5))
RADIUS = {"quick": CriticalSamples(0.05, images=300), "standard": CriticalSamples(0.05)}
ADAPTED = {
    "quick": "1,000 digits and two hidden layers of 128 units, for MNIST, CIFAR-10 and convolutional nets",
    "standard": "2,000 images of MNIST, two hidden layers of 128 units, for CIFAR-10 and convolutional nets",
}
NEAR = 0.01
"""Training error at which a net counts as fitted, when epochs are compared."""


def at(level: float, clean: Tiers = REAL) -> Tiers:
    """Training with a share of random labels."""
    return clean.but(data__labels=RandomLabels(level))


def critical(level: float, **changes: object) -> Tiers:
    """The share of critical samples around test images after training with a share of random labels."""
    return Tiers(**{tier: Probing(at(level)[tier].but(**changes), RADIUS[tier]) for tier in ADAPTED})
