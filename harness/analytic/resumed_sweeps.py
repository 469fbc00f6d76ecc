"""``RandomFeatureSweep`` from where it was stopped: the widths that are left, and the triangle reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.analytic import least_squares, unlocked
from harness.analytic.least_squares import PANEL, TAME, WORK
from harness.analytic.random_features import RandomFeatureSweep, mapped
from harness.analytic.resuming import Between, Halfway, Parts, under, within
from harness.analytic.scores import LabelSets, label_sets
from harness.spec.contracts import Weights
from harness.spec.splits import Split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.analytic.least_squares import _Solution

    Floats: TypeAlias = NDArray[np.float64]

AT_ONCE, LEAST = 7680, 3072
"""Columns that are added to a square in one part, and those that must be left for another.

OpenBLAS adds them 128, 256 or 384 at a time, say, and halves what is left below twice as many: cut at a
multiple of these, the sums are those of one call, to the bit.
"""


def random_feature_sweep(
    solver: RandomFeatureSweep,
    split: Split,
    generator: np.random.Generator,
    begun: Halfway | None,
    between: Between,
) -> dict[str, Any]:
    """What ``solve`` gives; parts are widths, and the factorizations that several of them share."""
    sets = label_sets(split, solver.labels, generator)
    train, test = mapped(solver.features, split, generator, solver.widths[-1])
    targets = sets.targets
    least_squares.require_agreement(train, targets, test)
    sweep = _WidthsDone(sets, begun, between)
    for widths, solutions in ((sweep.narrow, _narrow), (sweep.wide, _wide)):
        left = widths(solver.widths, len(train))
        for solution in solutions(train, targets, left, sweep) if left else ():
            sweep.add(least_squares._fit(solution, test))
    return sweep.results()


class _WidthsDone:
    """The scores of the widths done, and the matrix from which the others go on.

    Attributes:
        matrix: the arrays that the next part starts from, as a checkpoint has them; None for none.
    """

    def __init__(self, sets: LabelSets, begun: Halfway | None, between: Between) -> None:
        self.sets = sets
        self.parts = Parts(begun, between)
        held = begun.arrays if begun else {}
        self.reached = within("matrix: ", held)
        self._matrix: Callable[[], Weights] = lambda: self.reached
        self._rows = _rows(within("scores: ", held))

    def narrow(self, widths: Sequence[int], n: int) -> list[int]:
        """The widths of at most n that are left."""
        return [width for width in widths[len(self._rows) :] if width <= n]

    def wide(self, widths: Sequence[int], n: int) -> list[int]:
        """The widths above n that are left."""
        return [width for width in widths[len(self._rows) :] if width > n]

    def begins(self, matrix: Callable[[], Weights] | None = None) -> None:
        """A part begins; another matrix than before is told."""
        if matrix is not None:
            self._matrix = matrix
        self.parts.begins(self._kept)

    def add(self, fit: least_squares.Fit) -> None:
        """Score a fit, as ``sweep_scores`` does."""
        import numpy as np

        seen = self.sets.leading(len(fit.train))
        scores = {**seen.scores("train", fit.train), **self.sets.scores("test", fit.test)}
        full = {"full_rank": np.array(fit.full_rank)}
        self._rows.append({**scores, "norm": self.sets.norms(fit.norms), **full})

    def results(self) -> dict[str, Any]:
        """What ``sweep_scores`` gives of all fits."""
        deficient = sum(not row.pop("full_rank") for row in self._rows)
        return {**self.sets.stacked(self._rows), "rank_deficient": deficient}

    def _kept(self) -> Weights:
        scores = {
            f"{i} {j} {name}": row[name] for i, row in enumerate(self._rows) for j, name in enumerate(row)
        }
        return {**under("scores: ", scores), **under("matrix: ", self._matrix())}


def _rows(held: Weights) -> list[dict[str, Floats]]:
    """The scores of each width, in the order in which they were taken."""
    rows: dict[int, dict[int, tuple[str, Floats]]] = {}
    for place, array in held.items():
        i, j, name = place.split(" ")
        rows.setdefault(int(i), {})[int(j)] = name, array
    return [dict(rows[i][j] for j in sorted(rows[i])) for i in sorted(rows)]


def _narrow(features: Floats, targets: Floats, widths: list[int], sweep: _WidthsDone) -> Iterator[_Solution]:
    """Solutions at widths of at most n, the steps of ``least_squares``."""
    import numpy as np
    from scipy.linalg import lapack

    if sweep.reached:
        factored, rotated = _unpacked(sweep.reached["triangle"]), sweep.reached["rotated"]
    else:
        sweep.begins()
        factored, reflectors, _, _ = lapack.dgeqrf(features[:, : widths[-1]], lwork=WORK * widths[-1])
        rotated, _, _ = lapack.dormqr("L", "T", factored, reflectors, targets, WORK * targets.shape[1])
    last = widths[-1]
    for width in widths:
        sweep.begins(lambda: {"triangle": _packed(factored[:last]), "rotated": rotated})
        leading, triangle = features[:, :width], np.asfortranarray(factored[:width, :width])
        if least_squares._inverse_condition(triangle) > least_squares._cut_off(len(features)):
            coefficients = least_squares._solved(triangle, rotated[:width])
            yield least_squares._Solution(coefficients, leading @ coefficients, True)
        else:
            yield least_squares._by_values(leading, targets)
    sweep.reached = {}


def _wide(features: Floats, targets: Floats, widths: list[int], sweep: _WidthsDone) -> Iterator[_Solution]:
    """Solutions at widths above n, the steps of ``least_squares``."""
    reached = _Folded(features, sweep)
    for width in widths:
        leading = features[:, :width]
        triangle, inverse_condition = reached.at(width)
        if inverse_condition > least_squares._cut_off(width):
            yield least_squares._interpolating(leading, targets, triangle)
        else:
            yield least_squares._by_values(leading, targets)
        reached.done = width


class _Folded:
    """The triangle of the leading columns' transpose, or its square once that is tame, as columns are added.

    Attributes:
        done: columns of the last width that was solved, or in the square; ahead: those in the triangle.
    """

    def __init__(self, features: Floats, sweep: _WidthsDone) -> None:
        self.features, self.sweep = features, sweep
        self.triangle: Floats | None = None
        self.gram: Floats | None = None
        self.done = self.ahead = 0
        if sweep.reached:
            self.done, self.ahead = (int(place) for place in sweep.reached["columns"])
            matrices = {name: _unpacked(a) for name, a in sweep.reached.items() if name != "columns"}
            self.triangle, self.gram = matrices.get("triangle"), matrices.get("gram")

    def at(self, width: int) -> tuple[Floats, float]:
        """The triangle R [n, n] of F_p' and the inverse of its condition."""
        import numpy as np

        triangle, inverse_condition = self.triangle, 0.0
        if self.gram is not None:
            while self.done < width:
                self.sweep.begins(self._kept)
                upto = self.done + AT_ONCE if width - self.done >= AT_ONCE + LEAST else width
                unlocked.syrk(np.asfortranarray(self.features[:, self.done : upto]), self.gram)
                self.done = upto
            triangle, inverse_condition = _factored(self.gram)
            if inverse_condition * TAME < 1:
                triangle, self.gram, self.done = None, None, 0
        if self.gram is None or triangle is None:
            if self.ahead <= self.done:
                self.triangle = triangle
                self.sweep.begins(self._kept)
                triangle = _with_rows(triangle, self.features[:, self.done : width])
            self.triangle, self.ahead = triangle, width
            self.sweep.begins(self._kept)
            assert triangle is not None, "columns were folded into it"
            inverse_condition = least_squares._inverse_condition(triangle)
            self.gram = _squared(triangle) if inverse_condition * TAME > 1 else None
        self.ahead = 0
        self.triangle = None if self.gram is not None else triangle
        return triangle, inverse_condition

    def _kept(self) -> Weights:
        import numpy as np

        kept = {"columns": np.array([self.done, self.ahead])}
        for name, matrix in (("triangle", self.triangle), ("gram", self.gram)):
            if matrix is not None:
                kept[name] = _packed(matrix)
        return kept


