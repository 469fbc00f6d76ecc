"""Kernel interpolation: K a = y for all label sets at once, in float64, in the memory of one matrix.

The Gram matrix is built in blocks, only its lower triangle, and overwritten by its Cholesky factor and, on
the CPU, that by the factor's inverse, whose columns give the leave-one-out residuals a_i / (K^-1)_ii in
closed form (Rasmussen and Williams 2006, Section 5.4.2). Sources of the experiment: Zhang et al. 2017,
Section 5 (interpolation on MNIST and CIFAR-10); Belkin, Ma and Mandal 2018 (norms of interpolants).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias, TypeVar

from harness.analytic.bandwidths import OfBandwidth
from harness.analytic.scores import (
    flat,
    label_sets,
    require_corruptions,
    require_finite,
)
from harness.data.blocks import blocks
from harness.spec import Value, abbreviated
from harness.spec.contracts import Corruption, Described

if TYPE_CHECKING:
    from types import ModuleType

    import numpy as np
    import torch
    from numpy.typing import NDArray

    from harness.data.split import Split

    Floats: TypeAlias = NDArray[np.float64]
    FloatsOrTensor: TypeAlias = Floats | torch.Tensor
    Kind = TypeVar("Kind", Floats, torch.Tensor)  # one or the other, throughout a call

BLOCK = 1024  # rows of a Gram matrix computed at once
DEVICES = ("cpu", "cuda")


class KernelFunction(Described, Protocol):
    """A positive definite function of the distance of two points."""

    def of_squares(self, squares: FloatsOrTensor, xp: ModuleType) -> None:
        """Turn squared distances into the function's values, in place; xp is numpy or torch."""


class GaussianKernel(OfBandwidth, frozen=True):
    """The kernel exp(-|x - x'|^2 / (2 bandwidth^2)); gamma in exp(-gamma |x - x'|^2) is 1 / (2 bandwidth^2).

    Zhang et al.'s script for MNIST (pixels in [0, 1]) has gamma = 0.02, which is bandwidth 5, the one
    of Belkin et al. 2019.

    Raises:
        ValueError: a bandwidth that is not positive.
    """

    def of_squares(self, squares: FloatsOrTensor, xp: ModuleType) -> None:
        """Kernel values over squared distances, in place; xp is numpy or torch."""
        squares *= -0.5 / self.bandwidth**2
        xp.exp(squares, out=squares)


class LaplaceKernel(OfBandwidth, frozen=True):
    """The kernel exp(-|x - x'| / bandwidth), with the Euclidean norm.

    Rounding leaves a point some 1e-7 from itself, and predictions at the training points as far from
    their targets.

    Raises:
        ValueError: a bandwidth that is not positive.
    """

    def of_squares(self, squares: FloatsOrTensor, xp: ModuleType) -> None:
        """Kernel values over squared distances, in place; xp is numpy or torch."""
        xp.sqrt(squares, out=squares)
        squares *= -1.0 / self.bandwidth
        xp.exp(squares, out=squares)


@dataclasses.dataclass(frozen=True)
class Interpolant:
    """The function f(x) = sum_i coefficients[i] kernel(x, points[i]), for each of r targets.

    Attributes:
        kernel: ``GaussianKernel`` or ``LaplaceKernel``.
        points: [n, d], a numpy array or a tensor, as it was solved.
        coefficients: [n, r], likewise.
        left_out: prediction at each point by the solution of all others [n, r]; None where not asked for.
    """

    kernel: KernelFunction
    points: FloatsOrTensor
    coefficients: FloatsOrTensor
    left_out: Floats | None

    def predict(self, x: Floats) -> Floats:
        """Predictions [m, r] at rows x [m, d], block by block."""
        import numpy as np

        blocks = [self._of_block(x[rows]) for rows in _rows(len(x))]
        return np.concatenate(blocks)

    def _of_block(self, x: Floats) -> Floats:
        import numpy as np

        if isinstance(self.points, np.ndarray):
            return _block(self.kernel, x, self.points, np) @ self.coefficients
        import torch

        rows = torch.from_numpy(x).to(self.points)
        outputs = _block(self.kernel, rows, self.points, torch) @ torch.as_tensor(self.coefficients)
        return outputs.cpu().numpy()

    def norms(self, fitted: Floats) -> Floats:
        """Norms in the kernel's Hilbert space, sqrt(a'Ka) [r], from predictions K a [n, r] at the points."""
        import numpy as np

        solved = self.coefficients
        coefficients = solved if isinstance(solved, np.ndarray) else solved.cpu().numpy()
        return np.sqrt(np.maximum(np.einsum("nr,nr->r", coefficients, fitted), 0.0))


