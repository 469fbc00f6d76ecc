"""Routines that hold no other thread up give the bits of scipy's own wrappers of them."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from scipy.linalg import blas, lapack

from harness.analytic import unlocked
from harness.analytic.least_squares import PANEL


def drawn(*shape: int) -> np.ndarray:
    return np.asfortranarray(np.random.default_rng(0).standard_normal(shape))


@pytest.mark.parametrize(("n", "k"), [(1, 1), (7, 3), (40, 100), (100, 1), (150, 300)])
def test_the_bits_are_those_of_scipy(n: int, k: int) -> None:
    triangle, rows, panel = np.asfortranarray(np.triu(drawn(n, n))), drawn(k, n), min(PANEL, n)
    expected = lapack.dtpqrt(0, panel, triangle, rows)[0]
    unlocked.tpqrt(panel, triangle, rows)
    assert np.triu(triangle).tobytes() == np.triu(expected).tobytes()
    for matrix, transposed in ((drawn(n, k), False), (drawn(k, n), True)):
        gram = np.asfortranarray(np.eye(n))
        expected = blas.dsyrk(1.0, matrix, beta=1.0, c=gram, trans=transposed)
        unlocked.syrk(matrix, gram, transposed=transposed)
        assert np.triu(gram).tobytes() == np.triu(expected).tobytes()


def test_other_threads_go_on() -> None:
    """What scipy's wrappers would not let them: a waiting thread is heard before the product is there."""
    heard: list[int] = []
    over, gram = threading.Event(), np.zeros((1500, 1500), order="F")

    def listen() -> None:
        while not over.wait(0.001):
            heard.append(1)

    thread = threading.Thread(target=listen)
    thread.start()
    before = len(heard)
    unlocked.syrk(drawn(1500, 1500), gram)
    during = len(heard) - before
    over.set()
    thread.join()
    assert during > 3


@pytest.mark.parametrize(
    ("matrix", "gram"),
    [
        (np.ones((3, 2)), np.zeros((3, 3), order="F")),
        (np.ones((3, 2), order="F"), np.zeros((2, 2), order="F")),
        (np.ones((3, 2), np.float32, order="F"), np.zeros((3, 3), order="F")),
    ],
    ids=["rows lie together", "another shape", "float32"],
)
def test_what_a_routine_would_misread_is_refused(matrix: np.ndarray, gram: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"need .* of float64 in Fortran order"):
        unlocked.syrk(matrix, gram)
