"""Experiments in, results out: plans what is missing, has it computed, reads it back."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import msgspec

from harness.fleet import memory
from harness.lab import capacity, gpu_kinds, host_memory, pinning, undecoded
from harness.lab.computing import HELD, Finished, one_line
from harness.lab.conformance import unplannable
from harness.lab.crew import LocalCrew, OneProcess
from harness.lab.durations import expected, may_stop_early
from harness.lab.names import Names
from harness.lab.places import Place
from harness.lab.plan import Plan, fleets
from harness.lab.ready import BY_UNITS, Crew, Ready
from harness.lab.records import merged, unchanging
from harness.lab.results import Results
from harness.lab.runs import Fleet, Run, part_of, parts, with_parents
from harness.lab.shipped import UNSHIPPED, Shipped
from harness.lab.store import Record, Store, StoreError
from harness.lab.timings import Timings
from harness.spec import ANEW, Anew, Runnable, plain
from harness.spec.watched import EVERYTHING, NOTHING, Watched

UNTRAINED = "needs runs that are not in the store: run without --no-train"
ENDING_SECONDS = 2.0
"""Seconds that are waited for the thread that hears the crew, after its processes were ended."""


class Progress(Protocol):
    """Hears how a drain goes."""

    def begin(self, fleets: Sequence[Fleet]) -> None: ...
    def more(self, fleets: Sequence[Fleet]) -> None: ...
    def held(self, by_others: Sequence[Finished]) -> None: ...
    def finished(self, done: Finished) -> None: ...
    def end(self) -> None: ...


class Failed(RuntimeError):
    """A run that a claim needs could not be computed; the message is the cause in one line."""


class Awaited(Exception):
    """Runs that are asked for are not there yet, and whoever asked does not wait for them."""

    def __init__(self, runs: list[Run]) -> None:
        super().__init__("waits for runs")
        self.runs = runs


class Lab:
    """One session's access to runs. With more than one process, work goes to processes of its own.

    A store that is a file holds shipped records: they are read, and nothing is computed.

    Attributes:
        watched: address -> errors whose curves are read, as far as that was told.
        sparing: record no other curves; else every curve of what is trained is recorded.
        patient: wait for what is missing; else raise ``Awaited``, and whoever hears it begins it.
        ready: what is being computed, or will be.
        unread: why an item cannot be judged whose runs are not there, where nothing is computed.

    Args:
        presume: plan also what lacks its data, as missing (see ``Names``).
        first: the replicate that is read first; 0 but for a fresh judgement.
        computes: compute what is missing; from a file of shipped records nothing ever is.
        crew: who computes; None for processes of this machine.

    Raises:
        StoreError: the store cannot be used, or has only other replicates (one line).
    """

    def __init__(
        self,
        place: Place,
        *,
        processes: int = 1,
        progress: Progress | None = None,
        presume: bool = False,
        first: int = 0,
        computes: bool = True,
        crew: Crew | None = None,
    ) -> None:
        self.place, self.progress, self.first = place, progress, first
        self.shipped = Shipped(place.store) if place.store.is_file() else None
        if self.shipped and first:
            raise StoreError(
                f"{place.store.name} has records of replicates 0 and up: leave it out to train others"
            )
        self.computes = computes and not self.shipped
        self.unread = UNSHIPPED if self.shipped else UNTRAINED
        self.store = self.shipped or Store(place.store)
        self._timings = Timings(self.store, place.device)
        self.names = self.shipped.names() if self.shipped else Names(place.data_root, presume=presume)
        apart = processes > 1 or pinning.is_late()
        crew = crew or (LocalCrew(place, processes) if apart else None)
        self.crew: Crew | None = crew if self.computes else None
        self.ready = Ready(self._cut)
        self.patient = True
        self._beside = False
        self._serving: threading.Thread | None = None
        self._lost: BaseException | None = None
        self._news = threading.Condition(threading.RLock())
        self.failures: dict[str, str] = {}
        self.settled: set[str] = set()
        self.notes: dict[str, None] = dict.fromkeys(pinning.said())
        self.computed: dict[str, float] = {}
        self.watched: dict[str, Watched] = {}
        self.sparing = False
        self.read: dict[str, Record] = {}

    def runs(self, value: Runnable | Anew, replicates: int) -> list[Run]:
        """The runs of a value at so many replicates from the first on, its probes included.

        What is read anew has a first replicate of its own, ``ANEW`` above.

        Raises:
            DataError: data it needs is missing or corrupt (one line).
        """
        first = self.first + (ANEW if isinstance(value, Anew) else 0)
        read = range(first, first + replicates)
        return [self.names.run(v, r) for v in parts(plain(value)) for r in read]

    def watch(self, runs: Iterable[Run], watched: Watched) -> None:
        """Have these errors measured after every epoch: somebody reads their curves."""
        for address in {run.address for run in runs}:
            self.watched[address] = self.watched.get(address, NOTHING) | watched

    def plan(self, runs: Iterable[Run]) -> Plan:
        """What would have to be computed for these runs: from shipped records, nothing."""
        everything = with_parents(runs) if self.computes else list({run.key: run for run in runs}.values())
        missing = self._plannable([run for run in everything if not self._has(run)])
        everything = [run for run in everything if run.key not in self.failures]
        timings = self._timings.of(everything) if missing else {}
        seconds = expected(everything, timings, self.place.device)
        planned = map(self._recording, missing)
        bounded = [run.kind for run in missing if run.kind not in seconds and may_stop_early(run.value)]
        values = (run.value for run in missing) if self.computes else ()
        open_fleets = self._fleets(planned, seconds) if self.computes else []
        return Plan(
            fleets=tuple(open_fleets),
            missing=len(missing),
            present=len(everything) - len(missing),
            seconds=sum(fleet.seconds for fleet in open_fleets),
            timed=sum(run.kind in timings for run in missing),
            bounded=tuple(bounded),
            decoding=tuple(undecoded.told(values, self.place.data_root, self.place.device)),
        )

    def ensure(self, runs: Iterable[Run]) -> None:
        """Compute what is missing. Failures are kept, and raised when a result is asked for.

        Raises:
            Awaited: something is missing, and this lab is not patient.
            Paused: to end was asked for; what was under way is kept.
        """
        runs = list(runs)
        if not self.computes or self.complete(with_parents(runs)):
            return
        if not self.patient:
            raise Awaited(runs)
        self.begin(runs)
        self.wait(lambda: not self.is_open(runs))

    def begin(self, runs: Iterable[Run], *, urgent: bool = False) -> None:
        """Have what is missing computed; inside ``beside``, beside what this process does.

        Args:
            runs: what is asked for.
            urgent: before all that is not.
        """
        plan = self.plan(runs)
        with self._news:
            new = self.ready.unopened(plan.fleets)
            if not new:
                return
            if self.progress:
                begun = not self.ready.is_over
                self.progress.more(new) if begun else self.progress.begin(new)
            self._require_store(new)
            self.ready.add(self._startable(new), urgent=urgent)
            if self._beside and self.crew and not self._serving:
                self._serving = threading.Thread(target=self._serve, daemon=True)
                self._serving.start()
        if not self._serving:
            self._compute()

    @contextlib.contextmanager
    def beside(self) -> Iterator[None]:
        """Meanwhile what is begun is computed beside what this process does, and nobody is waited for."""
        self._beside, self.patient = True, False
        try:
            yield
        finally:
            self._beside, self.patient = False, True

    def is_open(self, runs: Iterable[Run]) -> bool:
        """Say whether any of these runs is still to come."""
        return self.ready.holds(run.key for run in with_parents(runs))

    def wait(self, until: Callable[[], bool]) -> None:
        """Wait until this holds, which is asked whenever a run has come, or until no run is to come.

        Raises:
            Exception: whatever ended the computing.
        """
        with self._news:
            self._news.wait_for(lambda: until() or not self._serving)
            if self._lost:
                raise self._lost

    def _serve(self) -> None:
        """Compute what is open, in a thread of its own, until nothing is."""
        try:
            while self._serving is threading.current_thread():
                self._compute()
        except BaseException as error:
            self._lost = error
        finally:
            with self._news:
                if self._serving is threading.current_thread():  # else another one serves by now
                    self._serving = None
                self._news.notify_all()

    def _compute(self) -> None:
        """Compute what is open until nothing is."""
        for done in self._crew.drain(self.ready):
            with self._news:
                for each in self.ready.heard(done):
                    self._heard(each)
                if self.progress:
                    self.progress.held(self.ready.held())
                self._news.notify_all()
        with self._news:
            if self.ready.is_over:
                self._serving = None
                if not self.ready.is_stopped:
                    self._end()

    @property
    def _crew(self) -> Crew:
        return self.crew or OneProcess(self.place)

    def _cut(self, runs: Sequence[Run]) -> list[Fleet]:
        """Units of runs that another process held."""
        return self._fleets(runs, {})

    def _fleets(self, runs: Iterable[Run], seconds: Mapping[str, float]) -> list[Fleet]:
        """Units for whoever computes; on this machine no larger than its memory holds of each at once."""
        slots = self._crew.slots
        free = memory.available() // slots if self._is_here else None
        return fleets(runs, seconds, self.place.device, slots, free)

    @property
    def _is_here(self) -> bool:
        """Whether this machine computes, and no other that is planned for or that Ray sends units to."""
        return self._crew.publishes == BY_UNITS and not gpu_kinds.asked(self.place.device)

    def _end(self) -> None:
        crew = self.crew
        if crew and crew.unavailable:
            self.notes[f"trained in one process: no others can be had ({crew.unavailable})"] = None
        if self.progress:
            self.progress.end()

    def _require_store(self, planned: Iterable[Fleet]) -> None:
        """Fail all that is planned, before any of it is computed, where nothing can be kept."""
        try:
            self.store.prepare()
            self.store.require_locks()
        except StoreError as error:
            for run in (run for fleet in planned for run in fleet.runs):
                self._heard(Finished(run=run, outcome=HELD, failure=one_line(error)))

    def complete(self, runs: Iterable[Run]) -> bool:
        """Say whether all of these are there (or known to fail)."""
        return all(map(self._has, runs))

    def results(self, name: str, value: Runnable | Anew, replicates: int) -> Results:
        """The records of a value at so many replicates from the first on, computed now if need be.

        Raises:
            Failed: one of them could not be computed.
        """
        runs = self.runs(value, replicates)
        whole = functools.partial(self._whole, runs, replicates)
        return Results(name, runs[:replicates], self._records(runs, replicates), whole)

    def _records(self, runs: list[Run], replicates: int) -> list[Record]:
        self.ensure(runs)
        records = [self._record(run) for run in runs]
        return merged(records, replicates) if len(runs) > replicates else records

    def _whole(self, runs: list[Run], replicates: int) -> list[Record]:
        """The records with every curve: somebody reads one that was not foreseen, so they are trained again.

        Raises:
            Failed: one of them could not be computed, or is shipped without it.
        """
        if not self.computes:
            raise Failed(self.unread)
        self.watch(runs, EVERYTHING)
        for run in runs:
            self.settled.discard(run.key)
            self.read.pop(run.key, None)
        patient, self.patient = self.patient, True  # a body is under way: it is not left for this
        try:
            return self._records(runs, replicates)
        finally:
            self.patient = patient

    def _recording(self, run: Run) -> Run:
        """The run, told which curves to record."""
        watched = self.watched.get(run.address, NOTHING) if self.sparing else EVERYTHING
        return msgspec.structs.replace(run, watched=watched)

    def close(self) -> None:
        """End the processes this lab started."""
        self.ready.stop()
        if self.crew:
            self.crew.close()
        if serving := self._serving:
            serving.join(ENDING_SECONDS)

    def _plannable(self, missing: list[Run]) -> list[Run]:
        """The runs whose values can be planned: the others fail, and all else goes on."""
        if not self.computes:
            return missing
        values = {run.kind: run.value for run in missing}
        whys = {kind: self._refused(value) for kind, value in values.items()}
        problems = {kind: why for kind, why in whys.items() if why}
        self.failures |= {run.key: problems[run.kind] for run in missing if run.kind in problems}
        return [run for run in missing if run.kind not in problems]

    def _refused(self, value: Runnable) -> str:
        """Why a value cannot be planned, in one line; "" where it can."""
        why = unplannable(value) or capacity.refused(value, self.place.device)
        if why or not self._is_here:  # or other machines' memory holds it, and their disks what they decode
            return why
        lacking = host_memory.lacking(value, self.place.device)
        return lacking or undecoded.refused(value, self.place.data_root, self.place.device)

    def _startable(self, planned: Iterable[Fleet]) -> list[Fleet]:
        """The planned fleets without runs that failed; those whose parents did fail for the same reason."""
        startable = []
        for fleet in sorted(planned, key=lambda fleet: fleet.runs[0].depth):
            for run in fleet.runs:
                causes = [self.failures[p.key] for p in run.parents if p.key in self.failures]
                if causes and run.key not in self.failures:
                    self._heard(Finished(run=run, outcome=HELD, failure=causes[0]))
            startable.append(part_of(fleet, lambda run: run.key not in self.failures))
        return [fleet for fleet in startable if fleet]

    def _heard(self, done: Finished) -> None:
        self.notes |= dict.fromkeys(done.notes)
        if done.failure:
            self.failures[done.run.key] = done.failure
        else:
            self.settled.add(done.run.key)
        if done.seconds and not done.failure:
            self.computed[done.run.key] = done.cost
        if self.progress:
            self.progress.finished(done)

    def _has(self, run: Run) -> bool:
        known = run.key in self.read or run.key in self.failures or run.key in self.settled
        if known or run.address not in self.watched:
            return known or self.store.has(run.key, self.place.only_of)
        return self.store.has(run.key, self.place.only_of, self.watched[run.address])

    def _record(self, run: Run) -> Record:
        if run.key in self.failures:
            raise Failed(self.failures[run.key])
        if run.key not in self.read:
            record = self._trusted(run)
            if record is None:  # torn or foreign: it was set aside, so that this computes it anew
                self.settled.discard(run.key)
                self.ensure([run])
                record = self._trusted(run)
            if record is None:
                lost = f"the record {run.key[:12]} cannot be read back" if self.computes else self.unread
                raise Failed(self.failures.get(run.key, lost))
            self.read[run.key] = unchanging(record)
        return self.read[run.key]

    def _trusted(self, run: Run) -> Record | None:
        """The record of a run, if it says so itself; what says otherwise under its name is set aside."""
        record = self.store.read(run.key)
        if record and (record.address, record.replicate) != (run.address, run.replicate):
            self.store.set_aside(run.key)
            return None
        return record