def interpolate(
    kernel: KernelFunction,
    points: Floats,
    targets: Floats,
    *,
    ridge: float = 0.0,
    left_out: bool = True,
    device: str = "cpu",
) -> Interpolant:
    """The solution of (K + ridge I) a = y by Cholesky; zero ridge interpolates.

    It costs n^3 / 3 multiply-adds, and as many again to leave each point out; see ``memory``.

    Args:
        kernel: ``GaussianKernel`` or ``LaplaceKernel``.
        points: [n, d].
        targets: [n, r], a column per label set and class.
        ridge: added to the diagonal.
        left_out: predict each point from all others too.
        device: ``"cpu"`` (LAPACK) or ``"cuda"`` (torch).

    Raises:
        ValueError: the matrix is not positive definite to rounding (equal or almost equal points, a
            bandwidth far above their distances), a negative ridge, an unknown or missing device, numbers
            that are not finite.
    """
    require_finite(points=points, targets=targets)
    _require_settings("interpolate", ridge, device)
    if ridge == 0:
        _require_distinct(points)
    if device == "cuda":
        return _by_torch(kernel, points, targets, ridge, left_out, _cuda())
    return _by_lapack(kernel, points, targets, ridge, left_out)


def memory(n: int, *, inputs: int, targets: int, device: str = "cpu") -> int:
    """Bytes that ``interpolate`` takes at its peak beside its arguments; predicting takes less.

    That is one n x n matrix, a few blocks of its columns and, on CUDA, the points with their squares (counted
    there, not measured): n = 60,000 of 784 numbers needs 27 GiB or 30.

    Args:
        n: points.
        inputs: numbers per point.
        targets: columns solved for.
        device: ``"cpu"`` or ``"cuda"``.
    """
    rows = min(BLOCK, n)
    if device == "cuda":
        return 8 * n * (n + 2 * inputs + 4 * rows + 4 * (targets + 1))
    return 8 * (n * n + 2 * rows * (n + inputs) + 4 * n * (targets + 1))


def _by_lapack(
    kernel: KernelFunction, points: Floats, targets: Floats, ridge: float, left_out: bool
) -> Interpolant:
    """The solution by LAPACK, in place: a lower triangle in C order is, transposed, LAPACK's upper one."""
    import numpy as np
    from scipy.linalg import lapack

    gram = np.empty((len(points), len(points)))
    _fill(kernel, points, ridge, gram, np)
    factor, failed = lapack.dpotrf(gram.T, clean=False, overwrite_a=True)
    _require_definite(kernel, failed, np.diag(factor))
    coefficients = lapack.dpotrs(factor, targets)[0]
    others = None
    if left_out:
        inverse = lapack.dtrtri(factor, overwrite_c=True)[0].T
        others = targets - coefficients / _inverse_diagonal(inverse)[:, None]
    return Interpolant(kernel, points, coefficients, others)


def _inverse_diagonal(lower: Floats) -> Floats:
    """The diagonal of K^-1 = L^-T L^-1: squared lengths of the columns of L^-1, [n, n], lower triangle."""
    import numpy as np

    diagonal = np.zeros(len(lower))
    for rows in _rows(len(lower)):
        left, corner = lower[rows, : rows.start], np.tril(lower[rows, rows])
        diagonal[: rows.start] += np.einsum("ij,ij->j", left, left)
        diagonal[rows] += np.einsum("ij,ij->j", corner, corner)
    return diagonal


def _by_torch(
    kernel: KernelFunction, points: Floats, targets: Floats, ridge: float, left_out: bool, device: str
) -> Interpolant:
    """The solution by torch, in place as well: the matrix may be most of a GPU's memory."""
    import torch

    from harness.analytic import in_place

    x, y = (torch.from_numpy(array).to(device, torch.float64) for array in (points, targets))
    gram = torch.empty(len(x), len(x), dtype=torch.float64, device=device)
    _fill(kernel, x, ridge, gram, torch)
    failed = in_place.factorize(gram, BLOCK)
    _require_definite(kernel, failed, torch.diagonal(gram).cpu().numpy())
    coefficients = in_place.backward(gram, in_place.forward(gram, y, BLOCK), BLOCK)
    others = None
    if left_out:
        others = (y - coefficients / in_place.inverse_diagonal(gram, BLOCK)[:, None]).cpu().numpy()
    return Interpolant(kernel, x, coefficients, others)


def _fill(kernel: KernelFunction, points: Kind, ridge: float, gram: Kind, xp: ModuleType) -> None:
    """Write the lower triangle of K + ridge I into gram [n, n]; what lies above it is not touched."""
    for rows in _rows(len(points)):
        part = gram[rows, : rows.stop]
        _squares(points[rows], points[: rows.stop], xp, out=part)
        here = xp.arange(rows.stop - rows.start)
        part[here, here + rows.start] = 0.0
        kernel.of_squares(part, xp)
        part[here, here + rows.start] += ridge


