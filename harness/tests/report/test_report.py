"""Reports as values, and all that is rendered from them: complete, escaped, offline, the same bytes."""

from __future__ import annotations

import itertools
import json
import math
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.evidence.schema import Report, Reported, decode, encode, json_schema
from harness.report import badge, figures, html, markdown, render, track, wording
from harness.report.contents import gather
from harness.spec.verdict import Verdict
from harness.tests import reports

FIXED = settings(derandomize=True, deadline=None, database=None, max_examples=50)
NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)


@pytest.fixture(scope="module")
def full() -> Report:
    return reports.report(*reports.every_kind())


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


def test_schema_round_trip_and_validation(full: Report) -> None:
    import jsonschema

    data = encode(full)
    assert decode(data) == full
    assert encode(decode(data)) == data
    jsonschema.Draft202012Validator(json.loads(json_schema())).validate(json.loads(data))


def test_every_field_is_required_or_has_a_default_in_the_schema(full: Report) -> None:
    import jsonschema

    document = json.loads(encode(full))
    del document["claims"][0]["verdict"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, json.loads(json_schema()))


@pytest.mark.parametrize(
    "data, named",
    [
        (b"", "schema 1"),
        (b"{}", "missing required field"),
        (b"[1]", "object"),
        (b'{"schema": 2', "schema 1"),
        (b"\xff", "schema 1"),
    ],
)
def test_decode_refuses_in_one_line(data: bytes, named: str) -> None:
    with pytest.raises(ValueError, match=named) as caught:
        decode(data)
    assert "\n" not in str(caught.value)


def test_decode_refuses_another_schema_in_one_line(full: Report) -> None:
    other = encode(full).replace(b'"schema": 1', b'"schema": 7')
    with pytest.raises(ValueError, match="schema 7, this version reads 1") as caught:
        decode(other)
    assert "\n" not in str(caught.value)


def test_a_number_that_json_cannot_hold_is_refused() -> None:
    drawn = reports.curve(x=(float("inf"),), y=((1.0,),))
    with pytest.raises(ValueError, match="x"):
        encode(reports.report(reports.claim(figures=(drawn,))))


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


def test_verdicts_come_as_word_and_symbol(page: str) -> None:
    for verdict in Verdict:
        assert f"{verdict.symbol}</b>{verdict}</span>" in page


def test_figures_have_words_and_appear_once(page: str) -> None:
    assert page.count("<figcaption>Figure 1a, at quick scale</figcaption>") == 1
    assert page.count("<figcaption>Figure 1a, at standard scale</figcaption>") == 1
    assert len(re.findall(r'role="img" aria-label="[^"]+: [^"]+ against', page)) == page.count("<figure")
    assert "reported: River et al. 2017, Figure 1a" in page


