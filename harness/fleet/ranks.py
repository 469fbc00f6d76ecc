"""One training over all devices of the machine, where one is too small: a process for each, of this one.

The processes meet through a file, so no port is chosen; rank 0's rows and weights are those of the run. A
process that dies fails the run with one line, and the checkpoint of its last epoch stays.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from harness.data.archives import DataError
from harness.data.image_folder import StreamedSplit
from harness.fleet import cgroups, memory
from harness.fleet.lifetimes import end_with_parent
from harness.fleet.replica import AT_START, Between, Replica
from harness.fleet.streamed import Rank, batches
from harness.spec import Experiment
from harness.spec.contracts import Weights
from harness.spec.splits import Split

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    import torch

RANKS = "HARNESS_RANKS"
"""On a CPU, how many processes share one training (default 1); on GPUs there is one for each."""
LOADERS = "HARNESS_LOADERS"
"""How many processes decode images for each device."""
MOST_LOADERS = 16
FAREWELL = 5.0
"""Seconds that a process has to end by itself."""


def is_streamed(value: object) -> bool:
    """Does a run read images that stay on disk?"""
    return isinstance(value, Experiment) and value.data.streamed


def on_disk(split: Split) -> StreamedSplit:
    """The split of streamed images as what it is.

    Raises:
        TypeError: the data set says that its images are streamed and gives arrays.
    """
    if not isinstance(split, StreamedSplit):
        raise TypeError("streamed data need a StreamedSplit, which harness.data.image_folder makes")
    return split


def devices(device: str) -> list[str]:
    """The devices that share one training: of "cuda" all that are visible, of "cuda:1" that one.

    Raises:
        ValueError: ``HARNESS_RANKS`` is no number from 1 up.
    """
    if device == "cuda":
        import torch

        return [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    return [device] * (_number(RANKS, 1, least=1) if device == "cpu" else 1)


class _CoreSharers:
    processes = 1


def share_cores(processes: int) -> None:
    """Leave other processes of this machine, which train beside this one, their parts of the cores."""
    _CoreSharers.processes = max(1, processes)


def loaders(device: str, sharers: int) -> int:
    """Processes that decode for one of so many devices: a GPU's share of the cores; on a CPU none.

    Raises:
        ValueError: ``HARNESS_LOADERS`` is no number from 0 up.
    """
    cores = cgroups.whole_cores() // _CoreSharers.processes
    share = max(1, min(MOST_LOADERS, cores // sharers)) if device.startswith("cuda") else 0
    return _number(LOADERS, share, least=0)


def _number(name: str, default: int, least: int) -> int:
    text = os.environ.get(name, "") or str(default)
    if not text.isdigit() or int(text) < least:
        raise ValueError(f"{name}={text}: a number from {least} up")
    return int(text)


class Streamed(Replica):
    """A run on streamed images behind the plain path's interface: here, or in a process for each device."""

    kernel: ClassVar[str] = "streamed"

    def __init__(
        self,
        module: torch.nn.Module,
        experiment: Experiment,
        replicate: int,
        split: Split,
        device: str,
    ) -> None:
        files = on_disk(split)
        chosen = devices(device)
        self.steps = len(batches(len(split.y_train), experiment.optimizer.batch))
        self.reach = AT_START
        self.between: Between | None = None
        self.resumable = len(chosen) == 1
        self.alone: Rank | None = None
        if len(chosen) == 1:
            each = loaders(chosen[0], 1)
            self.alone = Rank(experiment, replicate, files, chosen[0], loaders=each)
        else:
            self.ranks = Ranks(experiment, replicate, files, chosen)

    @property
    def normalization(self) -> str:
        """Whether it is fused, or why not; over several devices it never is."""
        return (self.alone.normalization or "") if self.alone is not None else ""

    def load(self, arrays: Weights | None) -> None:
        """Weights, buffers and, from a checkpoint, velocities."""
        if arrays is not None:
            self._each("load", arrays)

    def weights(self) -> Weights:
        """Copies of parameters and buffers by name."""
        weights: Weights = self._first("weights")
        return weights

    def state(self) -> Weights:
        """What a checkpoint keeps: weights and velocities."""
        state: Weights = self._first("state")
        return state

    def epoch(self, epoch: int) -> dict[str, float]:
        """Train one epoch, then measure.

        Raises:
            RuntimeError: a process failed or died, in one line.
        """
        if self.alone is not None:
            self.alone.reach, self.alone.between = self.reach, self.between
            self.reach = AT_START
        measures: dict[str, float] = self._each("epoch", epoch)
        return measures

    def completed(self, row: dict[str, float]) -> dict[str, float]:
        """The row as it is: an epoch over images on disk measures everything."""
        return row

    def fits(self, error: float) -> bool:
        """Never asked: an epoch over images on disk measures everything.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError

    def _each(self, name: str, *arguments: Any) -> Any:
        """Call all ranks; rank 0's answer."""
        if self.alone is not None:
            return _CALLS[name](self.alone, *arguments)
        return self.ranks.ask(name, *arguments)

    def _first(self, name: str) -> Any:
        return _CALLS[name](self.alone) if self.alone is not None else self.ranks.ask(name, first=True)


