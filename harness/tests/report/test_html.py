"""The page as a reader meets it: landmarks, words for every picture, contrast, size, and what it counts."""

from __future__ import annotations

import itertools
import json
import math
import re
from pathlib import Path

import pytest

from harness.evidence.schema import ClaimReport, Report, decode, encode, json_schema
from harness.report import figures, html, markdown
from harness.report.contents import gather
from harness.spec.verdict import Verdict
from harness.tests import reports
from harness.tests.report.site import Elements, whole

CSS = Path(html.__file__).with_name("page.css").read_text()


@pytest.fixture(scope="module")
def pages(full: Report) -> dict[str, Elements]:
    return {path: Elements(text) for path, text in html.pages(gather([full])).items()}


def test_headings_go_down_one_level_at_a_time(pages: dict[str, Elements]) -> None:
    for path, page in pages.items():
        levels = [int(h["tag"][1]) for h in page.of("h1", "h2", "h3", "h4", "h5", "h6")]
        assert levels.count(1) == 1, path
        assert levels[0] == 1
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), path


def test_there_are_landmarks_and_a_way_past_the_first_ones(pages: dict[str, Elements]) -> None:
    for path, page in pages.items():
        for tag in ("main", "footer"):
            assert len(page.of(tag)) == 1
        names = [nav["aria-label"] for nav in page.of("nav")]
        assert names[0] == "Pages"
        assert len(names) == len(set(names))
        assert len([h for h in page.of("header") if h["inside"] == "html body"]) == 1
        first, (main,) = page.of("a")[0], page.of("main")
        assert first["href"] == f"#{main['id']}"
        assert main["tabindex"] == "-1"
        assert page.of("html")[0]["lang"] == "en"
        assert len([a for a in page.of("a") if a.get("aria-current")]) == (path in html.MENU)


def test_every_picture_has_words_or_is_named_by_what_holds_it(pages: dict[str, Elements]) -> None:
    for page in pages.values():
        assert all(image["alt"].strip() for image in page.of("img"))
        for svg in page.of("svg"):
            assert (svg.get("role") == "img" and svg["aria-label"]) or svg.get("aria-hidden") == "true"
    assert any(page.of("img") for page in pages.values())


def test_figures_are_loaded_as_they_are_reached(pages: dict[str, Elements]) -> None:
    for image in (image for page in pages.values() for image in page.of("img")):
        assert image["loading"] == "lazy"
        assert int(image["width"]) > int(image["height"]) > 0


def test_every_table_has_a_name_and_heads(pages: dict[str, Elements]) -> None:
    for page in pages.values():
        assert len(page.of("caption")) == len(page.of("table"))
        assert all(caption["text"].strip() for caption in page.of("caption"))
        assert all(th["text"].strip() for th in page.of("th"))


def test_no_verdict_is_told_by_colour_alone(pages: dict[str, Elements]) -> None:
    classes = {verdict.replace(" ", "-"): verdict for verdict in Verdict}
    chips = [b for page in pages.values() for b in page.of("b") if b.get("class") in classes]
    assert {chip["class"] for chip in chips} == set(classes)
    assert all(chip["text"] == classes[chip["class"]] for chip in chips)
    for name, verdict in classes.items():
        assert f'b.{name}::before {{ content: "{verdict.symbol}"; content: "{verdict.symbol}" / ""; }}' in CSS


def _luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2, definition of contrast ratio."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_contrast_is_enough(scheme: int) -> None:
    blocks = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    assert len(blocks) == 2
    colors = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", blocks[scheme]))
    for name, ground in itertools.product(("text", "soft", "link", "ink"), ("page", "card", "tint")):
        assert _contrast(colors[name], colors[ground]) >= 4.5, (name, ground)
    for verdict in Verdict:
        name = verdict.replace(" ", "-")
        assert _contrast(colors[name], colors[f"{name}-tint"]) >= 4.5, name
    for mark, ground in itertools.product(("reproduced", "refuted", "inconclusive"), ("page", "tint")):
        assert _contrast(colors[mark], colors[ground]) >= 3, mark
    series = [value for name, value in colors.items() if name.startswith("series-")]
    assert len(series) == len(figures.COLORS)
    assert min(_contrast(value, colors["card"]) for value in series) >= 3


def test_the_page_minds_schemes_print_and_width() -> None:
    for media in ("(prefers-color-scheme: dark)", "@media print", "(max-width: 44rem)"):
        assert media in CSS
    assert "url(" not in CSS
    assert "@import" not in CSS


