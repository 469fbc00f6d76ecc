"""Fixed and random convolutional features of images, and linear fits on features.

Sources: Zhang et al. 2017, Section 5, whose filter banks are not specified: Gabor wavelets before a
Gaussian kernel, and a random convolutional net before a linear one. The random net here is a single layer
after Coates and Ng 2012: patches of the training images, whitened, as filters, both signs of the response
rectified and averaged over the quarters of the image.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from harness.analytic.least_squares import nested_least_squares
from harness.analytic.ridge import ridge_path
from harness.analytic.scores import flat, flattened, label_sets, require_corruptions, require_positive
from harness.data.blocks import blocks
from harness.spec import Value
from harness.spec.contracts import Corruption, Described, Solver

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.data.split import Split

    Images: TypeAlias = NDArray[np.float32]

CHUNK = 100  # images whose patches are in memory at once
SAMPLED = 20_000  # patches that estimate the covariance of all
SCALED = 1000  # training images that estimate the mean and deviation of a feature
OCTAVE = 0.56  # deviation of a filter's window in wavelengths, for half its response an octave apart
FLAT = 0.04  # added to a patch's variance (of pixels in [0, 1]), so that flat ones stay small
SOFTENED = 0.1  # added to the eigenvalues of the patches' covariance before whitening
SHORT = 1e-6  # length below which a filter is not scaled to length one
STILL = 1e-3  # added to a feature's deviation, so that one that hardly varies is not blown up


class FittedFeatures(Protocol):
    """Features whose weights, if any, were fitted to training images."""

    def of(self, images: Images) -> Images:
        """Features [n, d] of images [n, c, h, w]."""


class Features(Described, Protocol):
    """A way to turn images into features, which may be fitted to training images."""

    def fitted(self, train: Images, generator: np.random.Generator) -> FittedFeatures:
        """The features as the training images [n, c, h, w] make them."""


class Pixels(Value, frozen=True):
    """The images themselves."""

    def fitted(self, train: Images, generator: np.random.Generator) -> Pixels:
        """The features themselves: they have nothing to fit."""
        return self

    def of(self, images: Images) -> Images:
        """Images [n, c, h, w] as rows [n, c h w]."""
        rows: Images = flattened(images)
        return rows


class GaborMagnitudes(Value, frozen=True):
    """Magnitudes of complex Gabor filters, averaged over squares of pixels.

    A filter is a plane wave under a Gaussian of deviation ``OCTAVE`` wavelengths (one octave of bandwidth),
    its mean removed so that a constant image gives zero, its Euclidean norm one. Channels are averaged
    first; the image is surrounded by zeros.

    Args:
        wavelengths: in pixels.
        orientations: equally spaced over half a turn.
        size: side of a filter, odd.
        pool: side of the squares; an incomplete one at the border is left out.

    Raises:
        ValueError: an even size, or numbers that are not positive.
    """

    wavelengths: tuple[float, ...]
    orientations: int = 4
    size: int = 9
    pool: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        for wavelength in self.wavelengths:
            require_positive("GaborMagnitudes", "wavelengths", wavelength)
        for name in ("orientations", "size", "pool"):
            require_positive("GaborMagnitudes", name, getattr(self, name))
        if self.size % 2 == 0 or not self.wavelengths:
            raise ValueError(f"GaborMagnitudes(size={self.size}): give an odd size and a wavelength or more")

    def fitted(self, train: Images, generator: np.random.Generator) -> GaborMagnitudes:
        """The features themselves: they have nothing to fit."""
        return self

    def filters(self) -> NDArray[np.complex128]:
        """The complex filters, [wavelengths x orientations, size, size]."""
        import numpy as np

        reach = self.size // 2
        down, right = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        filters = []
        for wavelength in self.wavelengths:
            window = np.exp(-(down**2 + right**2) / (2 * (OCTAVE * wavelength) ** 2))
            for angle in np.pi * np.arange(self.orientations) / self.orientations:
                along = right * np.cos(angle) + down * np.sin(angle)
                wave = np.exp(2j * np.pi * along / wavelength)
                filtered = window * (wave - (window * wave).sum() / window.sum())
                filters.append(filtered / np.linalg.norm(filtered))
        return np.stack(filters)

    def of(self, images: Images) -> Images:
        """Features [n, filters x (h / pool) x (w / pool)] of images [n, c, h, w]."""
        import numpy as np

        flattened = self.filters().reshape(-1, self.size**2).T
        bank = np.concatenate([flattened.real, flattened.imag], axis=1).astype(np.float32)
        return np.concatenate([self._of_chunk(chunk, bank) for chunk in _chunks(images)])

    def _of_chunk(self, images: Images, bank: Images) -> Images:
        import numpy as np

        n, _, height, width = images.shape
        reach = self.size // 2
        grey = np.pad(images.mean(axis=1, keepdims=True), [(0, 0), (0, 0), (reach, reach), (reach, reach)])
        responses = patches(grey, self.size, 1).reshape(-1, self.size**2) @ bank
        real, imaginary = np.split(responses, 2, axis=1)
        magnitudes = np.hypot(real, imaginary).reshape(n, height, width, -1)
        high, wide = height // self.pool, width // self.pool
        whole = magnitudes[:, : high * self.pool, : wide * self.pool]
        return whole.reshape(n, high, self.pool, wide, self.pool, -1).mean(axis=(2, 4)).reshape(n, -1)


class RandomPatches(Value, frozen=True):
    """Rectified responses to whitened random patches of the training images, averaged over quarters.

    Every patch has its mean removed and is divided by its deviation (``FLAT`` added to the variance), then
    all are whitened (ZCA, ``SOFTENED`` added to the eigenvalues). Filters are randomly chosen patches of unit
    length. Each has 8 features (two signs, four quarters), standardised by their mean and deviation over the
    first 1,000 training images (``SCALED``).

    Args:
        filters: number of filters.
        size: side of a patch.
        stride: pixels between patches.
        bias: subtracted from the responses before they are rectified.

    Raises:
        ValueError: numbers that are not positive, or a negative bias.
    """

    filters: int
    size: int = 6
    stride: int = 1
    bias: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("filters", "size", "stride"):
            require_positive("RandomPatches", name, getattr(self, name))
        if not 0 <= self.bias < float("inf"):
            raise ValueError(f"RandomPatches(bias={self.bias}): must be zero or positive")

    def fitted(self, train: Images, generator: np.random.Generator) -> FilterBank:
        """Filters and whitening from random patches of the training images [n, c, h, w]."""
        import numpy as np

        sample = normalized(_sampled(train, self.size, generator, max(SAMPLED, 2 * self.filters)))
        mean = sample.mean(axis=0)
        values, vectors = np.linalg.eigh(np.cov(sample.T))
        whitening = ((vectors / np.sqrt(values + SOFTENED)) @ vectors.T).astype(np.float32)
        chosen = (sample[: self.filters] - mean) @ whitening
        chosen /= np.maximum(np.linalg.norm(chosen, axis=1, keepdims=True), np.float32(SHORT))
        bank = FilterBank(self, mean, whitening @ chosen.T, np.float32(0.0), np.float32(1.0))
        seen = bank.of(train[:SCALED])
        return dataclasses.replace(bank, centre=seen.mean(axis=0), scale=seen.std(axis=0) + np.float32(STILL))


@dataclasses.dataclass(frozen=True)
class FilterBank:
    """Random patches fitted to a training set.

    Attributes:
        settings: what was fitted.
        mean: of the patches [d].
        filters: whitened [d, filters].
        centre, scale: of the features, [8 x filters] or numbers.
    """

    settings: RandomPatches
    mean: Images
    filters: Images
    centre: Images | np.float32
    scale: Images | np.float32

    def of(self, images: Images) -> Images:
        """Features [n, 8 x filters] of images [n, c, h, w], centred and scaled."""
        import numpy as np

        raw = np.concatenate([self._of_chunk(chunk) for chunk in _chunks(images)])
        return (raw - self.centre) / self.scale

    def _of_chunk(self, images: Images) -> Images:
        import numpy as np

        pieces = patches(images, self.settings.size, self.settings.stride)
        n, high, wide, d = pieces.shape
        responses = (normalized(pieces.reshape(-1, d)) - self.mean) @ self.filters
        signs = [np.maximum(sign * responses - self.settings.bias, 0.0) for sign in (1.0, -1.0)]
        return np.concatenate([_quarters(s.reshape(n, high, wide, -1)) for s in signs], axis=1)


def patches(images: Images, size: int, stride: int) -> Images:
    """All patches, [n, rows, columns, c size size], of images [n, c, h, w]."""
    import numpy as np

    views = np.lib.stride_tricks.sliding_window_view(images, (size, size), axis=(2, 3))
    moved = views[:, :, ::stride, ::stride].transpose(0, 2, 3, 1, 4, 5)
    return moved.reshape(*moved.shape[:3], -1)


def normalized(pieces: Images) -> Images:
    """Patches [m, d] with mean zero, divided by their deviation (``FLAT`` added to the variance)."""
    import numpy as np

    centred = pieces - pieces.mean(axis=1, keepdims=True)
    return centred / np.sqrt(np.square(centred).mean(axis=1, keepdims=True) + np.float32(FLAT))


def _quarters(responses: Images) -> Images:
    """Means over the four quarters, [n, 4 k], of responses [n, rows, columns, k]."""
    import numpy as np

    _, high, wide, _ = responses.shape
    halves = [slice(0, (high + 1) // 2), slice(high // 2, None)]
    sides = [slice(0, (wide + 1) // 2), slice(wide // 2, None)]
    return np.concatenate([responses[:, h, w].mean(axis=(1, 2)) for h in halves for w in sides], axis=1)


def _sampled(images: Images, size: int, generator: np.random.Generator, m: int) -> Images:
    """Patches [m, c size size] at m random places of random images [n, c, h, w]."""
    import numpy as np

    views = np.lib.stride_tricks.sliding_window_view(images, (size, size), axis=(2, 3))
    n, _, high, wide = views.shape[:4]
    rows, tops, lefts = (generator.integers(top, size=m) for top in (n, high, wide))
    return views[rows, :, tops, lefts].reshape(m, -1)


def _chunks(images: Images) -> list[Images]:
    return [images[rows] for rows in blocks(len(images), CHUNK)]


class OnFeatures(Value, frozen=True):
    """A solver that sees features in place of images.

    Args:
        features: ``Pixels()``, ``GaborMagnitudes(...)`` or ``RandomPatches(...)``.
        solver: what is solved on them, such as ``KernelInterpolation(...)`` or ``LinearFit()``.

    Raises:
        TypeError: features or a solver of another kind.
    """

    features: Features
    solver: Solver

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.features, type) or not hasattr(self.features, "fitted"):
            raise TypeError(f"OnFeatures(features={self.features!r}): not features, such as Pixels()")
        if isinstance(self.solver, type) or not hasattr(self.solver, "solve"):
            raise TypeError(f"OnFeatures(solver={self.solver!r}): not a solver, such as LinearFit()")

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        """The solver's results on the features of the split."""
        features = self.features.fitted(split.x_train, generator)
        train, test = features.of(split.x_train), features.of(split.x_test)
        return dict(self.solver.solve(dataclasses.replace(split, x_train=train, x_test=test), generator))


