"""Training subsets by mask: each member of a fleet trains on its own random share of the same examples.

Source: Feldman and Zhang 2020, who estimate what is memorized from 2,000 networks, each trained on a random
seven tenths of the training set.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

from harness.data.examples import AroundData
from harness.data.split import Split, require_between
from harness.spec.streams import stream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MEMBERS = 7  # part of the stream
MOST = 10_000
"""The most subsets of one training set."""


@dataclass(frozen=True)
class MaskedSplit(Split):
    """All training examples, and which of them each member of a fleet has trained on.

    Attributes:
        kept: bool [members, n].
    """

    kept: NDArray[np.bool_] = field(kw_only=True)


class RandomSubset(AroundData, frozen=True):
    """A random share of the training examples of a data set, the same number for every member.

    Members are told apart by their number alone, so they are of one shape and train as one fleet; what a
    member keeps is drawn from a stream of its own, whatever other members there are. Examples keep their
    order and their labels, those of a corruption included. Test images stay.

    Args:
        data: the data set.
        share: of its training examples that are kept, rounded to whole examples.
        member: which subset, from 0.

    Raises:
        ValueError: a share that keeps all or none, a member out of range, or data that change every epoch.
    """

    share: float = 0.7
    member: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_share(self, self.share, self.data.train_size)
        require_between(self, "member", self.member, 0, MOST - 1)

    @property
    def train_size(self) -> int:
        return round(self.share * self.data.train_size)

    @property
    def true_labels(self) -> bool:
        return self.data.true_labels

    def split(self, root: Path | None, replicate: int) -> Split:
        """The member's own examples of the replicate, in the order of the whole.

        Raises:
            DataError: as ``source``.
            ValueError: images or labels are changed in every epoch.
        """
        import numpy as np

        whole = _still(self, self.data.split(root, replicate))
        rows = np.flatnonzero(kept_by(self.member, self.share, self.data.train_size, replicate))
        return Split(
            x_train=whole.x_train[rows],
            y_train=whole.y_train[rows],
            y_true=whole.y_true[rows],
            corrupted=whole.corrupted[rows],
            x_test=whole.x_test,
            y_test=whole.y_test,
            classes=whole.classes,
        )


class AllSubsets(AroundData, frozen=True):
    """The whole data set that members 0, 1, ... of ``RandomSubset`` are drawn from, and their masks.

    It is what a probe of the members side by side (``harness.models.ensemble``) is measured on, or a solver:
    its splits are ``MaskedSplit``, in which ``kept`` says who has trained on what.

    Args:
        data: the data set.
        share: of its training examples that a member keeps.
        members: how many.

    Raises:
        ValueError: as ``RandomSubset``, or fewer than two members.
    """

    share: float = 0.7
    members: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_share(self, self.share, self.data.train_size)
        require_between(self, "members", self.members, 2, MOST)

    @property
    def true_labels(self) -> bool:
        return self.data.true_labels

    def member(self, number: int) -> RandomSubset:
        """The subset of a member, by its number from 0.

        Raises:
            ValueError: there is no such member.
        """
        require_between(self, "member", number, 0, self.members - 1)
        return RandomSubset(self.data, self.share, number)

    def split(self, root: Path | None, replicate: int) -> MaskedSplit:
        """All examples of the replicate, with the masks of its members.

        Raises:
            DataError: as ``source``.
            ValueError: images or labels are changed in every epoch.
        """
        import numpy as np

        whole = _still(self, self.data.split(root, replicate))
        n = self.data.train_size
        kept = np.stack([kept_by(member, self.share, n, replicate) for member in range(self.members)])
        return MaskedSplit(**{part.name: getattr(whole, part.name) for part in fields(Split)}, kept=kept)


def kept_by(member: int, share: float, n: int, replicate: int) -> NDArray[np.bool_]:
    """Draw the mask of a member, bool [n]: it keeps a share of n examples, rounded to whole ones."""
    import numpy as np

    kept = np.zeros(n, bool)
    kept[stream(replicate, "data", MEMBERS, member).permutation(n)[: round(share * n)]] = True
    return kept


def _require_share(data: AroundData, share: float, n: int) -> None:
    if not 0 < round(share * n) < n:
        raise ValueError(
            f"{type(data).__name__}(share={share}): must keep some of {n:,} examples, and leave some out"
        )


def _still(data: AroundData, whole: Split) -> Split:
    if whole.redraw is not None or whole.augment is not None:
        raise ValueError(
            f"{type(data).__name__}: images or labels of {type(data.data).__name__} change in every epoch; "
            "take data that stay, so that it can be said what was held out"
        )
    return whole
