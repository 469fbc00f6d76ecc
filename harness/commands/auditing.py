"""``python -m harness report audit``: a stranger's report, judged again from its shipped records.

Everything in the folder is untrusted: files are read with bounds, nothing of them is run, no path of theirs
is followed. CodeNames is run of this checkout alone, or of a commit in its history.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness import commands as shared
from harness.commands import rendering, retraining, selection, trees
from harness.commands.exporting import NAME
from harness.report.audit import MOST, Audited, Counted, Finding, findings, shown, unknown_fields

if TYPE_CHECKING:
    from harness.commands.trees import CodeNames
    from harness.evidence.schema import Report
    from harness.lab.records import Record
    from harness.lab.shipped import Header

LISTED = 200
"""Lines that a terminal shows; ``--json`` has all."""

EXAMPLES = """
reports/quick                       from report.json and records.jsonl.gz there, by the commit that it names
stranger --again 20                 and compute twenty of its runs again, drawn by chance
stranger --here                     by the code that is here, whatever commit it names
stranger --json                     for programs
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``audit``."""
    parser.add_argument(
        "folder", type=selection.path, metavar="DIR", help="a report's folder, its records beside it"
    )
    parser.add_argument(
        "--records", type=selection.path, metavar="FILE", help=f"its shipped records (default: DIR/{NAME})"
    )
    parser.add_argument(
        "--here", action="store_true", help="judge by the code of this checkout, whatever commit is named"
    )
    parser.add_argument(
        "--again", type=selection.count, default=0, metavar="N",
        help="compute so many of its runs again, drawn by chance, and compare them",
    )  # fmt: skip
    selection.add_place(parser, store=False)
    parser.add_argument("--json", action="store_true", help="as JSON, for programs")


def audit(options: argparse.Namespace) -> int:
    """Judge again and compare; 1 if anything does not follow.

    Raises:
        ValueError: no report, no records, or a commit whose code cannot be had (one line).
    """
    done = audited(options)
    if options.json:
        shared.print_json(done)
    else:
        print("\n".join(told(done, str(options.folder))))
    return 0 if done.follows else 1


def audited(options: argparse.Namespace) -> Audited:
    """Everything that an audit comes to.

    Raises:
        ValueError: as ``audit``.
    """
    data_root = selection.data_root_of(options)
    file = options.folder / "report.json" if options.folder.is_dir() else options.folder
    report, unknown = _report(file)
    header, records = _records(options.records or file.parent / NAME)
    with _code(report.provenance.commit, here=options.here) as tree:
        here = tree == Path.cwd()
        by = "the code here" if options.here else f"that commit's code{' (which is here)' if here else ''}"
        done = Audited(tiers=report.tiers, commit=report.provenance.commit, by=by, findings=unknown)
        if report.provenance.dirty:
            done.findings.append(
                Finding(
                    where="report.json", says="judged with uncommitted changes: its commit is not its code"
                )
            )
        code = trees.names(tree, data_root, header)
        done.findings += _of_header(header, code, report)
        done.findings += _of_records(records, code, report)
        done.records, done.addresses = len(records), len({one.address for one in code.names.values()})
        again = rejudged(tree, header, records, code, report)
        counted = Counted()
        done.findings += findings(report, again, counted)
        done.claims, done.numbers, done.texts = counted.claims, counted.numbers, counted.texts
        done.unselected = counted.unselected
        rendering.hold(done, report, file.parent, tree)
        if options.again:
            done.findings += retraining.findings(done, records, code, tree, data_root, options.again, report)
    done.notes += _notes(code, done, report, again)
    done.follows = not done.findings
    return done


def _report(file: Path) -> tuple[Report, list[Finding]]:
    """The report, and what stands in it that nobody would look at.

    Raises:
        ValueError: it is none, or stands for no tier (one line).
    """
    from harness.evidence.schema import decode
    from harness.spec.untrusted import contents, decoded

    try:
        data = contents(file, MOST)
        report = decode(data)
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror or error}") from None
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    if first := report.provenance.first_replicate:
        raise ValueError(f"{file}: replicates {first} and up were judged, whose records are never shipped")
    return report, list(unknown_fields(decoded(data, dict[str, Any]), msgspec.to_builtins(report)))


def _records(file: Path) -> tuple[Header, dict[str, Record]]:
    """The header and the records of a file, every one held against its seal.

    Raises:
        ValueError: there is none, or it is damaged (one line).
    """
    from harness.lab.shipped import decode
    from harness.spec.untrusted import contents

    try:
        return decode(contents(file, MOST), file.name)
    except OSError as error:
        why = "its records are needed beside it, or by --records FILE"
        raise ValueError(f"{file}: {error.strerror or error}: {why}") from None


@contextlib.contextmanager
def _code(commit: str, *, here: bool) -> Iterator[Path]:
    """The top of the tree whose code judges again.

    Raises:
        ValueError: there are no claims here, or the commit's code cannot be had (one line).
    """
    if not Path("claims").is_dir():
        raise ValueError("no folder claims/ here: audit at the top of a checkout of the code that judged")
    if here:
        yield Path.cwd()
        return
    try:
        context = trees.trusted(commit)
        tree = context.__enter__()
    except ValueError as error:
        raise ValueError(f"{error} (--here judges by the code here)") from None
    with contextlib.ExitStack() as stack:
        stack.push(context)
        yield tree


def _of_header(header: Header, code: CodeNames, report: Report) -> Iterator[Finding]:
    """Names of experiments that the code does not give, and data that is not what it is called."""
    from harness.data.archives import KNOWN
    from harness.data.digests import combined

    where = NAME
    mine = {one.told: one for one in code.names.values()}
    for what, named in header.names.items():
        if what not in mine:
            yield Finding(
                where=where, says=f"names an experiment that no claim reads ({shown(named.address)})"
            )
        elif named.address != mine[what].address:
            says = f"names an experiment {shown(named.address[:12])}, which the code calls"
            yield Finding(where=where, says=f"{says} {mine[what].address[:12]}: other code, or other data")
    digests = {name: combined(each) for each, name in KNOWN.items()}
    told = dict(source for named in header.names.values() for source in named.sources)
    for name, digest in told.items():
        if digest and digests.get(name, digest) != digest:
            yield Finding(where=where, says=f"the data called {shown(name)} is not the {name} that is known")
        if report.provenance.data.get(name, digest) != digest and digest:
            yield Finding(where=where, says=f"the report has another digest of {shown(name)}")


def _of_records(records: Mapping[str, Record], code: CodeNames, report: Report) -> Iterator[Finding]:
    """Records under a name that is not theirs, of experiments of no claim, and that nothing reads."""
    from harness.spec import digest

    of = {one.address: one.of for one in code.names.values()}
    read = {
        (run.address, run.replicate) for claim in report.claims for run in (*claim.runs, *claim.control_runs)
    }
    spare: dict[str, int] = {}
    for key, record in records.items():
        where = f"record {key[:12]}"
        if key != digest({"address": record.address, "replicate": record.replicate}):
            says = f"is not named by its address and its replicate, {record.replicate}"
            yield Finding(where=where, says=f"{says}: another seed or experiment was put under its name")
        elif record.address not in of:
            yield Finding(where=where, says=f"is of an experiment that no claim reads: {shown(record.what)}")
        elif read.isdisjoint({(record.address, record.replicate), (of[record.address], record.replicate)}):
            spare[record.what] = spare.get(record.what, 0) + 1
    for what, count in spare.items():
        yield Finding(where=NAME, says=f"{count} records that nothing in the report reads, of {shown(what)}")


def rejudged(
    tree: Path, header: Header, records: Mapping[str, Record], code: CodeNames, report: Report
) -> Report:
    """The report of an ordinary session of a tree's code over the records, under the names of that code.

    Raises:
        ValueError: nothing could be judged (one line).
    """
    from harness.evidence.schema import decode
    from harness.lab.names import Addressed
    from harness.lab.shipped import encode
    from harness.spec import TIERS
    from harness.spec.untrusted import contents

    tiers = [tier for tier in TIERS if tier in report.tiers]
    if not tiers:
        raise ValueError("the report is of no tier: there is nothing to judge again")
    names = {what: Addressed(one.address, one.sources) for what, one in code.names.items()}
    header = msgspec.structs.replace(header, names=names, fields=code.fields)
    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder) / NAME, Path(folder) / "report"
        file.write_bytes(encode(header, records.values()))
        command = [sys.executable, "-m", "pytest", "claims", "-m", " or ".join(tiers), "-q"]
        command += ["-p", "no:cacheprovider", "--store", str(file), "--report", str(out)]
        status, text = trees.ran(command, tree)
        try:
            return decode(contents(out / "report.json"))
        except (OSError, ValueError):
            why = next((row for row in reversed(text.splitlines()) if "ERROR" in row), f"status {status}")
            raise ValueError(f"nothing could be judged again: {why}") from None


def _notes(code: CodeNames, done: Audited, report: Report, again: Report) -> Iterator[str]:
    """What was not checked, and why."""
    versions = [one.provenance.versions.get("overclaim", "") for one in (report, again)]
    if versions[0] != versions[1]:
        yield f"judged by overclaim {shown(versions[0], quoted=False)}, judged again by {versions[1]}"
    absent = {name for one in code.names.values() if one.believed for name, digest in one.sources if digest}
    if absent:
        told = ", ".join(sorted(shown(name, quoted=False) for name in absent))
        yield f"data not here, named by the digests that are told: {told}"
    if done.unselected:
        yield f"{done.unselected} items of its tiers are left out of the report, and it says so"
    if not done.again:
        yield "that the records came of such trainings only training tells: --again N computes a sample again"
    yield "as told, for nothing recomputes it: times, processor, memory, versions, command, planted mistakes"


def told(done: Audited, folder: str) -> Iterator[str]:
    """The audit for people: what does not follow, a line each, and the sum of it."""
    tiers = " and ".join(done.tiers) or "none"
    yield f"{folder}: tier {shown(tiers, quoted=False)}, commit {shown(done.commit[:12], quoted=False)}"
    yield f"judged again by {done.by}"
    yield from (f"✗ {finding}" for finding in done.findings[:LISTED])
    if len(done.findings) > LISTED:
        yield f"and {len(done.findings) - LISTED:,} more: --json has all"
    yield from (f"note: {note}" for note in done.notes)
    checked = (
        f"{done.claims:,} claims, {done.numbers:,} numbers and {done.texts:,} texts of theirs recomputed"
    )
    also = [f"{done.records:,} records", f"{done.addresses:,} addresses", *done.files]
    if done.again:
        also.append(f"{done.again} runs computed again")
    yield f"checked: {checked}; {', '.join(also)}"
    if done.follows:
        yield "the report follows from these records"
    else:
        count = len(done.findings)
        yield f"the report does not follow from these records: {count:,} thing{'s' * (count != 1)} above"
