"""Brief pages: a browser reads the same elements, attributes and texts from them, in fewer letters."""

from __future__ import annotations

import re

import pytest

from harness.evidence.schema import Report
from harness.report import brevity, classes, html
from harness.report.contents import gather
from harness.tests.report.site import Elements

LINES = (
    "p",
    "a",
    "b",
    "i",
    "span",
    "strong",
    "code",
    "sup",
    "td",
    "th",
    "li",
    "dt",
    "dd",
    "h1",
    "h2",
    "h3",
    "pre",
)
"""Elements whose words stand in lines: what is apart there must stay apart."""


def seen(page: str) -> list[dict[str, str]]:
    """What a page consists of: words apart by single spaces, without any where blocks stand apart anyway."""
    return [
        {
            key: (" " if e["tag"] in LINES or key != "text" else "").join(value.split())
            for key, value in e.items()
        }
        for e in Elements(page).all
    ]


@pytest.fixture(scope="module")
def pages(full: Report) -> dict[str, str]:
    return html.pages(gather([full]))


def test_brief_pages_have_the_same_elements_attributes_and_texts(pages: dict[str, str]) -> None:
    for path, page in pages.items():
        short = brevity.brief(page)
        assert seen(short) == seen(page), path
    lengths = [sum(map(len, several)) for several in (map(brevity.brief, pages.values()), pages.values())]
    assert lengths[0] < 0.97 * lengths[1]


def test_the_site_is_of_brief_pages(full: Report, pages: dict[str, str]) -> None:
    """But for the names of classes, which are shorter."""
    files = html.site(gather([full]))
    brief = {path: brevity.brief(text) for path, text in pages.items()}
    names = classes.short(html.css(), brief.values())
    assert {path: files[path] for path in pages} == {
        path: classes.renamed(page, names) for path, page in brief.items()
    }
    assert files[html.STYLE] == classes.restyled(html.css(), names)


@pytest.mark.parametrize(
    ("page", "short"),
    [
        ("<ul>\n<li>one</li>\n<li>two</li>\n</ul>", "<ul><li>one<li>two</ul>"),
        ("<p>one</p>\n<p>two</p> after", "<p>one<p>two</p>after"),
        ("<div><p>one</p></div>", "<div><p>one</div>"),
        ("<a href=\"x\"><p>one</p></a>", "<a href=x><p>one</p></a>"),
        ("<p>one <b>two</b> <i>three</i></p>", "<p>one <b>two</b> <i>three</i></p>"),
        ('<i class="c">it&#39;s &#34;so&#34; &lt; &amp;</i>', "<i class=c>it's \"so\" &lt; &amp;</i>"),
        ('<i title="a b" class="c"></i>', '<i title="a b" class=c></i>'),
        ("<p>1 &gt; 0 &lt; 2</p><p title=\"&gt;\">x</p>", '<p>1 > 0 &lt; 2<p title=&gt;>x</p>'),
        ('<i title="it&#39;s"></i>', '<i title="it\'s"></i>'),
        ('<i title="say &#34;so&#34;"></i>', '<i title="say &#34;so&#34;"></i>'),
        ('<circle cx="3"/>', "<circle cx=3 />"),
        ('<a href="https://x.org/">x</a>', "<a href=https://x.org/>x</a>"),
        ("<p>so:</p>\n<pre>one\n  two\n</pre>", "<p>so:<pre>one\n  two\n</pre>"),
        ("<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>b</td><td></td></tr></tbody></table>",
         "<table><thead><tr><th>a<tbody><tr><td>b<td></table>"),
    ],
)  # fmt: skip
def test_only_what_html_lets_go_is_left_out(page: str, short: str) -> None:
    assert brevity.brief(page) == f"{short}\n"


def test_the_style_on_the_first_page_stays_as_it_is(pages: dict[str, str]) -> None:
    style = re.search(r"<style>.*?</style>", pages[html.FIRST], re.DOTALL)
    assert style is not None
    assert style[0] in brevity.brief(pages[html.FIRST])
