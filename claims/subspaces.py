"""How claims on intrinsic dimension read a sweep: the dimension at which a level is first reached."""

from __future__ import annotations

import math
from collections.abc import Iterable
from collections.abc import Sequence
from typing import TYPE_CHECKING

from claims.figures import Reported
from harness import Check
from harness import Measured
from harness import Results

if TYPE_CHECKING:
    import numpy as np

SHARE = 0.9
"""Of the whole net's accuracy, that makes the dimension d_int90 (Li et al. 2018)."""


def crossing(positions: Sequence[float], rows: np.ndarray, levels: Iterable[float], name: str) -> Measured:
    """Where each replicate's values first reach its level, interpolated in the logs of the positions.

    A replicate that does not reach it is censored at the last position; one that begins above it is put at
    the first; where a value before the crossing is missing, so is the result.

    Args:
        positions: rising and positive, [point].
        rows: values, [replicate, point].
        levels: [replicate].
        name: what is measured.
    """
    import numpy as np

    crossings = [_crossed(positions, row, level) for row, level in zip(rows, levels, strict=True)]
    values = [positions[-1] if at is None else at for at in crossings]
    return Measured(np.array(values), censored=np.array([at is None for at in crossings]), name=name)


def _crossed(positions: Sequence[float], row: Sequence[float], level: float) -> float | None:
    for i, value in enumerate(row):
        if math.isnan(value) or math.isnan(level):
            return math.nan
        if value >= level:
            if i == 0:
                return float(positions[0])
            share = (level - row[i - 1]) / (value - row[i - 1])
            return float(positions[i - 1] * (positions[i] / positions[i - 1]) ** share)
    return None


def dimensions(swept: Sequence[Results]) -> list[int]:
    """Those of the subspaces of a sweep, whose first results are those of the whole net."""
    return [run.runs[0].value.solver.model.dimension for run in swept[1:]]


def accuracies(swept: Sequence[Results], measure: str) -> np.ndarray:
    """[replicate, dimension], from the error of this name."""
    import numpy as np

    return np.array([1 - run.final(measure).values for run in swept[1:]]).T


def dimension(swept: Sequence[Results], what: str, measure: str = "test_error") -> Measured:
    """d_int90 of a sweep, from each replicate's own whole net."""
    levels = SHARE * (1 - swept[0].final(measure).values)
    return crossing(dimensions(swept), accuracies(swept, measure), levels, f"{what} d_int90")


def draw(
    check: Check,
    swept: Sequence[Results],
    series: str,
    measure: str = "test_error",
    reported: Reported | None = None,
) -> None:
    """Accuracy by dimension, and a line at 90 % of that of the whole net."""
    rows = accuracies(swept, measure)
    level = SHARE * (1 - swept[0].final(measure).values)[:, None]
    for name, y in ((series, rows), (f"90 % of the whole, {series}", level + 0 * rows)):
        check.draw(
            f"Accuracy by dimension, {measure.removesuffix('_error')} examples",
            series=name,
            x=dimensions(swept),
            y=y.tolist(),
            x_label="dimension of the subspace",
            y_label="accuracy",
            x_scale="log",
            reported=reported if name == series else None,
        )
