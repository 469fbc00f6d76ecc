"""A figure as a file of its own: SVG without what matplotlib repeats, in the page's colours."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from xml.etree import ElementTree

SVG, XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
Point = tuple[int, int]
"""A place in tenths of a unit."""
SMALLEST = 3.0
"""Tenths of a unit that nobody sees: a third of a point, less than a pixel of a large figure."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"
FONT = "system-ui,sans-serif"


def palette(css: str) -> tuple[dict[str, str], dict[str, str]]:
    """The page's colours of figures by name, light and dark, out of the blocks of its style sheet."""
    blocks = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    light, dark = (dict(re.findall(r"--(series-\d+|ink): (#[0-9a-f]{6})", block)) for block in blocks[:2])
    return light, dark


def plate(text: str, colors: tuple[dict[str, str], dict[str, str]]) -> str:
    """One SVG document: groups that only name things dissolved, styles said once, colours of both schemes."""
    root = ElementTree.fromstring(text)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{SVG}style", f"{SVG}metadata") or _draws_nothing(child):
                parent.remove(child)
    _dissolve(root)
    _draw_ticks(root)
    styles: dict[str, str] = {}
    ids: dict[str, str] = {}
    for element in root.iter():
        if name := element.get("id"):
            element.set("id", ids.setdefault(name, f"i{len(ids)}"))
        if style := element.attrib.pop("style", ""):
            element.set("class", styles.setdefault(_shorter(style), _name(len(styles))))
    for element in root.iter():
        _refer(element, ids)
    _merge(root)
    view = root.get("viewBox", "")
    body = "".join(_written(child) for child in root)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{view}">'
        f"<style>{_sheet(styles, colors)}</style>{body}</svg>\n"
    )


def _draws_nothing(element: ElementTree.Element) -> bool:
    """An empty background, or a list of definitions that has lost what it held."""
    if element.tag == f"{SVG}path":
        return element.get("style") == "fill: none" and "clip-path" not in element.attrib
    return element.tag == f"{SVG}defs" and not len([e for e in element if e.tag != f"{SVG}style"])


def _draw_ticks(root: ElementTree.Element) -> None:
    """Draw every tick where it is used: a line from a place is shorter than a reference to one."""
    ticks = {
        f"#{mark.get('id')}": mark
        for holder in root.iter(f"{SVG}defs")
        for mark in holder
        if mark.tag == f"{SVG}path" and re.fullmatch(r"M 0 0 -?[\d.]+ -?[\d.]+", mark.get("d", ""))
    }
    for parent in list(root.iter()):
        for place, child in enumerate(list(parent)):
            if child.tag == f"{SVG}use" and (mark := ticks.get(child.get(f"{XLINK}href", ""))) is not None:
                x, y = float(child.get("x", "0")), float(child.get("y", "0"))
                dx, dy = map(float, mark.get("d", "").split()[3:])
                line = f"M {x:g} {y:g} {x + dx:.1f} {y + dy:.1f}"
                attributes = {"d": line, "style": mark.get("style", "")}
                parent[place] = ElementTree.Element(f"{SVG}path", attributes)
    for holder in list(root.iter(f"{SVG}defs")):
        for mark in [mark for mark in holder if f"#{mark.get('id')}" in ticks]:
            holder.remove(mark)
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag == f"{SVG}defs" and not len(child)]:
            parent.remove(child)


def _merge(root: ElementTree.Element) -> None:
    """Paths of one class, grid lines and ticks, as one path where the first of them stands."""
    first: dict[tuple[tuple[str, str], ...], ElementTree.Element] = {}
    for child in list(root):
        if child.tag == f"{SVG}path" and re.fullmatch(r"[M\d\s.-]+", child.get("d", "")):
            key = tuple(sorted((name, value) for name, value in child.attrib.items() if name != "d"))
            if key in first:
                first[key].set("d", f"{first[key].get('d')} {child.get('d')}")
                root.remove(child)
            else:
                first[key] = child


def _dissolve(element: ElementTree.Element) -> None:
    """Put the children of groups that have nothing but a name into their places."""
    children: list[ElementTree.Element] = []
    for child in list(element):
        _dissolve(child)
        bare = child.tag == f"{SVG}g" and set(child.attrib) <= {"id"}
        children += list(child) if bare else [child]
    element[:] = children


