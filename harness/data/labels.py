"""Corruptions of training labels. Test labels are never touched.

Every corruption draws, for all examples, a uniform number and a replacement class, and replaces where
the number is below the fraction. So for one generator the examples corrupted at one fraction are among
those corrupted at a larger one, and experiments along the fraction are paired.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class LabelChange(Value, frozen=True):
    """A corruption that is drawn once for each replicate; a class of one's own adds ``apply``.

    What ``apply`` gets and gives is written in ``harness.spec.contracts.Corruption``.
    """

    per_epoch: ClassVar[bool] = False
    keeps_labels: ClassVar[bool] = False


class TrueLabels(LabelChange, frozen=True):
    """Labels as they are."""

    keeps_labels: ClassVar[bool] = True

    def apply(
        self, labels: NDArray[np.int64], classes: int, generator: np.random.Generator
    ) -> NDArray[np.int64]:
        """The labels themselves."""
        return labels


class RandomLabels(LabelChange, frozen=True):
    """Each label is replaced, with probability ``fraction``, by a uniformly drawn class.

    The draw may hit the true class: with K classes a share fraction x (K - 1) / K really changes
    (Zhang et al. 2017, Section 2, "partially corrupted" and "random labels").
    """

    fraction: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_fraction(self, self.fraction)

    def apply(
        self, labels: NDArray[np.int64], classes: int, generator: np.random.Generator
    ) -> NDArray[np.int64]:
        """New labels [n]; those passed in are not written to."""
        replaced = generator.random(len(labels)) < self.fraction
        drawn = generator.integers(classes, size=len(labels))
        return _where(replaced, drawn, labels)


class WrongLabels(LabelChange, frozen=True):
    """Each label is replaced, with probability ``fraction``, by a uniformly drawn other class.

    So exactly the replaced labels are wrong (EPFL reproduction, Figure 2, where accuracy on the
    corrupted half starts below chance).
    """

    fraction: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_fraction(self, self.fraction)

    def apply(
        self, labels: NDArray[np.int64], classes: int, generator: np.random.Generator
    ) -> NDArray[np.int64]:
        """New labels [n]; those passed in are not written to."""
        replaced = generator.random(len(labels)) < self.fraction
        drawn = (labels + generator.integers(1, classes, size=len(labels))) % classes
        return _where(replaced, drawn, labels)


class RedrawnLabels(LabelChange, frozen=True):
    """Uniformly drawn labels, drawn anew for every epoch: nothing stays to be memorized."""

    per_epoch: ClassVar[bool] = True

    def apply(
        self, labels: NDArray[np.int64], classes: int, generator: np.random.Generator
    ) -> NDArray[np.int64]:
        """The labels of one epoch [n]."""
        return generator.integers(classes, size=len(labels))


def _require_fraction(value: Value, fraction: float) -> None:
    if not 0 <= fraction <= 1:
        raise ValueError(f"{type(value).__name__}(fraction={fraction}): must be between 0 and 1")


def _where(
    replaced: NDArray[np.bool_], drawn: NDArray[np.int64], labels: NDArray[np.int64]
) -> NDArray[np.int64]:
    import numpy as np

    return np.where(replaced, drawn, labels)
