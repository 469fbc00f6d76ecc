"""What came out of a session: the judged claims, and the report of them."""

from __future__ import annotations

import os
import platform
import re
import shlex
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from harness.evidence.schema import SCHEMA, ClaimReport, Provenance, Report
from harness.lab import provenance
from harness.lab.drawn import Drawings
from harness.lab.lab import Lab
from harness.spec import ANEW, TIERS
from harness.spec.modules import source_file
from harness.spec.untrusted import cause_of
from harness.spec.verdict import Verdict
from harness.suite.exchange import Exchange

ABSOLUTE = re.compile(r"(?<![\w:/.<\\])(?:/[\w.@+~%,=-]+){2,}/?")
"""Absolute paths in a text: not what follows a word ("mean/std/n") or another slash (an address)."""
SHORTEST = 3
"""Letters: a machine of a shorter name would take words out of sentences."""
STOPPED = "the session stopped before it"


class Outcome:
    """The entries of judged items, as they arrive.

    Attributes:
        claims: (claim, tier) -> its entry.
    """

    def __init__(self) -> None:
        self.claims: dict[tuple[str, str], ClaimReport] = {}

    def add(self, encoded: str) -> None:
        """Take in a judged item, from here or from a worker."""
        entry = msgspec.json.decode(encoded, type=ClaimReport)
        self.claims[entry.id, entry.tier] = entry

    def complete(self, skeletons: Iterable[ClaimReport], *, lost: bool) -> int:
        """Add the items that never reported: their worker was ``lost``, or the session stopped earlier.

        How many these are.
        """
        before = len(self.claims)
        stopped = {"verdict": Verdict.NOT_RUN, "unexpected": False, "reason": STOPPED}
        for skeleton in skeletons:
            entry = skeleton if lost else msgspec.structs.replace(skeleton, **stopped)
            self.claims.setdefault((entry.id, entry.tier), entry)
        return len(self.claims) - before

    def sorted(self, exchange: Exchange) -> list[ClaimReport]:
        """The entries in the order in which the claims are written."""
        order = {(c.id, c.tier): i for i, c in enumerate(exchange.collected)}
        return sorted(self.claims.values(), key=lambda c: order.get((c.id, c.tier), len(order)))

    def report(self, exchange: Exchange, lab: Lab, config: pytest.Config, began: float) -> Report:
        """Everything this session found."""
        claims = self.sorted(exchange)
        return without_places(
            Report(
                schema=SCHEMA,
                tiers=tuple(t for t in TIERS if any(c.tier == t for c in claims)),
                provenance=_provenance(claims, exchange, lab, config, began),
                papers=tuple(exchange.papers),
                collected=tuple(exchange.collected),
                claims=tuple(claims),
            )
        )


def without_places(report: Report) -> Report:
    """A report in which no text names a folder or the name of this machine, whoever wrote them into it.

    An error's message may name a file of the store, an experiment a file of its data: its last part stays.
    """
    text = msgspec.json.encode(report).decode()
    shown = ABSOLUTE.sub(lambda path: "…/" + path.group().rstrip("/").rpartition("/")[2], text)
    host = platform.node()
    if len(host) > SHORTEST:
        shown = re.sub(rf"(?<![\w-]){re.escape(host)}(?![\w-])", "HOST", shown)
    return report if shown == text else msgspec.json.decode(shown, type=Report)


def code_of(config: pytest.Config) -> Path:
    """Where the claims lie: pytest's root may be another place, that of the store among its options, say.

    With ``--pyargs`` arguments are names of modules, and the folder is where these are installed.
    """
    start = config.invocation_params.dir
    names = [argument.partition("::")[0] for argument in config.args]
    modules = [file for name in names if config.option.pyargs and (file := source_file(name))]
    first = next((path for path in (*modules, *(start / name for name in names)) if path.exists()), start)
    return first if first.is_dir() else first.parent


