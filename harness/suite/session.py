"""One pytest session: collects, has computed what is needed, judges, and says what came out."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from harness.evidence.schema import ClaimReport
from harness.fleet import pausing
from harness.judging.ladder import Item, Judgement
from harness.judging.rejudging import rejudged
from harness.lab import notes, progress, provenance
from harness.lab.carrying import proof_of
from harness.lab.lab import Awaited, Lab
from harness.lab.places import Place, processes
from harness.lab.runs import Run
from harness.lab.store import StoreError
from harness.spec import fingerprint
from harness.spec.untrusted import cause_of
from harness.suite import live, opening, reporting, watch
from harness.suite.ahead import Ahead
from harness.suite.collection import ClaimCollection
from harness.suite.entries import entry, is_claim, item_of, message
from harness.suite.exchange import Exchange
from harness.suite.recall import Recall
from harness.suite.reporting import Outcome

if TYPE_CHECKING:
    from harness.lab.cluster import ClusterCrew


class Session:
    """The state of one pytest session; on xdist's controller it only gathers.

    Attributes:
        name: shared with the session's workers; began: when it started, in seconds since 1970.
        exchange: what this process knows of the session; what workers leave is added.
        recall: what earlier sessions left, which this one need not do again.
        collection: what there is to judge and what that needs.
        outcome: what was judged.
        ahead: judges beside the training.
    """

    def __init__(self, config: pytest.Config, place: Place) -> None:
        self.config, self.place = config, place
        shared: Mapping[str, Any] = getattr(config, "workerinput", {})
        self.is_worker = bool(shared)
        self.is_controller = not shared and bool(getattr(config.option, "tx", None))
        self.name = place.session
        self.began = shared.get("overclaim_began", time.time())
        self._unwritten = ""
        self._lost = 0
        self._terminal = live.Terminal(lambda stream: live.end_line(config, stream))
        self._watch: watch.Watch | None = None
        crew = self._crew()
        self._tally = progress.Tally(self._show(), crew.slots if crew else self._processes())
        first = config.option.first_replicate
        computes = not config.option.no_train
        self.lab = Lab(
            place,
            processes=self._tally.processes,
            progress=self._tally,
            first=first,
            computes=computes,
            crew=crew,
        )
        if self.lab.computes and not self.lab.store.exists:
            self.lab.store.prepare()
        self.exchange = Exchange()
        self.recall = Recall(self.lab, config.option, fresh=place.fresh)
        self.collection = ClaimCollection(self.lab, self.exchange, self.recall)
        self.outcome = Outcome()
        self.ahead = Ahead(self.lab)

    def _processes(self) -> int:
        """How many processes may train at once here: all cores, shared among xdist's workers."""
        if self.is_controller:
            return 1
        return processes(self.place.device, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))

    def _crew(self) -> ClusterCrew | None:
        """Who trains elsewhere; None where this machine does, or nothing is trained."""
        option = self.config.option
        if option.on is None or option.collectonly or option.no_train:
            return None
        from harness.lab.ray_engine import crew_on

        return crew_on(option.on, self.place)

    def _show(self) -> progress.Show:
        if self.is_worker:
            return self._status().show
        return self._terminal.show

    def _status(self) -> watch.StatusFile:
        worker = os.environ.get("PYTEST_XDIST_WORKER", str(os.getpid()))
        return watch.StatusFile(self.status_folder, self.name, worker)

    @functools.cached_property
    def status_folder(self) -> Path:
        """Where workers leave what they are doing: a folder of this session's, made by the controller.

        It is not in the store, which may be a file, or one that is only read.
        """
        shared: Mapping[str, Any] = getattr(self.config, "workerinput", {})
        return Path(shared["overclaim_status"]) if shared else watch.new_folder()

    @property
    def refusal(self) -> str:
        """Why nothing can be judged (missing data, say), in one line; empty if all is well."""
        return self.exchange.refusal

    # -- collection -------------------------------------------------------------------------------

    def collect(self, every: Sequence[pytest.Function], chosen: Sequence[pytest.Function]) -> None:
        """Learn what exists, what was selected and what that needs (as ``ClaimCollection.take``).

        Raises:
            pytest.UsageError: data that a selected claim needs is missing or corrupt, or the store or another
                file cannot be read.
        """
        option = self.config.option
        rehearsed = option.plan or not option.collectonly
        try:
            missing = self.collection.take(every, chosen, rehearsed=rehearsed)
        except (StoreError, OSError) as error:
            missing = [cause_of(error)]
        if missing:
            self.refuse("; ".join(missing))
        elif self.is_worker:
            self._status().announce(self.planned())

    def refuse(self, why: str) -> None:
        """Stop with one line. A worker cannot stop the session, so it tells the controller at its end."""
        self.exchange.refusal = why
        if not self.is_worker:
            raise pytest.UsageError(why)

    def header(self) -> list[str]:
        """The lines on top of pytest's output."""
        asked = opening.scope(self.config.option.markexpr, self.config.args)
        return opening.header(asked, self.lab, provenance.cores())

    def planned(self) -> list[str]:
        """What is wrong with single claims, and what is trained for the others; said after collection."""
        wrong = opening.mistaken(self.exchange.mistakes)
        plan = self.collection.plan
        if plan is None or not self.collection.runs or self.config.get_verbosity() < 0:
            return wrong
        if self.lab.shipped:
            return [*wrong, self.lab.shipped.said(plan.present, plan.missing)]
        if not self.lab.computes:
            return [*wrong, opening.untrained(plan, self.exchange.data)]
        workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
        said = opening.planned(plan, self._tally.processes * workers, self.exchange.data)
        return [*wrong, *said, *opening.unseen(fingerprint.unseen())]

    # -- running ----------------------------------------------------------------------------------

    def open(self) -> None:
        """The terminal is there: progress may be drawn on it. What cannot be written in the end is said now.

        Raises:
            pytest.UsageError: a report is asked for where none can be written.
        """
        option = self.config.option
        written = option.report and not (self.is_worker or option.plan or option.collectonly)
        if written and (why := reporting.unwritable(Path(option.report))):
            raise pytest.UsageError(why)
        if not self.is_worker and self.config.pluginmanager.has_plugin("terminalreporter"):
            self._terminal.open(live.own_stream(self.config))

    def fill(self, items: Sequence[pytest.Item]) -> None:
        """Compute the plan, and judge meanwhile; on the controller, watch the workers do it.

        Args:
            items: in the order in which pytest comes to them.
        """
        if self.is_controller:
            self._watch = watch.Watch(self.status_folder, self.name, self._terminal)
            self._watch.start()
            return
        self._tally.first = True
        option = self.config.option
        if self.is_worker or option.usepdb or getattr(option, "forked", False):  # pytest judges one by one
            self._begin(self.lab.ensure)
        elif self.lab.computes and self.collection.plan and self.collection.plan.missing:
            with self.lab.beside():
                self._begin(self.lab.begin)
                self._tally.first = self.lab.is_open(self.collection.runs)
                self.ahead.judge([item for item in items if is_claim(item)], self.collection.needed)
        self._tally.first = False

    def _begin(self, compute: Callable[[list[Run]], None]) -> None:
        try:
            compute(self.collection.runs)
        except Exception:  # of one claim's classes: the others' runs are computed without it
            self.collection.each(compute)

    def judging(self) -> None:
        """An item is about to be judged, here or by a worker."""
        if self._watch:
            self._watch.judging()

    def judge(self, item: pytest.Function) -> ClaimReport:
        """Judge one collected item.

        Raises:
            Paused: that was asked for.
            Exception: whatever the claim's body raises.
        """
        began = time.monotonic()
        pausing.look()
        question = self.collection.questions.get(item.nodeid) or item_of(item, self.recall.exact)
        try:
            judgement = self._judged(item, question)
        except Awaited as awaited:
            self.ahead.awaits(awaited.runs)
            pytest.skip(str(awaited))
        if judgement is None:
            pytest.skip(self.lab.unread)
        return entry(item, judgement, time.monotonic() - began)

    def _judged(self, item: pytest.Function, question: Item) -> Judgement | None:
        """How an item comes out; None if that cannot be told from what is there."""
        if not self.lab.computes:
            return rejudged(question, self.lab)
        return self.recall.judged(item, question, self.collection.first_read(item.nodeid))

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

    def worker_ended(self, worker: str, output: Mapping[str, Any]) -> None:
        """Take in what a worker leaves; one that was lost leaves nothing."""
        if "overclaim" in output:
            self.exchange.add(msgspec.json.decode(output["overclaim"], type=Exchange))
            return
        self._lost += 1
        if self._watch:
            self._watch.lost(worker)

    def finish(self, status: int) -> int:
        """Write the report, or tell the controller; the exit status to end with."""
        self.exchange.add(
            Exchange(
                computed=self.lab.computed,
                trained=self._tally.computed,
                read=list(self.lab.read),
                notes=[*self.lab.notes, *notes.told(), *self._versions()],
                carried=dict(filter(None, map(proof_of, self.lab.read.values()))),
                exact=self.recall.outcomes,
                judged=self.recall.judged_before,
            )
        )
        if self.is_worker:
            self.config.workeroutput["overclaim"] = msgspec.json.encode(self.exchange).decode()  # type: ignore[attr-defined]
            return status
        if self.is_controller and status == pytest.ExitCode.NO_TESTS_COLLECTED:
            self._nothing_collected()
        if self.refusal:
            return int(pytest.ExitCode.USAGE_ERROR)
        option = self.config.option
        collected = self.collection.questions or self.collection.mistakes
        if option.plan and collected and status == pytest.ExitCode.NO_TESTS_COLLECTED:
            return int(pytest.ExitCode.TESTS_FAILED if self.exchange.mistakes else pytest.ExitCode.OK)
        if self.outcome.claims and not option.collectonly:
            lost = self.is_controller and status in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
            if self.outcome.complete(self.exchange.skeletons, lost=lost) and lost:
                status = int(pytest.ExitCode.TESTS_FAILED)
            if option.report:
                report = self.outcome.report(self.exchange, self.lab, self.config, self.began)
                self._unwritten = reporting.write(report, Path(option.report), self.recall.drawings)
                return status or (int(pytest.ExitCode.USAGE_ERROR) if self._unwritten else status)
        if self._lost and not self.exchange.skeletons:  # nobody is left who knows what there was to judge
            return status or int(pytest.ExitCode.TESTS_FAILED)
        return status

    def _versions(self) -> list[str]:
        """One line on records that other versions computed; none of shipped ones, which say so themselves."""
        if self.lab.shipped:
            return []
        said = provenance.otherwise_computed(record.provenance for record in self.lab.read.values())
        return [said] if said else []

    def _nothing_collected(self) -> None:
        """xdist's workers keep to themselves that an argument names no item."""
        named = [argument for argument in self.config.args if "::" in argument]
        if named and not (self.exchange.collected or self.refusal):
            self.exchange.refusal = f"not found: {' '.join(named)}"

    def summary(self, status: int) -> Iterator[tuple[str, dict[str, bool]]]:
        """The lines below pytest's output, with their markup.

        Args:
            status: how pytest ends.
        """
        option = self.config.option
        if option.plan and self.collection.plan:
            yield from ((text, {}) for text in opening.listing(self.collection.plan))
        for problem in (self.refusal if self.is_controller else "", self._unwritten):
            if problem:
                yield f"ERROR: {problem}", {"red": True}
        yield from ((f"note: {note}", {"yellow": True}) for note in self.exchange.notes)
        if kept := len(self.exchange.exact):
            yield f"exact claims: {kept} outcomes kept from earlier sessions (--fresh computes them anew)", {}
        if kept := len(self.exchange.judged):
            yield (
                f"judged before: {kept} claims, by this code from these records (--no-train judges anew)",
                {},
            )
        if not self.outcome.claims:
            chosen = any(item.selected for item in self.exchange.collected)  # and only planned, with --plan
            if status == pytest.ExitCode.NO_TESTS_COLLECTED and not self.refusal and not chosen:
                count = len(self.exchange.collected)
                yield from ((text, {}) for text in opening.unselected(option.markexpr, option.keyword, count))
            return
        from harness.suite import terminal

        computed = self.exchange.computed
        yield from terminal.summary(
            self.outcome.sorted(self.exchange),
            self.exchange.collected,
            terminal.Spent(
                runs=len(computed),
                seconds=sum(computed.values()),
                wall=time.time() - self.began,
                fleets=self.exchange.trained,
                unit="core" if self.place.device == "cpu" else "GPU",
            ),
            first=self.lab.first,
            width=self.config.get_terminal_writer().fullwidth,
            verbosity=self.config.get_verbosity(),
            priced=option.costs,
        )
        if option.report and not self._unwritten:
            yield f"report: report.html, report.md and report.json in {option.report}", {}
