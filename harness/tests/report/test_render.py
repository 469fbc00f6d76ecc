"""Rendering: the same bytes, tiers merged in any order, files named in one line."""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path

import msgspec
import pytest

from harness.evidence.schema import Report
from harness.report import html, render
from harness.report.contents import gather
from harness.spec.verdict import Verdict
from harness.tests import reports


def test_the_same_report_gives_the_same_bytes(full: Report, tmp_path: Path) -> None:
    written = render.write(full, tmp_path / "a")
    assert [path.name for path in written] == ["report.json", "report.md", "report.html", "badge.json"]
    render.write(render.load([tmp_path / "a"])[0], tmp_path / "b")
    first, again = (
        {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()}
        for top in (tmp_path / "a", tmp_path / "b")
    )
    assert first == again
    assert len(first) > len(written)
    assert {name for name in first if "/" not in name} == {path.name for path in written}


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
        pages.add(tuple(html.pages(contents).items()))
    assert len(pages) == 1
    names = {path.name for path in render.write([quick, standard], tmp_path)}
    assert names == {"report.md", "report.html", "badge.json"}


@pytest.mark.timeout(20)
def test_a_pipe_in_place_of_a_report_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "report.json")
    with pytest.raises(ValueError, match=r"report\.json: not a regular file$"):
        render.load([tmp_path])


@pytest.mark.parametrize(
    "text", [b"{}", b"", b"\xff", b"[" * 99_999, b'{"schema": 1, "unknown": ' + b'{"a":[' * 9999]
)
def test_load_names_the_file_in_one_line(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "report.json").write_bytes(text)
    for path in (tmp_path, tmp_path / "absent.json"):
        with pytest.raises(ValueError, match=re.escape(str(path))) as caught:
            render.load([path])
        assert "\n" not in str(caught.value)
