"""README's picture: the headline claims of Zhang et al. 2017 against their bounds, each with its control.

It is drawn without a library, as SVG, from the committed reports alone: a row for each claim, a column for
each tier, one axis for a row. It has a ground of its own, light or dark as the reader's system is, so that it
is legible on both.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.evidence.outcome import Evidence
from harness.evidence.schema import ClaimReport, Report
from harness.report import wording
from harness.spec.verdict import Verdict


@dataclass(frozen=True)
class Headline:
    """A row: the name of a claim's test with its parameters, what it says in short, and what is measured.

    ``unit``: what numbers are multiplied by before they are shown, 100 where the unit is a percent.
    """

    test: str
    says: str
    measured: str
    unit: float = 1.0


SOURCE = "ZHANG2017"
TITLE = "Zhang et al. 2017, “Understanding deep learning requires rethinking generalization”, judged again"
HEADLINES = (
    Headline(
        "test_random_labels_are_fit_exactly[mlp]",
        "Random labels are fitted",
        "share of runs that reach training error 0 (standard: 1 %)",
    ),
    Headline(
        "test_slowdown_is_bounded_by_a_constant[mlp]",
        "Fitting them takes longer by a small factor only",
        "epochs on random labels / epochs on true ones",
    ),
    Headline(
        "test_random_labels_leave_test_error_at_chance[mlp]",
        "What has fitted them errs at chance",
        "test error in %",
        unit=100.0,
    ),
    Headline(
        "test_random_labels_are_fit_at_the_size_of_cifar10",
        "2n + d weights fit n = 50,000 random labels",
        "share of draws that the constructed net fits",
    ),
    Headline(
        "test_weight_decay_helps_an_mlp_by_little[mlp]",
        "Weight decay is not needed to generalize",
        "test error without it less test error with it, in points of %",
        unit=100.0,
    ),
    Headline(
        "test_early_stopping_gains_little_with_true_labels",
        "Nor is early stopping",
        "last test error less the best on the way, in points of %",
        unit=100.0,
    ),
)
"""The rows, in the order of the paper's story."""

# All lengths are in units of the drawing, which README shows at one unit a pixel where there is room.
WIDTH, EDGE, GAP = 760, 16, 24
"""The drawing's width, the ground around what is drawn, and the space between its columns."""
TOP, ROW, LEGEND = 66, 78, 40
"""Heights of the head, of a row, and of the legend below the rows."""
STRIP, STRIP_AT, NUMBERS_AT = 18, 24, 60
"""Height of the strip on which an interval is drawn, and where it and its numbers lie within a row."""
PADDING = 0.04
"""Space left and right of what is drawn on an axis, as a share of its span."""
STYLE = """
.ground{fill:#ffffff;stroke:#d0d7de}.ink{fill:#1f2328}.soft{fill:#59636e}
.strip{fill:#eff1f3}.holds{fill:#b7e4c0}.bound{stroke:#1a7f37}.interval{stroke:#1f2328}.estimate{fill:#1f2328}
.control{fill:#ffffff;stroke:#bc4c00}.says{fill:#bc4c00}.reproduced{fill:#1a7f37}.refuted{fill:#cf222e}
@media (prefers-color-scheme: dark){
.ground{fill:#0d1117;stroke:#3d444d}.ink{fill:#f0f6fc}.soft{fill:#9198a1}
.strip{fill:#212830}.holds{fill:#1b4d2b}.bound{stroke:#3fb950}.interval{stroke:#f0f6fc}.estimate{fill:#f0f6fc}
.control{fill:#0d1117;stroke:#f0883e}.says{fill:#f0883e}.reproduced{fill:#3fb950}.refuted{fill:#ff7b72}
}
""".replace("\n", "")
TEN = 10.0
FONT = "-apple-system,'Segoe UI','Noto Sans',Helvetica,Arial,sans-serif"


@dataclass(frozen=True)
class RowAxis:
    """A row's common axis: its ends, in units of the measure or in logs of them."""

    low: float
    high: float
    logarithmic: bool

    def at(self, value: float) -> float:
        """Where a value lies, from 0 (left) to 1; what is beyond an end lies at the end."""
        if self.logarithmic:
            value = math.log(value) if value > 0 else self.low
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)


