"""A figure is drawn once for what it shows, the page's colours, and the code and libraries that draw it."""

from __future__ import annotations

import msgspec
import pytest

from harness.report import drawings, figures, html, plates
from harness.report.contents import gather
from harness.spec import fingerprint
from harness.tests import reports

COLORS = plates.palette(html.css())


class Remembered(dict[str, str]):
    """Drawings in memory."""

    def read(self, key: str) -> str | None:
        return self.get(key)

    def keep(self, key: str, svg: str) -> None:
        self[key] = svg


def panel(**changes: object) -> figures.Panel:
    curve = msgspec.structs.replace(reports.curve(), **changes)
    return figures.panels([reports.claim(figures=(curve,))])[0]


def test_what_was_drawn_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Remembered()
    svg = drawings.plate(panel(), COLORS, kept)
    assert svg == drawings.plate(panel(), COLORS)
    assert list(kept.values()) == [svg]
    monkeypatch.setattr(figures, "svg", lambda panel: pytest.fail("drawn again"))
    assert drawings.plate(panel(), COLORS, kept) == svg


def test_what_is_kept_is_a_page_s_figure() -> None:
    kept = Remembered()
    contents = gather([reports.report(reports.claim(figures=(reports.curve(),)))])
    files = html.site(contents, kept)
    assert files == html.site(contents)
    (key,) = kept
    kept[key] = "<svg>another</svg>"
    (changed,) = [name for name, text in html.site(contents, kept).items() if text != files[name]]
    assert changed.startswith(html.FIGURES)


def test_whatever_changes_a_drawing_changes_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    light, dark = COLORS
    names = [
        drawings.name_of(panel(), COLORS),
        drawings.name_of(panel(x_label="another"), COLORS),
        drawings.name_of(panel(y_scale="log"), COLORS),
        drawings.name_of(panel(y=((0.5, 0.25, 0.125),)), COLORS),
        drawings.name_of(panel(), ({**light, "ink": "#123456"}, dark)),
        drawings.name_of(panel(), (light, {**dark, "ink": "#123456"})),
    ]
    assert drawings.name_of(panel(), COLORS) == names[0]
    for name, other in (("fingerprint.of_definition", lambda *_: "other"), ("metadata.version", str)):
        drawings._drawing.cache_clear()
        monkeypatch.setattr(f"harness.report.drawings.{name}", other)
        names.append(drawings.name_of(panel(), COLORS))
        monkeypatch.undo()
    drawings._drawing.cache_clear()
    assert len(set(names)) == len(names) == 8


def test_the_code_that_draws_is_reached() -> None:
    reached = {place for _, place in fingerprint._reach("harness.report.drawings", "_drawn").inside}
    assert reached >= {("harness.report.figures", "svg"), ("harness.report.plates", "plate")}
