"""Least squares over a whole sweep of widths from one factorization, in float64.

Width p fits the targets with the leading p columns of one feature matrix F [n, P]. Up to p = n the
triangle of one QR decomposition of F serves all widths, since its leading p x p block is the triangle of
the leading p columns. Beyond, the solution of minimum norm is F_p' a with R'R a = y, where R [n, n] is
the triangle of F_p'; the next width appends rows to F_p', which LAPACK's ``tpqrt`` folds into R. So F F'
is not formed where F may be ill conditioned, and the solution is as accurate as the condition of F allows,
also at p = n (these "seminormal equations" for minimum norm: Demmel and Higham 1993). Once the condition
is below 1e4, R'R + (new columns) (new columns)' and its Cholesky factor lose nothing that matters and
cost half as much. Targets never enter a factorization: further label sets are nearly free.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from harness.analytic.scores import (
    flat,
    label_sets,
    require_corruptions,
    require_finite,
    require_increasing,
)
from harness.spec import Value
from harness.spec.contracts import Corruption

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.analytic.scores import LabelSets
    from harness.data.split import Split

    Floats: TypeAlias = NDArray[np.float64]

PANEL = 32  # columns that tpqrt reduces at once; 24 to 64 cost the same, 8 and 128 a third more
WORK = 64  # workspace per column for LAPACK's blocked code; with its wrapper's default it is not blocked
DOUBTFUL = 10.0  # LAPACK's estimate of a condition number is seldom off by more
REFINEMENTS = 2  # at most
FITTED = 1e-10  # residuals relative to the targets that are left alone
TAME = 1e4  # condition below which forming F F' costs at most eight of sixteen digits


class Fit(NamedTuple):
    """The least squares solution of minimum norm at one width.

    Attributes:
        width: leading columns used.
        train: predictions on the training features [n, r].
        test: predictions on the test features [m, r].
        norms: Euclidean norm of the coefficients of each target [r].
        full_rank: solved from a triangle; if not, by singular values.
    """

    width: int
    train: Floats
    test: Floats
    norms: Floats
    full_rank: bool


class _Solution(NamedTuple):
    coefficients: Floats  # [p, r]
    fitted: Floats  # predictions on the training features [n, r]
    full_rank: bool


def nested_least_squares(
    features: Floats, targets: Floats, widths: Sequence[int], features_test: Floats
) -> Iterator[Fit]:
    """The fits at every width, in increasing order, each made when it is asked for.

    Where F_p is not clearly of full rank (condition above 0.1 / (eps max(n, p)); equal columns, or equal
    rows beyond p = n), that width is solved by ``numpy.linalg.lstsq`` with its default cut-off for
    singular values, eps max(n, p) times the largest.

    Args:
        features: [n, P], fastest if columns are contiguous (Fortran order).
        targets: [n, r], a column per label set and class.
        widths: increasing, from 1 to P.
        features_test: [m, P].

    Raises:
        ValueError: shapes that do not agree, widths out of order or range, numbers that are not finite.
    """
    require_agreement(features, targets, features_test)
    require_increasing("nested_least_squares", "widths", widths, features.shape[1])
    n = len(features)
    narrow, wide = [p for p in widths if p <= n], [p for p in widths if p > n]
    solutions = itertools.chain(_narrow(features, targets, narrow), _wide(features, targets, wide))
    return (_fit(solution, features_test) for solution in solutions)


def nested_samples(
    features: Floats, targets: Floats, sizes: Sequence[int], features_test: Floats
) -> Iterator[Fit]:
    """The fits on the leading n examples for every size n, with all P features; width is P throughout.

    Up to n = P the triangle of the leading examples' features is a leading block of one QR
    decomposition; beyond, rows [features, targets] are folded into the triangle of those before, whose
    last columns are then the rotated targets. Dependent rows or columns are solved as in
    ``nested_least_squares``; arguments and errors are its own, sizes being from 1 to n.
    """
    require_agreement(features, targets, features_test)
    require_increasing("nested_samples", "sizes", sizes, len(features))
    few = [n for n in sizes if n <= features.shape[1]]
    many = [n for n in sizes if n > features.shape[1]]
    solutions = itertools.chain(_few(features, targets, few), _many(features, targets, many))
    return (_fit(solution, features_test) for solution in solutions)


def require_agreement(features: Floats, targets: Floats, features_test: Floats) -> None:
    """Refuse what cannot be solved: shapes that do not agree, numbers that are not finite.

    Raises:
        ValueError: naming the arrays.
    """
    shapes = features.shape, targets.shape, features_test.shape
    if [len(shape) for shape in shapes] != [2, 2, 2] or len(features) != len(targets):
        raise ValueError(
            "features {}, targets {}, features_test {}: need [n, P], [n, r], [m, P]".format(*shapes)
        )
    if features.shape[1] != features_test.shape[1]:
        raise ValueError(f"features {shapes[0]} and features_test {shapes[2]} differ in columns")
    require_finite(features=features, targets=targets, features_test=features_test)


def _fit(solution: _Solution, features_test: Floats) -> Fit:
    import numpy as np

    width = len(solution.coefficients)
    norms = np.linalg.norm(solution.coefficients, axis=0)
    test = features_test[:, :width] @ solution.coefficients
    return Fit(width, solution.fitted, test, norms, solution.full_rank)


def _narrow(features: Floats, targets: Floats, widths: list[int]) -> Iterator[_Solution]:
    """Solutions at widths of at most n."""
    import numpy as np
    from scipy.linalg import lapack

    if not widths:
        return
    factored, reflectors, _, _ = lapack.dgeqrf(features[:, : widths[-1]], lwork=WORK * widths[-1])
    rotated, _, _ = lapack.dormqr("L", "T", factored, reflectors, targets, WORK * targets.shape[1])
    for width in widths:
        leading, triangle = features[:, :width], np.asfortranarray(factored[:width, :width])
        if _inverse_condition(triangle) > _cut_off(len(features)):
            coefficients = _solved(triangle, rotated[:width])
            yield _Solution(coefficients, leading @ coefficients, True)
        else:
            yield _by_values(leading, targets)


def _wide(features: Floats, targets: Floats, widths: list[int]) -> Iterator[_Solution]:
    """Solutions at widths above n."""
    for width, triangle, inverse_condition in _triangles(features, widths):
        leading = features[:, :width]
        if inverse_condition > _cut_off(width):
            yield _interpolating(leading, targets, triangle)
        else:
            yield _by_values(leading, targets)


def _few(features: Floats, targets: Floats, sizes: list[int]) -> Iterator[_Solution]:
    """Solutions on at most as many examples as there are features."""
    import numpy as np

    if not sizes:
        return
    triangle = _with_rows(None, features[: sizes[-1]])
    for n in sizes:
        block = np.asfortranarray(triangle[:n, :n])
        if _inverse_condition(block) > _cut_off(features.shape[1]):
            yield _interpolating(features[:n], targets[:n], block)
        else:
            yield _by_values(features[:n], targets[:n])


def _many(features: Floats, targets: Floats, sizes: list[int]) -> Iterator[_Solution]:
    """Solutions on more examples than there are features."""
    import numpy as np

    triangle: Floats | None = None
    done, width = 0, features.shape[1]
    for n in sizes:
        added = np.hstack([features[done:n], targets[done:n]])
        triangle, done = _with_rows(triangle, added.T), n
        block = np.asfortranarray(triangle[:width, :width])
        if _inverse_condition(block) > _cut_off(n):
            coefficients = _solved(block, triangle[:width, width:])
            yield _Solution(coefficients, features[:n] @ coefficients, True)
        else:
            yield _by_values(features[:n], targets[:n])


def _by_values(features: Floats, targets: Floats) -> _Solution:
    """The solution by singular values, for dependent columns or, beyond p = n, rows."""
    import numpy as np

    coefficients: Floats = np.linalg.lstsq(features, targets, rcond=None)[0].astype(np.float64, copy=False)
    return _Solution(coefficients, features @ coefficients, False)


def _interpolating(features: Floats, targets: Floats, triangle: Floats) -> _Solution:
    """Coefficients F'a with R'R a = y and their predictions, refined until these are the targets.

    Seminormal equations give coefficients as accurate as the condition allows, but leave residuals
    that grow with it; solving for the residuals too removes these (Bjorck 1987). It is seldom needed.
    """
    import numpy as np

    coefficients: Floats = np.zeros((features.shape[1], targets.shape[1]))
    fitted: Floats = np.zeros(targets.shape)
    for _ in range(1 + REFINEMENTS):
        residuals = targets - fitted
        if np.linalg.norm(residuals) <= FITTED * np.linalg.norm(targets):
            break
        shares = _solved(triangle, _solved(triangle, residuals, transposed=True))
        coefficients += features.T @ shares
        fitted = features @ coefficients
    return _Solution(coefficients, fitted, True)


def _triangles(features: Floats, widths: list[int]) -> Iterator[tuple[int, Floats, float]]:
    """The triangle R [n, n] of F_p' and the inverse of its condition, at each width p above n."""
    triangle: Floats | None = None
    gram: Floats | None = None
    done, inverse_condition = 0, 0.0
    for width in widths:
        if gram is not None:
            triangle, inverse_condition = _with_columns(gram, features[:, done:width])
            if inverse_condition * TAME < 1:  # columns of another scale came: start again, by rows
                triangle, gram, done = None, None, 0
        if gram is None or triangle is None:
            triangle = _with_rows(triangle, features[:, done:width])
            inverse_condition = _inverse_condition(triangle)
            gram = _squared(triangle) if inverse_condition * TAME > 1 else None
        yield width, triangle, inverse_condition
        done = width


