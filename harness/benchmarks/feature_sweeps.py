"""Least squares on random features at 23 widths: one factorization against one solve per width."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from harness.benchmarks import ours
from harness.benchmarks.images import BenchmarkImages
from harness.benchmarks.rounds import Ratio
from harness.benchmarks.speed_report import SpeedRow
from harness.benchmarks.variants import PLAIN, Compared, Variant
from harness.data import RandomLabels
from harness.spec import Solved

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

STACKED, SKLEARN = "stacked", "sklearn"
WIDTHS = (
    20, 27, 35, 47, 63, 83, 111, 147, 196, 261, 347, 461, 614, 816, 1000, 1086, 1444, 1921, 2555, 3399,
    4521, 6014, 8000,
)  # fmt: skip
"""About a third apart, n = 1,000 among them."""
BANDWIDTH = 20.0


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """Widths of random Fourier features on one data set, for one and for many label sets.

    Attributes:
        sets: numbers of label sets; each is a row. targets: (sets, ratio to one lstsq per width and set).
        replicates: how many draws of features a round solves.
    """

    name: str = "random-features"
    title: str = "random features"
    data: BenchmarkImages = BenchmarkImages(1000, 1000, (1, 28, 28))
    widths: tuple[int, ...] = WIDTHS
    sets: tuple[int, ...] = (1, 12)
    targets: tuple[tuple[int, float], ...] = ((1, 7.5), (12, 50.0))
    replicates: int = 2

    def solved(self, sets: int) -> Solved:
        """What the lab is asked for."""
        from harness.analytic.random_features import FourierFeatures, RandomFeatureSweep

        labels = tuple(RandomLabels((i + 1) / sets) for i in range(sets))
        return Solved(self.data, RandomFeatureSweep(FourierFeatures(BANDWIDTH), self.widths, labels))

    def smaller(self) -> Sweep:
        """A quarter of the examples and of the widest, in fewer widths: for a look, not for a report."""
        data = self.data.but(n=max(self.data.n // 4, 4), n_test=max(self.data.n_test // 4, 4))
        widths = tuple(w for w in self.widths[::2] if w <= self.widths[-1] // 4)
        return msgspec.structs.replace(self, data=data, widths=widths)


def engine(sweep: Sweep, sets: int, device: str, processes: int, round_: int) -> str:
    """The sweep as a claim asks for it, replicates side by side."""
    here = ours.lab(device, processes)
    replicates = range(round_ * sweep.replicates, (round_ + 1) * sweep.replicates)
    ours.records(here, [here.names.run(sweep.solved(sets), replicate) for replicate in replicates])
    return "one factorization"


def per_width(sweep: Sweep, solver: str, sets: int, round_: int, widths: int = 0) -> str:
    """One solve per width by a library, all ``sets`` as right-hand sides; its default threads.

    Args:
        solver: "numpy" (``numpy.linalg.lstsq``) or "sklearn" (``LinearRegression``).
        widths: only so many, to warm up; 0 means all.
    """
    solve = {"numpy": _lstsq, "sklearn": _linear_regression}[solver]
    for replicate in range(round_ * sweep.replicates, (round_ + 1) * sweep.replicates):
        train, test, y_train, y_test = _drawn(sweep, sets, replicate)
        for width in sweep.widths[: widths or None]:
            weights = solve(train[:, :width], y_train)
            for features, y in ((train, y_train), (test, y_test)):
                _scores(features[:, :width] @ weights, y, sets)
    return "float64"


def _drawn(sweep: Sweep, sets: int, replicate: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Features and one-hot targets of training and test examples, as a script would make them."""
    import numpy as np

    split = sweep.data.split(None, replicate)
    generator = np.random.default_rng(replicate)
    x_train, x_test = (x.reshape(len(x), -1).astype(np.float64) for x in (split.x_train, split.x_test))
    projection = generator.standard_normal((x_train.shape[1], (sweep.widths[-1] + 1) // 2)) / BANDWIDTH

    def features(x: Floats) -> Floats:
        angles = x @ projection
        return np.stack([np.cos(angles), np.sin(angles)], axis=2).reshape(len(x), -1)

    labels = [generator.integers(split.classes, size=len(x_train)) for _ in range(sets)]
    targets = np.concatenate([np.eye(split.classes)[y] for y in labels], axis=1)
    return features(x_train), features(x_test), targets, np.tile(np.eye(split.classes)[split.y_test], sets)


def _lstsq(features: Floats, targets: Floats) -> NDArray[Any]:
    import numpy as np

    return np.linalg.lstsq(features, targets, rcond=None)[0]


def _linear_regression(features: Floats, targets: Floats) -> NDArray[Any]:
    from sklearn.linear_model import LinearRegression

    return LinearRegression(fit_intercept=False).fit(features, targets).coef_.T


def _scores(predictions: NDArray[Any], targets: Floats, sets: int) -> Iterator[tuple[float, float]]:
    """(share of wrong examples, squared distance) per label set."""
    import numpy as np

    pairs = zip(np.split(predictions, sets, 1), np.split(targets, sets, 1), strict=True)
    return iter([(float((p.argmax(1) != y.argmax(1)).mean()), float(((p - y) ** 2).sum())) for p, y in pairs])


def variants(sweep: Sweep, device: str, processes: int) -> list[Variant]:
    """One lstsq per width (one label set), the same with all label sets stacked, scikit-learn, ours."""
    count = sweep.replicates

    def library(name: str, solver: str, sets: int, required: bool = False) -> Variant:
        return Variant(name, name, per_width, (sweep, solver, sets), count, warming=(3,), required=required)

    timed = [library(PLAIN, "numpy", 1, required=True), library(SKLEARN, "sklearn", 1)]
    for sets in sweep.sets:
        if sets > 1:
            timed.append(library(f"{STACKED} {sets}", "numpy", sets))
        arguments = (sweep, sets, device, processes)
        timed.append(Variant(f"ours {sets}", "ours", engine, arguments, count, required=True))
    return timed


def rows(sweep: Sweep, timed: Compared) -> list[SpeedRow]:
    """A row per number of label sets; (a) and (c) solve each set anew, which takes as many times as long."""
    return [_row(sweep, timed, sets) for sets in sweep.sets]


def _row(sweep: Sweep, timed: Compared, sets: int) -> SpeedRow:
    name, rounds, target = f"ours {sets}", timed.rounds, dict(sweep.targets).get(sets)
    plain = times(rounds.ratio(PLAIN, name), sets)
    sklearn = timed.ratio(SKLEARN, name)
    repeated = f"one label set, counted {sets} times" if sets > 1 else ""
    notes = {
        PLAIN: f"numpy.linalg.lstsq per width{', ' * bool(repeated)}{repeated}",
        SKLEARN: "LinearRegression per width",
    }
    stacked = timed.ratio(f"{STACKED} {sets}", name)
    if stacked:
        notes["tuned"] = f"lstsq per width, {sets} label sets as right-hand sides"
    return SpeedRow(
        workload=f"{sweep.name}-{sets}",
        title=_title(sweep, sets),
        precision="float64",
        kernel=timed.notes[name],
        engine="chosen",
        cells=sweep.replicates,
        parameters=sweep.widths[-1] * sweep.data.classes * sets,
        seconds=rounds.median(name) * sweep.replicates,
        cpu_seconds=rounds.median(name, "cpu") * sweep.replicates,
        images_per_second=None,
        tflops=None,
        peak_share=None,
        plain=plain,
        tuned=stacked,
        sklearn=times(sklearn, sets) if sklearn else None,
        cpu=times(rounds.ratio(PLAIN, name, "cpu"), sets),
        notes=notes,
        target=target,
        met=None if target is None else plain.median >= target,
        rounds=len(rounds.kept),
        rejected=rounds.rejected,
        disturbed=rounds.disturbed,
        foreign=rounds.foreign(),
    )


def _title(sweep: Sweep, sets: int) -> str:
    plural = "s" * (sets > 1)
    return f"{sweep.title}, n = {sweep.data.n:,}, {len(sweep.widths)} widths, {sets} label set{plural}"


def times(ratio: Ratio, factor: int) -> Ratio:
    """The ratio if the slower one had to be done so many times."""
    return Ratio(ratio.median * factor, ratio.low * factor, ratio.high * factor, ratio.rounds)
