"""What code of a claim's own changes for all of its process, put back: others would compute with it.

torch, numpy and Python keep settings for a whole process: a default precision, what a division by zero does,
the current folder, generators of random numbers. No name of a run says what they were. So each run and each
body begins with those of every process, and who leaves others, or draws from such a generator, is named.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TextIO

from harness.lab import devices, notes, pinning


class ProcessSetting(NamedTuple):
    """A setting of a whole process.

    Attributes:
        name: for people.
        module: that has it; nothing was changed where nobody has imported it.
        read, write: what it is, and how it is made to be so, each of the module.
        ours: what it is in every process that computes.
    """

    name: str
    module: str
    read: Callable[[Any], Any]
    write: Callable[[Any, Any], object]
    ours: Callable[[Any], Any]


UNUSED = 624
"""Where a generator of numpy.random stands that was seeded, and from which nobody has drawn yet."""
NUMPYS = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
SETTINGS = (
    ProcessSetting(
        "torch.set_default_dtype",
        "torch",
        lambda torch: torch.get_default_dtype(),
        lambda torch, was: torch.set_default_dtype(was),
        lambda torch: torch.float32,
    ),
    ProcessSetting(
        "torch.set_default_device",
        "torch",
        lambda torch: str(torch.get_default_device()),
        lambda torch, was: torch.set_default_device(None),
        lambda torch: "cpu",
    ),
    ProcessSetting(
        "torch.set_grad_enabled",
        "torch",
        lambda torch: torch.is_grad_enabled(),
        lambda torch, was: torch.set_grad_enabled(was),
        lambda torch: True,
    ),
    ProcessSetting(
        "torch.use_deterministic_algorithms",
        "torch",
        lambda torch: torch.are_deterministic_algorithms_enabled(),
        lambda torch, was: torch.use_deterministic_algorithms(was),
        lambda torch: False,
    ),
    ProcessSetting(
        "torch.set_num_threads",
        "torch",
        lambda torch: torch.get_num_threads(),
        lambda torch, was: torch.set_num_threads(was),
        lambda torch: 1,
    ),
    ProcessSetting(
        "torch.set_float32_matmul_precision",
        "torch",
        lambda torch: torch.get_float32_matmul_precision(),
        lambda torch, was: torch.set_float32_matmul_precision(was),
        lambda torch: "highest",
    ),
    ProcessSetting(
        "torch.set_flush_denormal",
        "torch",
        lambda torch: sys.float_info.min / 2 == 0,
        lambda torch, was: torch.set_flush_denormal(was),
        lambda torch: False,
    ),
    ProcessSetting(
        "numpy.seterr",
        "numpy",
        lambda numpy: numpy.geterr(),
        lambda numpy, was: numpy.seterr(**was),
        lambda numpy: NUMPYS,
    ),
    ProcessSetting(
        "decimal.getcontext().prec",
        "decimal",
        lambda decimal: decimal.getcontext().prec,
        lambda decimal, was: setattr(decimal.getcontext(), "prec", was),
        lambda decimal: 28,
    ),
)


LIBRARIES = ("KMP_", "TORCHINDUCTOR_")
"""Beginnings of the variables that scikit-learn and torch set, when they are imported or first used."""
OURS = (*pinning.ARITHMETIC_VARIABLES, *pinning.THREAD_VARIABLES, devices.VISIBLE)
"""The variables that are made ours whenever processes are started, by another thread at any time."""
HEEDED = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGALRM)
"""The signals by which a process is asked to end, or reminded of a time."""


class Unclosed:
    """A stream that stays open whoever closes it, or drops what was wrapped around its ``buffer``."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        held = getattr(self._stream, name)
        return Unclosed(held) if name == "buffer" else held

    def __enter__(self) -> Unclosed:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._stream)

    def close(self) -> None:
        """Flush what it holds, and no more."""
        self._stream.flush()


