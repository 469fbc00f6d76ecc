"""``python -m harness store export``: the records a report read, without weights, as one small file."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from harness import commands as shared
from harness.commands import selection
from harness.spec import ANEW

if TYPE_CHECKING:
    from harness.evidence.schema import ClaimReport, Provenance, Report
    from harness.lab.lab import Lab
    from harness.lab.names import Addressed, Names
    from harness.lab.runs import Run
    from harness.lab.shipped import Header
    from harness.spec import Runnable

NAME = "records.jsonl.gz"


def export(options: argparse.Namespace) -> int:
    """Write the records that a report read as one file.

    Raises:
        ValueError: report, store and code do not fit each other (one line).
        OSError: the file cannot be written; this is tried before anything is read.
    """
    from harness.lab.lab import Lab
    from harness.report import render

    (report,) = render.load([options.report])
    if first := report.provenance.first_replicate:
        raise ValueError(
            f"{options.report}: replicates {first} and up were judged; shipped are those from 0 on"
        )
    selection.opened(options)  # a session would make one
    folder: Path = options.report if options.report.is_dir() else options.report.parent
    out = options.out or folder / NAME
    with _whole(out) as draft:
        data, records = exported(report, Lab(selection.place_of(options)))
        draft.write(data)
    print(f"{out}: {records} records, {shared.sized(len(data))}")
    print(f'judge them: python -m pytest claims -m "{" or ".join(report.tiers)}" --store {out}')
    return 0


@contextlib.contextmanager
def _whole(out: Path) -> Iterator[IO[bytes]]:
    """A draft beside a file, put in its place at the end: what was there stays until then."""
    if out.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(out))
    draft = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with open(draft, "wb") as file:
            yield file
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)


def exported(report: Report, lab: Lab) -> tuple[bytes, int]:
    """The file's bytes and the number of its records.

    Raises:
        ValueError: the report read runs of other code or data than there are here, or the store lacks some.
    """
    from harness.lab import shipped

    runs = {run.key: run for run in _read(report, lab)}
    here = {run.address for run in runs.values()}
    foreign = {address for claim in report.claims for address in _addresses(claim)} - here
    if foreign:
        commit = report.provenance.commit[:12] or "its commit"
        raise ValueError(
            f"{len(foreign)} of the experiments that the report read have other code or data here: "
            f"check out {commit}, with the same data"
        )
    records = [lab.store.read(key) for key in runs]
    whole = [record for record in records if record is not None]
    if len(whole) < len(records):
        missing = len(records) - len(whole)
        raise ValueError(
            f"{missing} of {len(records)} runs that the report read are not in the store: see --store"
        )
    header = header_of(report.provenance, lab.names, (run.value for run in runs.values()))
    return shipped.encode(header, whole), len(whole)


def header_of(provenance: Provenance, names: Names, values: Iterable[Runnable]) -> Header:
    """The header for the records of these experiments, which a report with this provenance read.

    Raises:
        DataError: data they need is missing or corrupt (one line).
    """
    from harness.lab import shipped
    from harness.lab.names import specification
    from harness.spec import values_in

    addresses: dict[str, Addressed] = {}
    fields: dict[str, tuple[str, ...]] = {}
    for value in values:
        addresses[specification(value)] = names.named(value)
        fields |= {type(v).__name__: v.__struct_fields__ for v in values_in(value)}
    return shipped.Header(
        content=shipped.CONTENT,
        format=shipped.FORMAT,
        commit=provenance.commit,
        dirty=provenance.dirty,
        device=provenance.device,
        processor=provenance.processor,
        cores=provenance.cores,
        memory_gib=provenance.memory_gib,
        versions=provenance.versions,
        records=0,
        names=addresses,
        fields=fields,
    )


def _read(report: Report, lab: Lab) -> Iterator[Run]:
    """Every run that judging the report's items read: claims', controls' and probes'.

    Raises:
        ValueError: an item of the report is not among the claims here, or its data is missing.
    """
    from harness.suite.entries import claim_id, item_of, tier_of
    from harness.suite.listing import functions

    judged = {(c.id, c.tier): c for c in report.claims if _addresses(c)}
    for function in functions(Path.cwd(), report.tiers):
        claim = judged.pop((claim_id(function), tier_of(function)), None)
        if claim is not None:
            read = _replicates(claim)
            for value in item_of(function).computed():
                first, *_ = lab.runs(value, 1)
                yield from lab.runs(value, read.get((first.address, first.replicate >= ANEW), 0))
    if judged:
        name, tier = next(iter(judged))
        raise ValueError(
            f"{len(judged)} items of the report are not among the claims here: {name} ({tier}), say"
        )


def _replicates(claim: ClaimReport) -> dict[tuple[str, bool], int]:
    """How many replicates were read at each address, and of those that were read anew apart.

    A control may have climbed further than its claim.
    """
    counts: dict[tuple[str, bool], int] = {}
    for run in (*claim.runs, *claim.control_runs):
        anew = run.replicate >= ANEW
        number = run.replicate + 1 - (ANEW if anew else 0)
        counts[run.address, anew] = max(counts.get((run.address, anew), 0), number)
    return counts


def _addresses(claim: ClaimReport) -> set[str]:
    return {run.address for run in claim.runs} | {a for control in claim.controls for a in control.runs}