def _provenance(
    claims: list[ClaimReport], exchange: Exchange, lab: Lab, config: pytest.Config, began: float
) -> Provenance:
    code = code_of(config)
    head, dirty = provenance.commit(code)
    return Provenance(
        commit=head,
        dirty=dirty,
        started=_utc(began),
        finished=_utc(time.time()),
        wall_seconds=round(time.time() - began, 1),
        trained_seconds=round(sum(exchange.computed.values()), 1),
        trained_runs=len(exchange.computed),
        reused_runs=len(set(exchange.read) - set(exchange.computed)),
        kept_outcomes=len(exchange.exact),
        kept_judgements=len(exchange.judged),
        device=lab.place.device,
        processor=provenance.processor(),
        cores=provenance.cores(),
        memory_gib=provenance.memory_gib(),
        versions=provenance.versions() | {"overclaim": provenance.release(code, head)},
        data=exchange.data,
        replicates=_replicates(claims, lab.first),
        first_replicate=lab.first,
        command="python -m pytest " + shlex.join(_without_paths(config.invocation_params.args)),
        shipped=lab.shipped.commit if lab.shipped else "",
        carried=exchange.carried,
        mutants=provenance.mutants(config.rootpath),
    )


def _replicates(claims: list[ClaimReport], first: int) -> str:
    """The replicates that were read; of the ordinary ones, how many at each tier."""
    if first:
        read = (run.replicate for c in claims for run in (*c.runs, *c.control_runs))
        last = max((r for r in read if r < ANEW), default=first)  # what is read anew lies far above
        return f"{first} to {last}"
    judged_at = {c.tier: max((len({r.replicate for r in c.runs}) for c in claims), default=0) for c in claims}
    return "0 and up; " + ", ".join(f"{tier}: up to {n}" for tier, n in judged_at.items())


def misplaced(folder: str | Path | None, first: int) -> str:
    """Why a report of replicates from this one on may not be written to a folder, in one line; "" if it may.

    It would take the place of a report of the ordinary replicates, whoever reads that.
    """
    from harness.report import render

    if not (folder and first and (Path(folder) / "report.json").exists()):
        return ""
    try:
        (there,) = render.load([folder])
    except ValueError:  # what is no report may be replaced
        return ""
    if there.provenance.first_replicate:
        return ""
    return f"the report there is of replicates 0 and up, and one of {first} and up may not replace it"


def write(report: Report, folder: Path, drawings: Drawings | None = None) -> str:
    """Write report.json, from which all else can be rendered later, then .md and .html; why not, if not.

    Args:
        drawings: where figures that were drawn before are had.
    """
    from harness.report import render

    try:
        render.keep(report, folder)
    except (OSError, ValueError, MemoryError, RecursionError) as error:
        return f"cannot write the report to {folder}: {_cause(error)}"
    try:
        render.write(report, folder, drawings)
    except Exception as error:  # a library that is not there, say: what was judged is not lost for it
        again = f"report.json is there, and python -m harness report {folder} renders it"
        return f"cannot write the pages of the report to {folder}: {_cause(error)}; {again}"
    return ""


def _cause(error: Exception) -> str:
    return getattr(error, "strerror", None) or cause_of(error)


def unwritable(folder: Path) -> str:
    """Why no report can be written to a folder, found out before anything is judged; empty if one can."""
    from harness.report import render

    try:
        render.require_writable(folder)
    except OSError as error:
        return f"--report {folder}: cannot write there: {error.strerror or error}"
    return ""


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _without_address(argument: str) -> str:
    """What follows ``--on``, without which cluster it is."""
    return re.sub(r"^((?:--on=)?ray)=(?!auto$).*", r"\1=HOST:PORT", argument)


def _without_paths(arguments: Iterable[object]) -> list[str]:
    """The command as given, with directories of this machine and addresses of others left out."""
    shown = []
    hide = False
    for argument in map(_without_address, map(str, arguments)):
        name, equals, value = argument.partition("=")
        if hide or (equals and (os.path.isabs(value) or name == "--tx")):
            shown.append("DIR" if hide else f"{name}=DIR")
            hide = False
            continue
        hide = argument in (
            "--store",
            "--data-root",
            "--report",
            "--tx",
            "--rsyncdir",
            "--rootdir",
            "--basetemp",
        )
        shown.append("DIR" if os.path.isabs(argument) else argument)
    return shown
