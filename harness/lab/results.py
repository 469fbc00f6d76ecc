"""What a claim reads: one array per measure, a row per replicate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from harness.evidence.measured import Unknown
from harness.spec import abbreviated

if TYPE_CHECKING:
    import numpy as np

    from harness.evidence.statistics import Measured
    from harness.lab.runs import Run
    from harness.lab.store import Record


class Results:
    """The records of one experiment at exactly the replicates being judged.

    Attributes:
        name: what the claim calls it.
        runs, records: in the order of the replicates.

    Args:
        whole: has them trained again with every curve, where one is read that was not recorded.
    """

    def __init__(
        self,
        name: str,
        runs: Sequence[Run],
        records: Sequence[Record],
        whole: Callable[[], Sequence[Record]] | None = None,
    ) -> None:
        self.name, self.runs, self.records = name, runs, records
        self._whole = whole

    def __repr__(self) -> str:
        return f"<{len(self.records)} replicates of {abbreviated(self.runs[0].value)}>"

    def final(self, measure: str) -> Measured:
        """A measure after the last epoch, [replicate]; NaN where the run diverged.

        Raises:
            KeyError: no such measure; the message lists those there are.
        """
        self._known(measure, self.records[0].finals)
        return self._measured(measure, [r.finals.get(measure) for r in self.records])

    def best(self, measure: str) -> Measured:
        """The smallest value of a measure over the epochs, [replicate]."""
        curves = self.curve(measure)
        lowest = [
            None if r.outcome == "diverged" else min(c)
            for r, c in zip(self.records, _finite(curves), strict=True)
        ]
        return self._measured(f"best {measure}", lowest, measure)

    def at(self, measure: str, *, when: str, below: float) -> Measured:
        """A measure at the first epoch where another is at most ``below``, [replicate]; NaN if never."""
        values = []
        for row, other in zip(self.curve(measure), self.curve(when), strict=True):
            epochs = [i for i, value in enumerate(other) if value <= below]
            values.append(float(row[epochs[0]]) if epochs else None)
        return self._measured(f"{measure} when {when} <= {below:g}", values, measure)

    def epochs_to(self, measure: str, target: float) -> Measured:
        """Epochs until a measure is first at most ``target``, [replicate].

        A run that does not get there is censored at the epochs it had: a lower bound, never dropped.
        """
        import numpy as np

        from harness.evidence.statistics import Measured

        values, censored = [], []
        rows = _finite(self.curve(measure))  # first, for it may have the records made whole
        for record, row in zip(self.records, rows, strict=True):
            epochs = [i for i, value in enumerate(row) if value <= target]
            values.append(float(epochs[0] + 1) if epochs else float(max(record.epochs, 1)))
            censored.append(not epochs)
        return Measured(
            np.array(values),
            resolution=1.0,
            censored=np.array(censored),
            name=f"epochs to {measure} <= {target:g} ({self.name})",
        )

    def curve(self, measure: str) -> np.ndarray:
        """A measure per epoch, [replicate, epoch], NaN after a run has ended."""
        import numpy as np

        if self._whole and any(_unrecorded(record, measure) for record in self.records):
            self.records = self._whole()
        self._known(measure, self.records[0].curves)
        rows = [r.curves.get(measure, ()) for r in self.records]
        table = np.full((len(rows), max(map(len, rows))), np.nan)
        for i, row in enumerate(rows):
            table[i, : len(row)] = [np.nan if value is None else value for value in row]
        return table

    def array(self, measure: str) -> np.ndarray:
        """What a solver or simulation returned as a sequence, [replicate, ...]."""
        shapes = self.records[0].shapes
        self._known(measure, shapes)
        return self.curve(measure).reshape(len(self.records), *shapes[measure])

    @property
    def epochs(self) -> np.ndarray:
        """1, 2, ... up to the longest run, [epoch]."""
        import numpy as np

        return np.arange(1, max(r.epochs for r in self.records) + 1)

    @property
    def steps(self) -> np.ndarray:
        """Gradient steps at the end of each epoch, [epoch]."""
        return self.epochs * self.records[0].steps_per_epoch

    def _measured(self, name: str, values: Sequence[float | None], measure: str = "") -> Measured:
        import numpy as np

        from harness.evidence.statistics import Measured

        plain = np.array([np.nan if value is None else value for value in values])
        resolution = max(r.resolutions.get(measure or name, 0.0) for r in self.records)
        return Measured(plain, resolution=resolution, name=f"{name} ({self.name})")

    def _known(self, measure: str, there: object) -> None:
        names = list(there)  # type: ignore[call-overload]
        if measure not in names:
            raise Unknown(
                f"{self.name} has no {measure!r}; it has {', '.join(names) or 'nothing of this kind'}"
            )


def _unrecorded(record: Record, measure: str) -> bool:
    """Whether a training measured this at its end alone, since nobody was to read its curve."""
    return record.epochs > 0 and measure in record.finals and measure not in record.curves


def _finite(curves: np.ndarray) -> list[list[float]]:
    import numpy as np

    return [row[np.isfinite(row)].tolist() for row in curves]
