"""Figures as files: the same lines and texts as matplotlib's, well formed, in the colours of both schemes."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.report import figures, html, plates
from harness.tests import reports

COLORS = plates.palette(Path(html.__file__).with_name("page.css").read_text())
SVG = plates.SVG


@pytest.fixture(scope="module")
def drawn() -> tuple[str, str]:
    claim = reports.claim(figures=(reports.curve(), reports.curve("true labels", 8.0)))
    text = figures.svg(figures.panels([claim])[0])
    return text, plates.plate(text, COLORS)


def test_a_plate_has_every_text_and_half_the_length(drawn: tuple[str, str]) -> None:
    before, after = (ElementTree.fromstring(text) for text in drawn)
    said = [["".join(e.itertext()) for e in root.iter(f"{SVG}text")] for root in (before, after)]
    assert said[0] == said[1]
    assert "epoch" in said[1]
    assert len(drawn[1]) < len(drawn[0]) / 2


def test_references_of_a_plate_lead_somewhere(drawn: tuple[str, str]) -> None:
    ids = set(re.findall(r' id="([^"]+)"', drawn[1]))
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', drawn[1])) <= ids
    assert not re.search(r"<script|href=\"http|@import|font-family: '", drawn[1])


def test_colours_are_given_for_both_schemes(drawn: tuple[str, str]) -> None:
    light, dark = (named["series-1"] for named in COLORS)
    assert light != dark
    style = re.search(r"<style>(.*?)</style>", drawn[1])
    assert style is not None
    before, _, after = style[1].partition("@media screen and (prefers-color-scheme:dark)")
    assert f"--s1:{light}" in before
    assert f"--s1:{dark}" in after


def corners(line: str) -> list[tuple[float, float]]:
    """The places that a relative line goes through."""
    places = []
    x = y = 0.0
    for letter, text in re.findall(r"([Mlhv])([^Mlhv]*)", line):
        numbers = [int(number) / plates.TENTHS for number in re.findall(r"-?\d+", text)]
        if letter == "M":
            ((x, y),) = [tuple(numbers)]
            places.append((x, y))
            continue
        across, down = (numbers[::2], numbers[1::2]) if letter == "l" else (numbers, [0.0] * len(numbers))
        for dx, dy in zip(*((down, across) if letter == "v" else (across, down)), strict=True):
            x, y = x + dx, y + dy
            places.append((x, y))
    return places


def test_lines_keep_their_corners_and_lose_what_lies_between() -> None:
    straight = "M 0 0 1 1 2 2 3 3 M 5 5 6 5.1 7 0.3 8 5"
    assert [(round(x, 1), round(y, 1)) for x, y in corners(plates.relative(straight))] == [
        (0, 0), (3, 3), (5, 5), (6, 5.1), (7, 0.3), (8, 5),
    ]  # fmt: skip
    assert plates.relative(straight, every=True).count("l") == 2
    assert len(corners(plates.relative(straight, every=True))) == 8, "each point bears its mark"
    level = "M 1 2 5 2 5 -4 6 -4 7 0"
    assert plates.relative(level) == "M10 20h40v-60h10l10 40"
    assert corners(plates.relative(level)) == [(1, 2), (5, 2), (5, -4), (6, -4), (7, 0)]
    assert plates.relative("M 0 0 C 1 1 2 -2 3 3") == "M0 0C10 10 20-20 30 30"


def test_every_point_of_a_curve_bears_its_mark(drawn: tuple[str, str]) -> None:
    before, after = (ElementTree.fromstring(text) for text in drawn)
    link = "{http://www.w3.org/1999/xlink}href"
    shapes = {f"#{e.get('id')}": e.get("d", "") for e in before.iter(f"{SVG}path") if e.get("id")}
    uses = [
        e
        for e in before.iter(f"{SVG}use")
        if not re.fullmatch(r"M 0 0 -?[\d.]+ -?[\d.]+", shapes[e.get(link, "")])
    ]
    style = next(after.iter(f"{SVG}style")).text or ""
    marked = dict(re.findall(r"\.(\w+)\{marker:url\(#(k\d+)\)", style))
    places = [
        p for e in after.iter(f"{SVG}path") if e.get("class") in marked for p in corners(e.get("d", ""))
    ]
    assert [(round(x, 1), round(y, 1)) for x, y in places] == [
        (float(use.get("x", "")), float(use.get("y", ""))) for use in uses
    ]
    assert len(places) >= 2
    assert len(list(after.iter(f"{SVG}marker"))) == len(marked) >= 1