_CALLS: dict[str, Callable[..., Any]] = {
    "load": Rank.load, "weights": Rank.weights, "state": Rank.state, "epoch": Rank.epoch,
}  # fmt: skip
"""What a rank can be asked, by name: names pass through pipes, functions do not."""


class RankPart(NamedTuple):
    """What one process of a training is told when it is started.

    Attributes:
        experiment, replicate, root: the run, and where its data lie.
        content: the digest of the data.
        device: its own.
        rank: its number, of ``world`` in all.
        met: the file through which they meet.
    """

    experiment: Experiment
    replicate: int
    root: Path | None
    content: str
    device: str
    rank: int
    world: int
    met: Path


class Ranks:
    """The processes of one training, one for each device.

    Raises:
        RuntimeError: one of them could not begin.
    """

    def __init__(
        self, experiment: Experiment, replicate: int, split: StreamedSplit, devices: Sequence[str]
    ) -> None:
        import multiprocessing

        spawn = multiprocessing.get_context("spawn")
        folder = tempfile.TemporaryDirectory(prefix="overclaim-")
        self.pipes: list[Connection] = []
        processes: list[Any] = []
        for rank, device in enumerate(devices):
            ours, theirs = spawn.Pipe()
            met = Path(folder.name) / "met"
            where = (split.root, split.content, device)
            part = RankPart(experiment, replicate, *where, rank, len(devices), met)
            process = spawn.Process(target=_serve, args=(theirs, part), name=f"rank {rank}")
            process.start()
            theirs.close()  # so that its end is heard here
            self.pipes.append(ours)
            processes.append(process)
        self._finalizer = weakref.finalize(self, _end, self.pipes, processes, folder)
        self._answers(self.pipes)

    def ask(self, name: str, *arguments: Any, first: bool = False) -> Any:
        """Have all ranks (or the first) do something; rank 0's answer.

        Raises:
            RuntimeError: one of them failed or died; the others are ended.
        """
        asked = self.pipes[:1] if first else self.pipes
        for pipe in asked:
            with contextlib.suppress(OSError):  # it died: its answer tells
                pipe.send((name, arguments))
        return self._answers(asked)

    def _answers(self, asked: list[Connection]) -> Any:
        """Whoever answers first is heard first: one that fails leaves the others waiting for it."""
        from multiprocessing.connection import wait

        waiting = list(asked)
        answer: Any = None
        while waiting:
            ready = wait(waiting)
            for pipe in [p for p in waiting if p in ready]:
                rank = self.pipes.index(pipe)
                try:
                    failure, received, peak = pipe.recv()
                except (EOFError, OSError):
                    failure, received = "its process was killed (out of memory?); run again to go on", None
                    peak = 0
                memory.note_elsewhere(peak)
                if failure:
                    self._finalizer()
                    raise RuntimeError(f"rank {rank} of {len(self.pipes)}: {failure}")
                answer = received if rank == 0 else answer
                waiting.remove(pipe)
        return answer


def _end(pipes: list[Connection], processes: list[Any], folder: tempfile.TemporaryDirectory[str]) -> None:
    """End the processes: a closed pipe asks them to, and who is stuck in another's absence is ended."""
    for pipe in pipes:
        pipe.close()
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(FAREWELL)
        if process.is_alive():
            process.kill()
            process.join()
    folder.cleanup()


def _serve(pipe: Connection, part: RankPart) -> None:
    """Run a rank's process: begin, then do what is asked until nobody asks any more."""
    import signal
    import threading

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the session's own process answers for interrupts
    threading.Thread(target=end_with_parent, daemon=True).start()
    try:
        _answer(pipe, part)
    except (EOFError, BrokenPipeError):
        pass  # the training is over
    except Exception as error:
        first = next(iter(str(error).splitlines()), "")
        with contextlib.suppress(OSError):  # nobody listens any more
            pipe.send((f"{type(error).__name__}: {first}", None, 0))


def _answer(pipe: Connection, part: RankPart) -> None:
    """Begin a rank's part of the training, then do what is asked."""
    from harness.fleet import numerics

    peak = memory.Peak(part.device)
    rank = _begun(part)
    pipe.send(("", None, peak.bytes()))
    with numerics.multiplied(part.experiment.precision, part.device):
        while True:
            name, arguments = pipe.recv()
            answer = _CALLS[name](rank, *arguments)
            pipe.send(("", answer if part.rank == 0 else None, peak.bytes()))


def _begun(part: RankPart) -> Rank:
    """This process's part of the training, after it has met the others."""
    import torch.distributed

    from harness.fleet import numerics

    device, world = part.device, part.world
    numerics.prepare(device)
    backend = "gloo"
    if device.startswith("cuda"):
        torch.cuda.set_device(device)
        backend = "nccl"
    met = f"file://{part.met}"
    torch.distributed.init_process_group(backend, init_method=met, rank=part.rank, world_size=world)
    replicate = part.experiment.draws.replicate("data", part.replicate)
    split = on_disk(part.experiment.data.split(part.root, replicate))
    if split.content != part.content:
        raise DataError(f"{split.data.folder} changed after the run was named by it: run again")
    each = loaders(device, world)
    return Rank(part.experiment, part.replicate, split, device, rank=part.rank, world=world, loaders=each)
