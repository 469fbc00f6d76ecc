"""Random features, Fourier and ReLU, in float64: width N takes the first N columns of the widest.

Sources: Rahimi and Recht 2007; Belkin, Hsu, Ma and Mandal 2019 (the double descent of their Figure 2);
Mei and Montanari 2019 (random ReLU features and their asymptotic risk).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from harness.analytic.bandwidths import OfBandwidth
from harness.analytic.least_squares import nested_least_squares, nested_samples, sweep_scores
from harness.analytic.scores import (
    flat,
    label_sets,
    require_corruptions,
    require_increasing,
    require_positive,
)
from harness.spec import Value
from harness.spec.contracts import Corruption, Described

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.data.split import Split

    Floats: TypeAlias = NDArray[np.float64]

FREQUENCIES = 256  # multiplied at once
CACHED = 1 << 16  # numbers that several operations go over, few enough to stay in a processor's cache


class RandomFeatures(Described, Protocol):
    """Features of inputs with random weights, of which fewer are the first of more."""

    def draw(self, generator: np.random.Generator, inputs: int, width: int) -> Floats:
        """The random weights of ``width`` features."""

    def of(self, x: Floats, weights: Floats, width: int, /) -> Floats:
        """Features [n, width] of rows x [n, inputs], in Fortran order."""


class FourierFeatures(OfBandwidth, frozen=True):
    """The features cos<v_1, x>, sin<v_1, x>, cos<v_2, x>, ... with v Gaussian of deviation 1 / bandwidth.

    Real features are counted, as in Belkin et al. 2019, so N features have N / 2 frequencies, rounded
    up. 2 / N times the inner product of two examples' features tends to the Gaussian kernel
    exp(-|x - x'|^2 / (2 bandwidth^2)), hence sqrt(N / 2) times the norm of the coefficients that
    interpolate tends to the norm of the kernel interpolant.

    Raises:
        ValueError: a bandwidth that is not positive.
    """

    def draw(self, generator: np.random.Generator, inputs: int, width: int) -> Floats:
        """Frequencies [ceil(width / 2), inputs]; fewer are the first of more."""
        return generator.standard_normal(((width + 1) // 2, inputs)) / self.bandwidth

    def of(self, x: Floats, frequencies: Floats, width: int) -> Floats:
        """Features [n, width] of rows x [n, inputs], in Fortran order."""
        import numpy as np

        pairs = np.empty((len(frequencies), 2, len(x)))
        step = max(1, CACHED // len(x))
        for low in range(0, len(frequencies), FREQUENCIES):
            angles = frequencies[low : low + FREQUENCIES] @ x.T
            for i in range(0, len(angles), step):
                _cosine_and_sine(angles[i : i + step], pairs[low + i :][: len(angles[i : i + step])])
        return pairs.reshape(-1, len(x))[:width].T


def _cosine_and_sine(angles: Floats, out: Floats) -> None:
    """Write cosine and sine of angles [k, n] into out [k, 2, n], off by 1e-15 at most.

    With the tangent t of half the angle, cos = 2 / (1 + t^2) - 1 and sin = 2 t / (1 + t^2): numpy
    vectorizes its float64 tangent (on AVX-512) but neither cosine nor sine, which took ten times as long.
    """
    import numpy as np

    angles *= 0.5
    np.tan(angles, out=angles)
    share = angles * angles
    share += 1.0
    np.divide(2.0, share, out=share)
    np.multiply(angles, share, out=out[:, 1])
    np.subtract(share, 1.0, out=out[:, 0])


class ReluFeatures(Value, frozen=True):
    """The features relu(<v_j, x> / sqrt(d)), v_j uniform on the sphere of radius sqrt(d) in d inputs.

    This is the convention of Mei and Montanari 2019, whose x lies on that sphere too.
    """

    def draw(self, generator: np.random.Generator, inputs: int, width: int) -> Floats:
        """Directions [width, inputs]; fewer are the first of more."""
        import numpy as np

        directions = generator.standard_normal((width, inputs))
        directions *= np.sqrt(inputs) / np.linalg.norm(directions, axis=1, keepdims=True)
        return directions

    def of(self, x: Floats, directions: Floats, width: int) -> Floats:
        """Features [n, width] of rows x [n, inputs], in Fortran order."""
        import numpy as np

        features = directions[:width] @ x.T
        features *= x.shape[1] ** -0.5
        return np.maximum(features, 0.0, out=features).T


class RandomFeatureSweep(Value, frozen=True):
    """Minimum-norm least squares on random features of the inputs, at increasing numbers of them.

    Solved for one-hot labels without an intercept, in float64, with no cut-off where the features have
    full rank. Results per width are those of ``least_squares.sweep_scores``, [widths] or [label sets,
    widths].

    Args:
        features: ``FourierFeatures(bandwidth)`` or ``ReluFeatures()``.
        widths: increasing numbers of features.
        labels: corruptions of the true training labels, solved for side by side; empty for the labels
            of the data set.

    Raises:
        ValueError: widths not increasing.
        TypeError: features or labels of another kind.
    """

    features: RandomFeatures
    widths: tuple[int, ...]
    labels: tuple[Corruption, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        require_features(type(self).__name__, self.features)
        require_increasing(type(self).__name__, "widths", self.widths)
        require_corruptions(type(self).__name__, self.labels)

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        """The scores of every width."""
        sets = label_sets(split, self.labels, generator)
        train, test = mapped(self.features, split, generator, self.widths[-1])
        return sweep_scores(nested_least_squares(train, sets.targets, self.widths, test), sets)


class SampleSweep(Value, frozen=True):
    """Minimum-norm least squares on so many random features and the first n examples, at increasing n.

    Training sets are nested and the test set is the same for all, so sizes compare in pairs. Results
    per size are those of ``least_squares.sweep_scores``, [sizes] or [label sets, sizes].

    Args:
        features: ``FourierFeatures(bandwidth)`` or ``ReluFeatures()``.
        width: number of features.
        sizes: increasing numbers of training examples.
        labels: as in ``RandomFeatureSweep``.

    Raises:
        ValueError: sizes not increasing, no positive width or, when solved, more than there are examples.
        TypeError: features or labels of another kind.
    """

    features: RandomFeatures
    width: int
    sizes: tuple[int, ...]
    labels: tuple[Corruption, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        require_features(type(self).__name__, self.features)
        require_positive(type(self).__name__, "width", self.width)
        require_increasing(type(self).__name__, "sizes", self.sizes)
        require_corruptions(type(self).__name__, self.labels)

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        """The scores of every size."""
        sets = label_sets(split, self.labels, generator)
        train, test = mapped(self.features, split, generator, self.width)
        return sweep_scores(nested_samples(train, sets.targets, self.sizes, test), sets)


def mapped(
    features: RandomFeatures, split: Split, generator: np.random.Generator, width: int
) -> tuple[Floats, Floats]:
    """Training and test features, [n, width] and [m, width], of one draw."""
    train, test = flat(split.x_train), flat(split.x_test)
    drawn = features.draw(generator, train.shape[1], width)
    return features.of(train, drawn, width), features.of(test, drawn, width)


def require_features(owner: str, features: RandomFeatures) -> None:
    """Refuse what draws no features, such as a class that was not called.

    Raises:
        TypeError: naming the owner and what was given.
    """
    if isinstance(features, type) or not hasattr(features, "draw"):
        raise TypeError(f"{owner}(features={features!r}): not random features, such as FourierFeatures(5.0)")
