"""A report held against what its records give when they are judged again: what does not follow, line by line.

Nothing here reads a file or judges; ``harness/commands/auditing.py`` does, and hands both reports over.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from harness.evidence.schema import ClaimReport, Report
from harness.report.wording import printable
from harness.spec import TIERS

MOST = 2**28
"""Bytes of a stranger's file that are read: ten times the largest report of ours."""
NEAR = 1e-9
"""Relative: numbers that differ by less are the same, for versions of numerical libraries round otherwise."""
SHOWN = 60
"""Signs of a text of the report that are shown; it may be of any length."""
EACH = 6
"""Lines for one claim, at most; how many more there are is said."""
UNCHECKED = ("seconds",)
"""What of a claim no record tells: how long it took to judge."""
TRIED = ("n", "statement", "reason")
"""What of exact evidence depends on the versions of Python and hypothesis, which choose the examples."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that does not follow: where it stands, and what is there against what should be."""

    where: str
    says: str

    def __str__(self) -> str:
        return printable(f"{self.where}: {self.says}").replace("\n", " ")


class Audited(msgspec.Struct, kw_only=True):
    """What ``report audit --json`` prints.

    Attributes:
        follows: everything recomputed is as the report says.
        tiers, commit: of the report; by: whose code judged again.
        findings: what does not follow; notes: what could not be checked, or is worth knowing.
        claims, numbers, texts: compared; unselected: items of its tiers that it says were left out.
        records, addresses: checked; again: runs that were computed again.
        files: rendered again and equal.
    """

    tiers: tuple[str, ...]
    commit: str
    by: str
    follows: bool = False
    findings: list[Finding] = []
    notes: list[str] = []
    claims: int = 0
    numbers: int = 0
    texts: int = 0
    unselected: int = 0
    records: int = 0
    addresses: int = 0
    again: int = 0
    files: list[str] = []


class Counted(msgspec.Struct, kw_only=True):
    """How much was recomputed: claims, and numbers and texts of theirs; claims left out by the report."""

    claims: int = 0
    numbers: int = 0
    texts: int = 0
    unselected: int = 0


def findings(told: Report, again: Report, counted: Counted | None = None) -> Iterator[Finding]:
    """What of a report is otherwise when its records are judged again.

    Args:
        told: the report as it came.
        again: the report of a session over its records, of the same tiers.
        counted: how much was compared is added to it.
    """
    counted = counted or Counted()
    yield from _of_tiers(told)
    yield from _of_items(told, again, counted)
    loose = any(_version(told, name) != _version(again, name) for name in ("python", "hypothesis"))
    judged = {(claim.id, claim.tier): claim for claim in again.claims}
    for claim in told.claims:
        if (other := judged.get((claim.id, claim.tier))) is not None:
            counted.claims += 1
            yield from _of_claim(claim, other, loose, counted)
    if told.papers != again.papers:
        yield Finding(where="papers", says="the sources are not those of the code")
    yield from _of_provenance(told, again, partial=counted.unselected > 0)


def _version(report: Report, name: str) -> str:
    return report.provenance.versions.get(name, "")


def _of_tiers(told: Report) -> Iterator[Finding]:
    for tier in dict.fromkeys((*told.tiers, *(claim.tier for claim in told.claims))):
        if tier not in TIERS:
            yield Finding(where="tiers", says=f"there is no tier {shown(tier)}")
        elif tier not in told.tiers:
            yield Finding(where="tiers", says=f"claims of tier {tier} are judged, which it does not name")


def _of_items(told: Report, again: Report, counted: Counted) -> Iterator[Finding]:
    """Claims that are twice, that nobody wrote, or that were left out."""
    entries = Counter((claim.id, claim.tier) for claim in told.claims)
    listed = {(item.id, item.tier): item for item in told.collected}
    for (name, tier), count in entries.items():
        if count > 1:
            yield Finding(where=item(name, tier), says=f"is judged {count} times in the report")
        if (name, tier) not in listed:
            yield Finding(where=item(name, tier), says="is judged, and not among what the report collected")
    known = {(item.id, item.tier): item for item in again.collected}
    for key in {**entries, **listed}:
        if key not in known:
            yield Finding(where=item(*key), says="the code of that commit has no such claim")
    for key, expected in known.items():
        seen = listed.get(key)
        if seen is None:
            yield Finding(where=item(*key), says="is left out of the report, and not even named as left out")
        elif seen.selected and key not in entries:
            yield Finding(where=item(*key), says="is left out of the claims, though it was selected")
        elif expected.tier in told.tiers and key not in entries:
            counted.unselected += 1
        elif (seen.paper, seen.says, seen.kind) != (expected.paper, expected.says, expected.kind):
            yield Finding(where=item(*key), says="is listed under another statement than the claim makes")