def _with_rows(triangle: Floats | None, columns: Floats) -> Floats:
    """The triangle of a matrix to which the columns [n, k] are appended as rows, 2n at a time.

    It overwrites the triangle given; with fewer than n rows in all, the lowest of its rows are zero.
    """
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
        rows = np.array(columns[:, low : low + 2 * n].T, order="F")
        triangle = lapack.dtpqrt(0, min(PANEL, n), triangle, rows, overwrite_a=True, overwrite_b=True)[0]
    return triangle


def _with_columns(gram: Floats, columns: Floats) -> tuple[Floats, float]:
    """The Cholesky factor of the Gram matrix with the columns added to it (in place), and its condition."""
    from scipy.linalg import blas, lapack

    blas.dsyrk(1.0, columns, beta=1.0, c=gram, overwrite_c=True)
    triangle, failed = lapack.dpotrf(gram)
    return triangle, 0.0 if failed else _inverse_condition(triangle)


def _squared(triangle: Floats) -> Floats:
    import numpy as np
    from scipy.linalg import blas

    return blas.dsyrk(1.0, np.triu(triangle), trans=True)


def _solved(triangle: Floats, right: Floats, *, transposed: bool = False) -> Floats:
    from scipy.linalg import lapack

    return lapack.dtrtrs(triangle, right, trans=int(transposed))[0]


