"""README and what it links keep their word: tables are the reports', examples run, files exist."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness.__main__ import COMMANDS
from harness.data import DataError
from harness.evidence.schema import ClaimReport, Collected
from harness.report import picture, readme
from harness.spec.said import Saying
from harness.spec.verdict import Expected, Verdict
from harness.suite import terminal
from harness.tests.reports import HOSTILE, bare, claim, report
from harness.tests.suites import ROOT, Session, run, write

README, TABLES, VERDICTS, CLUSTERS, CONTRIBUTING = (
    (ROOT / name).read_text(encoding="utf-8")
    for name in ("README.md", "reports/README.md", "docs/VERDICTS.md", "docs/CLUSTERS.md", "CONTRIBUTING.md")
)
WRITTEN = "\n".join((README, VERDICTS, CLUSTERS, CONTRIBUTING))
"""What was written by hand, but for README's lines of verdicts."""
PYTHON = re.compile(r"```python\n(.*?)```", flags=re.DOTALL)
EXAMPLE, DATA = PYTHON.findall(CONTRIBUTING)
EMPTY = f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter\n"

OWN = '''"""What one has oneself is learnt."""
{data}

from claims.papers import OVERCLAIM
from harness import Experiment, Sgd, Tiers, all_reach, claim, control, trained
from harness.data import RandomLabels
from harness.models import Mlp

RUN = Tiers(quick=Experiment(Mine(), Mlp(32), Sgd(lr=0.1, epochs=5)))


@claim(
    OVERCLAIM,
    "README, data",
    kind="counter",
    says="clouds far apart are told apart",
    adapted={{"quick": "none"}},
)
@trained(run=RUN)
@control(run=RUN.but(data__labels=RandomLabels(1.0)), says="random labels teach nothing")
def test_mine(run, check):
    check(all_reach(run.final("test_error"), 0.1, because="a tenth of a tenth of chance"))
'''


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
    assert {"reports/README.md", "docs/VERDICTS.md", "docs/CLUSTERS.md", "CONTRIBUTING.md"} <= linked
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


def session(folder: Path, *arguments: str) -> Session:
    return run(folder, "claims", "-m", "quick", "--report", "rep", "--data-root", "data", *arguments)


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A session of someone who did what README says: added a claim, and data of their own."""
    import numpy as np

    folder = write(tmp_path_factory.mktemp("reader"), "", name="unused.py", head="")
    (folder / "claims").mkdir()
    (folder / "claims" / "test_width.py").write_text(EXAMPLE)
    (folder / "claims" / "test_mine.py").write_text(OWN.format(data=DATA))
    generator = np.random.Generator(np.random.Philox(0))
    y = generator.integers(10, size=1200)
    x = 5.0 * np.eye(64)[y] + generator.normal(size=(1200, 64))
    (folder / "data").mkdir()
    np.savez(folder / "data" / "mine.npz", x=x.reshape(1200, 1, 8, 8).astype(np.float32), y=y)
    return session(folder)


def test_the_examples_run_and_are_reproduced(followed: Session) -> None:
    assert followed.verdicts == {
        "mine": "reproduced",
        "width_shortens_memorizing": "reproduced",
    }, followed.text
    assert followed.status == 0
    assert {figure.figure for c in followed.report.claims for figure in c.figures} == {"Width"}
    assert len(followed.report.provenance.data["mine"]) == 64


def test_another_margin_is_judged_without_training(followed: Session) -> None:
    assert EXAMPLE.count("1.2, because") == 1
    (followed.folder / "claims" / "test_width.py").write_text(EXAMPLE.replace("1.2, because", "3.0, because"))
    moved = session(followed.folder, "-k", "width")
    assert moved.status == 1
    assert moved.verdicts["width_shortens_memorizing"] != "reproduced"
    assert moved.report.provenance.trained_runs == 0


def test_the_data_of_the_example_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = ModuleType("example")
    monkeypatch.setitem(sys.modules, "example", example)
    exec(DATA, example.__dict__)
    with pytest.raises(DataError, match=r"mine\.npz is not in the data root: put it there"):
        example.Mine().source(tmp_path)


def named() -> Iterator[str]:
    """Everything that looks like a file of the checkout, outside of README's lines of verdicts."""
    before, _, rest = WRITTEN.partition(readme.BEGIN)
    text = before + rest.partition(readme.END)[2]
    yield from re.findall(r"(?<![\w/.])((?:claims|harness|reports|docs|\.github)/[\w./]*\w)", text)


def test_files_that_are_named_exist() -> None:
    made = {"claims/test_width.py"}
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