def _refer(element: ElementTree.Element, ids: dict[str, str]) -> None:
    if link := element.attrib.pop(f"{XLINK}href", ""):
        element.set("href", f"#{ids.get(link[1:], link[1:])}")
    if clip := element.get("clip-path"):
        element.set("clip-path", re.sub(r"#([^)]*)", lambda m: f"#{ids.get(m[1], m[1])}", clip))


def _shorter(style: str) -> str:
    """A style without its spaces and its font, which all texts share."""
    parts = [part.strip() for part in style.split(";")]
    kept = [part for part in parts if part and not part.startswith("font-family")]
    plain = (re.sub(r"var\((--[\w-]+), [^)]*\)", r"var(\1)", part) for part in kept)
    return ";".join(re.sub(r"([:,])\s+", r"\1", part) for part in plain)


def _name(number: int) -> str:
    """A class name of one letter or two."""
    high, low = divmod(number, len(LETTERS))
    return (LETTERS[(high - 1) % len(LETTERS)] if high else "") + LETTERS[low]


def _sheet(styles: dict[str, str], colors: tuple[dict[str, str], dict[str, str]]) -> str:
    used = set(re.findall(r"var\(--([\w-]+)", "".join(styles)))

    def scheme(named: dict[str, str]) -> str:
        return ":root{" + ";".join(f"--{n}:{c}" for n, c in named.items() if n in used) + "}"

    light, dark = map(scheme, colors)
    rules = "".join(f".{name}{{{style}}}" for style, name in styles.items())
    return (
        f"{light}@media screen and (prefers-color-scheme:dark){{{dark}}}"
        f"*{{stroke-linejoin:round}}text{{font-family:{FONT}}}{rules}"
    )


def _written(element: ElementTree.Element) -> str:
    """An element and what is in it, as short as it can be written."""
    tag = element.tag.removeprefix(SVG)
    if tag == "path" and (line := element.get("d", "")):
        element.set("d", relative(line))
    attributes = "".join(f' {name}="{_escaped(value)}"' for name, value in element.attrib.items())
    inside = _escaped(element.text or "") if tag in ("text", "tspan") else ""
    inside += "".join(_written(child) for child in element)
    return f"<{tag}{attributes}>{inside}</{tag}>" if inside else f"<{tag}{attributes}/>"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def relative(line: str) -> str:
    """A line of straight pieces by the steps between its points, in whole tenths so that nothing adds up."""
    if not re.fullmatch(r"[M\d\s.-]+", line):
        return line
    pieces = []
    for piece in filter(str.strip, line.split("M")):
        tenths = [round(10 * float(number)) for number in piece.split()]
        points = _needed(list(zip(tenths[::2], tenths[1::2], strict=True)))
        steps = [(x - a, y - b) for (a, b), (x, y) in itertools.pairwise(points)]
        along = _joined([part for step in steps for part in step])
        pieces.append(f"M{_joined(points[0])}" + f"l{along}" * bool(steps))
    return "".join(pieces)


def _needed(points: list[Point]) -> list[Point]:
    """The points without which the line would move by over ``SMALLEST`` (Douglas and Peucker, 1973)."""
    kept, parts = {0, len(points) - 1}, [(0, len(points) - 1)]
    while parts:
        first, last = parts.pop()
        away = [(_distance(points[i], points[first], points[last]), i) for i in range(first + 1, last)]
        far, place = max(away, default=(0.0, 0))
        if far > SMALLEST:
            kept.add(place)
            parts += [(first, place), (place, last)]
    return [points[place] for place in sorted(kept)]


def _distance(point: Point, one: Point, other: Point) -> float:
    """How far a point lies from the piece of line between two others, in tenths of a unit."""
    (x, y), (a, b), (c, d) = point, one, other
    length = (c - a) ** 2 + (d - b) ** 2
    along = min(max(((x - a) * (c - a) + (y - b) * (d - b)) / length, 0.0), 1.0) if length else 0.0
    return math.hypot(x - a - along * (c - a), y - b - along * (d - b))


def _joined(tenths: Sequence[int]) -> str:
    """Numbers with a sign or a space between them, no zero before the point."""
    texts = (re.sub(r"^(-?)0\.", r"\1.", f"{tenth / 10:g}") for tenth in tenths)
    joined = ""
    for text in texts:
        joined += text if not joined or text.startswith("-") else f" {text}"
    return joined
