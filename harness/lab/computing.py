"""How a run, or a fleet of them, becomes records: claimed, computed, published."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from harness.analytic import resuming
from harness.data.blocks import blocks
from harness.fleet import heaps, memory, native_library, numerics, pausing, ranks, trainer
from harness.lab import leftovers, notes, recording, solving
from harness.lab.locks import REMEDY, Holder
from harness.lab.places import Place
from harness.lab.reading import split_of
from harness.lab.runs import Fleet, Run
from harness.lab.shares import Shares
from harness.lab.store import Record, Store, StoreError
from harness.spec import Experiment, Probing, Simulation, Solved, abbreviated
from harness.spec.informed import HowTrained, Informed
from harness.spec.streams import stream, stream_of
from harness.spec.watched import NOTHING, Watched

if TYPE_CHECKING:
    import numpy as np

HELD, PRESENT, COMPUTED = "held", "present", "computed"
TWICE = (
    "runs were computed twice: another process published them while this one held their locks, so these hold"
    f" on one machine only; {REMEDY}"
)


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one run: computed, present, held elsewhere, or failed.

    Attributes:
        outcome: ``COMPUTED`` here, ``PRESENT`` already, or ``HELD`` by another process (or failed).
        seconds: that it took by the clock; cost: those of its record, of the processor or of the GPU.
        failure: why it could not be computed, in one line; empty if it did not fail.
        too_large: the memory of one GPU did not hold it, and that of all together may.
        notes: what people should hear of this machine, a line each.
        holder: the process that holds it, where that is known; told on the terminal, never in a report.
    """

    run: Run
    outcome: str
    seconds: float = 0.0
    cost: float = 0.0
    failure: str = ""
    too_large: bool = False
    notes: tuple[str, ...] = ()
    holder: Holder | None = None


class Elsewhere(Exception):
    """A run cannot start, because another process is computing what it starts from just now."""


def drain(
    fleets: Iterable[Fleet], place: Place, opening: Callable[[Path], Store] = Store
) -> Iterator[Finished]:
    """Compute fleets in this process, skipping what others hold; those come back as held.

    Args:
        fleets: what is computed; place: where; opening: opens the place's store.

    Raises:
        Paused: that was asked for; of a training under way a checkpoint is kept.
    """
    heaps.keep_freed()
    for fleet in fleets:
        pausing.look()
        try:
            store = opening(place.store)
        except StoreError as error:
            yield from (_failed(run, error) for run in fleet.runs)
            continue
        if place.device.startswith("cuda") and len(fleet.runs) > 1 and _stackable(fleet.runs):
            yield from map(_told, _finish_together(fleet.runs, place, store))
        else:
            yield from map(_told, _in_turn(fleet.runs, place, store))


def _told(done: Finished) -> Finished:
    """What became of a run, with what is to be told of the store."""
    lines = notes.told()
    return msgspec.structs.replace(done, notes=(*done.notes, *lines)) if lines else done


