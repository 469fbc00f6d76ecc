"""How claims on double descent read a sweep: one measure per point, and its figure with the threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.evidence.measured import Measured

THRESHOLD = "interpolation threshold"


def at(run: Any, measure: str, *index: int, of: str = "", test_size: int = 0) -> Measured:
    """One entry of what a solver or simulation returned as an array, [replicate].

    Args:
        run: results of one experiment.
        measure: the array's name.
        index: which entry.
        of: added to the name.
        test_size: for an error rate, how many examples it is over: its resolution.
    """
    values = run.array(measure)[(slice(None), *index)]
    return Measured(values, resolution=1 / test_size if test_size else 0.0, name=f"{of} {measure}".strip())


def draw_sweep(
    check: Any,
    figure: str,
    *,
    series: str,
    points: Mapping[float, Measured] | Mapping[int, Measured],
    x_label: str,
    y_label: str,
    threshold: float | None,
    formula: Mapping[str, Sequence[tuple[float, float]]] | None = None,
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