def _of_claim(told: ClaimReport, again: ClaimReport, loose: bool, counted: Counted) -> Iterator[Finding]:
    """What one claim says otherwise, the verdict first."""
    where = item(told.id, told.tier)
    sides = [msgspec.to_builtins(claim) for claim in (told, again)]
    for side in sides:
        for name in UNCHECKED:
            side.pop(name)
        if loose:
            _loosen(side)
    lines = sorted(
        _differences("", sides[0], sides[1], counted), key=lambda line: not line.startswith("verdict")
    )
    yield from (Finding(where=where, says=line) for line in lines[:EACH])
    if len(lines) > EACH:
        yield Finding(where=where, says=f"and {len(lines) - EACH:,} more")


def _loosen(claim: dict[str, Any]) -> None:
    """Take out of exact evidence what another version of hypothesis tries."""
    worlds = [claim, *claim["controls"]]
    for check in (check for world in worlds for check in world["checks"] if check["relation"] == "exact"):
        for name in TRIED:
            check.pop(name)
    if any(check["relation"] == "exact" for check in claim["checks"]):
        claim.pop("reason")


def _differences(path: str, told: Any, again: Any, counted: Counted) -> Iterator[str]:
    """A line for each leaf that differs; both sides are of one schema, so of bounded depth."""
    if isinstance(told, Mapping) and isinstance(again, Mapping):
        for name in dict.fromkeys((*told, *again)):
            if name not in told or name not in again:
                yield f"{_at(path, shown(name, quoted=False))} is {'not ' * (name not in told)}in the report"
            else:
                yield from _differences(_at(path, name), told[name], again[name], counted)
    elif isinstance(told, Sequence) and isinstance(again, Sequence) and not isinstance(told, str):
        if len(told) != len(again):
            yield f"{path} has {len(told)} entries in the report, {len(again)} by the records"
        for i, (one, other) in enumerate(zip(told, again, strict=False)):
            yield from _differences(f"{path}[{i}]", one, other, counted)
    elif _is_number(told) and _is_number(again):
        counted.numbers += 1
        if not _near(told, again):
            yield f"{path} is {told:.9g} in the report, {again:.9g} by the records"
    else:
        counted.texts += 1
        if told != again:
            yield f"{path} is {shown(told)} in the report, {shown(again)} by the records"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _near(one: float, other: float) -> bool:
    return one == other or math.isclose(one, other, rel_tol=NEAR, abs_tol=NEAR * NEAR)


def _at(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _of_provenance(told: Report, again: Report, *, partial: bool) -> Iterator[Finding]:
    """What of the report's provenance its records and claims tell.

    Args:
        told: the report as it came.
        again: the report of its records.
        partial: items of its tiers were left out, so it may have read less.
    """
    one, other = told.provenance, again.provenance
    for name in ("data", "carried", "replicates"):
        before, after = getattr(one, name), getattr(other, name)
        if partial and name == "replicates":
            continue
        if partial:
            after = {key: value for key, value in after.items() if key in before}
        lines = list(_differences(f"provenance.{name}", before, after, Counted()))
        yield from (Finding(where="report.json", says=line) for line in lines[:EACH])
        if len(lines) > EACH:
            yield Finding(where="report.json", says=f"and {len(lines) - EACH:,} more of provenance.{name}")


def unknown_fields(raw: Any, known: Any, path: str = "") -> Iterator[Finding]:
    """What stands in a report that its schema has no place for, so that nobody looks at it.

    Args:
        raw: the JSON as plain data.
        known: what the schema read of it, as plain data.
        path: where in it this is.
    """
    if isinstance(raw, Mapping) and isinstance(known, Mapping):
        for name in raw:
            if name not in known:
                where = shown(_at(path, name), quoted=False)
                yield Finding(where="report.json", says=f"{where} is no field of the schema")
            else:
                yield from unknown_fields(raw[name], known[name], _at(path, name))
    elif isinstance(raw, list) and isinstance(known, (list, tuple)):
        for i, (one, other) in enumerate(zip(raw, known, strict=False)):
            yield from unknown_fields(one, other, f"{path}[{i}]")


def same_rendering(name: str, told: bytes, again: bytes) -> bool:
    """Whether a file beside the report is what is rendered from it.

    Of figures it is enough that they belong to it: versions of matplotlib draw the same by other paths.
    """
    return name.endswith(".svg") or told == again


def item(name: str, tier: str) -> str:
    """An item as a line names it."""
    return f"{shown(name, quoted=False, most=160)} ({shown(tier, quoted=False)})"


def shown(value: Any, *, quoted: bool = True, most: int = SHOWN) -> str:
    """A value of a stranger's report in bounded length, without signs that a terminal obeys."""
    text = printable(str(value)[: most + 1]).replace("\n", " ").replace("\t", " ")
    text = text if len(text) <= most else f"{text[: most - 1]}…"
    return f"{text!r}" if quoted and isinstance(value, str) else text
