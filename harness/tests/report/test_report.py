"""What holds for page and Markdown alike: complete, escaped, offline, words beside every picture."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from harness.evidence.schema import Report
from harness.report import html, markdown, render
from harness.report.contents import gather
from harness.spec.verdict import Verdict
from harness.tests import reports


@pytest.fixture(scope="module")
def page(full: Report) -> str:
    return html.render(gather([full]))


class Outline(HTMLParser):
    """What a browser would see: tags, what they refer to, ids, text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.references: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.listeners: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "srcset", "action", "data"):
                self.references.append((tag, value or ""))
            if name == "id":
                self.ids.append(value or "")
            if name.startswith("on"):
                self.listeners.append(name)

    def handle_data(self, data: str) -> None:
        self.text += data + " "


def test_page_is_offline_and_runs_nothing(full: Report, page: str) -> None:
    outline = Outline(page)
    outside = {(tag, to) for tag, to in outline.references if not to.startswith("#")}
    assert outside == {("a", full.papers[0].url)}
    assert not outline.tags & {"script", "link", "iframe", "object", "embed", "img", "form", "base"}
    assert not outline.listeners
    assert "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\"" in page
    assert "@import" not in page
    assert "url(http" not in page


def test_links_of_the_page_lead_somewhere_and_names_are_unique(page: str) -> None:
    outline = Outline(page)
    assert len(outline.ids) == len(set(outline.ids))
    assert {to[1:] for _, to in outline.references if to.startswith("#")} <= set(outline.ids)


def test_a_link_that_is_not_http_stays_text() -> None:
    paper = msgspec.structs.replace(reports.PAPERS[0], url="javascript:alert(1)")
    text = html.render(gather([reports.report(reports.claim(), papers=(paper,))]))
    assert 'href="javascript' not in text
    assert "javascript:alert(1)" in text


def test_page_and_markdown_show_everything(full: Report, page: str) -> None:
    text = re.sub(r"\s+", " ", Outline(page).text)
    source = markdown.render(gather([full]))
    claim, refuted = full.claims[0], full.claims[2]
    for shown in (text, source):
        for fact in (
            claim.says, claim.where, claim.adapted,
            "at quick scale", "at standard scale", "train accuracy: 1",
            refuted.expected_because, refuted.contested, "unexpected: reproduced was expected",
            "0.251 to 0.373", "above 0.1", "3.5 %", "below 0.02", "up to 0.08", claim.checks[0].because,
            claim.controls[0].says, "it discriminates", "it does not discriminate", "it came out refuted",
            "the full tier was not asked for", "not here: python -m harness data get cifar10",
            "0123456789abcdef (with uncommitted changes)", "85 trained", "sha256 6d958be0", "claims -m quick",
            *(f"{verdict}" for verdict in Verdict),
        ):  # fmt: skip
            assert fact in shown.replace("\\", ""), fact
    assert claim.runs[3].address in text
    assert claim.controls[0].runs[0] in text
    assert "diverged" in text
    assert f"{claim.command}" in text


def test_the_score_of_planted_mistakes_is_shown_where_there_is_one(full: Report) -> None:
    said = "120 mistakes planted, 119 noticed"
    scored = msgspec.structs.replace(full, provenance=msgspec.structs.replace(full.provenance, mutants=said))
    for shown in (html.render(gather([scored])), markdown.render(gather([scored]))):
        assert said in shown
    assert "mistakes planted" not in html.render(gather([full]))


def test_verdicts_come_as_word_and_symbol(page: str) -> None:
    for verdict in Verdict:
        assert f"{verdict.symbol}</b>{verdict}</span>" in page


def test_figures_have_words_and_appear_once(page: str) -> None:
    assert page.count("<figcaption>Figure 1a, at quick scale</figcaption>") == 1
    assert page.count("<figcaption>Figure 1a, at standard scale</figcaption>") == 1
    assert len(re.findall(r'role="img" aria-label="[^"]+: [^"]+ against', page)) == page.count("<figure")
    assert "reported: River et al. 2017, Figure 1a" in page


def test_an_item_that_was_selected_and_left_nothing_is_missed(full: Report) -> None:
    lost = msgspec.structs.replace(full, claims=full.claims[1:])
    missing = {item.id: item.why for item in gather([lost]).missing}
    assert missing[full.claims[0].id] == "selected, but left no result"


@pytest.mark.parametrize(
    "empty", [reports.report(), reports.report(reports.bare(Verdict.INCONCLUSIVE, says=""))]
)
def test_empty_reports_render(empty: Report, tmp_path: Path) -> None:
    assert all(path.stat().st_size for path in render.write(empty, tmp_path))


def test_importing_the_report_imports_no_numerics() -> None:
    heavy = ("torch", "numpy", "matplotlib", "jinja2", "scipy", "sklearn", "pytest")
    program = f"""if True:
        import sys
        from harness.evidence import schema
        from harness.report import render, html, markdown, figures, badge, contents, track, wording
        print(sorted(set(sys.modules) & set({heavy!r})))
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
