"""A figure as a file of its own: SVG without what matplotlib repeats, in the page's colours."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from xml.etree import ElementTree

SVG, XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
TENTHS = 10
"""Units of a plate in one of matplotlib's: whole numbers need no point."""
Point = tuple[int, int]
"""A place in tenths of a unit."""
SMALLEST = 3.0
"""Tenths of a unit that nobody sees: a third of a point, less than a pixel of a large figure."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"
FONT = "system-ui,sans-serif"
LENGTHS = ("font-size", "stroke-width", "stroke-dasharray")
SHARED = {
    "path": (
        ("fill", "none"),
        ("stroke-dashoffset", "0"),
        ("stroke-linejoin", "round"),
        ("stroke-width", "10"),
    ),
    "circle": (("fill", "none"), ("stroke-width", "10")),
    "text": (("font-size", "90px"), ("fill", "var(--ink)"), ("text-anchor", "middle")),
}
"""What is not said of each element: the style sheet says it of all of its kind, or it is so anyway."""
MARKS = "marks"
"""An attribute of a path while a plate is made: a mark stands at each of its points, and no line is drawn."""


def palette(css: str) -> tuple[dict[str, str], dict[str, str]]:
    """The page's colours of figures by name, light and dark, out of the blocks of its style sheet."""
    blocks = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    light, dark = (dict(re.findall(r"--(series-\d+|ink): (#[0-9a-f]{6})", block)) for block in blocks[:2])
    return light, dark


def plate(text: str, colors: tuple[dict[str, str], dict[str, str]]) -> str:
    """One SVG document: groups that only name things dissolved, styles said once, colours of both schemes.

    Its units are tenths of matplotlib's.
    """
    root = ElementTree.fromstring(text)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{SVG}style", f"{SVG}metadata") or _draws_nothing(child):
                parent.remove(child)
    _draw_ticks(root)
    _mark(root)
    _dissolve(root)
    styles: dict[str, str] = {}
    ids: dict[str, str] = {}
    for element in root.iter():
        if (name := element.get("id")) and element.tag != f"{SVG}marker":
            element.set("id", ids.setdefault(name, f"i{len(ids)}"))
        if short := _shorter(element.attrib.pop("style", ""), element.tag):
            element.set("class", styles.setdefault(short, _name(len(styles))))
    for element in root.iter():
        _refer(element, ids)
    _merge(root)
    view = _in_tenths(root.get("viewBox", ""))
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
    _forget(root, ticks)


def _mark(root: ElementTree.Element) -> None:
    """Make the marks of a curve one path, whose points bear them: a reference for each would be longer."""
    shapes = {
        f"#{shape.get('id')}": shape
        for holder in root.iter(f"{SVG}defs")
        for shape in holder
        if shape.tag == f"{SVG}path"
    }
    number = 0
    for group in list(root.iter(f"{SVG}g")):
        uses = list(group)
        links = {use.get(f"{XLINK}href", "") for use in uses if use.tag == f"{SVG}use"}
        styles = {use.get("style", "") for use in uses}
        if len(links) != 1 or len(styles) != 1 or any(use.tag != f"{SVG}use" for use in uses):
            continue
        shape = shapes.get(links.pop())
        if shape is None:
            continue
        marker = ElementTree.Element(f"{SVG}marker", {"id": f"k{number}"})
        style = f"{shape.get('style', '')};{styles.pop()}"
        if ring := re.match(r"M 0 ([\d.]+) C", shape.get("d", "")):
            ElementTree.SubElement(marker, f"{SVG}circle", {"r": ring[1], "style": style})
        else:
            ElementTree.SubElement(marker, f"{SVG}path", {"d": shape.get("d", ""), "style": style})
        line = "M" + " ".join(f"{use.get('x', '0')} {use.get('y', '0')}" for use in uses)
        attributes = {
            "d": line,
            "style": f"marker: url(#k{number}); stroke-width: {1 / TENTHS}",
            MARKS: "",
            **group.attrib,
        }
        group[:] = [marker, ElementTree.Element(f"{SVG}path", attributes)]
        group.attrib.clear()
        number += 1
    _forget(root, shapes)


def _forget(root: ElementTree.Element, shapes: dict[str, ElementTree.Element]) -> None:
    """Remove what nothing refers to any more."""
    used = {use.get(f"{XLINK}href", "") for use in root.iter(f"{SVG}use")}
    for holder in list(root.iter(f"{SVG}defs")):
        for name, shape in shapes.items():
            if name not in used and shape in list(holder):
                holder.remove(shape)
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