def _busy(number: int) -> ClaimReport:
    names = ("random labels", "true labels", "half random labels", "shuffled pixels")
    return reports.claim(
        f"claim_{number}",
        says=f"Statement number {number} about what networks of some width remember.",
        family=f"test_family_{number // 12}",
        paper=reports.PAPERS[number % 2].key,
        checks=(reports.evidence(p_value=0.001 * (number + 1), spread=0.05),) * (1 + number % 3),
        figures=tuple(reports.curve(n, 20.0 + k, figure=f"Figure {number}") for k, n in enumerate(names)),
    )


def test_a_hundred_claims_with_figures_are_a_site_of_two_megabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    claims = [_busy(number) for number in range(100)]
    drawn = figures.svg(figures.panels(claims[:1])[0])
    monkeypatch.setattr(figures, "svg", lambda panel: drawn)  # each of the hundred is as long as this one
    contents = gather([reports.report(*claims)])
    files = html.site(contents)
    assert sum(len(text.encode()) for text in files.values()) < 2_000_000
    assert len(files[html.FIRST].encode()) < 100_000
    assert len(markdown.render(contents).encode()) < 60_000


def test_many_replicates_do_not_make_a_figure_long() -> None:
    rows = tuple(tuple(math.sin(e / 9 + r) for e in range(300)) for r in range(20))
    many = tuple(reports.curve(f"series {k}", y=rows) for k in range(4))
    assert len(figures.svg(figures.panels([reports.claim(figures=many)])[0])) < 40_000


def test_reports_without_the_later_fields_still_render(full: Report) -> None:
    old = json.loads(encode(full))
    for claim in old["claims"]:
        del claim["control_runs"]
        for run in claim["runs"]:
            del run["kernel"]
        worlds = [claim, *claim["controls"]]
        for check in (check for world in worlds for check in world["checks"]):
            for name in ("p_value", "spread", "logarithmic"):
                del check[name]
    del old["provenance"]["shipped"]
    contents = gather([decode(json.dumps(old).encode())])
    assert contents.adjusted == {}
    assert "do not say what the runs of their controls took" in whole(contents)
    assert markdown.render(contents)


def test_the_schema_file_is_the_schema() -> None:
    file = Path(html.__file__).with_name("report.schema.json")
    assert json.loads(file.read_bytes()) == json.loads(json_schema()), (
        "write harness.evidence.schema.json_schema() to harness/report/report.schema.json"
    )


# -- what is grouped -----------------------------------------------------------------------------------


def test_tiers_and_parameters_of_a_test_are_one_claim_on_the_page() -> None:
    claims = [
        reports.claim(tier=tier, figures=(), id=f"claims/test_a.py::test_x[{p}]", params={"p": p})
        for tier, p in itertools.product(("quick", "standard"), (1, 2))
    ]
    contents = gather([reports.report(*claims)])
    ((statement,),) = ([s for f in section.families for s in f.statements] for section in contents.sections)
    assert [(i.tier, i.params["p"]) for i in statement.items] == [
        ("quick", 1), ("quick", 2), ("standard", 1), ("standard", 2),
    ]  # fmt: skip
    source = html.pages(contents)["pages/river2017.html"]
    seen = Elements(source)
    assert len(seen.of("article")) == 1
    assert len([e for e in seen.of("tbody") if e.get("id", "").startswith("claim-")]) == 4
    assert source.count(claims[0].adapted) == source.count(claims[0].checks[0].because) == 1, "said once"


def test_sources_that_name_each_other_stand_side_by_side() -> None:
    one = reports.claim("one", figures=(), contested="MEADOW2019 says the opposite")
    other = reports.claim("two", figures=(), paper="MEADOW2019", contested="RIVER2017 says the opposite")
    alone = reports.claim("three", figures=(), contested="someone else doubts it")
    contents = gather([reports.report(one, alone, other)])
    assert [[s.first.id for s in group] for group in contents.disputes] == [[one.id, other.id], [alone.id]]
    assert whole(contents).count('<div class="dispute">') == 2
    third = reports.claim("four", figures=(), contested="MEADOW2019 again")
    assert len(gather([reports.report(one, other, third)]).disputes) == 3, "which two belong together is open"


def test_papers_come_in_the_order_of_the_story_and_others_by_year() -> None:
    several = ("UNKNOWN", "MEADOW2019", "RIVER2017", "LI2018", "ZHANG2017")
    claims = [reports.claim(key, paper=key, figures=()) for key in several]
    keys = [section.paper.key for section in gather([reports.report(*claims)]).sections]
    assert keys == ["ZHANG2017", "LI2018", "RIVER2017", "MEADOW2019", "UNKNOWN"]
