"""Label sets as targets of least squares, and the scores of what was solved for them."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.data.split import Split
    from harness.spec.contracts import Corruption

    Floats: TypeAlias = NDArray[np.float64]
    Labels: TypeAlias = NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class LabelSets:
    """Several labelings of the same training images, solved for at once.

    Attributes:
        train: [sets, n].
        test: [m], the same for all sets.
        classes: number of classes.
        alone: there is one set, and results have no axis for it.
    """

    train: Labels
    test: Labels
    classes: int
    alone: bool

    @property
    def targets(self) -> Floats:
        """One-hot targets [n, sets x classes]; the classes of a set are adjacent."""
        import numpy as np

        sets, n = self.train.shape
        targets = np.zeros((n, sets, self.classes))
        targets[np.arange(n)[:, None], np.arange(sets), self.train.T] = 1.0
        return targets.reshape(n, -1)

    def leading(self, n: int) -> LabelSets:
        """The label sets of the first n training images alone."""
        return dataclasses.replace(self, train=self.train[:, :n])

    def scores(self, part: str, predictions: Floats) -> dict[str, Floats]:
        """``<part>_error`` and ``<part>_mse``, each [sets].

        The first is the share of examples whose largest output is not at their label; the second the
        squared distance to the one-hot target, summed over classes, averaged over examples.

        Args:
            part: ``"test"`` scores on the test labels, anything else on the training labels.
            predictions: [examples, sets x classes].
        """
        import numpy as np

        labels = self.test[:, None] if part == "test" else self.train.T
        n, sets = len(predictions), len(self.train)
        residuals = predictions.reshape(n, sets, self.classes).copy()
        wrong = residuals.argmax(axis=2) != labels
        residuals[np.arange(n)[:, None], np.arange(sets), labels] -= 1.0
        squared = np.einsum("nsc,nsc->s", residuals, residuals) / n
        return {f"{part}_error": wrong.mean(axis=0), f"{part}_mse": squared}

    def norms(self, columns: Floats) -> Floats:
        """Frobenius norms [sets] from the norms of the columns [sets x classes]."""
        import numpy as np

        return np.linalg.norm(columns.reshape(len(self.train), self.classes), axis=1)

    def stacked(self, rows: Iterable[Mapping[str, Floats]]) -> dict[str, Floats]:
        """Scores [sets, ...] of each width as [sets, widths, ...], or as [widths, ...] of a set alone."""
        import numpy as np

        scores = list(rows)
        return self.plain({name: np.stack([row[name] for row in scores], axis=1) for name in scores[0]})

    def plain(self, scores: Mapping[str, Floats]) -> dict[str, Floats]:
        """Scores [sets, ...] without the first axis if there is one set alone."""
        return {name: score[0] if self.alone else score for name, score in scores.items()}


def label_sets(split: Split, corruptions: Sequence[Corruption], generator: np.random.Generator) -> LabelSets:
    """The split's own labels, or, if corruptions are given, its true labels under each of them.

    Each corruption draws from its own child of the generator, which itself does not advance: what
    else is drawn from it does not depend on how many label sets there are.
    """
    import numpy as np

    train = split.y_train[None]
    if corruptions:
        pairs = zip(corruptions, generator.spawn(len(corruptions)), strict=True)
        train = np.stack([c.apply(split.y_true, split.classes, child) for c, child in pairs])
    return LabelSets(train, split.y_test, split.classes, alone=not corruptions)


def flattened(images: NDArray[Any]) -> NDArray[Any]:
    """Images [n, *shape] as rows [n, d] of the same type."""
    return images.reshape(len(images), -1)


def flat(images: NDArray[np.floating[Any]]) -> Floats:
    """Images [n, *shape] as float64 rows [n, d]."""
    import numpy as np

    return flattened(images).astype(np.float64)


def require_increasing(owner: str, name: str, values: Sequence[float], highest: float | None = None) -> None:
    """Refuse an empty, unordered or out-of-range list of widths, penalties or sizes.

    Raises:
        ValueError: naming the owner, the field and what it must be.
    """
    rising = all(low < high for low, high in itertools.pairwise(values))
    if not values or not rising or values[0] <= 0 or (highest is not None and values[-1] > highest):
        limit = "" if highest is None else f" and at most {highest:,}"
        raise ValueError(f"{owner}({name}={tuple(values)}): give one or more, increasing, positive{limit}")


def require_finite(**arrays: Floats) -> None:
    """Refuse NaN and infinity before a factorization spreads them.

    Raises:
        ValueError: naming the array.
    """
    import numpy as np

    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(f"{name} {array.shape} holds numbers that are not finite")


def require_corruptions(owner: str, labels: Sequence[Corruption]) -> None:
    """Refuse label sets that are not corruptions, such as a class that was not called.

    Raises:
        TypeError: naming the owner and what was given.
    """
    for corruption in labels:
        if isinstance(corruption, type) or not hasattr(corruption, "apply"):
            raise TypeError(f"{owner}(labels={corruption!r}): not a corruption of labels")


def require_positive(owner: str, name: str, value: float) -> None:
    """Refuse zero, negative numbers, NaN and infinity.

    Raises:
        ValueError: naming the owner and the field.
    """
    if not 0 < value < float("inf"):
        raise ValueError(f"{owner}({name}={value}): must be positive")
