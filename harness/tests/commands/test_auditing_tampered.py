"""``report audit``: every kind of tampering is named, in the report, its records and what lies beside it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.commands import auditing, trees
from harness.commands.exporting import NAME
from harness.evidence.schema import decode, encode
from harness.lab import shipped
from harness.report import render
from harness.spec import digest
from harness.tests.commands.strangers import Change, audit, lines, of, reseal, rewrite

# -- what does not ------------------------------------------------------------------------------------


def _evidence(name: str, **changes: Any) -> Change:
    return lambda content: of(content, name)["checks"][0].update(changes)


def _claim(name: str, **changes: Any) -> Change:
    return lambda content: of(content, name).update(changes)


def _left_out(content: dict[str, Any], *, listed: bool) -> None:
    content["claims"].remove(of(content, "larger"))
    if not listed:
        content["collected"] = [c for c in content["collected"] if not c["id"].endswith("test_larger")]


TAMPERED: dict[str, tuple[Change, str]] = {
    "an estimate": (_evidence("large", estimate=1.5), r"large .quick.: checks\[0\].estimate is 1.5 in"),
    "an estimate a little": (
        lambda content: of(content, "large")["checks"][0].update(
            estimate=of(content, "large")["checks"][0]["estimate"] * (1 + 1e-6)
        ),
        r"checks\[0\].estimate is",
    ),
    "a number that was judged": (
        lambda content: of(content, "large")["checks"][0]["values"].__setitem__(2, 1.2),
        r"checks\[0\].values\[2\] is 1.2 in the report",
    ),
    "an interval": (_evidence("larger", low=0.0), r"test_larger \(quick\): checks\[0\].low is 0 in"),
    "a bound": (_evidence("larger", lower_bound=0.1), r"checks\[0\].lower_bound is 0.1 in"),
    "a verdict": (_claim("larger", verdict="refuted"), "larger .quick.: verdict is 'refuted' in"),
    "an expectation": (_claim("larger", expected="refuted"), "expected is 'refuted' in"),
    "a statement": (_claim("large", says="x is huge"), "says is 'x is huge' in"),
    "a chance": (_claim("large", chance=0.5), "chance is 0.5 in"),
    "a seed": (
        lambda content: of(content, "large")["runs"][0].update(replicate=7),
        r"runs\[0\].replicate is 7 in the report, 0 by the records",
    ),
    "an address": (
        lambda content: of(content, "large")["runs"][0].update(address="ab" * 32),
        r"runs\[0\].address is 'abab",
    ),
    "a control's verdict": (
        lambda content: of(content, "large")["controls"][0].update(verdict="reproduced"),
        r"controls\[0\].verdict is 'reproduced' in",
    ),
    "a control's numbers": (
        lambda content: of(content, "large")["controls"][0]["checks"][0].update(high=-1.0),
        r"controls\[0\].checks\[0\].high is -1 in",
    ),
    "a control left out": (
        lambda content: of(content, "large").update(controls=[]),
        "controls has 0 entries in the report, 1 by",
    ),
    "a curve": (
        lambda content: of(content, "large")["figures"][0]["y"][1].__setitem__(0, 9.0),
        r"figures\[0\].y\[1\]\[0\] is 9 in the report, 1 by",
    ),
    "a claim left out": (lambda c: _left_out(c, listed=True), "larger .quick.: is left out of the claims"),
    "a claim hidden": (
        lambda c: _left_out(c, listed=False),
        "larger .quick.: is left out of the report, and",
    ),
    "a claim twice": (
        lambda content: content["claims"].append(of(content, "large")),
        "test_large .quick.: is judged 2 times",
    ),
    "a claim of nobody's": (
        lambda content: content["claims"].append(
            of(content, "large") | {"id": "claims/test_tiny.py::test_new"}
        ),
        "test_new .quick.: the code of that commit has no such claim",
    ),
    "a source": (lambda content: content["papers"][0].update(title="Another"), "papers: the sources are not"),
    "changes that were not committed": (
        lambda content: content["provenance"].update(dirty=True),
        "judged with uncommitted changes",
    ),
    "the replicates told": (
        lambda content: content["provenance"].update(replicates="0 to 999"),
        "provenance.replicates is '0 to 999'",
    ),
    "a tier that is none": (lambda content: content["tiers"].append("gold"), "there is no tier 'gold'"),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_what_was_changed_in_the_report_is_named(stranger: Path, what: str) -> None:
    change, says = TAMPERED[what]
    rewrite(stranger, change)
    done = audit(stranger)
    assert not done.follows
    assert re.search(says, lines(done)), lines(done)
    assert done.files == ["badge.json", "report.md"]  # they were rendered anew


def test_a_field_that_nobody_reads_is_named(stranger: Path) -> None:
    rewrite(stranger, lambda content: of(content, "large").update(award="best"), rendered=False)
    assert "report.json: claims[0].award is no field of the schema" in lines(audit(stranger))


@pytest.mark.parametrize(
    "name, old, new",
    [
        ("badge.json", "3 reproduced", "4 reproduced"),
        ("report.md", "3 reproduced", "4 reproduced"),
        ("report.html", "3 reproduced", "4 reproduced"),
        ("pages/x2020.html", "x is large", "x is huge"),
        ("pages/runs.html", "Experiments", "Runs"),
    ],
)
def test_counts_changed_beside_the_report_are_named(stranger: Path, name: str, old: str, new: str) -> None:
    file = stranger / name
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))
    done = audit(stranger)
    assert lines(done) == f"{name}: is not what is rendered from report.json"
    assert name.partition("/")[0] not in done.files


def _one(rows: list[dict[str, Any]], centre: str = "('centre', 1.0)") -> dict[str, Any]:
    return next(row for row in rows[1:] if centre in row["what"] and row["replicate"] == 2)


def _swapped(rows: list[dict[str, Any]]) -> None:
    """The header calls the records of one experiment those of another."""
    large, null = (_one(rows, f"('centre', {c})")["address"] for c in ("1.0", "0.0"))
    for named in rows[0]["names"].values():
        named["address"] = {large: null, null: large}.get(named["address"], named["address"])


def _another_seed(rows: list[dict[str, Any]], *, named: bool) -> None:
    record = _one(rows)
    record["replicate"] = 77
    if named:
        record["key"] = digest({"address": record["address"], "replicate": 77})


def _foreign() -> dict[str, Any]:
    """The name of an experiment that is nobody's."""
    return {"address": "ab" * 32, "key": digest({"address": "ab" * 32, "replicate": 2})}