def _inverse_condition(triangle: Floats) -> float:
    from scipy.linalg import lapack

    return lapack.dtrcon(triangle)[0]


def _cut_off(larger: int) -> float:
    import numpy as np

    return DOUBTFUL * larger * float(np.finfo(np.float64).eps)


class LeastSquaresSweep(Value, frozen=True):
    """Least squares on the leading inputs (pixels) of each example, at increasing numbers of them.

    Solved for one-hot labels without an intercept; beyond p = n the solution of minimum norm. Results
    per width are those of ``sweep_scores``, [widths] or [label sets, widths].

    Args:
        widths: increasing, from 1 to the number of inputs.
        labels: corruptions of the true training labels, solved for side by side; empty for the labels
            of the data set.
        shuffled: take the inputs in an order drawn for each replicate, not from the first corner.

    Raises:
        ValueError: widths not increasing or, when solved, more than there are inputs.
    """

    widths: tuple[int, ...]
    labels: tuple[Corruption, ...] = ()
    shuffled: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require_increasing(type(self).__name__, "widths", self.widths)
        require_corruptions(type(self).__name__, self.labels)

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        """The scores of every width."""
        import numpy as np

        sets = label_sets(split, self.labels, generator)
        train, test = flat(split.x_train), flat(split.x_test)
        require_increasing(type(self).__name__, "widths", self.widths, train.shape[1])
        order = np.arange(train.shape[1])
        chosen = (generator.permutation(order) if self.shuffled else order)[: self.widths[-1]]
        train, test = (np.asfortranarray(x[:, chosen]) for x in (train, test))
        return sweep_scores(nested_least_squares(train, sets.targets, self.widths, test), sets)


def sweep_scores(fits: Iterable[Fit], sets: LabelSets) -> dict[str, Any]:
    """The scores recorded of a sweep, each [label sets, widths], or [widths] of a data set's own labels.

    ``train_error`` and ``test_error`` (shares), ``train_mse`` and ``test_mse`` (squared distance to the
    one-hot target, summed over classes), ``norm`` (Frobenius norm of the coefficients); and
    ``rank_deficient``, the number of widths (or sizes) that had to be solved by singular values.
    """
    rows, deficient = [], 0
    for fit in fits:
        seen = sets.leading(len(fit.train))
        scores = {**seen.scores("train", fit.train), **sets.scores("test", fit.test)}
        rows.append({**scores, "norm": sets.norms(fit.norms)})
        deficient += not fit.full_rank
    return {**sets.stacked(rows), "rank_deficient": deficient}
