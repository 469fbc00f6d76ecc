"""What is trained: sixteen cells each, small enough that all variants fit into about a minute a round."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from harness.benchmarks.images import BenchmarkImages
from harness.data import RandomLabels
from harness.fleet.optimizers import Sgd
from harness.models import EpflAlexNet, Mlp, SmallAlexNet, SmallInception, StudentCnn
from harness.spec import Experiment
from harness.spec.contracts import Model


class Cell(NamedTuple):
    """One training: an experiment and the number of its replicate."""

    experiment: Experiment
    replicate: int


FORMULA = (
    "6 m - 2 f floating-point operations per training example (forward 2 m, weight gradients 2 m, input "
    "gradients 2 m without the first layer's), 2 m per evaluated example; m multiply-adds of a forward pass, "
    "f of its first layer; an epoch trains on n examples and evaluates n + n_test"
)


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """Cells of equal shape: replicates x corruption levels of one experiment.

    Attributes:
        precisions: those in which ours is measured; each is a row of the report.
        targets: (precision, ratio to the plain loop that is aimed at).
        sklearn: scikit-learn's MLPClassifier can train it.
        unused: variants measured beside it though the engine does not use them ("vmap", "compiled").
        baseline_cells: how many cells the baselines train (their time is counted per cell); 0 means all.
    """

    name: str
    title: str
    data: BenchmarkImages
    model: Model
    optimizer: Sgd
    replicates: int = 4
    levels: tuple[float, ...] = (0.0, 0.25, 0.5, 1.0)
    precisions: tuple[str, ...] = ("float32", "bfloat16")
    targets: tuple[tuple[str, float], ...] = ()
    sklearn: bool = False
    unused: tuple[str, ...] = ()
    baseline_cells: int = 0

    @property
    def cell_count(self) -> int:
        """The number of cells that ours trains in a round."""
        return self.replicates * len(self.levels)

    @property
    def baseline_count(self) -> int:
        """The number of cells that a baseline trains in a round."""
        return self.baseline_cells or self.cell_count

    def cells(self, precision: str, round_: int) -> list[Cell]:
        """The cells of a round; no two rounds share a replicate, so nothing is read back."""
        first = round_ * self.replicates
        return [
            Cell(self.experiment(level, precision), replicate)
            for replicate in range(first, first + self.replicates)
            for level in self.levels
        ]

    def experiment(self, level: float, precision: str) -> Experiment:
        """One cell's experiment; all epochs are trained."""
        data = self.data.but(labels=RandomLabels(level)) if level else self.data
        return Experiment(data, self.model, self.optimizer, precision=precision)

    def target(self, precision: str) -> float | None:
        """The ratio to the plain loop that is aimed at, if any."""
        return dict(self.targets).get(precision)

    def parameters(self) -> int:
        """Trainable parameters of one cell's model."""
        return int(self.model.size(self.data.shape, self.data.classes))

    def flop(self) -> float:
        """Floating-point operations of one cell, by ``FORMULA``."""
        layers = self.model.layers(self.data.shape, self.data.classes)
        forward = 2 * sum(layer.multiply_adds for layer in layers)
        train = 3 * forward - 2 * layers[0].multiply_adds
        n, n_test = self.data.n, self.data.n_test
        return float(self.optimizer.epochs * (n * train + (n + n_test) * forward))

    def images(self) -> int:
        """Training images that one cell passes over."""
        return self.data.n * self.optimizer.epochs

    def smaller(self) -> Workload:
        """A quarter of the images and of the epochs, at least two batches: for a look, not for a report."""
        batch = min(self.optimizer.batch, max(self.data.n // 8, 2))
        n = max(self.data.n // 4, 2 * batch)
        optimizer = self.optimizer.but(batch=batch, epochs=max(self.optimizer.epochs // 4, 1))
        return msgspec.structs.replace(
            self, data=self.data.but(n=n, n_test=max(n // 4, 1)), optimizer=optimizer
        )


def _gaussian(n: int, side: int = 28, channels: int = 3) -> BenchmarkImages:
    return BenchmarkImages(n, max(n // 4, 32), (channels, side, side))


def _sgd(epochs: int, batch: int = 128) -> Sgd:
    return Sgd(lr=0.01, epochs=epochs, batch=batch)


MLPS = (
    Workload(
        name="mlp-1x512", title="MLP 1x512", data=_gaussian(2048), model=Mlp(512), optimizer=_sgd(8),
        baseline_cells=4, targets=(("float32", 1.6), ("bfloat16", 2.4)), sklearn=True,
        unused=("vmap", "compiled"),
    ),
    Workload(
        name="mlp-3x512", title="MLP 3x512", data=_gaussian(2048), model=Mlp(512, 3), optimizer=_sgd(8),
        baseline_cells=4, targets=(("float32", 1.6), ("bfloat16", 2.4)), sklearn=True,
    ),
    Workload(
        name="mlp-2352-8-10", title="tiny MLP 2352-8-10", data=_gaussian(1024), model=Mlp(8),
        optimizer=_sgd(40, batch=64), baseline_cells=4, precisions=("float32",),
        targets=(("float32", 10.0),), sklearn=True,
    ),
    Workload(
        name="mlp-64-32-10", title="tiny MLP 64-32-10", data=_gaussian(1024, side=8, channels=1),
        model=Mlp(32), optimizer=_sgd(80, batch=64), baseline_cells=4,
        precisions=("float32",), targets=(("float32", 10.0),), sklearn=True,
    ),
)  # fmt: skip
NETS = (
    Workload(
        name="student-cnn", title="student CNN of LeNet's size", data=_gaussian(2048, side=32),
        model=StudentCnn(16, 120, 84), optimizer=_sgd(4), baseline_cells=4,
        targets=(("float32", 1.7), ("bfloat16", 2.6)), unused=("vmap", "compiled"),
    ),
    Workload(
        name="small-inception", title="small Inception", data=_gaussian(64), model=SmallInception(),
        optimizer=_sgd(1, batch=32), baseline_cells=4, targets=(("bfloat16", 3.0),),
    ),
    Workload(
        name="small-alexnet", title="small AlexNet", data=_gaussian(256), model=SmallAlexNet(),
        optimizer=_sgd(1), baseline_cells=4, targets=(("float32", 1.7), ("bfloat16", 3.5)),
    ),
    Workload(
        name="epfl-alexnet", title="EPFL AlexNet", data=_gaussian(128), model=EpflAlexNet(),
        optimizer=_sgd(1, batch=64), baseline_cells=4, targets=(("bfloat16", 3.5),),
    ),
)  # fmt: skip
WORKLOADS = (*MLPS, *NETS)
SMALLEST = MLPS[-1]

FLEETS = (1, 4, 16, 64)
"""Replicates trained at once where a GPU is measured."""
GPU_IMAGES = {"mlp-1x512": 12_800, "student-cnn": 12_800, "small-alexnet": 6_400, "epfl-alexnet": 6_400,
              "small-inception": 2_560}  # fmt: skip
EPOCH_IMAGES = 50_000


def fleets_of(workload: Workload, n: int, sizes: tuple[int, ...] = FLEETS) -> list[Workload]:
    """The same model with E replicates of one level each, one epoch of n images in batches of 128."""
    return [
        msgspec.structs.replace(
            workload, name=f"{workload.name}-x{size}", data=workload.data.but(n=n, n_test=max(n // 8, 1)),
            optimizer=_sgd(1, batch=min(128, n)), replicates=size, levels=(0.0,), targets=(), unused=(),
            sklearn=False, precisions=("float32", "bfloat16"), baseline_cells=1,
        )
        for size in sizes
    ]  # fmt: skip


def on_gpu() -> list[Workload]:
    """What is measured on a GPU: every model as fleets, and an epoch of 50,000 images of the Inception."""
    known = {workload.name: workload for workload in WORKLOADS}
    fleets = [fleet for name, n in GPU_IMAGES.items() for fleet in fleets_of(known[name], n)]
    (epoch,) = fleets_of(known["small-inception"], EPOCH_IMAGES, (1,))
    return [
        *fleets,
        msgspec.structs.replace(epoch, name="small-inception-epoch", title="small Inception, 50,000 images"),
    ]
