"""One pytest session: what was collected, what it needs, what came out, and the report of it."""

from __future__ import annotations

import os
import shlex
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness import progress, provenance
from harness.claim import Claim
from harness.crew import Place, count_gpus
from harness.judging import Check, Item, Judgement, Runs, judged
from harness.lab import Lab, Plan
from harness.report.schema import SCHEMA, ClaimReport, Collected, Paper, Provenance, Report
from harness.spec import TIERS
from harness.verdict import Verdict

PLAIN = (str, int, float, bool, type(None))


class Exchange(msgspec.Struct, kw_only=True):
    """What an xdist worker tells the controller when it ends."""

    collected: list[Collected] = []
    skeletons: list[ClaimReport] = []
    papers: list[Paper] = []
    data: dict[str, str] = {}
    computed: dict[str, float] = {}
    present: int = 0
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
        self.lost: list[str] = []
        self.plan: Plan | None = None
        self._runs: list[Any] = []
        self._terminal = progress.Terminal(_terminal_stream(config))
        self._watch: progress.Watch | None = None
        self.lab = Lab(place, processes=self._processes(), progress=progress.Tally(self._show()))

    def _processes(self) -> int:
        """How many processes may train at once here: all cores, shared among xdist's workers."""
        if self.is_controller:
            return 1
        workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
        if self.place.device.startswith("cuda"):
            return max(1, count_gpus() // workers) if self.place.device == "cuda" else 1
        return max(1, provenance.cores() // workers)

    def _show(self) -> Any:
        if self.is_worker:
            return progress.StatusFile(self.lab_status, self.name).show
        return self._terminal.show

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
        for function, selected in [(f, f in chosen) for f in functions] + [(f, False) for f in deselected]:
            claim: Claim = function.function.claim
            self.told.collected.append(
                Collected(
                    id=claim_id(function),
                    tier=_tier(function),
                    paper=claim.paper.key,
                    says=claim.says,
                    selected=selected,
                )
            )
            paper = Paper(**msgspec.structs.asdict(claim.paper))
            if paper not in self.told.papers:
                self.told.papers.append(paper)
        problems: list[str] = []
        for function in chosen:
            self.items[function.nodeid] = item = _item(function)
            self.told.skeletons.append(_report(function, item.claim, None, 0.0))
            try:
                for value, replicates in item.needs():
                    self._runs += self.lab.runs(value, replicates)
            except (ValueError, LookupError, TypeError) as error:
                problems.append(f"{function.nodeid}: {error.args[0] if error.args else error}")
        if problems:
            self.refuse("; ".join(dict.fromkeys(problems)))
            return
        self.plan = self.lab.plan(self._runs)
        self.told.present = self.plan.present
        self.told.data = {run.source: "" for run in self._runs if run.source}

    def refuse(self, why: str) -> None:
        """Stop with one line. A worker cannot stop the session, so it tells the controller at its end."""
        self.told.refusal = why
        if not self.is_worker:
            raise pytest.UsageError(why)

    def header(self) -> list[str]:
        """The lines on top of pytest's output."""
        named = self.config.option.markexpr or "quick (none was named with -m)"
        scope = f"overclaim: tier {named}, device {self.place.device}, {provenance.cores()} cores"
        return [scope + (", everything trained anew" if self.config.option.fresh else "")]

    def planned(self) -> list[str]:
        """What will be trained, said after collection; every fleet with ``--plan``."""
        if self.plan is None or not self._runs:
            return []
        plan, processes = self.plan, self.lab.crew.processes if self.lab.crew else 1
        guess = progress.spoken(plan.seconds / processes)
        lines = [
            f"plan: {plan.missing} runs to train in {len(plan.fleets)} fleets, {plan.present} in the store"
            + (
                f"; about {guess} on {processes} processes ({plan.timed} runs timed before)"
                if plan.missing
                else ""
            )
        ]
        if self.config.option.plan:
            lines += [f"  {len(f.runs):3d} runs  {f.seconds:8.1f} s  {_what(f)}" for f in plan.fleets]
        return lines

    # -- running ----------------------------------------------------------------------------------

    def fill(self) -> None:
        """Compute the plan; on the controller, watch the workers do it."""
        if self.is_controller:
            self.lab_status.mkdir(parents=True, exist_ok=True)
            self._watch = progress.Watch(self.lab_status, self.name, self._terminal)
            self._watch.start()
        else:
            self.lab.ensure(self._runs)

    def judge(self, function: Any) -> ClaimReport:
        """Judge one collected item.

        Raises:
            Exception: whatever the claim's body raises.
        """
        began = time.monotonic()
        item = self.items.get(function.nodeid) or _item(function)
        judgement = judged(item, self.lab)
        return _report(function, item.claim, judgement, time.monotonic() - began)

    def settle(self, report: ClaimReport) -> None:
        """Pass if the verdict was expected; fail with the evidence if not."""
        if report.unexpected:
            pytest.fail(_message(report), pytrace=False)

    def broken(self, function: Any, why: str, verdict: Verdict) -> ClaimReport:
        """The entry of an item that raised (error) or was skipped (not run)."""
        report = _report(function, function.function.claim, None, 0.0)
        return msgspec.structs.replace(
            report, verdict=verdict, reason=why, unexpected=verdict is Verdict.ERROR
        )

    def close(self) -> None:
        """End processes and watchers."""
        self.lab.close()
        if self._watch:
            self._watch.close()

    # -- the end ----------------------------------------------------------------------------------

    def hear(self, encoded: str) -> None:
        """Take in a judged item, from here or from a worker."""
        report = msgspec.json.decode(encoded, type=ClaimReport)
        self.heard[report.id, report.tier] = report

    def node_down(self, output: Mapping[str, Any], error: str) -> None:
        """Take in what a worker leaves, or that it was lost."""
        if "overclaim" not in output:
            self.lost.append(error)
            return
        told = msgspec.json.decode(output["overclaim"], type=Exchange)
        if not self.told.collected:
            self.told = told
        else:
            self.told.computed |= told.computed
            self.told.refusal = self.told.refusal or told.refusal
            self.told.data |= told.data

    def finish(self, status: int) -> int:
        """Write the report, or tell the controller; the exit status to end with."""
        self.told.computed |= self.lab.computed
        if self.is_worker:
            self.config.workeroutput["overclaim"] = msgspec.json.encode(self.told).decode()  # type: ignore[attr-defined]
            return status
        if self.refusal:
            return int(pytest.ExitCode.USAGE_ERROR)
        if self.config.option.plan and status == pytest.ExitCode.NO_TESTS_COLLECTED:
            return int(pytest.ExitCode.OK)
        for skeleton in self.told.skeletons:  # an item whose worker was lost never reported
            if self._ran(status):
                self.heard.setdefault((skeleton.id, skeleton.tier), skeleton)
        if self.config.option.report and self.heard and not self.config.option.collectonly:
            from harness.report import render

            render.write(self.report(), Path(self.config.option.report))
        return status

    def _ran(self, status: int) -> bool:
        return (
            status in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
            and not self.config.option.collectonly
        )

    def report(self) -> Report:
        """Everything this session found, in the order in which the claims are written."""
        order = {(c.id, c.tier): i for i, c in enumerate(self.told.collected)}
        claims = sorted(self.heard.values(), key=lambda c: order.get((c.id, c.tier), len(order)))
        tiers = tuple(t for t in TIERS if any(c.tier == t for c in claims))
        return Report(
            schema=SCHEMA,
            tiers=tiers,
            provenance=self._provenance(claims),
            papers=tuple(self.told.papers),
            collected=tuple(self.told.collected),
            claims=tuple(claims),
        )

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
            reused_runs=self.told.present,
            device=self.place.device,
            processor=provenance.processor(),
            cores=provenance.cores(),
            memory_gib=provenance.memory_gib(),
            versions=provenance.versions(),
            data=self._digests(),
            replicates="0 and up; " + ", ".join(f"{t}: up to {n}" for t, n in judged_at.items()),
            command="python -m pytest " + shlex.join(_without_paths(self.config.invocation_params.args)),
        )

    def _digests(self) -> dict[str, str]:
        return dict(self.told.data)

    def summary(self) -> Iterator[tuple[str, dict[str, bool]]]:
        """The lines below pytest's output, with their markup."""
        if self.refusal and self.is_controller:
            yield f"ERROR: {self.refusal}", {"red": True}
        if not self.heard:
            return
        from harness.report.terminal import table

        yield from table(list(self.heard.values()), self.told.collected)
        if self.config.option.report:
            yield "report: report.html, report.md and report.json in the folder of --report", {}


def _terminal_stream(config: pytest.Config) -> Any:
    import sys

    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return getattr(getattr(reporter, "_tw", None), "_file", None) or sys.stdout


def _tier(function: Any) -> str:
    return str(function.callspec.params["tier"])


def _params(function: Any) -> dict[str, Any]:
    return {name: value for name, value in function.callspec.params.items() if name != "tier"}


def claim_id(function: Any) -> str:
    """The node id without the tier, which is always the first parameter."""
    head, _, tail = function.nodeid.partition("[")
    rest = tail.removesuffix("]").removeprefix(_tier(function)).removeprefix("-")
    return f"{head}[{rest}]" if rest else head


def _item(function: Any) -> Item:
    """What there is to judge in a collected pytest function."""
    test = function.function
    counted = _counting(test)

    def call(runs: Runs, check: Check, worlds: Mapping[str, Any]) -> None:
        own = {name: function.funcargs[name] for name in function._fixtureinfo.argnames}
        known = {**worlds, "runs": runs, "check": check}
        own |= {name: value for name, value in known.items() if name in own}
        function.obj(**own)

    return Item(
        claim=test.claim,
        trained=getattr(test, "trained", {}),
        controls=getattr(test, "controls", ()),
        params=_params(function),
        tier=_tier(function),
        call=call,
        examples=counted,
    )


def _counting(test: Any) -> Any:
    """Counts the examples hypothesis tries, or None for a claim without hypothesis."""
    inner = getattr(test, "hypothesis", None)
    if inner is None:
        return None
    if not hasattr(inner.inner_test, "examples"):
        import functools

        plain = inner.inner_test

        @functools.wraps(plain)
        def counted(*args: Any, **kwargs: Any) -> Any:
            counted.examples += 1  # type: ignore[attr-defined]
            return plain(*args, **kwargs)

        counted.examples = 0  # type: ignore[attr-defined]
        inner.inner_test = counted
    return lambda: inner.inner_test.examples


def _report(function: Any, claim: Claim, judgement: Judgement | None, seconds: float) -> ClaimReport:
    """The report's entry for an item; without a judgement, that of an item that never reported."""
    tier = _tier(function)
    expected, because = claim.expects(tier)
    found = judgement or Judgement(
        verdict=Verdict.ERROR, reason="its worker was lost", checks=(), controls=(), figures=(), runs=()
    )
    thesis = (function.module.__doc__ or "").strip().partition("\n\n")[0]
    return ClaimReport(
        id=claim_id(function),
        tier=tier,
        params={n: v if isinstance(v, PLAIN) else str(v) for n, v in _params(function).items()},
        paper=claim.paper.key,
        where=claim.where,
        says=claim.says,
        adapted=claim.adapted[tier],
        reported=dict(claim.reported),
        expected=expected,
        expected_because=because,
        verdict=found.verdict,
        unexpected=found.verdict is not expected,
        reason=found.reason,
        checks=found.checks,
        controls=found.controls,
        figures=found.figures,
        runs=found.runs,
        command=f'python -m pytest "{function.nodeid}"',
        seconds=round(seconds, 3),
        family=function.module.__name__.rpartition(".")[2].removeprefix("test_"),
        thesis=" ".join(thesis.split()),
        contested=claim.contested,
    )


def _message(report: ClaimReport) -> str:
    lines = [f"{report.says}", f"verdict: {report.verdict.value}, expected {report.expected.value}"]
    if report.expected_because:
        lines.append(f"expected because {report.expected_because}")
    if report.reason:
        lines.append(f"why: {report.reason}")
    lines += [f"  {e.verdict.symbol} {e.statement}: {_interval(e)}, n={e.n}" for e in report.checks]
    for control in report.controls:
        lines.append(f"control ({control.says}): {control.verdict.value}; {control.how}")
    return "\n".join(lines)


def _interval(evidence: Any) -> str:
    numbers = (evidence.estimate, evidence.low, evidence.high)
    estimate, low, high = ("..." if number is None else f"{number:.4g}" for number in numbers)
    return f"{estimate} [{low}, {high}]"


def _what(fleet: Any) -> str:
    from harness.spec import abbreviated

    kinds = list(dict.fromkeys(abbreviated(run.value) for run in fleet.runs))
    return kinds[0] + (f" and {len(kinds) - 1} more" if len(kinds) > 1 else "")


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