def _block(kernel: KernelFunction, x: Kind, points: Kind, xp: ModuleType) -> Kind:
    """Kernel values [m, n] between rows x [m, d] and points [n, d], arrays or tensors."""
    values = _squares(x, points, xp)
    kernel.of_squares(values, xp)
    return values


def _squares(left: Kind, right: Kind, xp: ModuleType, out: Kind | None = None) -> Kind:
    """Squared distances between rows, |x|^2 - 2 <x, x'> + |x'|^2, written into out if there is one."""
    squares = xp.matmul(left * -2.0, right.T, out=out)
    squares += (left * left).sum(1)[:, None]
    squares += (right * right).sum(1)
    return xp.clip(squares, 0.0, None, out=squares)


def _rows(n: int) -> Iterator[slice]:
    """The rows of a Gram matrix of n points, a block at a time."""
    return blocks(n, BLOCK)


def _require_settings(owner: str, ridge: float, device: str) -> None:
    if not 0 <= ridge < float("inf"):
        raise ValueError(f"{owner}(ridge={ridge}): must be zero or positive")
    if device not in DEVICES:
        raise ValueError(f'{owner}(device={device!r}): use "cpu" or "cuda"')


def _cuda() -> str:
    import torch

    if not torch.cuda.is_available():
        raise ValueError('device="cuda": torch finds no CUDA GPU here; use device="cpu"')
    return "cuda"


def _require_distinct(points: Floats) -> None:
    import numpy as np

    seen: dict[int, int] = {}
    for i, point in enumerate(points):
        first = seen.setdefault(hash(point.tobytes()), i)
        if first != i and np.array_equal(points[first], point):
            raise ValueError(f"points {first} and {i} are equal: remove one, or give ridge > 0")


def _require_definite(kernel: KernelFunction, failed: int, pivots: Floats) -> None:
    """Refuse a matrix whose squared pivots are lost in its rounding: its solution would mean nothing."""
    import numpy as np

    lost = pivots[: failed - 1 if failed else None] ** 2 < len(pivots) * np.finfo(np.float64).eps
    if failed or lost.any():
        at = int(lost.argmax()) if lost.any() else failed - 1
        raise ValueError(
            f"{abbreviated(kernel)}: the matrix of {len(pivots):,} points is not positive definite, point "
            f"{at} is too close to others: give ridge > 0, remove it or take a smaller bandwidth"
        )


class KernelInterpolation(Value, frozen=True):
    """Kernel interpolation of one-hot labels, or kernel ridge regression.

    Results are numbers, or [label sets]: ``train_error``, ``test_error``, ``left_out_error`` (shares);
    ``train_mse``, ``test_mse``, ``left_out_mse`` (summed over classes); ``norm``, in the kernel's Hilbert
    space, Frobenius over classes.

    Args:
        kernel: ``GaussianKernel(bandwidth)`` or ``LaplaceKernel(bandwidth)``.
        ridge: added to the diagonal; zero interpolates.
        left_out: compute the leave-one-out scores, which takes half as long again.
        labels: corruptions of the true training labels, solved for side by side; empty for the labels
            of the data set.
        device: ``"cpu"`` or ``"cuda"``; both in float64, so not part of the address.

    Raises:
        ValueError: a negative ridge, an unknown device; when solved, see ``interpolate``.
        TypeError: kernel or labels of another kind.
    """

    unaddressed: ClassVar[tuple[str, ...]] = ("device",)

    kernel: KernelFunction
    ridge: float = 0.0
    left_out: bool = True
    labels: tuple[Corruption, ...] = ()
    device: str = "cpu"

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.kernel, type) or not hasattr(self.kernel, "of_squares"):
            raise TypeError(
                f"KernelInterpolation(kernel={self.kernel!r}): not a kernel, such as GaussianKernel(5.0)"
            )
        _require_settings("KernelInterpolation", self.ridge, self.device)
        require_corruptions("KernelInterpolation", self.labels)

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        """The scores; the generator serves ``labels`` only."""
        sets = label_sets(split, self.labels, generator)
        points, targets = flat(split.x_train), sets.targets
        solution = interpolate(
            self.kernel, points, targets, ridge=self.ridge, left_out=self.left_out, device=self.device
        )
        fitted = solution.predict(points)
        scores = {**sets.scores("train", fitted), **sets.scores("test", solution.predict(flat(split.x_test)))}
        if solution.left_out is not None:
            scores |= sets.scores("left_out", solution.left_out)
        return sets.plain({**scores, "norm": sets.norms(solution.norms(fitted))})
