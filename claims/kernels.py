"""Kernels on images of Zhang et al. 2017, Section 5: the experiments that two families share.

Calibrated on replicates 1000 and up, which no verdict reads: bandwidths and filter banks, of which the paper
gives none; 5 is the bandwidth of the first author's script for MNIST.
"""

from __future__ import annotations

from harness import Solved
from harness import Tiers
from harness.analytic.gabor import GaborMagnitudes
from harness.analytic.gabor import OnFeatures
from harness.analytic.gabor import RandomPatches
from harness.analytic.kernel_interpolation import GaussianKernel
from harness.analytic.kernel_interpolation import KernelInterpolation
from harness.data import Cifar10
from harness.data import Digits
from harness.data import Mnist
from harness.data import RandomLabels

RANDOM, HALF = RandomLabels(1.0), RandomLabels(0.5)


def gaussian(bandwidth: float, ridge: float = 0.0, device: str = "cpu") -> KernelInterpolation:
    """Interpolation by a Gaussian kernel, or ridge regression, without leave-one-out errors."""
    return KernelInterpolation(GaussianKernel(bandwidth), ridge=ridge, left_out=False, device=device)


ON_DIGITS = Solved(Digits(whiten=False), gaussian(1.5))
MNIST = Mnist(n=10_000, crop=None, whiten=False)
CIFAR10 = Cifar10(n=10_000, crop=None, whiten=False)
LARGE = {
    "mnist": Tiers(
        quick=ON_DIGITS,
        standard=Solved(MNIST, gaussian(5.0)),
        full=Solved(MNIST.but(n=None), gaussian(5.0, device="cuda")),
    ),
    "cifar10": Tiers(
        standard=Solved(CIFAR10, gaussian(8.0)),
        full=Solved(CIFAR10.but(n=None), gaussian(8.0, device="cuda")),
    ),
}
ON_PIXELS = LARGE["mnist"].but(standard__data__n=2000)
ON_GABOR = ON_PIXELS.but(
    solver=Tiers(
        quick=OnFeatures(GaborMagnitudes((3.0, 5.0), size=5), gaussian(2.0)),
        standard=OnFeatures(GaborMagnitudes((4.0, 8.0), size=11), gaussian(16.0)),
        full=OnFeatures(GaborMagnitudes((4.0, 8.0), size=11), gaussian(16.0, device="cuda")),
    )
)
NARROW_ON_GABOR = ON_GABOR.but(solver__solver__kernel__bandwidth=Tiers(quick=1.0, standard=6.0, full=6.0))
CIFAR10_PIXELS = LARGE["cifar10"].but(standard__data__n=3000, standard__data__n_test=2000)
CIFAR10_PATCHES = CIFAR10_PIXELS.but(
    solver=Tiers(
        standard=OnFeatures(RandomPatches(400, stride=2), gaussian(56.0)),
        full=OnFeatures(RandomPatches(2000), gaussian(125.0, device="cuda")),
    )
)
HALF_RANDOM_PATCHES = CIFAR10_PATCHES.but(data__labels=HALF)
