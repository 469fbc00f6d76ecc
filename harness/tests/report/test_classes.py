"""Short names of classes: every style applies where it did, and nothing else is renamed."""

from __future__ import annotations

import re

import pytest

from harness.evidence.schema import Report
from harness.report import brevity, classes, html
from harness.report.contents import gather
from harness.tests.report.site import Elements

CSS = ".soft, b.good { margin: 0.5em } td.soft.wide > .good::before { content: '.'; }"
STYLE = "<style>.soft { x: .5em }</style>"
PAGE = STYLE + '<b class="good gone">of class=soft</b><p class=soft title=soft><i class=gone>'


def test_pages_and_style_are_renamed_alike() -> None:
    names = classes.short(CSS, ['<b class="good">', "<i class=good>"])
    assert names == {"good": "a", "soft": "b", "wide": "c"}
    assert classes.restyled(CSS, names) == (".b, b.a { margin: 0.5em } td.b.c > .a::before { content: '.'; }")
    assert classes.renamed(PAGE, names) == (
        "<style>.b { x: .5em }</style><b class=a>of class=soft</b><p class=b title=soft><i>"
    )


def test_the_twenty_seventh_name_has_two_letters() -> None:
    names = classes.short("".join(f".x{number}{{}}" for number in range(28)))
    assert [names[f"x{number}"] for number in (0, 25, 26, 27)] == ["a", "z", "aa", "ab"]


@pytest.fixture(scope="module")
def brief(full: Report) -> dict[str, str]:
    return {path: brevity.brief(text) for path, text in html.pages(gather([full])).items()}


def test_elements_keep_all_but_the_names_of_their_classes(brief: dict[str, str]) -> None:
    names = classes.short(html.css(), brief.values())
    assert len(set(names.values())) == len(names)
    for path, page in brief.items():
        before, after = Elements(page).all, Elements(classes.renamed(page, names)).all
        renamed = [" ".join(names[n] for n in e.get("class", "").split() if n in names) for e in before]
        assert [e.get("class", "") for e in after] == renamed, path
        assert [_others(e) for e in after] == [_others(e) for e in before], path


def _others(element: dict[str, str]) -> dict[str, str]:
    """All but the class; of what the first page's style is in, its text is left out."""
    within = element["tag"] in ("html", "head", "style")
    return {k: v for k, v in element.items() if k != "class" and not (within and k == "text")}


def test_whatever_a_style_asks_for_by_a_class_is_renamed() -> None:
    css = html.css()
    names = classes.short(css)
    for name, short in names.items():
        asked = len(re.findall(rf"\.{re.escape(name)}(?![\w-])", css))
        assert len(re.findall(rf"\.{short}(?![\w-])", classes.restyled(css, names))) == asked, name