@dataclass(frozen=True)
class Pictured:
    """What is drawn of a claim at a tier: its first check, and the same check in its control."""

    verdict: Verdict
    check: Evidence
    control: Evidence | None

    @property
    def values(self) -> Iterator[float]:
        """All that must lie on the axis."""
        check = self.check
        numbers = [check.estimate, check.low, check.high, check.lower_bound, check.upper_bound]
        if self.control:
            numbers.append(self.control.estimate)
        yield from (number for number in numbers if number is not None)


def picture(reports: Iterable[Report]) -> str:
    """The picture; "" where no report has one of its claims."""
    claims = [claim for report in reports for claim in report.claims if claim.paper == SOURCE]
    tiers = list(dict.fromkeys(claim.tier for claim in claims))[:2]
    rows = [(headline, cells) for headline in HEADLINES if (cells := _cells(claims, headline, tiers))]
    if not rows:
        return ""
    height = TOP + ROW * len(rows) + LEGEND
    drawn = [*_head(tiers)]
    for number, (headline, cells) in enumerate(rows):
        drawn += _row(headline, [cells.get(tier) for tier in tiers], TOP + ROW * number)
    drawn += _legend(height - LEGEND + 10)
    box = f'<rect class="ground" x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>'
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    inside = "\n".join(["", f"<title>{TITLE}</title>", f"<style>{STYLE}</style>", box, *drawn, ""])
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{FONT}">{inside}</svg>\n'


def _cells(claims: Sequence[ClaimReport], headline: Headline, tiers: Sequence[str]) -> dict[str, Pictured]:
    """What there is of a headline by tier."""
    cells = {}
    for claim in claims:
        if claim.tier in tiers and claim.id.endswith(f"::{headline.test}") and claim.checks:
            worlds = [world.checks for world in claim.controls if not world.positive and world.checks]
            control = worlds[0][0] if worlds else None
            cells[claim.tier] = Pictured(claim.verdict, claim.checks[0], control)
    return cells


def _head(tiers: Sequence[str]) -> Iterator[str]:
    yield _text(EDGE, 28, TITLE, "ink", size=14.5, bold=True)
    for number, tier in enumerate(tiers):
        yield _text(_left(number), 50, wording.scale(tier), "soft", size=12.5)


def _row(headline: Headline, cells: Sequence[Pictured | None], y: float) -> Iterator[str]:
    there = [cell for cell in cells if cell]
    axis = _axis(there)
    says = f'<tspan font-weight="600">{html.escape(headline.says)}</tspan>'
    measured = f'<tspan class="soft" font-size="12">: {html.escape(headline.measured)}</tspan>'
    yield f'<text class="ink" x="{EDGE}" y="{y + 14}" font-size="13.5">{says}{measured}</text>'
    for number, cell in enumerate(cells):
        if cell:
            yield from _strip(cell, axis, _left(number), y + STRIP_AT)
            yield from _numbers(cell, headline.unit, _left(number), y + NUMBERS_AT)


def _axis(cells: Sequence[Pictured]) -> RowAxis:
    logarithmic = all(cell.check.logarithmic for cell in cells)
    values = [value for cell in cells for value in cell.values if value > 0 or not logarithmic]
    ends = [math.log(value) if logarithmic else value for value in (min(values), max(values))]
    space = PADDING * (ends[1] - ends[0]) or 1.0
    return RowAxis(ends[0] - space, ends[1] + space, logarithmic)


def _strip(cell: Pictured, axis: RowAxis, x: float, y: float) -> Iterator[str]:
    """The strip of a claim at a tier: where it holds, its bounds, the control, the interval, the estimate."""
    check, width, middle = cell.check, _column(), y + STRIP / 2
    lower, upper = check.lower_bound, check.upper_bound
    start = 0.0 if lower is None else axis.at(lower)
    end = 1.0 if upper is None else axis.at(upper)
    yield f'<rect class="strip" x="{x:g}" y="{y:g}" width="{width:g}" height="{STRIP}" rx="3"/>'
    yield _rectangle("holds", x + start * width, y, (end - start) * width)
    for bound in (lower, upper):
        if bound is not None:
            at = x + axis.at(bound) * width
            yield _line("bound", at, y - 2, at, y + STRIP + 2)
    if cell.control and cell.control.estimate is not None:
        yield _diamond(x + axis.at(cell.control.estimate) * width, middle)
    if check.low is not None or check.high is not None:
        low, high = (
            end if value is None else axis.at(value) for value, end in ((check.low, 0.0), (check.high, 1.0))
        )
        yield _line("interval", x + low * width, middle, x + high * width, middle)
    if check.estimate is not None:
        yield _dot(x + axis.at(check.estimate) * width, middle)


