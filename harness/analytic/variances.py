"""Bias and the two variances of predictors: of the data that they are fitted to, and of their random weights.

Sources: Yang et al. 2020 (squared bias and variance of networks by width); Neal et al. 2018 (the law of total
variance: sampling of data, and initial weights given the data); d'Ascoli et al. 2020 (random features: the
variance of the features is the crux of the peak, and ensembles suppress it).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from harness.analytic.least_squares import nested_least_squares
from harness.analytic.random_features import RandomFeatures, require_features
from harness.analytic.scores import flat, require_increasing
from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.data.split import Split

    Floats: TypeAlias = NDArray[np.float64]


def variances(predictions: Floats, labels: NDArray[np.integer[Any]]) -> dict[str, float]:
    """The squared error of predictors in its three parts, and what averaging them gains.

    Predictors are nested: each of the same draw of data has weights of its own, and no two draws of data
    share theirs. Then the expected squared error against one-hot labels is squared bias + variance from the
    data + variance from the weights given the data, and all three are estimated without bias: the second
    from the means over weights, less their share of the third.

    Args:
        predictions: [data draws, weights, m, classes], of probabilities or of one-hot labels.
        labels: [m], true ones.

    Returns:
        ``squared_error``, ``squared_bias`` (with what noise the labels have), ``data_variance`` and
        ``weights_variance``, each summed over classes and averaged over examples; ``single_error``, the share
        of errors of one predictor, ``ensemble_error``, that of the mean of those with the same data, their
        difference ``gain``; and ``ensemble_squared_error``.

    Raises:
        ValueError: fewer than two draws of data or of weights.
    """
    import numpy as np

    draws, members = predictions.shape[:2]
    if draws < 2 or members < 2:
        raise ValueError(f"{draws} draws of data and {members} of weights: a variance needs two of each")
    targets = np.zeros(predictions.shape[2:])
    targets[np.arange(len(labels)), labels] = 1.0

    def summed(squares: Floats) -> float:
        return float(squares.sum(axis=-1).mean())

    means = predictions.mean(axis=1)
    weights_variance = summed(predictions.var(axis=1, ddof=1))
    data_variance = summed(means.var(axis=0, ddof=1)) - weights_variance / members
    squared_error = summed((predictions - targets) ** 2)
    single = float((predictions.argmax(axis=-1) != labels).mean())
    ensemble = float((means.argmax(axis=-1) != labels).mean())
    return {
        "squared_error": squared_error,
        "squared_bias": squared_error - data_variance - weights_variance,
        "data_variance": data_variance,
        "weights_variance": weights_variance,
        "single_error": single,
        "ensemble_error": ensemble,
        "gain": single - ensemble,
        "ensemble_squared_error": summed((means - targets) ** 2),
    }


class FeatureVariances(Value, frozen=True):
    """Bias and variances of least squares of minimum norm on random features, at increasing numbers of them.

    The training examples are cut into so many disjoint sets of equal size, and each is fitted by so many
    draws of features, all independent; one-hot labels, no intercept. Results are those of ``variances``,
    [widths].

    Args:
        features: ``FourierFeatures(bandwidth)`` or ``ReluFeatures()``.
        widths: increasing numbers of features.
        data: sets of training examples, 2 or more.
        weights: draws of features for each of them, 2 or more.
        copies: the draws of one set are one and the same: an ensemble of copies, which averages nothing out.

    Raises:
        ValueError: widths not increasing, or fewer than two sets or draws.
        TypeError: features of another kind.
    """

    features: RandomFeatures
    widths: tuple[int, ...]
    data: int = 4
    weights: int = 6
    copies: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require_features(type(self).__name__, self.features)
        require_increasing(type(self).__name__, "widths", self.widths)
        if self.data < 2 or self.weights < 2:
            raise ValueError(f"{type(self).__name__}: a variance needs two sets of data and two draws")

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        """The parts of the error at every width."""
        import numpy as np

        train, test = flat(split.x_train), flat(split.x_test)
        targets = np.eye(split.classes)[split.y_train]
        n = len(train) // self.data
        shape = (len(self.widths), self.data, self.weights, len(test), split.classes)
        predictions = np.empty(shape)
        for d in range(self.data):
            rows = slice(d * n, (d + 1) * n)
            for i, child in enumerate(generator.spawn(self.weights)):
                if i and self.copies:
                    predictions[:, d, i] = predictions[:, d, 0]
                    continue
                drawn = self.features.draw(child, train.shape[1], self.widths[-1])
                mapped = [self.features.of(x, drawn, self.widths[-1]) for x in (train[rows], test)]
                for w, fit in enumerate(
                    nested_least_squares(mapped[0], targets[rows], self.widths, mapped[1])
                ):
                    predictions[w, d, i] = fit.test
        parts = [variances(each, split.y_test) for each in predictions]
        return {name: [part[name] for part in parts] for name in parts[0]}
