"""Figures: well-formed, thinned, merged by name, whatever the curve."""

from __future__ import annotations

import math
import re
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from harness.evidence.schema import Report, Reported
from harness.report import figures
from harness.tests import reports

FIXED = settings(derandomize=True, deadline=None, database=None, max_examples=50)


NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)


def test_svg_is_well_formed_themed_and_free_of_dates(full: Report) -> None:
    for panel in figures.panels(full.claims):
        text = figures.svg(panel)
        ElementTree.fromstring(text)
        assert text == figures.svg(panel)
        assert "<metadata" not in text
        assert "var(--series-1, #2f74c0)" in text
        assert "<script" not in text
        assert len(text) < 200_000


def test_axes_are_laid_out_once_and_stand_where_saving_would_have_put_them(
    full: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = figures.panels(full.claims)[0]
    drawn, draw, layout = figures.svg(panel), Figure.draw, ConstrainedLayoutEngine.execute
    calls: list[str] = []

    def drawing(figure: Figure, renderer: Any) -> None:
        calls.append("draw")
        draw(figure, renderer)

    def laying(engine: ConstrainedLayoutEngine, figure: Figure) -> Any:
        calls.append("lay out")
        return layout(engine, figure)

    monkeypatch.setattr(Figure, "draw", drawing)
    monkeypatch.setattr(ConstrainedLayoutEngine, "execute", laying)
    assert figures.svg(panel) == drawn
    assert calls == ["lay out", "draw"]
    monkeypatch.setattr(figures, "_lay_out", lambda figure: None)
    assert figures.svg(panel) == drawn


def test_curves_are_thinned_to_their_ends() -> None:
    long = reports.curve(
        x=tuple(map(float, range(1, 5001))), y=(tuple(map(math.sin, range(5000))),), marks={}, reported=()
    )
    for scale in ("linear", "log"):
        panel = figures.panels([reports.claim(figures=(msgspec.structs.replace(long, x_scale=scale),))])[0]
        paths = re.findall(r' d="([^"]*)"', figures.svg(panel))
        assert 24 <= max(len(path.split()) // 2 for path in paths) <= 200


def test_the_mean_ends_where_fewer_than_half_of_the_replicates_go_on() -> None:
    x, mean = figures.mean_curve(
        reports.curve(x=(1.0, 2.0, 3.0), y=((1.0, 3.0, 5.0), (3.0, None, None), (5.0, 5.0, None)))
    )
    assert x == (1.0, 2.0, 3.0)
    assert mean == (3.0, 4.0, None)


def test_every_tier_has_a_figure_of_its_own() -> None:
    claims = [reports.claim(tier=tier) for tier in ("quick", "standard")]
    assert [panel.tier for panel in figures.panels(claims)] == ["quick", "standard"]


def test_series_of_the_same_name_are_told_apart_and_equal_ones_merged() -> None:
    same, other = reports.curve(), reports.curve(speed=3.0)
    claims = [
        reports.claim(figures=(same,)),
        reports.claim("b", figures=(same,)),
        reports.claim("c", figures=(other,), params={"width": 8}),
        reports.claim("d", figures=(reports.curve(speed=4.0), reports.curve(speed=5.0))),
    ]
    (panel,) = figures.panels(claims)
    assert [name for name, _ in panel.series] == [
        "random labels", "random labels (width = 8)", "random labels (2)", "random labels (3)",
    ]  # fmt: skip
    assert len(panel.claims) == 4
    assert len(panel.reported) == len(panel.marks) == 1


@given(st.lists(st.lists(NUMBERS, max_size=6), max_size=3), st.sampled_from(["linear", "log"]))
@settings(FIXED, max_examples=8)
def test_any_curve_can_be_drawn(rows: list[list[float | None]], scale: str) -> None:
    drawn = reports.curve(
        x=(0.0, 1.0, 1e-9, 1e200, 5.0, -2.0),
        y=tuple(map(tuple, rows)),
        x_scale=scale,
        y_scale=scale,
        reported=(Reported(source="s", points=((0.0, 1e300),)),),
        marks={"m": 0.0},
    )
    panel = figures.panels([reports.claim(figures=(drawn,))])[0]
    ElementTree.fromstring(figures.svg(panel))
    assert "nan" not in figures.alt(panel)
