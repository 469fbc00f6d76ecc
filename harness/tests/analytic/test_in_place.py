"""Kernel interpolation in the memory of one matrix comes to the numbers of torch's routines and LAPACK's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness import Solved
from harness.analytic import in_place, kernel_interpolation, resuming
from harness.analytic.kernel_interpolation import (
    GaussianKernel,
    KernelInterpolation,
    LaplaceKernel,
    interpolate,
)
from harness.data import Digits, Mnist, RandomLabels, TrueLabels
from harness.data.gaussian_images import GaussianImages
from harness.fleet._pretended import pretended
from harness.lab import capacity
from harness.lab.gpu_kinds import GpuKind
from harness.spec.streams import stream

Floats = NDArray[np.float64]
NEAR = 1e-9
"""Relative difference from the plain path: rounding, some 1e-16, times condition numbers of about 1e5."""
GIB = 2**30


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few rows, so that small matrices have many, and a last one that is not full."""
    monkeypatch.setattr(kernel_interpolation, "BLOCK", 16)


def drawn(n: int) -> tuple[Floats, Floats]:
    generator = np.random.default_rng(n)
    return generator.standard_normal((n, 5)), generator.standard_normal((n, 3))


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("kernel", [GaussianKernel(1.5), LaplaceKernel(2.0)])
@pytest.mark.parametrize("n", [1, 16, 17, 90])
@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_it_comes_to_the_numbers_of_lapack(kernel: Any, n: int, ridge: float) -> None:
    x, y = drawn(n)
    import torch

    new, _ = drawn(n + 1)  # at its own points the Laplace kernel magnifies rounding
    plain = interpolate(kernel, x, y, ridge=ridge)
    with pretended():
        solution = interpolate(kernel, x, y, ridge=ridge, device="cuda")
        outputs, solved = solution.predict(new), torch.as_tensor(solution.coefficients).cpu().numpy()
    assert plain.left_out is not None
    assert solution.left_out is not None
    np.testing.assert_allclose(solved, plain.coefficients, rtol=NEAR, atol=NEAR)
    np.testing.assert_allclose(solution.left_out, plain.left_out, rtol=NEAR, atol=NEAR)
    np.testing.assert_allclose(outputs, plain.predict(new), rtol=NEAR, atol=NEAR)


def test_what_lies_above_the_diagonal_is_never_read() -> None:
    import torch

    lower = torch.from_numpy(np.tril(np.random.default_rng(0).standard_normal((40, 40))) + 9 * np.eye(40))
    gram = lower @ lower.T
    gram[torch.triu(torch.ones(40, 40), 1) > 0] = torch.nan
    assert in_place.factorize(gram, 16) == 0
    torch.testing.assert_close(torch.tril(gram), lower)
    inverse = torch.linalg.inv(lower @ lower.T)
    torch.testing.assert_close(in_place.inverse_diagonal(gram, 16), torch.diagonal(inverse))


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("twin", [3, 40])
def test_what_is_not_positive_definite_is_refused_as_the_plain_path_refuses_it(twin: int) -> None:
    x, y = drawn(50)
    x[twin + 1] = x[twin] + 1e-9
    with pytest.raises(ValueError, match="not positive definite") as plainly:
        interpolate(GaussianKernel(1.5), x, y)
    with pretended(), pytest.raises(ValueError, match="not positive definite") as refused:
        interpolate(GaussianKernel(1.5), x, y, device="cuda")
    assert str(refused.value) == str(plainly.value)
    with pretended(), pytest.raises(ValueError, match="are equal"):
        interpolate(GaussianKernel(1.5), np.ones((2, 1)), y[:2], device="cuda")
    with pytest.raises(ValueError, match="torch finds no CUDA GPU here"):
        interpolate(GaussianKernel(1.5), *drawn(3), device="cuda")


def test_torch_is_given_no_more_than_a_block_to_factor_or_solve(
    narrow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What torch's routines copy is what they are given as a matrix."""
    import torch

    sizes: list[int] = []

    def watched(routine: Any) -> Any:
        def call(matrix: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
            sizes.append(matrix.numel())
            return routine(matrix, *args, **kwargs)

        return call

    for name in ("cholesky_ex", "solve_triangular"):
        monkeypatch.setattr(torch.linalg, name, watched(getattr(torch.linalg, name)))
    with pretended():
        interpolate(GaussianKernel(1.5), *drawn(90), device="cuda")
    assert len(sizes) > 4 * 90 / 16
    assert max(sizes) <= 16 * 16


def test_the_lab_solves_in_place_on_a_gpu_and_plainly_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    split = Digits(n=120, whiten=False).split(None, 0)
    there = KernelInterpolation(
        GaussianKernel(2.0), labels=(TrueLabels(), RandomLabels(1.0)), device="cuda"
    )  # fmt: skip
    plain = there.but(device="cpu").solve(split, stream(0, "solution"))
    called: list[str] = []
    inner = in_place.factorize

    def factorize(gram: Any, block: int) -> int:
        called.append("in place")
        return inner(gram, block)

    monkeypatch.setattr(in_place, "factorize", factorize)

    def solved(solver: KernelInterpolation) -> Any:
        return resuming.solve_on(solver, split, stream(0, "solution"), None, lambda step, keeping: None)

    with pretended():
        scores = solved(there)
    assert called == ["in place"]
    assert scores.keys() == plain.keys()
    for name, value in plain.items():
        np.testing.assert_allclose(scores[name], value, rtol=1e-6, atol=1e-9)
    np.testing.assert_equal(solved(there.but(device="cpu")), plain)
    assert called == ["in place"]


def test_sixty_thousand_points_fit_a_card_of_80_gb_and_of_40() -> None:
    taken = kernel_interpolation.memory(60_000, inputs=784, targets=10, device="cuda")
    assert 26.8 < taken / GIB < 31
    mnist = Solved(Mnist(), KernelInterpolation(GaussianKernel(5.0), device="cuda"))
    assert capacity.need_of(mnist).bytes == taken
    larger = mnist.but(data=GaussianImages(n=110_000, size=8))
    assert not capacity.refused(mnist, "h100")
    assert "kernel interpolation of 110,000 points needs 93" in capacity.refused(larger, "h100")
    small = GpuKind(name="", called="of 40 GB", memory=39 * GIB, flops={}, bandwidth=1.0)
    assert not capacity.lacking(mnist, small)
