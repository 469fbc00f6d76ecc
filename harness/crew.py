"""Processes that compute runs: each takes a lock, computes, publishes a record, and goes on.

Only a directory is shared between them. The same function serves the processes that a session starts
for itself, xdist's workers, and a session with a single core.
"""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import platform
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness.fleet import trainer
from harness.fleet.plan import Fleet, Run
from harness.spec import Experiment, Probing, Simulation, abbreviated
from harness.store import Record, Store
from harness.streams import stream

if TYPE_CHECKING:
    import numpy as np

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
HELD, PRESENT, COMPUTED = "held", "present", "computed"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where runs are computed and kept.

    ``since`` makes records older than it (seconds since 1970) count as missing: ``--fresh``.
    """

    store: Path
    data_root: Path
    device: str = "cpu"
    since: float = 0.0
    commit: str = ""


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one run: computed (in so many seconds), present, held elsewhere, or failed."""

    run: Run
    outcome: str
    seconds: float = 0.0
    failure: str = ""


class Elsewhere(Exception):
    """What a run starts from is being computed by another process just now."""


def single_threaded() -> None:
    """Ask numerical libraries that are not loaded yet for one thread each; parallelism is over runs."""
    for name in THREAD_VARIABLES:
        os.environ.setdefault(name, "1")


def drain(fleets: Iterable[Fleet], place: Place) -> Iterator[Finished]:
    """Compute fleets in this process, skipping what others hold; those come back as held."""
    store = Store(place.store)
    for fleet in fleets:
        for run in fleet.runs:
            yield _finish(run, place, store)


class Crew:
    """So many processes that compute fleets, started when first needed and kept for the session."""

    def __init__(self, place: Place, processes: int) -> None:
        self.place, self.processes = place, processes
        self._pool: ProcessPoolExecutor | None = None

    def drain(self, fleets: Iterable[Fleet]) -> Iterator[Finished]:
        """Compute fleets side by side; results come in the order in which they end.

        A process that is killed (out of memory, say) breaks the pool and loses what all of them were at.
        Everything is then tried again, and what was under way alone and last, to learn which it was.
        """
        waiting, suspects = list(fleets), list[Fleet]()
        while waiting:
            lost = yield from self._together(waiting)
            suspects += lost[: self.processes]  # first in, first out: these were being computed
            waiting = lost[self.processes :]
        for fleet in suspects:
            for killer in (yield from self._together([fleet])):
                why = "its training process was killed twice (out of memory?); run again to go on"
                yield from _failed(killer, why)

    def _together(self, fleets: Sequence[Fleet]) -> Generator[Finished, None, list[Fleet]]:
        """Compute fleets side by side; returns those that did not come back because the pool broke."""
        waiting: dict[Future[list[Finished]], int] = {}
        lost = dict(enumerate(fleets))
        try:
            for number, fleet in lost.items():
                waiting[self._started().submit(_drained, pickle.dumps(fleet), self.place)] = number
            for future in as_completed(waiting):
                error = future.exception()
                if isinstance(error, BrokenProcessPool):
                    raise error
                fleet = lost.pop(waiting[future])
                yield from future.result() if error is None else _failed(fleet, _one_line(error))
        except BrokenProcessPool:
            self.close()
        return list(lost.values())

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            import multiprocessing

            single_threaded()
            spawn = multiprocessing.get_context("spawn")
            count = spawn.Value("i", 0)
            self._pool = ProcessPoolExecutor(
                self.processes, mp_context=spawn, initializer=_enlist, initargs=(count, self.place.device)
            )
        return self._pool

    def close(self) -> None:
        """End the processes at once: what they were training goes on from its checkpoint next time."""
        if self._pool is not None:
            processes = list((self._pool._processes or {}).values())
            self._pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.terminate()
            self._pool = None


