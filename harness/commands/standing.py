"""``python -m harness report --check``: which verdicts of a report still stand for the code that is here.

Nothing is trained and nothing judged: the names of the runs that a report read are compared with the names
that the claims here give them. A name covers experiment, code and data. What it does not cover, the body of a
claim, is compared in words; whether the numbers follow is for ``report audit`` to say.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness.commands import selection, trees
from harness.commands.at_commit import ShippedData
from harness.commands.exporting import NAME
from harness.report.wording import printable
from harness.spec.verdict import Verdict

if TYPE_CHECKING:
    from harness.evidence.schema import ClaimReport, Report
    from harness.lab.names import Names
    from harness.lab.shipped import Header

STANDS, STALE, GONE, ANEW, UNKNOWN = "stands", "stale", "gone", "exact", "unknown"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a verdict still stands.

    Attributes:
        state: "stands", "stale" (other code, data or statement), "gone" (no such claim any more), "exact"
            (nothing was trained, and the code is not that of the report: it is computed anew by every
            session) or "unknown" (it was not judged; or its data is not here, and no digest of it is told).
        why: in words, where it does not stand.
    """

    id: str
    tier: str
    verdict: Verdict
    state: str
    why: str = ""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What ``report --check --json`` prints a list of; ``fresh``: claims that the report does not have."""

    report: str
    commit: str
    counts: dict[str, int]
    fresh: tuple[str, ...]
    verdicts: tuple[Standing, ...]


def checked(folder: Path, data_root: Path) -> Checked:
    """Hold a report against the claims here.

    Raises:
        ValueError: no report, or no claims here (one line).
    """
    from harness.report import render
    from harness.suite.entries import claim_id, tier_of
    from harness.suite.listing import functions

    (report,) = render.load([folder])
    here = {(claim_id(f), tier_of(f)): f for f in functions(Path.cwd(), report.tiers)}
    header = _header(folder if folder.is_dir() else folder.parent)
    names = _names(data_root, header)
    same = _same_code(report)
    verdicts = tuple(
        _standing(claim, here.get((claim.id, claim.tier)), names, header, same) for claim in report.claims
    )
    known = {(claim.id, claim.tier) for claim in report.claims}
    return Checked(
        report=str(folder),
        commit=report.provenance.commit,
        counts=dict(Counter(each.state for each in verdicts)),
        fresh=tuple(f"{name} ({tier})" for name, tier in here if (name, tier) not in known),
        verdicts=verdicts,
    )


def _header(folder: Path) -> Header | None:
    """The header of the records beside a report; None where there are none that can be read."""
    from harness.lab.shipped import Shipped
    from harness.lab.store import StoreError

    try:
        return Shipped(folder / NAME).header
    except StoreError:
        return None


def _names(data_root: Path, header: Header | None) -> Names:
    """Names by the code here; of data that is not here by the digests beside the report."""
    from harness.lab.names import Names

    names = Names(data_root)
    if header is not None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "told.json"
            file.write_bytes(trees.shipped_data(header))
            ShippedData(str(file)).naming(names)
    return names


def _same_code(report: Report) -> bool:
    """Whether the code here is that of the report's commit, to the byte."""
    commit = report.provenance.commit
    try:
        known = bool(trees.COMMIT.fullmatch(commit)) and trees.answers("cat-file", "-e", commit)
        return known and not report.provenance.dirty and trees.is_here(commit)
    except ValueError:  # there is no git
        return False


def _standing(claim: ClaimReport, function: Any, names: Names, header: Header | None, same: bool) -> Standing:
    from harness.data.archives import DataError

    def state(which: str, why: str = "") -> Standing:
        return Standing(id=claim.id, tier=claim.tier, verdict=claim.verdict, state=which, why=why)

    if function is None:
        return state(GONE, "no such claim is here any more")
    if claim.verdict in (Verdict.NOT_RUN, Verdict.ERROR):
        return state(UNKNOWN, "it was not judged")
    told = {run.address: run.what for run in (*claim.runs, *claim.control_runs)}
    try:
        trained, probed = _addresses(function, names)
    except DataError as error:
        return state(UNKNOWN, str(error))
    except (ValueError, LookupError, TypeError) as error:
        return state(STALE, f"it cannot be read: {error}")
    reasons = [*_experiments(told, trained), *_probes(probed, header), *_statement(claim, function)]
    if reasons:
        return state(STALE, "; ".join(reasons))
    if not told and not same:
        return state(ANEW, "nothing is trained, so no name tells: every session computes it")
    return state(STANDS)