@contextlib.contextmanager
def put_back(whose: str, run: str = "") -> Iterator[None]:
    """Run code of a claim's own as in a process of its own; what it leaves changed is undone, and told.

    Args:
        whose: what runs, for people.
        run: the key of the run that it is, if it is one.
    """
    undo()
    if run:
        import numpy  # noqa: F401 - it draws numbers of its own, so that its generator is there to be seeded
    streams: tuple[TextIO, TextIO] = sys.stdout, sys.stderr
    folder, limit, strict = _folder(), sys.getrecursionlimit(), _strict()
    variables, heard = dict(os.environ), {number: signal.getsignal(number) for number in HEEDED}
    sys.stdout, sys.stderr = map(Unclosed, streams)
    try:
        with _seeded(whose, run):
            yield
    finally:
        sys.stdout, sys.stderr = streams
        sys.setrecursionlimit(limit)
        left = undo()
        if _folder() != folder and folder:
            os.chdir(folder)
            left.append("os.chdir")
        if not run and (names := _restored(variables)):  # a run's numerics, and libraries, set some
            left.append(f"os.environ ({', '.join(names)})")
        if not run and _listen(heard):
            left.append("signal.signal")
        if more := [each for each in _strict() if each not in strict]:
            warnings.filters[:] = [each for each in warnings.filters if each not in more]  # type: ignore[index]
            warnings._filters_mutated()  # type: ignore[attr-defined]
            left.append("warnings.simplefilter")
        if left:
            notes.note(told(whose, left))


@contextlib.contextmanager
def _seeded(whose: str, run: str) -> Iterator[None]:
    """Have the generators of a process begin alike wherever and whenever this runs; who draws is told."""
    seed = zlib.crc32((run or whose).encode())
    before = random.getstate()
    random.seed(seed)
    if numpy := _loaded("numpy"):
        numpy.random.seed(seed)
    if torch := _loaded("torch"):
        torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(before)  # from which libraries draw too, when they are imported, say
        if numpy and numpy.random.get_state()[2] != UNUSED:
            instead = "draw from the generator that it gets" if run else "a verdict should not depend on it"
            notes.note(f"{whose} drew from numpy.random, which is of a whole process: {instead}")


def told(whose: str, left: list[str]) -> str:
    """What was left behind, and that it was undone, in one line."""
    return f"{whose} left {', '.join(left)} behind, by which others would compute: undone"


def undo() -> list[str]:
    """Make settings what they are in every process; the names of those that were not."""
    changed = []
    for setting in SETTINGS:
        module = _loaded(setting.module)
        if module is None:
            continue
        ours = setting.ours(module)
        if setting.read(module) != ours:
            setting.write(module, ours)
            changed.append(setting.name)
    return changed


def _loaded(name: str) -> Any:
    """A module that somebody has imported, as a whole; else None."""
    module = sys.modules.get(name)
    return None if module is None or getattr(module.__spec__, "_initializing", False) else module


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # somebody has removed it
        return ""


def _restored(variables: Mapping[str, str]) -> list[str]:
    """Make the environment what it was, but for what libraries set and we do; the names that had changed."""
    now = dict(os.environ)
    names = {name for name in now.keys() | variables.keys() if now.get(name) != variables.get(name)}
    changed = sorted(name for name in names if not name.startswith(LIBRARIES) and name not in OURS)
    for name in changed:
        if name in variables:
            os.environ[name] = variables[name]
        else:
            del os.environ[name]
    return changed


def _listen(heard: Mapping[signal.Signals, Any]) -> bool:
    """Have signals go to whom they went before; whether any went elsewhere.

    They are set in the main thread alone, and what is no handler of Python's (None) cannot be set again.
    """
    changed = [n for n, was in heard.items() if was is not None and signal.getsignal(n) != was]
    if threading.current_thread() is not threading.main_thread():
        return False
    for number in changed:
        signal.signal(number, heard[number])
    return bool(changed)


def _strict() -> list[Any]:
    """The filters by which a warning is an error; libraries add others when they are imported."""
    return [each for each in warnings.filters if each[0] == "error"]
