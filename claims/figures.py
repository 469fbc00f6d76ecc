"""Curves that families draw alike: along training, over a sweep with its threshold, and power laws."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence

from harness import Check
from harness import Measured
from harness import Results

THRESHOLD = "interpolation threshold"
Reported = Mapping[str, Sequence[tuple[float, float]]]
"""Points that a source reports, by the name of the source."""


def draw_training(
    check: Check,
    figure: str,
    series: str,
    run: Results,
    measure: str,
    y_label: str,
    *,
    correct: bool = False,
    epochs: bool = False,
) -> None:
    """A measure over the gradient steps, or the epochs; with ``correct`` one less an error: an accuracy."""
    curve = run.curve(measure)
    check.draw(
        figure,
        series=series,
        x=run.epochs if epochs else run.steps,
        y=1 - curve if correct else curve,
        x_label="epochs" if epochs else "gradient steps",
        y_label=y_label,
    )


def draw_fitting(check: Check, figure: str, series: str, run: Results) -> None:
    """The training error over the epochs."""
    draw_training(check, figure, series, run, "train_error", "training error", epochs=True)


def draw_sweep(
    check: Check,
    figure: str,
    *,
    series: str,
    points: Mapping[float, Measured] | Mapping[int, Measured],
    x_label: str,
    y_label: str,
    threshold: float | None = None,
    formula: Reported | None = None,
) -> None:
    """A curve over a sweep with logarithmic axes, a thin one per replicate, and the threshold's line."""
    check.draw(
        figure,
        series=series,
        x=list(points),
        y=list(points.values()),
        x_label=x_label,
        y_label=y_label,
        x_scale="log",
        y_scale="log",
        reported=formula,
        marks=None if threshold is None else {THRESHOLD: threshold},
    )


def draw_powers(
    check: Check,
    figure: str,
    series: str,
    x: Sequence[float],
    y: Sequence[Measured],
    x_label: str,
    y_label: str,
    reported: Reported | None = None,
) -> None:
    """Measures over sizes, a point for each, with logarithmic axes: a power law is a line."""
    points = dict(zip(x, y, strict=True))
    draw_sweep(
        check, figure, series=series, points=points, x_label=x_label, y_label=y_label, formula=reported
    )