class LinearFit(Value, frozen=True):
    """Linear least squares of minimum norm, and beside it ridge regression.

    Fitted to one-hot labels without an intercept. Results are numbers or [label sets]: ``train_error``,
    ``test_error``, ``train_mse``, ``test_mse``, ``norm`` and, for ridge regression, the same after
    ``ridge_``; and ``inputs``, the numbers per example.

    Args:
        penalty: of ridge regression, as a share of the mean squared length of the examples; on
            |y - F w|^2 + penalty |w|^2.
        labels: corruptions of the true training labels; empty for the labels of the data set.

    Raises:
        ValueError: a penalty that is not positive.
    """

    penalty: float = 1e-3
    labels: tuple[Corruption, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive("LinearFit", "penalty", self.penalty)
        require_corruptions("LinearFit", self.labels)

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        """The scores of both fits."""
        import numpy as np

        sets = label_sets(split, self.labels, generator)
        train, test = (np.asfortranarray(flat(x)) for x in (split.x_train, split.x_test))
        penalty = self.penalty * float(np.square(train).sum(axis=1).mean())
        free = next(iter(nested_least_squares(train, sets.targets, (train.shape[1],), test)))
        (held,) = ridge_path(train, sets.targets, (penalty,), test)
        scores: dict[str, Any] = {}
        for prefix, fit in (("", free), ("ridge_", held)):
            fitted = {**sets.scores("train", fit.train), **sets.scores("test", fit.test)}
            fitted["norm"] = sets.norms(fit.norms)
            scores |= {prefix + name: score for name, score in fitted.items()}
        return {**sets.plain(scores), "inputs": float(train.shape[1])}
