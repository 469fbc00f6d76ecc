"""Markdown: nothing hostile, tables whole, and within its limit."""

from __future__ import annotations

import re

import pytest

from harness.evidence.schema import Report
from harness.report import markdown, markup
from harness.report.contents import gather
from harness.tests import reports


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
    assert text == whole or limit < 500 or re.search(r"Only what was not|Cut here", text)


def test_markdown_of_a_thousand_claims_is_far_below_what_a_step_summary_may_be() -> None:
    claims = [reports.claim(f"c{i}", figures=(), checks=(reports.evidence(),) * 6) for i in range(1000)]
    text = markdown.render(gather([reports.report(*claims)]))
    assert len(text.encode()) <= markup.LIMIT // 2
    assert text.count("| ✓ reproduced | Training error reaches zero") == 1000, "a row each"
