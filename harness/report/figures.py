"""Measured curves with the source's own points over them, as SVG that is byte-identical on every rendering.

Every series of one figure at one tier, from whichever claims drew it, shares one pair of axes. Colours are
CSS custom properties with a fallback that is legible on white and on black, so a page can set its own.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.evidence.schema import ClaimReport, Reported, Series
from harness.report import wording

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

COLORS = ("#2f74c0", "#cf5a10", "#1d8a5b", "#b0489c", "#8a7a10", "#c0392f", "#5b6ee0", "#2a8a94")
INK = "#7a7a7a"
DASHES = ("", "6 2", "2 1.5", "7 2 1.5 2")
MARKERS = ("o", "s", "^", "v")
POINTS = 160
"""Points of a mean curve at most."""
THIN_CURVES = 10
"""Replicates of a series that are drawn as curves of their own."""
THIN_POINTS, FEWEST, MOST = 1600, 24, 80
"""Points of a figure's thin curves together, which bound a page's size; the fewest and most of one."""
SIZE = (5, 3.2)
"""Width and height of a figure in inches of 72 points."""
X_LETTERS, Y_LETTERS = 80, 50
"""Letters of an axis' label that fit beside it."""
MARKED = 12
"""Curves of at most so many points also show the points."""
LARGEST = 1e100
"""Values beyond it are left out of a drawing: axes cannot hold them."""
NO_VALUES = "no values"

STYLE: dict[str, Any] = {
    "svg.hashsalt": "overclaim",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
    **dict.fromkeys(
        ("axes.edgecolor", "axes.labelcolor", "text.color", "xtick.color", "ytick.color", "grid.color"), INK
    ),
}


@dataclass(frozen=True)
class Panel:
    """One figure of one paper at one tier: its series under names that tell them apart."""

    paper: str
    figure: str
    tier: str
    series: tuple[tuple[str, Series], ...]
    claims: tuple[tuple[str, str], ...]

    @property
    def title(self) -> str:
        """The figure's name in its paper, and the scale of our runs."""
        return f"{self.figure}, {wording.scale(self.tier)}"

    @property
    def first(self) -> Series:
        """The series that was drawn first, whose labels and scales the axes bear."""
        _, series = self.series[0]
        return series

    @property
    def reported(self) -> tuple[tuple[int, Reported], ...]:
        """The sources' points with the number of the series they were drawn beside, each once."""
        seen: dict[Reported, int] = {}
        for index, (_, series) in enumerate(self.series):
            for points in series.reported:
                seen.setdefault(points, index)
        return tuple((index, points) for points, index in seen.items())

    @property
    def marks(self) -> tuple[tuple[str, str, float], ...]:
        """(letter, label, x) of the vertical lines, each once."""
        marks = {(label, x): None for _, series in self.series for label, x in series.marks.items()}
        return tuple((chr(ord("a") + index % 26), label, x) for index, (label, x) in enumerate(marks))


@dataclass(frozen=True)
class Entry:
    """One line of a legend: ``kind`` is curve, reported or mark; ``hue`` numbers the colour from 1."""

    kind: str
    label: str
    color: str
    dash: str = ""
    letter: str = ""
    hue: int = 0


def panels(claims: Iterable[ClaimReport]) -> tuple[Panel, ...]:
    """Merge what the claims drew by (paper, figure, tier); a curve that two claims drew appears once."""
    cells: dict[tuple[str, str, str], list[tuple[ClaimReport, Series]]] = {}
    for claim in claims:
        for series in claim.figures:
            cells.setdefault((claim.paper, series.figure, claim.tier), []).append((claim, series))
    return tuple(
        Panel(*key, series=_named(drawn), claims=tuple(dict.fromkeys((c.id, c.tier) for c, _ in drawn)))
        for key, drawn in cells.items()
    )


def _named(drawn: list[tuple[ClaimReport, Series]]) -> tuple[tuple[str, Series], ...]:
    """Names for the curves: the series' own, with the test's parameters or a number where two are alike."""
    named: dict[str, Series] = {}
    for claim, series in drawn:
        if series in named.values():
            continue
        name = series.series
        if name in named and (params := wording.params(claim)):
            name = f"{name} ({params})"
        plain, count = name, 1
        while name in named:
            count += 1
            name = f"{plain} ({count})"
        named[name] = series
    return tuple(named.items())


def color(index: int) -> str:
    """The colour of a series as a property that the page may set, with the one that is drawn."""
    return f"var(--series-{_hue(index)}, {COLORS[index % len(COLORS)]})"


def _hue(index: int) -> int:
    return index % len(COLORS) + 1


