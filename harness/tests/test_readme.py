"""README and what it links keep their word: tables are the reports', examples run, files exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.__main__ import COMMANDS
from harness.evidence.schema import ClaimReport, Collected
from harness.report import picture, readme
from harness.spec.said import Saying
from harness.spec.verdict import Expected, Verdict
from harness.suite import terminal
from harness.tests.reports import HOSTILE, bare, claim, report
from harness.tests.suites import ROOT

README, TABLES, VERDICTS, *OTHERS = (
    (ROOT / name).read_text(encoding="utf-8")
    for name in (
        "README.md",
        "reports/README.md",
        "docs/VERDICTS.md",
        "docs/CLUSTERS.md",
        "docs/OWN_CLAIMS.md",
        "CONTRIBUTING.md",
    )
)
WRITTEN = "\n".join((README, VERDICTS, *OTHERS))
"""What was written by hand, but for README's lines of verdicts."""
PYTHON = re.compile(r"```python\n(.*?)```", flags=re.DOTALL)
EMPTY = f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter\n"


def test_tables_are_those_of_the_committed_reports() -> None:
    reports = readme.committed(ROOT)
    assert readme.fill(README, reports) == README, "README is out of date: python -m harness.report.readme"
    assert readme.tables(reports) == TABLES, "reports/README.md is out of date"
    drawn = picture.picture(reports)
    assert drawn, "no report has README's picture"
    assert drawn == (ROOT / "reports" / "picture.svg").read_text(encoding="utf-8"), (
        "the figure is out of date"
    )


def test_readme_is_short_and_leads_everywhere() -> None:
    assert len(README.splitlines()) <= 150
    links = re.findall(r"\]\(([^)#\s]+)(?:#([^)\s]+))?\)", README)
    linked = {path for path, _ in links}
    assert {path.name for path in (ROOT / "docs").glob("*.md")} <= {Path(path).name for path in linked}
    assert {"reports/README.md", "CONTRIBUTING.md", "CITATION.cff"} <= linked
    assert [path for path in linked if not (ROOT / path).exists()] == []
    assert [name for _, name in links if name and f'<a name="{name}"></a>' not in TABLES] == []


def test_the_claim_that_is_shown_is_one_of_the_claims() -> None:
    (shown,) = PYTHON.findall(README)
    assert len(shown.splitlines()) <= 12
    (file,) = re.findall(r"As it stands in `(claims/test_\w+\.py)`", README)
    assert f"\n\n\n{shown.strip()}\n" in (ROOT / file).read_text(encoding="utf-8")


def test_the_line_that_is_explained_is_that_of_the_committed_report() -> None:
    (shown,) = (row for row in VERDICTS.splitlines() if "reproduced   quick" in row)
    name = shown.split()[3]
    reports = [r for r in readme.committed(ROOT) if r.tiers == ("quick",)]
    claims = [c for r in reports for c in r.claims if c.id.endswith(f"::test_{name}")]
    rows = [text for text, _ in terminal.summary(claims, [], terminal.Spent(), width=110)]
    heading, line = (" ".join(row.split()) for row in rows[1:3])
    assert " ".join(shown.split()) == line
    assert heading in " ".join(VERDICTS.split())
    low, high = claims[0].checks[0].low, claims[0].checks[0].high
    assert f"interval from {low:.3g} to {high:.3g} over" in VERDICTS


def named() -> Iterator[str]:
    """Everything that looks like a file of the checkout, outside of README's lines of verdicts."""
    before, _, rest = WRITTEN.partition(readme.BEGIN)
    text = re.sub(r"[\w./]*<[^>\n]+>[\w./]*", "", before + rest.partition(readme.END)[2])
    yield from re.findall(r"(?<![\w/.])((?:claims|harness|reports|docs|\.github)/[\w./]*\w)", text)


def test_files_that_are_named_exist() -> None:
    made = {"claims/test_width.py", "claims/ours.py", "claims/test_largest_pieces.py"}
    assert [n for n in named() if n not in made and not (ROOT / n).exists()] == []


def test_commands_that_are_named_exist() -> None:
    called = re.findall(r"python -m harness ([a-z]+)", WRITTEN)
    assert set(called) <= set(COMMANDS)
    assert {"list", "plan", "train", "fresh", "report", "data", "doctor"} <= set(called)
    tiers = re.findall(r"python3? -m pytest claims[^`\n]*? -m (\w+)", WRITTEN)
    assert set(tiers) == {"quick", "standard", "full"}


def test_the_two_commands_are_lines_to_copy() -> None:
    commands = [row.strip() for row in README.splitlines() if row.startswith("    python3 -m venv")]
    assert len(commands) == 2
    assert shlex.split(commands[0])[-5:] == ["python3", "-m", "pytest", "claims", "-m", "quick"][-5:]
    assert shlex.split(commands[1])[-1] == "tox"


def test_filling_replaces_what_is_between_the_markers_and_nothing_else() -> None:
    once = readme.fill(EMPTY, [report()])
    assert once.startswith("before\n")
    assert once.endswith(f"{readme.END}\nafter\n")
    assert "old" not in once
    assert readme.fill(once, [report()]) == once