def _with_rows(triangle: Floats | None, columns: Floats) -> Floats:
    """The triangle with the columns [n, k] appended as rows, with the steps of ``least_squares``."""
    import numpy as np
    from scipy.linalg import lapack

    n = len(columns)
    if triangle is None:
        triangle = np.zeros((n, n), order="F")
        first = np.array(columns[:, : 2 * n].T, order="F")
        factored = lapack.dgeqrf(first, lwork=WORK * n, overwrite_a=True)[0][:n]
        triangle[: len(factored)] = factored
        columns = columns[:, 2 * n :]
    for low in range(0, columns.shape[1], 2 * n):
        unlocked.tpqrt(min(PANEL, n), triangle, np.array(columns[:, low : low + 2 * n].T, order="F"))
    return triangle


def _factored(gram: Floats) -> tuple[Floats, float]:
    """The Cholesky factor of a Gram matrix, and the inverse of its condition."""
    from scipy.linalg import lapack

    triangle, failed = lapack.dpotrf(gram)
    return triangle, 0.0 if failed else least_squares._inverse_condition(triangle)


def _squared(triangle: Floats) -> Floats:
    import numpy as np

    gram = np.zeros(triangle.shape, order="F")
    unlocked.syrk(np.asfortranarray(np.triu(triangle)), gram, transposed=True)
    return gram


def _packed(triangle: Floats) -> Floats:
    """The upper triangle [n (n + 1) / 2] of a matrix [n, n]: what lies below it is read by nobody."""
    from scipy.linalg import lapack

    return lapack.dtrttp(triangle)[0]


def _unpacked(packed: Floats) -> Floats:
    """The matrix [n, n] of such a triangle, with zeros below it."""
    import math

    from scipy.linalg import lapack

    return lapack.dtpttr((math.isqrt(8 * len(packed) + 1) - 1) // 2, packed)[0]