def _addresses(function: Any, names: Names) -> tuple[dict[str, str], dict[str, str]]:
    """Address -> experiment in words: of all that an item's worlds read, and of the probes of these.

    Raises:
        DataError: data is not here (one line).
    """
    from harness.lab.runs import parts
    from harness.spec import abbreviated, plain
    from harness.suite.entries import item_of

    trained: dict[str, str] = {}
    probed: dict[str, str] = {}
    for value in map(plain, item_of(function).computed()):
        first, *probes = parts(value)
        trained[names.named(first).address] = abbreviated(first)
        probed |= {names.named(probe).address: abbreviated(probe) for probe in probes}
    return trained, probed


def _experiments(told: dict[str, str], here: dict[str, str]) -> Iterator[str]:
    """What is said of experiments that have another name now."""
    gone, new = told.keys() - here.keys(), here.keys() - told.keys()
    if not (gone or new):
        return
    words, others = {told[each] for each in gone}, {here[each] for each in new}
    if words == others:
        yield f"other code or data of {len(gone)} of {len(told)} experiments"
    else:
        shown = sorted(others - words) or sorted(words - others)
        which = "another experiment" if others - words else "an experiment is not read any more"
        yield f"{which}: {shown[0]}"


def _probes(probed: dict[str, str], header: Header | None) -> Iterator[str]:
    """What is measured otherwise of the same trainings, as far as records beside the report tell."""
    if header is not None:
        known = {named.address for named in header.names.values()}
        if others := [what for address, what in probed.items() if address not in known]:
            yield f"other code of what is measured: {others[0]}"


def _statement(claim: ClaimReport, function: Any) -> Iterator[str]:
    """What the claim says in other words than in the report."""
    from harness.suite.entries import claim_of, tier_of

    now, tier = claim_of(function), tier_of(function)
    expected, _ = now.expects(tier)
    controls = [control.says for control in getattr(function.function, "controls", ())]
    asked = [
        ("statement", claim.says, now.says),
        ("source", (claim.paper, claim.where), (now.paper.key, now.where)),
        ("change from the source", claim.adapted, now.adapted[tier]),
        ("expected verdict", claim.expected, expected),
        ("control", [control.says for control in claim.controls] or controls, controls),
    ]
    if others := [what for what, before, after in asked if before != after]:
        yield f"another {', '.join(others)}"


def told(checks: Sequence[Checked]) -> Iterator[str]:
    """The check for people: a line for what does not stand, and the sum."""
    for check in checks:
        yield f"{check.report}: judged at commit {check.commit[:12] or 'unknown'}, held against the code here"
        for each in check.verdicts:
            if each.state in (STALE, GONE, UNKNOWN):
                name = each.id.rpartition("::")[2].removeprefix("test_")
                sign = f"{each.verdict.symbol} {each.verdict:<12}"
                yield printable(f"  {each.state:<7} {sign} {each.tier:<8} {name}: {each.why}")
        counts = check.counts
        said = [f"{counts.get(STANDS, 0):,} stand", f"{counts.get(STALE, 0):,} are stale"]
        said += [f"{counts[ANEW]:,} are exact, computed anew by every session"] if ANEW in counts else []
        said += [f"{counts[GONE]:,} are of claims that are gone"] if GONE in counts else []
        said += [f"{counts[UNKNOWN]:,} cannot be told"] if UNKNOWN in counts else []
        yield f"of {len(check.verdicts):,} verdicts {', '.join(said)}"
        if check.fresh:
            more = ", say" if check.fresh[1:] else ""
            yield f"not in the report: {len(check.fresh):,} ({check.fresh[0]}{more})"


def fails(checks: Sequence[Checked]) -> bool:
    """Whether a verdict does not stand."""
    return any(check.counts.get(state) for check in checks for state in (STALE, GONE, UNKNOWN))


def check(options: argparse.Namespace) -> tuple[Checked, ...]:
    """Hold every report that was named against the claims here.

    Raises:
        ValueError: as ``checked``.
    """
    data_root = selection.data_root_of(options)
    return tuple(checked(folder, data_root) for folder in options.check)