@pytest.mark.parametrize("text", ["", readme.BEGIN, readme.END + readme.BEGIN, EMPTY * 2, EMPTY + readme.END])
def test_markers_must_be_there_once_and_in_order(text: str) -> None:
    with pytest.raises(ValueError, match="README needs one line"):
        readme.fill(text, [report()])


def test_what_a_report_says_stays_in_its_cell() -> None:
    items = [claim(says=HOSTILE, where=HOSTILE), claim("b", verdict=Verdict.REFUTED, says=HOSTILE)]
    text = readme.tables([report(claims=tuple(items), collected=collected(*items))])
    rows = [row for row in text.splitlines() if row.startswith("|")]
    widths = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
    assert len(rows) == 6
    assert widths == {4, 5}
    assert "<script" not in text
    assert "javascript" not in re.sub(r"\\\[f\\\]\(javascript", "", text)


def collected(*items: ClaimReport) -> tuple[Collected, ...]:
    return tuple(
        Collected(id=c.id, tier=c.tier, paper=c.paper, says=c.says, kind=c.kind, selected=True) for c in items
    )


def test_items_of_one_claim_share_a_cell_and_missing_ones_are_counted() -> None:
    fit = [claim(f"fit[{m}]", says="all fit", runs=()) for m in "abc"]
    split = [
        claim("x", says="split", runs=()),
        claim("y", says="split", runs=(), verdict=Verdict.REFUTED, expected_because="known"),
    ]
    unjudged = claim("later", says="later")
    text = readme.tables(
        [report(claims=(*fit, *split), collected=collected(*fit, *split, unjudged, claim("q", "full")))],
    )
    cells = {
        row.split(" | ")[0][2:]: row.split(" | ")[2][:-2] for row in text.splitlines() if row[:2] == "| "
    }
    assert cells["all fit"] == "✓ reproduced, 3 of 3"
    assert cells["split"] == "✓ 1, ✗ 1"
    assert cells["later"] == "– not run"
    assert "✗ refuted (quick): split (RIVER2017, Section 2.1, Table 1): known" in text
    assert "| quick | 4 | 1 | 1 |" in text
    assert "| full |" not in text


def test_readme_has_a_line_for_each_source_and_for_what_was_refuted() -> None:
    told: dict[str, Any] = {"verdict": Verdict.REFUTED, "runs": ()}
    items = (
        claim("x"),
        claim("x", tier="standard"),
        claim("again"),
        claim("y", says="It falls.", **told),
        claim("z", says="They retell it.", kind=Saying.RETOLD, **told),
        claim("w", paper="OVERCLAIM", kind=Saying.COUNTER, runs=()),
    )
    text = readme.fill(EMPTY, [report(*items, collected=collected(*items))])
    linked = "[Networks that remember (2017)](reports/README.md#river2017)"
    assert f"- {linked}: quick 1 ✓ 1 ✗, standard 1 ✓; as often retold quick 1 ✗" in text
    assert "(reports/README.md#overclaim): counter-claims quick 1 ✓" in text
    assert "- It falls." not in text, "it is refuted at one of two scales"
    only = readme.fill(EMPTY, [report(items[3], collected=collected(items[3]))])
    assert "- It falls. (RIVER2017, Section 2.1, Table 1)" in only
    assert "They retell it." not in text
    many = [claim(f"c{i}", says=f"Number {i}.", **told) for i in range(readme.MOST + 3)]
    assert "- and 3 more: [" in readme.fill(EMPTY, [report(*many)])


def test_the_tables_have_each_kind_under_its_heading() -> None:
    items = (claim("x"), claim("z", says="It is told.", kind=Saying.RETOLD, runs=()))
    text = readme.tables([report(*items, collected=collected(*items))])
    assert text.index("## What the sources say") < text.index("## As often retold")
    assert "| *as often retold:* It is told. |" in text


def test_what_is_not_as_the_sources_say_tells_two_declared_verdicts() -> None:
    either = {"expected": Expected.PERHAPS_REPRODUCED, "expected_because": "too few runs"}
    items = (claim(verdict=Verdict.INCONCLUSIVE, **either), claim("by_chance", **either), claim("plain"))
    text = readme.tables([report(claims=items, collected=collected(*items))])
    for said in ("Not as the sources say:\n\n- ? ", "As the sources say, where chance decides:\n\n- ✓ "):
        (told,) = text.partition(said)[2].partition("\n\n")[0].splitlines()
        assert told.endswith(": reproduced or inconclusive was expected: too few runs")


def test_outside_of_a_checkout_it_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert readme.main() == 1
    (tmp_path / "README.md").write_text(EMPTY)
    assert readme.main() == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert "no reports" in errors[1]


def test_a_report_without_claims_has_no_rows() -> None:
    text = readme.tables([report(claims=(bare(Verdict.NOT_RUN),), collected=())])
    assert "<details>" not in text


def test_every_claim_that_the_coverage_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "claims" / "README.md").read_text(encoding="utf-8")))
    files = (path.read_text(encoding="utf-8") for path in (ROOT / "claims").glob("test_*.py"))
    there = {name for text in files for name in re.findall(r"^def (test_\w+)", text, re.M)}
    assert named - there == set()
    assert len(named) > 100
