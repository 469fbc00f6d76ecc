"""One pytest session: what was collected, what it needs, what came out, and the report of it."""

from __future__ import annotations

import os
import shlex
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.data import DataError
from harness.evidence.schema import SCHEMA, ClaimReport, Collected, PaperEntry, Provenance, Report
from harness.judging.ladder import Item, judged
from harness.judging.rejudging import rejudged
from harness.lab import progress, provenance
from harness.lab.carrying import proof_of
from harness.lab.lab import Lab
from harness.lab.places import Place, processes
from harness.lab.plan import Plan
from harness.lab.runs import Work
from harness.lab.shipped import UNSHIPPED
from harness.spec import TIERS, fingerprint
from harness.spec.verdict import Verdict
from harness.suite import live, opening, watch
from harness.suite.entries import claim_id, claim_of, entry, item_of, message, tier_of, unjudged

UNPUBLISHED = "embedded or generated"
LOST = "its worker was lost"
STOPPED = "the session stopped before it"
WITHOUT = ", or leave such claims out with -k"


class Exchange(msgspec.Struct, kw_only=True):
    """What an xdist worker tells the controller when it ends."""

    collected: list[Collected] = []
    skeletons: list[ClaimReport] = []
    papers: list[PaperEntry] = []
    data: dict[str, str] = {}
    computed: dict[str, float] = {}
    trained: dict[str, Work] = {}
    read: list[str] = []
    carried: dict[str, str] = {}
    refusal: str = ""