def test_nothing_hostile_survives_in_markdown(full: Report) -> None:
    source = markdown.render(gather([full]))
    outside_code = re.sub(r"^(```+)\n.*?^\1$", "", source, flags=re.DOTALL | re.MULTILINE)
    outside_code = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", outside_code.replace("\\`", ""))
    assert "<script" not in outside_code
    assert "[f](" not in outside_code
    assert not re.search(r"^# b", outside_code, re.MULTILINE)
    assert set(re.findall(r"<[^>]*>", outside_code)) <= {
        "<br>",
        "<details>",
        "</details>",
        "<summary>",
        "</summary>",
    }


def test_tables_of_markdown_have_equally_many_cells_in_every_row(full: Report) -> None:
    tables = re.findall(r"(?:^\|.*\n)+", markdown.render(gather([full])), re.MULTILINE)
    assert tables
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1


@pytest.mark.parametrize("limit", [0, 50, 500, 3000, 8000, 20_000, 10**6])
def test_markdown_keeps_its_limit_and_says_what_it_left_out(full: Report, limit: int) -> None:
    contents = gather([full])
    whole, text = markdown.render(contents), markdown.render(contents, limit)
    assert len(text.encode()) <= limit
    assert text == whole or limit < 500 or re.search(r"left out for length|Only what was not|Cut here", text)


def test_markdown_of_a_thousand_claims_fits_a_step_summary() -> None:
    claims = [reports.claim(f"c{i}", figures=(), checks=(reports.evidence(),) * 6) for i in range(1000)]
    text = markdown.render(gather([reports.report(*claims)]))
    assert len(text.encode()) <= markdown.LIMIT
    assert "are left out for length" in text


def test_the_same_report_gives_the_same_bytes(full: Report, tmp_path: Path) -> None:
    first = {path.name: path.read_bytes() for path in render.write(full, tmp_path / "a")}
    again = {
        path.name: path.read_bytes()
        for path in render.write(render.load([tmp_path / "a"])[0], tmp_path / "b")
    }
    assert set(first) == {"report.json", "report.md", "report.html", "badge.json"}
    assert first == again
    assert {path.name for path in (tmp_path / "b").iterdir()} == set(again)


def test_tiers_merge_into_one_page_in_any_order(tmp_path: Path) -> None:
    quick = reports.report(reports.claim(figures=()))
    later = msgspec.structs.replace(quick.provenance, finished="2026-01-01T00:00:00Z")
    again = reports.report(reports.claim(figures=(), verdict=Verdict.REFUTED), provenance=later)
    standard = reports.report(reports.claim(tier="standard", figures=()))
    pages = set()
    for order in itertools.permutations([quick, standard, again]):
        contents = gather(order)
        assert contents.tiers == ("quick", "standard")
        assert [claim.verdict for claim in contents.claims] == [Verdict.REFUTED, Verdict.REPRODUCED]
        pages.add(html.render(contents))
    assert len(pages) == 1
    names = {path.name for path in render.write([quick, standard], tmp_path)}
    assert names == {"report.md", "report.html", "badge.json"}


def test_load_names_the_file_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("{}")
    for path in (tmp_path, tmp_path / "absent.json"):
        with pytest.raises(ValueError, match=re.escape(str(path))) as caught:
            render.load([path])
        assert "\n" not in str(caught.value)


def test_badge_counts_and_turns_red_only_for_the_unexpected(full: Report) -> None:
    expected = reports.report(reports.claim(), reports.bare(Verdict.REFUTED, expected=Verdict.REFUTED))
    badges = [json.loads(badge.render(gather([r]))) for r in (expected, full, reports.report())]
    assert badges[0]["message"] == "1 reproduced, 1 refuted"
    assert badges[0]["label"] == "claims at quick scale"
    assert [b["color"] for b in badges] == ["brightgreen", "red", "lightgrey"]
    assert all(b["schemaVersion"] == 1 for b in badges)
    assert badges[2]["message"] == "no claims"


def test_an_item_that_was_selected_and_left_nothing_is_missed(full: Report) -> None:
    lost = msgspec.structs.replace(full, claims=full.claims[1:])
    missing = {item.id: item.why for item in gather([lost]).missing}
    assert missing[full.claims[0].id] == "selected, but left no result"


@pytest.mark.parametrize(
    "empty", [reports.report(), reports.report(reports.bare(Verdict.INCONCLUSIVE, says=""))]
)
def test_empty_reports_render(empty: Report, tmp_path: Path) -> None:
    assert all(path.stat().st_size for path in render.write(empty, tmp_path))


def test_svg_is_well_formed_themed_and_free_of_dates(full: Report) -> None:
    for panel in figures.panels(full.claims):
        text = figures.svg(panel)
        ElementTree.fromstring(text)
        assert text == figures.svg(panel)
        assert "<metadata" not in text
        assert "var(--series-1, #2f74c0)" in text
        assert "<script" not in text
        assert len(text) < 200_000


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


@given(st.tuples(*[NUMBERS] * 6))
@FIXED
def test_a_track_stays_on_its_axis(numbers: tuple[float | None, ...]) -> None:
    names = ("estimate", "low", "high", "lower_bound", "upper_bound")
    check = msgspec.structs.replace(reports.evidence(), **dict(zip(names, numbers, strict=False)))
    laid = track.track(check, reports.evidence(estimate=numbers[5]))
    assert len(track.text(check)) in (0, 24)
    if laid is not None:
        places: list[Any] = [laid.estimate, laid.low, laid.high, laid.hold_low, laid.hold_high, laid.control]
        assert all(place is None or 0 <= place <= 1 for place in places)


def test_tracks_read_as_drawn() -> None:
    assert track.text(reports.evidence()) == "·░░░░░░░░░░░░├═══●════┤░"
    below = reports.evidence(estimate=0.05, low=None, high=0.08, lower_bound=None, upper_bound=0.02)
    assert track.text(below) == "◄═──────────●─────────┤·"
    assert track.text(reports.evidence(estimate=None, low=None, high=None)) == ""


@given(st.text(max_size=20))
@FIXED
def test_plain_markdown_is_one_line_without_live_signs(text: str) -> None:
    written = markdown.plain(text)
    assert "\n" not in written
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]]", written)
    assert not re.search(r"[<>|$@]", written)


@pytest.mark.parametrize(
    "value, shown",
    [
        (0.0, "0"),
        (-0.125, "−0.125"),
        (1234.0, "1,234"),
        (123456.7, "123,457"),
        (1e-5, "1e−5"),
        (2.5e9, "2.5e9"),
    ],
)
def test_numbers_read_well(value: float, shown: str) -> None:
    assert wording.number(value) == shown


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
