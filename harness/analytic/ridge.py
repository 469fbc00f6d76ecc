"""Ridge regression for a whole path of penalties from one decomposition, at every width of a sweep.

It minimizes |y - F w|^2 + penalty |w|^2: a penalty lambda on the mean squared error is lambda n here. The
eigenvectors of the smaller of F'F and FF' solve every penalty; Gram matrices grow with the width, so the
sweep forms each product once. Where a penalty is small beside F'F, whose rounding would drown it, the
singular values of F itself are used. In expectation over Gaussian features the best penalty is p times
the noise's variance over the squared norm of the coefficients, for every n (Nakkiran, Venkat, Kakade and
Ma 2020, Theorem 1); on data it is found by test or by leave-one-out error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from harness.analytic.least_squares import require_agreement
from harness.analytic.random_features import RandomFeatures, mapped, require_features
from harness.analytic.scores import label_sets, require_corruptions, require_increasing
from harness.spec import Value
from harness.spec.contracts import Corruption

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.analytic.scores import LabelSets
    from harness.data.split import Split

    Floats: TypeAlias = NDArray[np.float64]

SMALL = 1e-9  # penalty over the Frobenius norm of F'F: above it, rounding costs less than 1e-6 of the fit


class RidgeFit(NamedTuple):
    """The ridge solution at one width and penalty.

    Attributes:
        width, penalty: which one.
        train: predictions on the training features [n, r].
        test: predictions on the test features [m, r].
        norms: Euclidean norm of the coefficients of each target [r].
        left_out: predictions for each training example by the fit to all others [n, r].
    """

    width: int
    penalty: float
    train: Floats
    test: Floats
    norms: Floats
    left_out: Floats


def ridge_coefficients(features: Floats, targets: Floats, penalty: float) -> Floats:
    """The coefficients [p, r] at one penalty, by the smaller Gram matrix: no spectrum is needed for one.

    Args:
        features: [n, p].
        targets: [n, r].
        penalty: positive, and not so small beside F'F that rounding drowns it.
    """
    n, p = features.shape
    if p < n:
        return _solved(features.T @ features, penalty, features.T @ targets)
    return features.T @ _solved(features @ features.T, penalty, targets)


def _solved(gram: Floats, penalty: float, targets: Floats) -> Floats:
    """The solution of (gram + penalty I) x = targets."""
    import numpy as np

    shifted = gram + penalty * np.eye(len(gram), dtype=np.float64)
    return np.asarray(np.linalg.solve(shifted, targets), dtype=np.float64)


class _Spectrum(NamedTuple):
    """What every penalty needs of F = U diag(s) V': k squares s^2 and products with U and V."""

    squares: Floats  # [k]
    basis: Floats  # U [n, k]
    test: Floats  # F_test V diag(s) [m, k]


def ridge_path(
    features: Floats, targets: Floats, penalties: Sequence[float], features_test: Floats
) -> list[RidgeFit]:
    """The fits at every penalty, with all features; see ``nested_ridge``."""
    path = nested_ridge(features, targets, (features.shape[1],), penalties, features_test)
    return next(path)


def nested_ridge(
    features: Floats,
    targets: Floats,
    widths: Sequence[int],
    penalties: Sequence[float],
    features_test: Floats,
) -> Iterator[list[RidgeFit]]:
    """The fits on the leading p columns at every penalty, for every width p, each made when asked for.

    Args:
        features: [n, P], fastest in Fortran order.
        targets: [n, r], a column per label set and class.
        widths: increasing, from 1 to P.
        penalties: increasing and positive; zero is ``nested_least_squares``.
        features_test: [m, P].

    Raises:
        ValueError: shapes that do not agree, widths or penalties out of order or range, numbers that
            are not finite.
    """
    require_agreement(features, targets, features_test)
    require_increasing("nested_ridge", "widths", widths, features.shape[1])
    require_increasing("nested_ridge", "penalties", penalties)
    spectra = _spectra(features, widths, penalties[0], features_test)
    return (_fits(width, spectrum, targets, penalties) for width, spectrum in spectra)


def _fits(width: int, spectrum: _Spectrum, targets: Floats, penalties: Sequence[float]) -> list[RidgeFit]:
    """The fits w = V diag(s / (s^2 + penalty)) U'y at every penalty, all from products with one spectrum."""
    import numpy as np

    squares, basis, test = spectrum
    shares, leverages = basis.T @ targets, basis * basis
    if len(squares) < len(targets):
        outside, free = targets - basis @ shares, 1.0 - leverages.sum(axis=1)
    else:  # exactly: what rounding leaves of zero would show at a small penalty
        outside, free = np.zeros_like(targets), np.zeros(len(targets))
    fits = []
    for penalty in penalties:
        inverse = 1.0 / (squares + penalty)
        chosen = inverse[:, None] * shares
        residuals = outside + penalty * (basis @ chosen)
        left_out = residuals / (free + penalty * (leverages @ inverse))[:, None]
        norms = np.linalg.norm(np.sqrt(squares)[:, None] * chosen, axis=0)
        fits.append(RidgeFit(width, penalty, targets - residuals, test @ chosen, norms, targets - left_out))
    return fits


