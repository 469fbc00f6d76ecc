"""The quality gate: a faster kernel must need as many epochs to fit as the reference does."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from harness.benchmarks import ours
from harness.benchmarks.speed_report import Gate
from harness.benchmarks.warm import Pool
from harness.data import Digits, GeneratedImages, RandomLabels
from harness.fleet.optimizers import Sgd, WhenFitted
from harness.models import Mlp, SmallAlexNet, SmallInception, StudentCnn
from harness.spec import Experiment

if TYPE_CHECKING:
    from harness.evidence.measured import Measured

KERNEL_VARIABLE = "HARNESS_KERNEL"
REFERENCE = "reference"
REPLICATES, MORE = 10, 60
"""Of most trainings, and of those whose ratio differs by a tenth or more from replicate to replicate: with
ten of them the interval was wider than the margin, so that the gate could not tell."""
MARGIN = 1.1
"""A tenth: a kernel that changed how fast networks fit by more would change what claims conclude."""
LEVEL = 0.025  # each side of a 95 % interval


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """A training that ends when it fits, and how it is called."""

    title: str
    experiment: Experiment
    replicates: int = REPLICATES


# learning rates at which rounding alone changes a replicate's epochs by a few per cent (SD of the log ratio)
ENDINGS = (
    Ending(
        title="MLP 1x512 on 1,000 random-labelled digits",
        experiment=Experiment(
            Digits(labels=RandomLabels(1.0)), Mlp(512), Sgd(lr=0.05, epochs=300), stop=WhenFitted()
        ),
    ),
    Ending(
        title="student CNN on 400 random-labelled generated images",
        experiment=Experiment(
            GeneratedImages(n=400, size=16, n_test=100, labels=RandomLabels(1.0)),
            StudentCnn(16, 120, 84),
            Sgd(lr=0.005, epochs=300, batch=32),
            stop=WhenFitted(),
        ),
    ),
    Ending(
        title="small AlexNet on 100 random-labelled generated images",
        experiment=Experiment(
            GeneratedImages(n=100, size=8, n_test=100, labels=RandomLabels(1.0)),
            SmallAlexNet(0.25),
            Sgd(lr=0.005, epochs=400, batch=32),
            stop=WhenFitted(),
        ),
        replicates=MORE,
    ),
    Ending(
        title="small Inception on 60 random-labelled generated images",
        experiment=Experiment(
            GeneratedImages(n=60, size=8, n_test=100, labels=RandomLabels(1.0)),
            SmallInception(width=0.125),
            Sgd(lr=0.02, epochs=300, batch=20),
            stop=WhenFitted(),
        ),
        replicates=MORE,
    ),
    Ending(
        title="MLP 4x64 with batch normalization on 500 random-labelled digits",
        experiment=Experiment(
            Digits(n=500, labels=RandomLabels(1.0)),
            Mlp(64, depth=4, batch_norm=True),
            Sgd(lr=0.02, epochs=300),
            stop=WhenFitted(),
        ),
    ),
)


class Fitted(NamedTuple):
    """Epochs until the training error is zero, per replicate, and by which kernel."""

    epochs: Measured
    kernel: str


def epochs_to_fit(experiment: Experiment, replicates: int, device: str, processes: int) -> Fitted:
    """Train replicates 0, 1, ... to the end, in the calling process's lab."""
    results = ours.lab(device, processes).results("fitted", experiment, replicates)
    kernels = sorted({record.provenance["kernel"] for record in results.records})
    return Fitted(results.epochs_to("train_error", 0.0), ", ".join(kernels))


def measure(ending: Ending, precision: str, pool: Pool, *, device: str, processes: int) -> Gate:
    """Both kernels on the same replicates."""
    experiment = ending.experiment.but(precision=precision)
    arguments = (experiment, ending.replicates, device, processes)
    _, chosen = pool.of("ours").call(epochs_to_fit, *arguments)
    forced = pool.of("reference", {KERNEL_VARIABLE: REFERENCE})
    _, reference = forced.call(epochs_to_fit, *arguments)
    return judged(ending.title, precision, chosen, reference)


def judged(title: str, precision: str, chosen: Fitted, reference: Fitted) -> Gate:
    """Whether the paired ratio's interval lies within the margin; a run that did not fit fails the gate."""
    import numpy as np

    from harness.evidence.statistics import mean_interval, ratio

    mean, low, high = mean_interval(ratio(chosen.epochs, reference.epochs), LEVEL)
    shown = [math.exp(value) if math.isfinite(value) else None for value in (mean, low, high)]
    centre, lowest, highest = shown
    return Gate(
        title=title,
        precision=precision,
        kernel=chosen.kernel,
        reference=reference.kernel,
        replicates=len(chosen.epochs),
        median=float(np.median(chosen.epochs.values)),
        reference_median=float(np.median(reference.epochs.values)),
        unfitted=int(chosen.epochs.censored.sum()),
        unfitted_reference=int(reference.epochs.censored.sum()),
        ratio=centre,
        low=lowest,
        high=highest,
        margin=MARGIN,
        passed=-math.log(MARGIN) <= low and high <= math.log(MARGIN),
    )