REPLACED: dict[str, tuple[Callable[[list[dict[str, Any]]], object], str]] = {
    "a record's number": (
        lambda rows: _one(rows)["finals"].update(x=5.0),
        "large .quick.: verdict is 'reproduced' in the report, 'inconclusive' by",
    ),
    "a record left out": (
        lambda rows: rows.remove(_one(rows)),
        "large .quick.: verdict is 'reproduced' in the report, 'not run'",
    ),
    "a seed under the old name": (
        lambda rows: _another_seed(rows, named=False),
        "is not named by its address and its replicate, 77",
    ),
    "a seed under its own name": (
        lambda rows: _another_seed(rows, named=True),
        "records that nothing in the report reads",
    ),
    "a record too many": (
        lambda rows: rows.append({**_one(rows), **_foreign()}),
        "is of an experiment that no claim reads",
    ),
    "names exchanged": (_swapped, "other code, or other data"),
    "data called MNIST": (
        lambda rows: next(iter(rows[0]["names"].values())).update(sources=[["MNIST", "ab" * 32]]),
        "the data called 'MNIST' is not the MNIST that is known",
    ),
}


@pytest.mark.parametrize("what", REPLACED)
def test_what_was_changed_in_the_records_is_named(stranger: Path, what: str) -> None:
    change, says = REPLACED[what]
    reseal(stranger, change)
    done = audit(stranger)
    assert re.search(says, lines(done)), lines(done)


def test_records_forged_with_their_report_are_named_by_computing_them_again(stranger: Path) -> None:
    """Judged again they agree with the report; only training tells."""

    def forge(rows: list[dict[str, Any]]) -> None:
        for row in rows[1:]:
            row["finals"]["x"] += 1.0

    reseal(stranger, forge)
    _, records = shipped.decode((stranger / NAME).read_bytes(), NAME)
    honest = decode((stranger / "report.json").read_bytes())
    header, _ = shipped.decode((stranger / NAME).read_bytes(), NAME)
    code = trees.names(Path.cwd(), Path("nowhere"), header)
    again = auditing.rejudged(Path.cwd(), header, records, code, honest)
    forged = msgspec.structs.replace(honest, claims=again.claims)
    render.write(decode(encode(forged)), stranger)
    assert audit(stranger).follows
    done = audit(stranger, again=2)
    assert not done.follows
    assert "computed again x is" in lines(done)