def _spectra(
    features: Floats, widths: Sequence[int], smallest: float, features_test: Floats
) -> Iterator[tuple[int, _Spectrum]]:
    """The spectrum at each width; Gram matrices are shared by the widths on either side of n."""
    n = len(features)
    narrow, wide = [p for p in widths if p < n], [p for p in widths if p >= n]
    if narrow:
        columns = features[:, : narrow[-1]]
        products = columns.T @ columns
    for width in narrow:
        leading, leading_test = features[:, :width], features_test[:, :width]
        gram = products[:width, :width]
        tiny = _tiny(smallest, gram)
        yield width, _by_values(leading, leading_test) if tiny else _by_columns(leading, leading_test, gram)
    for width, gram, cross in _growing(features, features_test, wide):
        leading, leading_test = features[:, :width], features_test[:, :width]
        tiny = _tiny(smallest, gram)
        yield width, _by_values(leading, leading_test) if tiny else _by_rows(gram, cross)


def _growing(
    features: Floats, features_test: Floats, widths: Sequence[int]
) -> Iterator[tuple[int, Floats, Floats]]:
    """F F' [n, n] and F_test F' [m, n] of the leading columns, as columns are added."""
    import numpy as np

    gram = np.zeros((len(features), len(features)))
    cross = np.zeros((len(features_test), len(features)))
    done = 0
    for width in widths:
        added = features[:, done:width]
        gram += added @ added.T
        cross += features_test[:, done:width] @ added.T
        done = width
        yield width, gram, cross


def _tiny(penalty: float, gram: Floats) -> bool:
    import numpy as np

    return bool(penalty < SMALL * np.linalg.norm(gram))


def _by_columns(features: Floats, features_test: Floats, gram: Floats) -> _Spectrum:
    """The spectrum from the eigenvectors V of F'F; directions lost in its rounding count as none."""
    import numpy as np

    squares, vectors = np.linalg.eigh(gram)
    kept = squares > np.finfo(np.float64).eps * squares[-1]
    squares, vectors = squares[kept], vectors[:, kept]
    singular = np.sqrt(squares)
    return _Spectrum(squares, (features @ vectors) / singular, (features_test @ vectors) * singular)


def _by_rows(gram: Floats, cross: Floats) -> _Spectrum:
    """The spectrum from the eigenvectors U of F F'."""
    import numpy as np

    squares, vectors = np.linalg.eigh(gram)
    return _Spectrum(np.maximum(squares, 0.0), vectors, cross @ vectors)


def _by_values(features: Floats, features_test: Floats) -> _Spectrum:
    """The spectrum from the singular values of F itself, accurate for any penalty."""
    import numpy as np

    basis, singular, rows = np.linalg.svd(features, full_matrices=False)
    return _Spectrum(singular**2, basis, (features_test @ rows.T) * singular)


class RidgeSweep(Value, frozen=True):
    """Ridge regression on random features, at increasing numbers of them and for a path of penalties.

    Solved for one-hot labels without an intercept. Results are [widths, penalties], or [label sets,
    widths, penalties]: ``train_error``, ``test_error``, ``train_mse``, ``test_mse`` (summed over
    classes), ``norm``, ``left_out_error``, ``left_out_mse``; and, [widths] or [label sets, widths], the
    test scores with the best penalty of each width: ``optimal_error``, ``optimal_mse`` (lowest test
    score: an oracle), ``tuned_error``, ``tuned_mse`` (at the lowest leave-one-out score).

    Args:
        features: ``FourierFeatures(bandwidth)`` or ``ReluFeatures()``.
        widths: increasing numbers of features.
        penalties: increasing and positive, on |y - F w|^2 + penalty |w|^2.
        labels: corruptions of the true training labels, solved for side by side; empty for the labels
            of the data set.

    Raises:
        ValueError: widths or penalties not increasing.
        TypeError: features or labels of another kind.
    """

    features: RandomFeatures
    widths: tuple[int, ...]
    penalties: tuple[float, ...]
    labels: tuple[Corruption, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        require_features(type(self).__name__, self.features)
        require_increasing(type(self).__name__, "widths", self.widths)
        require_increasing(type(self).__name__, "penalties", self.penalties)
        require_corruptions(type(self).__name__, self.labels)

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        """The scores of every width and penalty."""
        sets = label_sets(split, self.labels, generator)
        train, test = mapped(self.features, split, generator, self.widths[-1])
        paths = nested_ridge(train, sets.targets, self.widths, self.penalties, test)
        return sets.stacked(_path_scores(path, sets) for path in paths)


def _path_scores(path: Sequence[RidgeFit], sets: LabelSets) -> dict[str, Floats]:
    """The scores of one width [sets, penalties], and test scores at the best penalty of each set [sets]."""
    import numpy as np

    rows = []
    for fit in path:
        fitted = {"norm": sets.norms(fit.norms), **sets.scores("test", fit.test)}
        rows.append({**fitted, **sets.scores("train", fit.train), **sets.scores("left_out", fit.left_out)})
    scores = {name: np.stack([row[name] for row in rows], axis=1) for name in rows[0]}
    for measure in ("error", "mse"):
        test = scores[f"test_{measure}"]
        scores[f"optimal_{measure}"] = test.min(axis=1)
        chosen = scores[f"left_out_{measure}"].argmin(axis=1)
        scores[f"tuned_{measure}"] = test[np.arange(len(test)), chosen]
    return scores