def _dash(index: int) -> str:
    return DASHES[(index + index // len(COLORS)) % len(DASHES)]


def legend(panel: Panel) -> tuple[Entry, ...]:
    """What the lines and points are; the page shows it below the axes, where long names can wrap."""
    curves = [
        Entry("curve", f"{name} ({_replicates(series)})", color(index), _dash(index), hue=_hue(index))
        for index, (name, series) in enumerate(panel.series)
        if series.y
    ]
    points = [
        Entry("reported", f"reported: {reported.source}", color(index), hue=_hue(index))
        for index, reported in panel.reported
    ]
    marks = [
        Entry("mark", f"{label} ({wording.number(x)})", "var(--ink, #7a7a7a)", letter=letter)
        for letter, label, x in panel.marks
    ]
    return (*curves, *points, *marks)


def _replicates(series: Series) -> str:
    return f"{len(series.y)} replicate{'s' * (len(series.y) != 1)}"


def alt(panel: Panel) -> str:
    """The figure in words: axes, and where every curve starts and ends."""
    first = panel.first
    axes = f"{first.y_label or 'value'} against {first.x_label or 'x'}"
    told = [f"{name}: {_course(series)}" for name, series in panel.series if series.y]
    told += [f"{len(points.points)} points reported by {points.source}" for _, points in panel.reported]
    told += [f"a line at {wording.number(x)} for {label}" for _, label, x in panel.marks]
    return f"{panel.title}: {axes}. " + "; ".join(told)


def _course(series: Series) -> str:
    _, mean = mean_curve(series)
    finite = [(x, y) for x, y in zip(series.x, mean, strict=False) if y is not None]
    if not finite:
        return NO_VALUES
    (x0, y0), (x1, y1) = finite[0], finite[-1]
    values = [y for _, y in finite]
    course = f"{wording.number(y0)} at {wording.number(x0)} to {wording.number(y1)} at {wording.number(x1)}"
    return f"{course}, between {wording.number(min(values))} and {wording.number(max(values))}"


def mean_curve(series: Series) -> tuple[tuple[float, ...], tuple[float | None, ...]]:
    """x and the mean over the replicates that have a value there, None where fewer than half of them do."""
    import numpy as np

    rows = _rows(series)
    return series.x, tuple(float(y) if np.isfinite(y) else None for y in _mean(rows))


def _rows(series: Series) -> np.ndarray:
    """y as float64 [replicate, x], NaN where there is no value or none that can be drawn."""
    import numpy as np

    rows = np.full((len(series.y), len(series.x)), np.nan)
    for row, values in zip(rows, series.y, strict=True):
        seen = [np.nan if value is None else value for value in values[: len(row)]]
        row[: len(seen)] = seen
    rows[~(np.abs(rows) < LARGEST)] = np.nan
    return rows


def _mean(rows: np.ndarray) -> np.ndarray:
    import numpy as np

    there = np.isfinite(rows)
    count = there.sum(axis=0)
    total = np.where(there, rows, 0.0).sum(axis=0)
    return np.where(2 * count >= max(len(rows), 1), total / np.maximum(count, 1), np.nan)


def _kept(x: np.ndarray, scale: str, limit: int) -> np.ndarray:
    """Indices into x, ``limit`` at most, ends included, evenly spread on the axis' scale."""
    import numpy as np

    if len(x) <= limit:
        return np.arange(len(x))
    if scale == "log" and (x > 0).all() and (np.diff(x) > 0).all():
        wanted = np.linspace(np.log(x[0]), np.log(x[-1]), limit)
        return np.unique(np.clip(np.searchsorted(np.log(x), wanted), 0, len(x) - 1))
    return np.unique(np.linspace(0, len(x) - 1, limit).round().astype(int))


def _draw_curve(axes: Axes, index: int, series: Series, scale: str, points: int) -> None:
    """The mean over the replicates' thin curves, each of so many points."""
    import numpy as np

    x, rows = np.asarray(series.x, float), _rows(series)
    x = np.where(np.abs(x) < LARGEST, x, np.nan)
    hue = COLORS[index % len(COLORS)]
    thin = _kept(x, scale, points)
    if len(rows) > 1:  # one line with gaps: shorter than a line for each
        several = np.pad(rows[:THIN_CURVES, thin], ((0, 0), (0, 1)), constant_values=np.nan)
        places = np.tile(np.append(x[thin], np.nan), len(several))
        axes.plot(places, several.ravel(), color=hue, linewidth=0.7, alpha=0.35)
    mean = _kept(x, scale, POINTS)
    dash = tuple(float(part) for part in _dash(index).split())
    few = len(mean) <= MARKED
    axes.plot(
        x[mean],
        _mean(rows)[mean],
        color=hue,
        linewidth=1.8,
        linestyle=(0, dash) if dash else "-",
        marker=MARKERS[index % len(MARKERS)] if few else None,
        markersize=4,
    )


def _draw_reported(axes: Axes, panel: Panel) -> None:
    for index, reported in panel.reported:
        points = [point for point in reported.points if max(map(abs, point)) < LARGEST]
        axes.plot(
            [x for x, _ in points],
            [y for _, y in points],
            linestyle="none",
            marker="D",
            markersize=6,
            markerfacecolor="none",
            markeredgewidth=1.6,
            markeredgecolor=COLORS[index % len(COLORS)],
            zorder=5,
        )


def _draw_marks(axes: Axes, panel: Panel) -> None:
    for letter, _, x in panel.marks:
        if abs(x) < LARGEST:
            axes.axvline(x, color=INK, linewidth=1, linestyle=(0, (1, 2)))
            axes.annotate(letter, (x, 1), xycoords=("data", "axes fraction"), ha="center", va="bottom")


def _scale(panel: Panel, side: str) -> str:
    """The first series' scale, linear where a logarithm has nothing positive to show."""
    wanted = getattr(panel.first, f"{side}_scale")
    if wanted != "log":
        return "linear"
    drawn = [v for _, s in panel.series for v in (s.x if side == "x" else (y for row in s.y for y in row))]
    return "log" if any(value is not None and value > 0 for value in drawn) else "linear"


def _axes(panel: Panel) -> Figure:
    """The matplotlib figure of a panel."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    x_scale, first = _scale(panel, "x"), panel.first
    axes.set_xscale(x_scale)
    axes.set_yscale(_scale(panel, "y"))
    for axis in (axes.xaxis, axes.yaxis):
        _plain_ticks(axis)
    axes.set_xlabel(_line(first.x_label)[:X_LETTERS])
    axes.set_ylabel(_line(first.y_label)[:Y_LETTERS])
    replicates = sum(min(len(series.y), THIN_CURVES) for _, series in panel.series)
    points = min(max(THIN_POINTS // max(replicates, 1), FEWEST), MOST)
    for index, (_, series) in enumerate(panel.series):
        _draw_curve(axes, index, series, x_scale, points)
    _draw_reported(axes, panel)
    _draw_marks(axes, panel)
    if not panel.reported and all(_course(series) == NO_VALUES for _, series in panel.series):
        axes.annotate(NO_VALUES, (0.5, 0.5), xycoords="axes fraction", ha="center", va="center")
    return figure


def _lay_out(figure: Figure) -> None:
    """Place the axes once; saving would draw all of the figure for that before it draws it to be seen."""
    engine = figure.get_layout_engine()
    assert engine is not None, "it was made with one"
    engine.execute(figure)
    figure.set_layout_engine(None)


def _plain_ticks(axis: Axis) -> None:
    """Powers of ten as plain numbers: matplotlib would write formulas, and its parser of those is off."""
    from matplotlib.ticker import FuncFormatter

    if axis.get_scale() != "log":
        return

    def within_a_decade(value: float, _: int) -> str:
        low, high = sorted(axis.get_view_interval())
        return wording.number(value) if high < 10 * low else ""

    axis.set_major_formatter(FuncFormatter(lambda value, _: wording.number(value)))
    axis.set_minor_formatter(FuncFormatter(within_a_decade))


def _line(text: str) -> str:
    return " ".join(wording.printable(text).split())


def svg(panel: Panel) -> str:
    """One panel as an SVG document without date, metadata or page background."""
    import warnings

    import matplotlib.style

    out = io.BytesIO()
    with matplotlib.style.context(["default", STYLE]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # glyphs that the layout's font lacks; the reader's font draws them
        absent = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure = _axes(panel)
        _lay_out(figure)
        figure.savefig(out, format="svg", transparent=True, metadata=absent)
    return _themed(_short(out.getvalue().decode()))


def _short(text: str) -> str:
    """Coordinates to a tenth of a point, polylines without letters: a third shorter, and looks the same."""

    def tenths(number: re.Match[str]) -> str:
        return f"{float(number[0]):.1f}".removesuffix(".0")

    def rounded(attribute: re.Match[str]) -> str:
        numbers = re.sub(r"-?\d+\.\d+", tenths, attribute[0])
        straight = numbers if re.search("[CQ]", numbers) else numbers.replace("L ", "")
        return " " + " ".join(straight.split()).replace(' "', '"')

    text = re.sub(r' transform="rotate\(-?0 [^"]*"', "", text)
    return re.sub(r' (?:d|x|y|transform)="[^"]*"', rounded, text)


def _themed(text: str) -> str:
    """Colours in styles as custom properties of the page, with the drawn colour where it sets none."""
    for index, hue in enumerate(COLORS):
        text = re.sub(rf"(stroke|fill): {hue}", rf"\1: {color(index)}", text)
    text = re.sub(rf"(stroke|fill): {INK}", rf"\1: var(--ink, {INK})", text)
    return re.sub(r"'DejaVu Sans'[^;\"]*", "var(--font, sans-serif)", text)
