"""What holds for page and Markdown alike: complete, escaped, offline, words beside every picture."""

from __future__ import annotations

import posixpath
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from harness.evidence.schema import Report
from harness.report import counted, html, markdown, render
from harness.report.contents import gather
from harness.spec.said import Unprinted
from harness.spec.verdict import Verdict
from harness.tests import reports
from harness.tests.report.site import whole


@pytest.fixture(scope="module")
def pages(full: Report) -> dict[str, str]:
    return html.pages(gather([full]))


@pytest.fixture(scope="module")
def page(pages: dict[str, str]) -> str:
    return "\n".join(pages.values())


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


def test_pages_are_offline_and_run_nothing(full: Report, pages: dict[str, str]) -> None:
    site = set(html.site(gather([full])))
    for path, text in pages.items():
        outline = Outline(text)
        for tag, to in outline.references:
            file = posixpath.normpath(posixpath.join(posixpath.dirname(path), to.partition("#")[0]))
            here = to.startswith("#") or file in site
            assert here or (tag, to) == ("a", full.papers[0].url), to
        assert not outline.tags & {"script", "iframe", "object", "embed", "form", "base"}
        assert not outline.listeners
        policy = "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
        assert f'content="{policy}"' in text
        assert "@import" not in text
        assert "url(http" not in text


def test_links_lead_somewhere_and_names_are_unique(pages: dict[str, str]) -> None:
    outlines = {path: Outline(text) for path, text in pages.items()}
    for path, outline in outlines.items():
        assert len(outline.ids) == len(set(outline.ids)), path
        for tag, to in outline.references:
            file, _, name = to.partition("#")
            if tag == "a" and not file.startswith("http") and name:
                there = posixpath.normpath(posixpath.join(posixpath.dirname(path), file)) if file else path
                assert name in outlines[there].ids, f"{path}: {to}"


def test_pages_of_an_earlier_report_are_removed_and_nothing_else(full: Report, tmp_path: Path) -> None:
    render.write(full, tmp_path)
    (tmp_path / "pages" / "note.txt").write_text("kept")
    alone = reports.report(reports.claim("other", paper="MEADOW2019", figures=()))
    render.write(alone, tmp_path)
    left = {str(path.relative_to(tmp_path)) for path in (tmp_path / "pages").rglob("*") if path.is_file()}
    assert left == {*(name for name in html.site(gather([alone])) if "/" in name), "pages/note.txt"}
    assert "pages/river2017.html" not in left


def test_a_link_that_is_not_http_stays_text() -> None:
    paper = msgspec.structs.replace(reports.PAPERS[0], url="javascript:alert(1)")
    text = whole(gather([reports.report(reports.claim(), papers=(paper,))]))
    assert 'href="javascript' not in text
    assert "javascript:alert(1)" in text


def test_pages_show_everything_and_markdown_what_came_out(full: Report, page: str) -> None:
    text = re.sub(r"\s+", " ", Outline(page).text)
    source = markdown.render(gather([full]))
    claim, refuted = full.claims[0], full.claims[2]
    short = (
        claim.says, "at quick scale", "at standard scale", refuted.expected_because,
        "unexpected: reproduced was expected", "0.251 to 0.373", "above 0.1", "up to 0.08",
        "the full tier was not asked for", "not here: python -m harness data get cifar10",
        "0123456789abcdef (with uncommitted changes)", "85 trained", "sha256 6d958be0", "claims -m quick",
        *(f"{verdict}" for verdict in Verdict),
    )  # fmt: skip
    detail = (
        claim.where, claim.adapted, "train accuracy: 1", refuted.contested, "3.5 %", "below 0.02",
        claim.checks[0].because, claim.controls[0].says, "it discriminates", "it does not discriminate",
        "it came out refuted",
    )  # fmt: skip
    for fact in short:
        assert fact in source.replace("\\", ""), fact
    for fact in (*short, *detail):
        assert fact in text, fact
    assert claim.runs[3].address[:16] in text
    assert claim.controls[0].runs[0] in text
    assert "diverged" in text
    assert claim.command.replace("[quick]", "[…]") in text, "once for all tests of the claim"
    assert "[quick] " in text


@pytest.mark.parametrize("word", list(Unprinted))
def test_why_no_number_stands_beside_a_claim_is_shown_with_its_place(word: Unprinted) -> None:
    contents = gather([reports.report(reports.claim(reported={}, unprinted=word))])
    shown = whole(contents)
    assert f"Section 2.1, Table 1; {counted.UNPRINTED[word]}</p>" in shown
    assert "Reported by the source" not in shown
    assert f"| RIVER2017 *{word[0]}* |" in markdown.render(contents)
    told = whole(gather([reports.report(reports.claim())]))
    assert not any(said in told for said in counted.UNPRINTED.values())


def test_the_score_of_planted_mistakes_is_shown_where_there_is_one(full: Report) -> None:
    said = "120 mistakes planted, 119 noticed"
    scored = msgspec.structs.replace(full, provenance=msgspec.structs.replace(full.provenance, mutants=said))
    for shown in (whole(gather([scored])), markdown.render(gather([scored]))):
        assert said in shown
    assert "mistakes planted" not in whole(gather([full]))


def test_figures_have_words_and_appear_once(page: str) -> None:
    assert page.count("<figcaption>Figure 1a, at quick scale</figcaption>") == 1
    assert page.count("<figcaption>Figure 1a, at standard scale</figcaption>") == 1
    assert len(re.findall(r'<img [^>]*alt="[^"]+: [^"]+ against', page)) == page.count("<figure")
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