def _numbers(cell: Pictured, unit: float, x: float, y: float) -> Iterator[str]:
    """The same in numbers: verdict, estimate, interval and bound on the left, the control on the right."""
    check = cell.check
    verdict = f'<tspan class="{_class(cell.verdict)}" font-weight="600">{cell.verdict.symbol} {cell.verdict}'
    told = f"{verdict}</tspan> {_shown(check, unit)}, {_bounds(check, unit)}"
    yield f'<text class="ink" x="{x:g}" y="{y:g}" font-size="12">{told}</text>'
    if cell.control:
        end = f'x="{x + _column():g}" y="{y:g}" font-size="12" text-anchor="end"'
        yield f'<text class="says" {end}>control {_estimate(cell.control, unit)}</text>'


def _estimate(check: Evidence, unit: float) -> str:
    if check.relation in wording.RATES:
        return wording.estimate(check)
    return wording.NOTHING if check.estimate is None else _short(check.estimate * unit)


def _shown(check: Evidence, unit: float) -> str:
    """The estimate and, where it is no rate, its interval."""
    estimate = _estimate(check, unit)
    if check.relation in wording.RATES or check.low is None or check.high is None:
        return estimate
    return f"{estimate} ({_short(check.low * unit)} to {_short(check.high * unit)})"


def _bounds(check: Evidence, unit: float) -> str:
    """What the claim asks, in a few words."""
    low, high = (end and wording.number(end * unit) for end in (check.lower_bound, check.upper_bound))
    if low and high:
        return f"within {low} to {high}"
    rate = "rate " * (check.relation in wording.RATES)
    return f"{rate}above {low}" if low else f"below {high}"


def _short(value: float) -> str:
    """A number to two decimals, from ten on to one."""
    return f"{value:.{1 if abs(value) >= TEN else 2}f}".replace("-", "−")


def _legend(y: float) -> Iterator[str]:
    middle = y + STRIP / 2 - 4
    yield _line("interval", EDGE, middle, EDGE + 26, middle)
    yield _dot(EDGE + 13, middle)
    yield _text(EDGE + 34, middle + 4, "estimate and interval", "soft")
    yield _rectangle("holds", 196, middle - 7, 26, 14)
    yield _line("bound", 196, middle - 9, 196, middle + 9)
    yield _text(230, middle + 4, "bound, and where the claim holds", "soft")
    yield _diamond(447, middle)
    yield _text(464, middle + 4, "control: a near miss, in which it must fail", "soft")


def _class(verdict: Verdict) -> str:
    known: Mapping[Verdict, str] = {Verdict.REPRODUCED: "reproduced", Verdict.REFUTED: "refuted"}
    return known.get(verdict, "soft")


def _column() -> float:
    return (WIDTH - 2 * EDGE - GAP) / 2


def _left(number: int) -> float:
    return EDGE + number * (_column() + GAP)


def _text(x: float, y: float, text: str, style: str, *, size: float = 12, bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    where = f'x="{x:g}" y="{y:g}" font-size="{size:g}"'
    return f'<text class="{style}" {where}{weight}>{html.escape(text)}</text>'


def _line(style: str, x1: float, y1: float, x2: float, y2: float) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line class="{style}" stroke-width="2" {ends}/>'


def _rectangle(style: str, x: float, y: float, width: float, height: float = STRIP) -> str:
    return f'<rect class="{style}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:g}"/>'


def _dot(x: float, y: float) -> str:
    return f'<circle class="estimate" cx="{x:.1f}" cy="{y:g}" r="4.5"/>'


def _diamond(x: float, y: float) -> str:
    return f'<path class="control" stroke-width="2" d="M{x:.1f} {y - 6:g}l6 6-6 6-6-6z"/>'