def one_line(error: BaseException) -> str:
    """An error's kind and the first line of its message."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"


def _in_turn(runs: Sequence[Run], place: Place, store: Store) -> Iterator[Finished]:
    """Compute runs one after the other; while one is computed the one before it is published.

    A record is there when the disk has it, which takes as long as some runs do.
    """
    with ThreadPoolExecutor(1) as disk, contextlib.ExitStack() as open_runs:
        before: list[Generator[None, None, Finished]] = []
        for run in runs:
            now = open_runs.enter_context(contextlib.closing(_finish(run, place, store, disk)))
            done = _resumed(now)
            yield from map(_ended, before)
            before = [now] if done is None else []
            yield from [done] if done else []
        yield from map(_ended, before)


def _resumed(finishing: Generator[None, None, Finished]) -> Finished | None:
    """What became of a run; None as long as it is being published."""
    try:
        next(finishing)
    except StopIteration as end:
        done: Finished = end.value
        return done
    return None


def _ended(finishing: Generator[None, None, Finished]) -> Finished:
    """What became of a run that is being published, when it is."""
    done = _resumed(finishing)
    assert done is not None, "it pauses once"
    return done


def _finish(run: Run, place: Place, store: Store, disk: Executor) -> Generator[None, None, Finished]:
    """Claim a run, compute it, and pause; then wait until its record is there, and give the lock back."""
    try:
        if store.has(run.key, place.only_of, _recorded(run)):  # most of what was held: no lock is tried
            return Finished(run=run, outcome=PRESENT)
        with store.claimed(run.key) as mine:
            if store.has(run.key, place.only_of, _recorded(run)):
                return Finished(run=run, outcome=PRESENT)
            if not mine:
                return Finished(run=run, outcome=HELD, holder=store.holder(run.key))
            tried, computed = _tried(run, place, store)
            done = msgspec.structs.replace(tried, notes=native_library.told())
            if computed is None:
                return done
            if store.has(run.key, place.only_of, _recorded(run)):
                done = msgspec.structs.replace(done, notes=(*done.notes, TWICE))
            publishing = disk.submit(_publish, run, computed, store)
            try:
                yield
            finally:
                wait([publishing])
            error = publishing.exception()
            return _failed(run, error) if error else done
    except StoreError as error:
        return _failed(run, error)


def _failed(run: Run, error: BaseException) -> Finished:
    return Finished(run=run, outcome=HELD, failure=one_line(error))


class Computed(NamedTuple):
    """What came of a run, before it is published: its record, and final weights of a training."""

    record: Record
    weights: Mapping[str, np.ndarray] | None


def _tried(run: Run, place: Place, store: Store) -> tuple[Finished, Computed | None]:
    """Compute a run whose lock is held; a failure must not lose the other runs of the plan."""
    began = time.monotonic()
    pausing.look()
    try:
        store.make_room(run.key)
        with leftovers.put_back(abbreviated(run.value), run.key):
            computed = _computed(run, place, store)
    except Elsewhere:
        return Finished(run=run, outcome=HELD), None
    except (KeyboardInterrupt, pausing.Paused):
        raise
    except BaseException as error:  # any code may run here: a claim's own may end the process, or try to
        return msgspec.structs.replace(_failed(run, error), too_large=_is_too_large(run, place, error)), None
    seconds = time.monotonic() - began
    return Finished(run=run, outcome=COMPUTED, seconds=seconds, cost=computed.record.seconds), computed


def _is_too_large(run: Run, place: Place, error: BaseException) -> bool:
    """Whether a training that several GPUs can share was on one, whose memory did not hold it."""
    if place.device == "cpu" or not ranks.is_streamed(run.value):
        return False
    import torch

    return isinstance(error, torch.OutOfMemoryError) and len(ranks.devices(place.device)) == 1


def _computed(run: Run, place: Place, store: Store) -> Computed:
    """Compute one run; its record says what it cost, in seconds of the processor or of the GPU.

    Raises:
        Exception: whatever the run's own code raises.
    """
    if isinstance(run.value, (Experiment, Probing)):
        import torch  # noqa: F401 - importing it is no part of what the run costs

    began = _clock(place)
    weights: Mapping[str, np.ndarray] | None = None
    if isinstance(run.value, Experiment):
        record, weights = _trained(run, place, store)
    else:
        record = _evaluated(run, place, store)
    seconds = record.seconds + _clock(place) - began
    return Computed(msgspec.structs.replace(record, seconds=seconds), weights)


def _clock(place: Place) -> float:
    """Seconds of this process's processor, which others on the machine do not change; on a GPU, the clock."""
    return time.process_time() if place.device == "cpu" else time.monotonic()


def _publish(run: Run, computed: Computed, store: Store) -> None:
    store.publish(computed.record, computed.weights)
    store.forget(run.key)
    store.note_timing(run.kind, computed.record.seconds)


def _trained(run: Run, place: Place, store: Store) -> tuple[Record, Mapping[str, np.ndarray]]:
    member, spent = _member(run, place, store, sharers=1)
    with numerics.prepared(place.device):
        peak = memory.Peak(place.device)
        trained = trainer.train(member, place.device)
    record = recording.of_training(run, place, member.split, trained, fleet=1)
    # of an earlier process; this one's seconds are added when it ends
    return msgspec.structs.replace(record, seconds=spent, peak_bytes=peak.bytes()), trained.weights


