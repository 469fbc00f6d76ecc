"""Kernels of the paper's size have the errors that Zhang et al. print; which norms it prints is not said.

Section 5 and Table 3 print five test errors and two norms of interpolants of all training images, and the
first author's script one error more. The script says all that its number depends on, so it must come out to a
few test images; for the others the paper leaves out the bandwidth, the wavelets and the net, and how much
that moves an error was measured on fewer images and replicates 1000 and up, which no verdict reads. Nothing
here has been run: a kernel matrix of 60,000 images takes a GPU of 40 GB.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from claims.kernels import CIFAR10_PATCHES
from claims.kernels import LARGE
from claims.kernels import ON_GABOR
from claims.papers import ZHANG2017
from harness import Check
from harness import Results
from harness import Tiers
from harness import claim
from harness import control
from harness import matches
from harness import trained

FEWER = "5,000 training images"
BY_FILTERS = (
    "five points: at 3,000 images four times the filters lowered it by five points and then two, and the "
    "paper has 16 times as many"
)
PENALIZED_PATCHES = CIFAR10_PATCHES.but(solver__solver__ridge=0.1)


class PrintedError(NamedTuple):
    """A printed test error, what it is of, and how near it must be met, with the reason."""

    run: Tiers
    error: float
    tolerance: float
    because: str


def whole(run: Tiers) -> Tiers:
    """The full tier alone."""
    return Tiers(full=run["full"])


ERRORS = {
    "mnist-pixels": PrintedError(
        whole(LARGE["mnist"]), 0.012, 0.002, "two deviations of an error on 10,000 images"
    ),
    "mnist-gabor": PrintedError(
        whole(ON_GABOR),
        0.006,
        0.002,
        "two deviations of an error on 10,000 images, and a tenth of it for our own wavelets",
    ),
    "cifar10-pixels": PrintedError(
        whole(LARGE["cifar10"]),
        0.46,
        0.03,
        "three points, by which bandwidths of 5 to 12 moved it at 3,000 images",
    ),
    "cifar10-patches": PrintedError(whole(CIFAR10_PATCHES), 0.17, 0.05, BY_FILTERS),
    "cifar10-patches-l2": PrintedError(whole(PENALIZED_PATCHES), 0.15, 0.05, BY_FILTERS),
}
NORMS = {"pixels": (whole(LARGE["mnist"]), 220.0), "gabor": (whole(ON_GABOR), 390.0)}


def printed(name: str) -> object:
    """A printed error as a parameter."""
    return pytest.param(name, marks=pytest.mark.claimed(reported={"test error": ERRORS[name].error}))


@claim(
    ZHANG2017,
    "Section 5 and Table 3",
    kind="printed",
    adapted={
        "full": "bandwidth 5 for MNIST (the first author's script), 8 for CIFAR-10 (ours); Gabor filters of "
        "our own; 2,000 filters in one layer for a net with 32,000, and a penalty of 0.1 (both ours)"
    },
    reported={"MNIST": 0.012},
)
@trained(run=lambda name: ERRORS[name].run)
@control(run=lambda name: ERRORS[name].run.but(data__n=5000), says=FEWER)
@pytest.mark.parametrize("name", [printed(name) for name in ERRORS])
def test_a_kernel_has_the_printed_error(run: Results, check: Check, name: str) -> None:
    """A Gaussian kernel on all training images has the test error that the paper prints."""
    _, error, tolerance, because = ERRORS[name]
    check(matches(run.final("test_error"), error, tolerance, because=because))


@claim(
    ZHANG2017,
    "First author's script for Section 5, MNIST: gamma = 0.02 on pixels in [0, 1]",
    kind="printed",
    adapted={"full": "none"},
    reported={"test error": 0.0122},
)
@trained(run=whole(LARGE["mnist"]))
@control(run=whole(LARGE["mnist"]).but(solver__kernel__bandwidth=7.0), says="gamma halved: bandwidth 7 for 5")
def test_the_script_has_its_error(run: Results, check: Check) -> None:
    """On all of MNIST the first author's kernel errs as often as his script says."""
    few = "three test images of 10,000: images, kernel and labels are the script's, only rounding is not"
    check(matches(run.final("test_error"), 0.0122, 0.0003, because=few))


@claim(
    ZHANG2017,
    "Section 5: norms on MNIST",
    kind="printed",
    adapted={"full": "the norm in the kernel's space, over all classes: the paper does not say which"},
    reported={"norm": 220.0},
    expected={"full": ("inconclusive or refuted", "the paper does not say which norm it means")},
)
@trained(run=lambda features: NORMS[features][0])
@control(run=lambda features: NORMS[features][0].but(data__n=5000), says=FEWER)
@pytest.mark.parametrize(
    "features",
    [pytest.param(k, marks=pytest.mark.claimed(reported={"norm": norm})) for k, (_, norm) in NORMS.items()],
)
def test_an_interpolant_has_the_printed_norm(run: Results, check: Check, features: str) -> None:
    """The interpolant of all of MNIST has the norm that the paper prints."""
    norm = NORMS[features][1]
    check(matches(run.final("norm"), norm, 0.1 * norm, because="a tenth: the paper says approximately"))
