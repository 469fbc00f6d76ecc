"""Tables of modular arithmetic, of which a share is known: what networks are said to grok."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.data.archives import Source
from harness.data.examples import Examples
from harness.data.split import Split, require_between
from harness.spec.streams import stream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHARES, ANSWERS = 8, 9  # parts of the stream
MOST = 257
"""The largest modulus: its table has 66,049 entries."""


class ModularTable(Examples, frozen=True):
    """The table of a + b modulo p: pairs as two indicators [2 p], their sum as the class.

    A share of the entries, drawn for each replicate, is the training set, and all others are the test set
    (Power et al. 2022; Gromov 2023).

    Args:
        p: the modulus, and the number of classes.
        share: of the entries that are known, rounded to whole entries.
        permuted: whether answers are permuted over the table, so that it has as many of each, and no rule.

    Raises:
        ValueError: a modulus out of range, or a share that leaves nothing to learn from or to be asked.
    """

    p: int = 23
    share: float = 0.5
    permuted: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between(self, "p", self.p, 2, MOST)
        if not 0 < self.train_size < self.p**2:
            raise ValueError(f"ModularTable(share={self.share}): must leave entries on both sides, in (0, 1)")

    @property
    def shape(self) -> tuple[int, ...]:
        return (2 * self.p,)

    @property
    def classes(self) -> int:
        return self.p

    @property
    def train_size(self) -> int:
        return round(self.share * self.p**2)

    @property
    def test_size(self) -> int:
        return self.p**2 - self.train_size

    @property
    def true_labels(self) -> bool:
        return not self.permuted

    def source(self, root: Path | None) -> Source:
        """Computed: no digest, no root needed."""
        return Source("modular arithmetic", "")

    def split(self, root: Path | None, replicate: int) -> Split:
        """The replicate's own share of the table; x is float32 [n, 2 p]."""
        import numpy as np

        pairs = np.indices((self.p, self.p)).reshape(2, -1)
        answers = pairs.sum(axis=0) % self.p
        if self.permuted:
            answers = stream(replicate, "data", ANSWERS).permutation(answers)
        indicators = np.eye(self.p, dtype=np.float32)
        x = np.hstack([indicators[pairs[0]], indicators[pairs[1]]])
        order = stream(replicate, "data", SHARES).permutation(self.p**2)
        train, test = order[: self.train_size], order[self.train_size :]
        return _split(x, answers.astype(np.int64), train, test, self.p)


def _split(
    x: NDArray[np.float32],
    y: NDArray[np.int64],
    train: NDArray[np.int64],
    test: NDArray[np.int64],
    classes: int,
) -> Split:
    """A split of these rows, whose labels are what is to be learnt, permuted or not."""
    import numpy as np

    return Split(
        x_train=x[train],
        y_train=y[train],
        y_true=y[train],
        corrupted=np.zeros(len(train), bool),
        x_test=x[test],
        y_test=y[test],
        classes=classes,
        redraw=None,
    )