def _member(run: Run, place: Place, store: Store, *, sharers: int) -> tuple[trainer.Member, float]:
    """A run ready to be trained, from its checkpoint if there is one, and the seconds spent until that."""
    split = split_of(run, run.value.data, place)
    start = _start(run, place, store)
    resumed = store.resume(run.key, place.only_of)
    if resumed and resumed[0]["epoch"] and not run.watched.within(resumed[0]["curves"]):
        resumed = None  # its curves began without what is read now
    spent = resumed[0].get("seconds", 0.0) if resumed else 0.0
    began = _clock(place)

    def save(state: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        seconds = spent + (_clock(place) - began) / sharers
        store.checkpoint(run.key, {**state, "seconds": seconds, "session": place.session}, arrays)

    return trainer.Member(run.value, run.replicate, split, start, resumed, save, run.watched), spent


def _recorded(run: Run) -> Watched:
    """The curves that its record must have: none of what is no training, or of one that has no epochs."""
    return run.watched if isinstance(run.value, Experiment) else NOTHING


def _finish_together(runs: Sequence[Run], place: Place, store: Store) -> Iterator[Finished]:
    """Train runs as stacked fleets, each as large as memory allows; who ends is published at once."""
    with contextlib.ExitStack() as locks:
        mine = []
        for run in runs:
            try:
                claimed = locks.enter_context(store.claimed(run.key))
                if store.has(run.key, place.only_of, _recorded(run)):
                    yield Finished(run=run, outcome=PRESENT)
                elif not claimed:
                    yield Finished(run=run, outcome=HELD, holder=store.holder(run.key))
                else:
                    store.make_room(run.key)
                    mine.append(run)
            except StoreError as error:
                yield _failed(run, error)
        size = memory.together(mine[0].value, place.device) if mine else 1
        for part in blocks(len(mine), size):
            yield from _stacked(mine[part], place, store)


def _stacked(runs: Sequence[Run], place: Place, store: Store) -> list[Finished]:
    """Train runs at once; out of memory, the rest go on as two halves, from their checkpoints."""
    import torch

    torch.cuda.empty_cache()
    if len(runs) == 1:
        return [_alone(runs[0], place, store)]
    done: dict[int, Finished] = {}
    fits = True
    shares = Shares(len(runs), place.device)
    try:
        members, spent = zip(*(_member(r, place, store, sharers=len(runs)) for r in runs), strict=True)

        def ended(i: int, trained: trainer.Trained) -> None:
            fleet, seconds, peak = shares.of(trained.kernel)
            record = recording.of_training(runs[i], place, members[i].split, trained, fleet=fleet)
            record = msgspec.structs.replace(record, seconds=spent[i] + seconds, peak_bytes=peak)
            _publish(runs[i], Computed(record, trained.weights), store)
            done[i] = Finished(run=runs[i], outcome=COMPUTED, seconds=seconds, cost=seconds)

        with leftovers.put_back(abbreviated(runs[0].value), runs[0].key), numerics.prepared(place.device):
            trainer.train_together(members, place.device, ended)
    except torch.OutOfMemoryError:
        fits = False  # no more is done here, where the error's traceback holds the stack that did not fit
    except Elsewhere:
        pass
    except (Exception, SystemExit) as error:  # a failure here must not lose the other fleets of the plan
        why = one_line(error)
        done |= {i: Finished(run=r, outcome=HELD, failure=why) for i, r in enumerate(runs) if i not in done}
    rest = [run for i, run in enumerate(runs) if i not in done]
    if fits or not rest:
        return [done.get(i) or Finished(run=run, outcome=HELD) for i, run in enumerate(runs)]
    half = max(1, len(rest) // 2)
    return [*done.values(), *_stacked(rest[:half], place, store), *_stacked(rest[half:], place, store)]


def _alone(run: Run, place: Place, store: Store) -> Finished:
    """A run whose lock is held, computed and published."""
    done, computed = _tried(run, place, store)
    try:
        if computed is not None:
            _publish(run, computed, store)
    except StoreError as error:
        return _failed(run, error)
    return done


def _stackable(runs: Sequence[Run]) -> bool:
    return all(isinstance(run.value, Experiment) and not ranks.is_streamed(run.value) for run in runs)


def _start(run: Run, place: Place, store: Store) -> dict[str, np.ndarray] | None:
    """The weights a chained run starts from, after its transform."""
    starts = run.value.starts
    if not starts:
        return None
    parents = [_weights(parent, place, store) for parent in run.parents]
    weights = parents[0]
    for step, parent in zip(starts, parents, strict=True):
        if step.transform is not None:
            reads = parents if len(parents) > 1 else parent
            generator = stream_of(run.value.draws, run.replicate, "transform")
            weights = step.transform.apply(reads, generator)
    return weights


def _weights(run: Run, place: Place, store: Store) -> dict[str, np.ndarray]:
    """The final weights of a parent; torn ones were set aside and are computed anew."""
    weights = store.weights(run.key)
    if weights is None:
        with store.claimed(run.key) as mine:
            if not mine:
                raise Elsewhere
            _publish(run, _computed(run, place, store), store)
        weights = store.weights(run.key)
    if weights is None:
        raise ValueError(f"the weights of {abbreviated(run.value)} cannot be read back")
    return weights


def _evaluated(run: Run, place: Place, store: Store) -> Record:
    """A simulation, a solver on data, or a probe of trained weights."""
    if isinstance(run.value, Solved):
        with numerics.solving(place.device, getattr(run.value.solver, "accelerated", False)):
            return _solved(run, place, store)
    with pausing.interruptible():
        if isinstance(run.value, Simulation):
            with numerics.solving(place.device, accelerated=False):
                measures = run.value.function(stream(run.replicate, "simulation"), **dict(run.value.params))
        else:
            measures = _probed(run, place, store)
    return recording.of_measures(run, place, measures)


def _solved(run: Run, place: Place, store: Store) -> Record:
    """A solver on data, from its checkpoint if it leaves some."""
    solver, spent = run.value.solver, 0.0
    split, generator = split_of(run, run.value.data, place), stream(run.replicate, "solution")
    if resuming.is_resumable(solver):
        steps = solving.Steps(run, place, store, functools.partial(_clock, place))
        measures, spent = resuming.solve_on(solver, split, generator, steps.begun, steps.between), steps.spent
    else:
        with pausing.interruptible():
            measures = solver.solve(split, generator)
    return msgspec.structs.replace(recording.of_measures(run, place, measures), seconds=spent)


def _probed(run: Run, place: Place, store: Store) -> Mapping[str, Any]:
    experiment = run.value.experiment
    split = split_of(run, experiment.data, place)
    weights = _weights(run.parents[0], place, store)
    with numerics.prepared(place.device):
        model = trainer.restored(experiment, split, weights, place.device)
        probe = run.value.probe
        if isinstance(probe, Informed):
            return probe.measure_trained(model, split, HowTrained(experiment.loss, run.replicate))
        return probe.measure(model, split)