def _shorter(style: str, tag: str) -> str:
    """A style without spaces, in tenths, and without what all of its kind share (``_sheet``)."""
    kept = {}
    if tag == f"{SVG}text" and "text-anchor" not in style:
        kept["text-anchor"] = "start"
    for part in style.split(";"):
        name, _, value = (piece.strip() for piece in part.partition(":"))
        value = re.sub(r",\s+", ",", re.sub(r"var\((--[\w-]+), [^)]*\)", r"var(\1)", value))
        if name in LENGTHS:
            value = _in_tenths(value)
        shared = SHARED.get(tag.removeprefix(SVG), ())
        if name not in ("", "font-family") and (name, value) not in shared:
            kept[name] = value
    return ";".join(f"{name}:{value}" for name, value in kept.items())


def _name(number: int) -> str:
    """A class name of one letter or two."""
    high, low = divmod(number, len(LETTERS))
    return (LETTERS[(high - 1) % len(LETTERS)] if high else "") + LETTERS[low]


def _sheet(styles: dict[str, str], colors: tuple[dict[str, str], dict[str, str]]) -> str:
    used = {"ink", *re.findall(r"var\(--([\w-]+)", "".join(styles))}

    def scheme(named: dict[str, str]) -> str:
        return ":root{" + ";".join(f"--{n}:{c}" for n, c in named.items() if n in used) + "}"

    light, dark = map(scheme, colors)
    rules = "".join(f".{name}{{{style}}}" for style, name in styles.items())
    sheet = (
        f"{light}@media screen and (prefers-color-scheme:dark){{{dark}}}"
        f"*{{stroke-linejoin:round;stroke-width:{TENTHS}}}path,circle{{fill:none}}marker{{overflow:visible}}"
        f"text{{font:90px {FONT};fill:var(--ink);text-anchor:middle}}{rules}"
    )
    return sheet.replace("--series-", "--s")


def _written(element: ElementTree.Element) -> str:
    """An element and what is in it, as short as it can be written."""
    tag = element.tag.removeprefix(SVG)
    if tag == "path" and (line := element.get("d", "")):
        element.set("d", relative(line, every=element.attrib.pop(MARKS, None) is not None))
    for name in ("x", "y", "width", "height", "r"):
        if name in element.attrib:
            element.set(name, _in_tenths(element.get(name, "")))
    if turn := element.get("transform"):
        element.set("transform", re.sub(r"(?<=\s)-?[\d.]+", lambda number: _in_tenths(number[0]), turn))
    attributes = "".join(f' {name}="{_escaped(value)}"' for name, value in element.attrib.items())
    inside = _escaped(element.text or "") if tag in ("text", "tspan") else ""
    inside += "".join(_written(child) for child in element)
    return f"<{tag}{attributes}>{inside}</{tag}>" if inside else f"<{tag}{attributes}/>"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _in_tenths(text: str) -> str:
    """The text with each of its numbers in tenths of a unit."""
    return re.sub(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", lambda number: str(round(TENTHS * float(number[0]))), text)


def relative(line: str, *, every: bool = False) -> str:
    """A line by the steps between its points, in whole tenths so that nothing adds up.

    Points that nobody would miss are left out, unless ``every`` one bears a mark. A line that is not of
    straight pieces stays as it is, in tenths.
    """
    if not re.fullmatch(r"[M\d\s.-]+", line):
        return re.sub(r" ?([A-Za-z]) ?", r"\1", _in_tenths(line)).replace(" -", "-")
    pieces = []
    for piece in filter(str.strip, line.split("M")):
        tenths = [round(TENTHS * float(number)) for number in piece.split()]
        points = list(zip(tenths[::2], tenths[1::2], strict=True))
        points = points if every else _needed(points)
        steps = [(x - a, y - b) for (a, b), (x, y) in itertools.pairwise(points)]
        pieces.append(f"M{_joined(points[0])}" + _steps(steps))
    return "".join(pieces)


def _steps(steps: Sequence[Point]) -> str:
    """A step along an axis by one number, any other by two; a letter where it changes."""
    written, last = "", ""
    for x, y in steps:
        letter, parts = ("h", (x,)) if not y else ("v", (y,)) if not x else ("l", (x, y))
        same = letter == last
        written += ("" if same else letter) + _joined(parts, after=same)
        last = letter
    return written


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


def _joined(numbers: Sequence[int], *, after: bool = False) -> str:
    """Numbers with a sign or a space between them, and before the first if it comes ``after`` another."""
    texts = [str(number) for number in numbers]
    gaps = [
        "" if text.startswith("-") or (not place and not after) else " " for place, text in enumerate(texts)
    ]
    return "".join(gap + text for gap, text in zip(gaps, texts, strict=True))