class Session:
    """The state of one pytest session; on xdist's controller it only gathers."""

    def __init__(self, config: pytest.Config, place: Place) -> None:
        self.config, self.place = config, place
        shared: Mapping[str, Any] = getattr(config, "workerinput", {})
        self.is_worker = bool(shared)
        self.is_controller = not shared and bool(getattr(config.option, "tx", None))
        self.name = shared.get("overclaim_session") or uuid.uuid4().hex[:8]
        self.began = shared.get("overclaim_began", time.time())
        self.told = Exchange()
        self.heard: dict[tuple[str, str], ClaimReport] = {}
        self.items: dict[str, Item] = {}
        self.unwritten = ""
        self.plan: Plan | None = None
        self._runs: list[Any] = []
        self._kinds: set[str] = set()
        self._terminal = live.Terminal(lambda stream: live.end_line(config, stream))
        self._watch: watch.Watch | None = None
        self._tally = progress.Tally(self._show(), self._processes())
        self.lab = Lab(place, processes=self._tally.processes, progress=self._tally)

    def _processes(self) -> int:
        """How many processes may train at once here: all cores, shared among xdist's workers."""
        if self.is_controller:
            return 1
        return processes(self.place.device, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))

    def _show(self) -> progress.Show:
        if self.is_worker:
            return self._status().show
        return self._terminal.show

    def _status(self) -> watch.StatusFile:
        worker = os.environ.get("PYTEST_XDIST_WORKER", str(os.getpid()))
        return watch.StatusFile(self.lab_status, self.name, worker)

    @property
    def lab_status(self) -> Path:
        """The folder of status files."""
        return self.place.store / "v1" / "status"

    @property
    def refusal(self) -> str:
        """Why nothing can be judged (missing data, say), in one line; empty if all is well."""
        return self.told.refusal

    # -- collection -------------------------------------------------------------------------------

    def collect(self, functions: list[Any], chosen: list[Any], deselected: list[Any]) -> None:
        """Learn what exists, what was selected and what that needs; names the first thing in the way.

        Raises:
            pytest.UsageError: data that a selected claim needs is missing or corrupt.
        """
        self._list(functions, chosen, deselected)
        problems: list[str] = []
        for function in chosen:
            self.told.skeletons.append(unjudged(function, Verdict.ERROR, LOST))
            try:
                self.items[function.nodeid] = item = item_of(function)
                for value, replicates in item.needs():
                    self._need(value, replicates)
            except (ValueError, LookupError, TypeError) as error:
                without = WITHOUT if isinstance(error, DataError) else ""
                problems.append(f"{function.nodeid}: {error.args[0] if error.args else error}{without}")
        if problems:
            self.refuse("; ".join(_shortened(problems)))
            return
        self.plan = self.lab.plan(self._runs)
        if self.is_worker:
            self._status().announce(self.planned())

    def _list(self, functions: list[Any], chosen: list[Any], deselected: list[Any]) -> None:
        """Note what exists and what was selected of it, for the report."""
        for function, selected in [(f, f in chosen) for f in functions] + [(f, False) for f in deselected]:
            claim = claim_of(function)
            self.told.collected.append(
                Collected(
                    id=claim_id(function),
                    tier=tier_of(function),
                    paper=claim.paper.key,
                    says=claim.says,
                    selected=selected,
                )
            )
            paper = PaperEntry(**msgspec.structs.asdict(claim.paper))
            if paper not in self.told.papers:
                self.told.papers.append(paper)

    def _need(self, value: Any, replicates: int) -> None:
        """Add the runs of a value, and what its data may honestly be called.

        Raises:
            DataError: data it needs is missing or corrupt (one line).
        """
        runs = self.lab.runs(value, replicates)
        if runs[0].kind not in self._kinds:
            self._kinds.add(runs[0].kind)
            for name, digest in self.lab.names.named(value).sources:
                self.told.data[name] = digest or UNPUBLISHED
        self._runs += runs

    def refuse(self, why: str) -> None:
        """Stop with one line. A worker cannot stop the session, so it tells the controller at its end."""
        self.told.refusal = why
        if not self.is_worker:
            raise pytest.UsageError(why)

    def header(self) -> list[str]:
        """The lines on top of pytest's output."""
        asked = opening.scope(self.config.option.markexpr, self.config.args)
        return opening.header(asked, self.lab, provenance.cores())

    def planned(self) -> list[str]:
        """What will be trained, said after collection."""
        if self.plan is None or not self._runs or self.config.get_verbosity() < 0:
            return []
        if self.lab.shipped:
            return [self.lab.shipped.said(self.plan.present, self.plan.missing)]
        workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
        said = opening.planned(self.plan, self._tally.processes * workers, self.told.data)
        return [*said, *opening.unseen(fingerprint.unseen())]

    # -- running ----------------------------------------------------------------------------------

    def open(self) -> None:
        """The terminal is there: progress may be drawn on it."""
        if not self.is_worker and self.config.pluginmanager.has_plugin("terminalreporter"):
            self._terminal.open(live.own_stream(self.config))

    def fill(self) -> None:
        """Compute the plan; on the controller, watch the workers do it."""
        if self.is_controller:
            self._watch = watch.Watch(self.lab_status, self.name, self._terminal)
            self._watch.start()
            return
        self._tally.first = True
        self.lab.ensure(self._runs)
        self._tally.first = False

    def judging(self) -> None:
        """An item is about to be judged, here or by a worker."""
        if self._watch:
            self._watch.judging()

    def judge(self, function: Any) -> ClaimReport:
        """Judge one collected item.

        Raises:
            Exception: whatever the claim's body raises.
        """
        began = time.monotonic()
        item = self.items.get(function.nodeid) or item_of(function)
        found = rejudged(item, self.lab) if self.lab.shipped else judged(item, self.lab)
        if found is None:
            pytest.skip(UNSHIPPED)
        return entry(function, found, time.monotonic() - began)

    def settle(self, report: ClaimReport) -> None:
        """Pass if the verdict was expected; fail with the evidence if not."""
        if report.unexpected:
            pytest.fail(message(report), pytrace=False)

    def close(self) -> None:
        """End processes, watchers and the live line."""
        if self._watch:
            self._watch.close()
        self._terminal.close()
        self.lab.close()

    # -- the end ----------------------------------------------------------------------------------

    def hear(self, encoded: str) -> None:
        """Take in a judged item, from here or from a worker."""
        report = msgspec.json.decode(encoded, type=ClaimReport)
        self.heard[report.id, report.tier] = report

    def node_down(self, worker: str, output: Mapping[str, Any]) -> None:
        """Take in what a worker leaves; one that was lost leaves nothing."""
        if "overclaim" not in output:
            if self._watch:
                self._watch.lost(worker)
            return
        told = msgspec.json.decode(output["overclaim"], type=Exchange)
        if not self.told.collected:
            self.told = told
            return
        self.told.computed |= told.computed
        self.told.trained = progress.summed(self.told.trained, told.trained)
        self.told.read += told.read
        self.told.carried |= told.carried
        self.told.data |= told.data
        self.told.refusal = self.told.refusal or told.refusal

    def finish(self, status: int) -> int:
        """Write the report, or tell the controller; the exit status to end with."""
        self.told.computed |= self.lab.computed
        self.told.trained = progress.summed(self.told.trained, self._tally.computed)
        self.told.read += self.lab.read
        self.told.carried |= dict(filter(None, map(proof_of, self.lab.read.values())))
        if self.is_worker:
            self.config.workeroutput["overclaim"] = msgspec.json.encode(self.told).decode()  # type: ignore[attr-defined]
            return status
        if self.is_controller and status == pytest.ExitCode.NO_TESTS_COLLECTED:
            self._nothing_found()
        if self.refusal:
            return int(pytest.ExitCode.USAGE_ERROR)
        if self.config.option.plan and self.items and status == pytest.ExitCode.NO_TESTS_COLLECTED:
            return int(pytest.ExitCode.OK)
        if self.heard and not self.config.option.collectonly:
            self._complete(status)
        if self.config.option.report and self.heard and not self.config.option.collectonly:
            return self._write(status)
        return status

    def _nothing_found(self) -> None:
        """xdist's workers keep to themselves that an argument names no item."""
        named = [argument for argument in self.config.args if "::" in argument]
        if named and not (self.told.collected or self.refusal):
            self.told.refusal = f"not found: {' '.join(named)}"

    def _write(self, status: int) -> int:
        from harness.report import render

        try:
            render.write(self.report(), Path(self.config.option.report))
        except OSError as error:
            why = error.strerror or error
            self.unwritten = f"cannot write the report to {self.config.option.report}: {why}"
            return status or int(pytest.ExitCode.USAGE_ERROR)
        return status

    def _complete(self, status: int) -> None:
        """Add the items that never reported: their worker was lost, or the session stopped before them."""
        lost = self.is_controller and status in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        stopped = {"verdict": Verdict.NOT_RUN, "unexpected": False, "reason": STOPPED}
        for skeleton in self.told.skeletons:
            one = skeleton if lost else msgspec.structs.replace(skeleton, **stopped)
            self.heard.setdefault((one.id, one.tier), one)

    def report(self) -> Report:
        """Everything this session found, in the order in which the claims are written."""
        claims = self._sorted()
        tiers = tuple(t for t in TIERS if any(c.tier == t for c in claims))
        return Report(
            schema=SCHEMA,
            tiers=tiers,
            provenance=self._provenance(claims),
            papers=tuple(self.told.papers),
            collected=tuple(self.told.collected),
            claims=tuple(claims),
        )

    def _sorted(self) -> list[ClaimReport]:
        order = {(c.id, c.tier): i for i, c in enumerate(self.told.collected)}
        return sorted(self.heard.values(), key=lambda c: order.get((c.id, c.tier), len(order)))

    def _provenance(self, claims: list[ClaimReport]) -> Provenance:
        head, dirty = provenance.commit(self.config.rootpath)
        judged_at = {
            c.tier: max((len({r.replicate for r in c.runs}) for c in claims), default=0) for c in claims
        }
        return Provenance(
            commit=head,
            dirty=dirty,
            started=_utc(self.began),
            finished=_utc(time.time()),
            wall_seconds=round(time.time() - self.began, 1),
            trained_seconds=round(sum(self.told.computed.values()), 1),
            trained_runs=len(self.told.computed),
            reused_runs=len(set(self.told.read) - set(self.told.computed)),
            device=self.place.device,
            processor=provenance.processor(),
            cores=provenance.cores(),
            memory_gib=provenance.memory_gib(),
            versions=provenance.versions(),
            data=self.told.data,
            replicates="0 and up; " + ", ".join(f"{t}: up to {n}" for t, n in judged_at.items()),
            command="python -m pytest " + shlex.join(_without_paths(self.config.invocation_params.args)),
            shipped=self.lab.shipped.commit if self.lab.shipped else "",
            carried=self.told.carried,
        )

    def summary(self) -> Iterator[tuple[str, dict[str, bool]]]:
        """The lines below pytest's output, with their markup."""
        if self.config.option.plan:
            yield from ((text, {}) for text in (opening.listing(self.plan) if self.plan else ()))
        for problem in (self.refusal if self.is_controller else "", self.unwritten):
            if problem:
                yield f"ERROR: {problem}", {"red": True}
        if not self.heard:
            if not self.told.collected and any(tier in self.config.option.markexpr for tier in TIERS):
                asked = shlex.quote(self.config.option.markexpr)
                yield f"no claims were named: python -m pytest claims -m {asked}", {}
            return
        from harness.suite import terminal

        computed = self.told.computed
        wall = time.time() - self.began
        yield from terminal.summary(
            self._sorted(),
            self.told.collected,
            terminal.Spent(
                runs=len(computed),
                seconds=sum(computed.values()),
                wall=wall,
                fleets=self.told.trained,
                unit="core" if self.place.device == "cpu" else "GPU",
            ),
            width=self.config.get_terminal_writer().fullwidth,
            verbosity=self.config.get_verbosity(),
        )
        if self.config.option.report and not self.unwritten:
            yield f"report: report.html, report.md and report.json in {self.config.option.report}", {}


def _shortened(problems: Iterable[str]) -> Iterator[str]:
    """Each problem once, with the first item that has it and how many others do."""
    items: dict[str, list[str]] = {}
    for problem in problems:
        item, _, cause = problem.partition(": ")
        items.setdefault(cause, []).append(item)
    for cause, those in items.items():
        others = f" and {len(those) - 1} more" if len(those) > 1 else ""
        yield f"{those[0]}{others}: {cause}"


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _without_paths(arguments: Any) -> list[str]:
    """The command as given, with directories of this machine left out."""
    shown = []
    hide = False
    for argument in map(str, arguments):
        name, equals, value = argument.partition("=")
        if hide or (equals and os.path.isabs(value)):
            shown.append("DIR" if hide else f"{name}=DIR")
            hide = False
            continue
        hide = argument in ("--store", "--data-root", "--report")
        shown.append("DIR" if os.path.isabs(argument) else argument)
    return shown
