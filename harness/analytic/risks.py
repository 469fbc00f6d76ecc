"""Risks of linear regression on Gaussian features in closed form, with their deviation between data sets.

Risk is the expected squared distance between prediction and noiseless target, so without the noise of a
new target. Features are independent standard normal numbers; of n examples, p features are fitted.
Sources: Belkin, Hsu and Xu 2019, Section 2 (exact at every n; their prediction error adds the noise);
Hastie, Montanari, Rosset and Tibshirani 2019 (limits, optimal ridge); Nakkiran, Venkat, Kakade and Ma
2020, Theorem 1 (the best penalty at every n); moments of the inverse Wishart matrix: von Rosen 1988.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple


class Risk(NamedTuple):
    """The mean over data sets, and the standard deviation between them (infinite where there is none)."""

    mean: float
    deviation: float


def ridgeless(n: int, p: int, signal: float, noise: float, left_out: float = 0.0) -> Risk:
    """Least squares of minimum norm at finite n, for one draw of features and targets.

    With W the Gram matrix of the smaller side k = min(n, p), m the larger, the noise enters as e'W^-2 e
    below and e'W^-1 e above the threshold, both of mean k / (m - k - 1); above it the signal outside the
    span of the examples is lost, a share of Beta((p - n) / 2, n / 2), independently of W.

    Args:
        n, p: examples and fitted features.
        signal: squared norm of the coefficients of the fitted features.
        noise: variance of the targets' noise.
        left_out: squared norm of the coefficients of features that are not fitted, further noise.
    """
    k, m, spare = min(n, p), max(n, p), abs(n - p)
    variance = noise + left_out
    if spare <= 1:
        return Risk(math.inf, math.inf)
    lost = 1 - n / p if p > n else 0.0
    mean = left_out + signal * lost + variance * k / (spare - 1)
    if spare <= 3:
        return Risk(mean, math.inf)
    fourth = ((spare - 2) * k * k + 2 * k + 2 * k * (m - 1)) / (spare * (spare - 1) * (spare - 3))
    of_noise = variance**2 * (fourth - (k / (spare - 1)) ** 2)
    of_signal = signal**2 * 2 * n * (p - n) / (p * p * (p + 2)) if p > n else 0.0
    return Risk(mean, math.sqrt(of_noise + of_signal))


def ridgeless_limit(gamma: float, signal: float, noise: float, left_out: float = 0.0) -> float:
    """The limit of ``ridgeless(n, gamma n, ...)`` for large n."""
    variance = noise + left_out
    if gamma < 1:
        return left_out + variance * gamma / (1 - gamma)
    if gamma > 1:
        return left_out + signal * (1 - 1 / gamma) + variance / (gamma - 1)
    return math.inf


def overparameterized_minimum(signal: float, noise: float) -> tuple[float, float]:
    """(gamma, risk) where the limit is smallest beyond gamma = 1: (inf, signal) unless signal > noise."""
    root = math.sqrt(signal / noise)
    return (root / (root - 1), noise * (2 * root - 1)) if root > 1 else (math.inf, signal)


def captured(gamma: float, exponent: float) -> float:
    """The share of the signal that gamma n features hold where what they miss falls as a power law.

    Hastie et al. 2019, on misspecified models with polynomial approximation bias.
    """
    return 1 - (1 + gamma) ** -exponent


def approximation_limit(gamma: float, signal: float, noise: float, exponent: float) -> float:
    """The ridgeless limit where the features hold ``captured(gamma, exponent)`` of the signal."""
    inside = signal * captured(gamma, exponent)
    return ridgeless_limit(gamma, inside, noise, signal - inside)


def best_penalty(p: int, signal: float, noise: float) -> float:
    """The penalty on |y - X w|^2 + penalty |w|^2 of lowest expected risk, the same for every n."""
    return p * noise / signal


def optimal_ridge(n: int, p: int, signal: float, noise: float, left_out: float = 0.0) -> Risk:
    """Ridge with the best penalty: the limit of large n at gamma = p / n; nothing diverges.

    The deviation is that for coefficients drawn from a normal distribution, which is at least that for
    coefficients of fixed norm: errors are then normal with covariance noise (X'X + penalty)^-1.
    """
    variance, gamma = noise + left_out, p / n
    penalty = gamma * variance / signal
    b = 1 - gamma + penalty
    m = 2 / (b + math.sqrt(b * b + 4 * gamma * penalty))
    steepness = (gamma * m * m + m) / (2 * gamma * penalty * m + b)
    return Risk(left_out + variance * gamma * m, variance * math.sqrt(2 * gamma * steepness / n))


def axis_ridge_risk(
    n: int, penalty: Fraction, shares: tuple[Fraction, ...], noises: tuple[Fraction, ...]
) -> Fraction:
    """The exact risk of ridge regression where every input is one of the coordinate axes.

    The first axis has coefficient one, the others zero; its noise may differ from axis to axis. Ridge then
    shrinks each axis' mean of its k targets by k / (k + penalty), and axes do not interact.

    Args:
        n: examples.
        penalty: on |y - X w|^2 + penalty |w|^2.
        shares: probability of each axis, in sum one.
        noises: variance of the targets' noise on each axis.
    """
    total = Fraction(0)
    for axis, (share, noise) in enumerate(zip(shares, noises, strict=True)):
        true = Fraction(axis == 0)
        for k in range(n + 1):
            chance = math.comb(n, k) * share**k * (1 - share) ** (n - k)
            error = (penalty**2 * true + k * noise) / (k + penalty) ** 2 if k else true
            total += share * chance * error
    return total
