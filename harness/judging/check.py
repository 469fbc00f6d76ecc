"""What a claim's body calls to say what must hold and what to draw."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from harness.evidence.kinds import Relation
from harness.evidence.measured import Measured, WrongKind
from harness.evidence.numbers import all_finite
from harness.evidence.schema import Reported, Series


class Check:
    """What a claim's body calls: ``check(relation)`` and ``check.draw(...)``. Judging comes after."""

    def __init__(self) -> None:
        self.relations: list[Relation] = []
        self.series: list[Series] = []

    def __call__(self, relation: Relation | Sequence[Relation], *, uncontrolled: str = "") -> None:
        """Say what must hold: one relation, or several that stand together as those of ``ordered`` do.

        Args:
            relation: what must hold.
            uncontrolled: why no control can make this check fail, where none can; every other must fail in
                some control, or the claim is inconclusive.

        Raises:
            TypeError: something that is no relation, or reasons that are no words.
        """
        if not isinstance(uncontrolled, str) or (uncontrolled and not uncontrolled.strip()):
            raise WrongKind(f"check(uncontrolled=...) is a reason in words, not {uncontrolled!r:.40}")
        for stated in relation if isinstance(relation, Sequence) else (relation,):
            if not isinstance(stated, Relation):
                raise WrongKind(f"check() takes a relation such as above(...), not {type(stated).__name__}")
            if not isinstance(stated.because, str):
                raise WrongKind(f"because= is a reason in words, not {stated.because!r:.40}")
            self.relations.append(dataclasses.replace(stated, uncontrolled=uncontrolled))

    def draw(
        self,
        figure: str,
        *,
        series: str,
        x: Iterable[float],
        y: Iterable[Measured] | Iterable[Iterable[float]],
        x_label: str = "",
        y_label: str = "",
        x_scale: str = "linear",
        y_scale: str = "linear",
        reported: Mapping[str, Sequence[tuple[float, float]]] | None = None,
        marks: Mapping[str, float] | None = None,
    ) -> None:
        """Add a curve to a figure of the report.

        Args:
            figure: its name; series of equal figure, paper and tier share their axes.
            x: [point].
            y: for each point a measure; or [replicate, point], NaN where a run has no value.
            reported: source -> its own points, drawn beside ours, never a bound.
            marks: label -> x, drawn as vertical lines.
        """
        rows = tuple(all_finite(row) for row in _rows(y))
        places = tuple(value for value in all_finite(x) if value is not None)
        if any(len(row) != len(places) for row in rows):
            raise ValueError(
                f"{figure}, {series}: every row of y needs one value for each of {len(places)} x"
            )
        points = {s: tuple((float(a), float(b)) for a, b in p) for s, p in (reported or {}).items()}
        self.series.append(
            Series(
                figure=figure,
                series=series,
                x=places,
                y=rows,
                x_label=x_label,
                y_label=y_label,
                x_scale=x_scale,
                y_scale=y_scale,
                reported=tuple(Reported(source=s, points=p) for s, p in points.items()),
                marks={label: float(at) for label, at in (marks or {}).items()},
            )
        )


def _rows(y: Iterable[Measured] | Iterable[Iterable[float]]) -> Iterable[Iterable[float]]:
    """A row per replicate, from a measure per point or as they are."""
    columns: list[Iterable[float]] = []
    rows: list[Iterable[float]] = []
    for part in y:
        if isinstance(part, Measured):
            columns.append(part.shown)
        else:
            rows.append(part)
    return rows or list(zip(*columns, strict=True))