def _enlist(count: Any, device: str) -> None:
    """First thing in a crew's process: its own GPU, not the terminal's interrupts, and no life of its own."""
    import signal
    import threading

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with count.get_lock():
        number = count.value
        count.value += 1
    if device == "cuda":
        pin_gpu(number)


def _end_with_parent() -> None:
    """A session that was killed must not leave processes training for nobody; checkpoints stay."""
    import multiprocessing

    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def pin_gpu(number: int) -> None:
    """Show this process one GPU: the caller's ``CUDA_VISIBLE_DEVICES`` at ``number``, going round."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    devices = visible.split(",") if visible else [str(i) for i in range(count_gpus())]
    if devices:
        os.environ["CUDA_VISIBLE_DEVICES"] = devices[number % len(devices)]


def count_gpus() -> int:
    """GPUs on this machine, without importing torch."""
    listed = Path("/proc/driver/nvidia/gpus")
    return len(list(listed.iterdir())) if listed.is_dir() else 0


def _drained(pickled: bytes, place: Place) -> list[Finished]:
    # unpickled here and not by the pool, whose process would die of a module it cannot import
    return list(drain([pickle.loads(pickled)], place))


def _failed(fleet: Fleet, why: str) -> Iterator[Finished]:
    return (Finished(run=run, outcome=HELD, failure=why) for run in fleet.runs)


def _one_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"


def _finish(run: Run, place: Place, store: Store) -> Finished:
    try:
        with store.claimed(run.key) as mine:
            if store.has(run.key, place.since):
                return Finished(run=run, outcome=PRESENT)
            if not mine:
                return Finished(run=run, outcome=HELD)
            began = time.monotonic()
            compute(run, place, store)
            return Finished(run=run, outcome=COMPUTED, seconds=time.monotonic() - began)
    except Elsewhere:
        return Finished(run=run, outcome=HELD)
    except Exception as error:  # a failure here must not lose the other runs of the plan
        return Finished(run=run, outcome=HELD, failure=_one_line(error))


def compute(run: Run, place: Place, store: Store) -> None:
    """Compute one run and publish its record.

    Raises:
        Exception: whatever the run's own code raises.
    """
    began = time.monotonic()
    if isinstance(run.value, Experiment):
        record, weights = _trained(run, place, store)
    else:
        record, weights = _evaluated(run, place, store), None
    seconds = record.seconds + time.monotonic() - began
    store.publish(msgspec.structs.replace(record, seconds=seconds), weights)
    store.forget(run.key)
    store.note_timing(run.kind, seconds)


def _trained(run: Run, place: Place, store: Store) -> tuple[Record, Mapping[str, np.ndarray]]:
    experiment: Experiment = run.value
    split = experiment.data.split(place.data_root, run.replicate)
    start = _start(run, place, store)

    resumed = store.resume(run.key, place.since)
    spent = resumed[0].get("seconds", 0.0) if resumed else 0.0
    began = time.monotonic()

    def save(state: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        seconds = spent + time.monotonic() - began
        store.checkpoint(run.key, {**state, "seconds": seconds}, arrays)

    with _prepared(place.device):
        trained = trainer.train(
            experiment,
            run.replicate,
            split,
            device=place.device,
            start=start,
            resume=resumed,
            save=save,
        )
    curves = {name: _numbers(values) for name, values in trained.curves.items()}
    diverged = trained.outcome == "diverged"
    finals = {name: None if diverged else values[-1] for name, values in curves.items()}
    changed = int(split.corrupted.sum())
    resolutions = {"train_error": 1 / len(split.y_train), "test_error": 1 / len(split.y_test)}
    resolutions["corrupted_error"] = 1 / max(changed, 1)
    resolutions["clean_error"] = 1 / max(len(split.y_train) - changed, 1)
    record = _record(run, place, finals, curves, outcome=trained.outcome)
    record = msgspec.structs.replace(
        record,
        resolutions=resolutions,
        steps_per_epoch=trained.steps_per_epoch,
        epochs=len(curves.get("train_loss", ())),
        seconds=spent,  # of an earlier process; this one's are added when it ends
    )
    return record, trained.weights


def _start(run: Run, place: Place, store: Store) -> dict[str, np.ndarray] | None:
    """The weights a chained run starts from, after its transform."""
    start = run.value.start
    if start is None:
        return None
    starts = start if isinstance(start, tuple) else (start,)
    parents = [_weights(parent, place, store) for parent in run.parents]
    weights = parents[0]
    for step, own in zip(starts, parents, strict=True):
        if step.transform is not None:
            others = parents if len(parents) > 1 else own
            weights = step.transform.apply(others, stream(run.replicate, "transform"))
    return weights


def _weights(run: Run, place: Place, store: Store) -> dict[str, np.ndarray]:
    """The final weights of a parent; torn ones were set aside and are computed anew."""
    weights = store.weights(run.key)
    if weights is None:
        with store.claimed(run.key) as mine:
            if not mine:
                raise Elsewhere
            compute(run, place, store)
        weights = store.weights(run.key)
    if weights is None:
        raise ValueError(f"the weights of {abbreviated(run.value)} cannot be read back")
    return weights


def _evaluated(run: Run, place: Place, store: Store) -> Record:
    """A simulation, a solver on data, or a probe of trained weights."""
    if isinstance(run.value, Simulation):
        found = run.value.function(stream(run.replicate, "simulation"), **dict(run.value.params))
    elif isinstance(run.value, Probing):
        found = _probed(run, place, store)
    else:
        split = run.value.data.split(place.data_root, run.replicate)
        found = run.value.solver.solve(split, stream(run.replicate, "solution"))
    finals: dict[str, float | None] = {}
    curves: dict[str, tuple[float | None, ...]] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for name, value in found.items():
        shape = getattr(value, "shape", None)
        if shape is None and isinstance(value, (list, tuple)):
            shape = (len(value),)
        if shape:
            flat = value.reshape(-1).tolist() if hasattr(value, "reshape") else value
            curves[name], shapes[name] = _numbers(flat), tuple(shape)
        else:
            finals[name] = _numbers([value])[0]
    return msgspec.structs.replace(_record(run, place, finals, curves, outcome="solved"), shapes=shapes)


def _probed(run: Run, place: Place, store: Store) -> Mapping[str, Any]:
    experiment = run.value.experiment
    split = experiment.data.split(place.data_root, run.replicate)
    weights = _weights(run.parents[0], place, store)
    with _prepared(place.device):
        model = trainer.restored(experiment, split, weights, place.device)
        return run.value.probe.measure(model, split)


@contextlib.contextmanager
def _prepared(device: str) -> Iterator[None]:
    """The trainer's numerics, for as long as it computes: hypothesis and the judge need denormals."""
    import torch

    trainer.prepare(device)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def _record(run: Run, place: Place, finals: dict, curves: dict, *, outcome: str) -> Record:
    return Record(
        key=run.key,
        address=run.address,
        replicate=run.replicate,
        what=abbreviated(run.value),
        finals=finals,
        curves=curves,
        resolutions={},
        outcome=outcome,
        seconds=0.0,
        provenance=_provenance(place, isinstance(run.value, Experiment)),
    )


def _provenance(place: Place, with_torch: bool) -> dict[str, str]:
    import numpy

    versions = {"python": platform.python_version(), "numpy": numpy.__version__}
    if with_torch:
        import torch

        versions["torch"] = str(torch.__version__)  # a str subclass that msgspec refuses
        versions["kernel"] = trainer.KERNEL
    written = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {"device": place.device, "commit": place.commit, "written": written, **versions}


def _numbers(values: Iterable[Any]) -> tuple[float | None, ...]:
    """Plain floats; None for what is not finite, since JSON has no NaN."""
    plain = (float(v) for v in values)
    return tuple(v if math.isfinite(v) else None for v in plain)
