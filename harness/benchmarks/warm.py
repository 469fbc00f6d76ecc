"""Processes that stay warm between rounds, each with its own environment, and call what they are told.

``python -m harness.benchmarks.warm`` reads pickled (function, arguments) from its standard input and answers
with (seconds, result) or (None, one line about the error). Whatever the function prints goes to stderr.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from harness.benchmarks import load
from harness.lab.pinning import THREAD_VARIABLES

ROOT = Path(__file__).parents[2]
PATIENCE = 10  # seconds in which a process ends once its input is closed
TERMINATED = 128 + signal.SIGTERM  # the status that a shell gives a terminated process


class Failure(RuntimeError):
    """What a process was told to call failed; the message is one line."""


class Answer(NamedTuple):
    """What a call cost, and what it returned."""

    timing: load.Timing
    result: Any


class Warm:
    """One such process.

    Args:
        environment: variables set for it. Thread counts of the surroundings are taken away, so that a
            baseline runs at its libraries' defaults.
    """

    def __init__(self, name: str, environment: Mapping[str, str]) -> None:
        self.name = name
        dropped = (*THREAD_VARIABLES, "HARNESS_KERNEL")
        kept = {key: value for key, value in os.environ.items() if key not in dropped}
        paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.process = subprocess.Popen(
            [sys.executable, "-m", "harness.benchmarks.warm"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**kept, "PYTHONPATH": paths, **environment},
            start_new_session=True,  # an interrupt is for the measurement, which then ends its processes
        )

    def call(self, function: Callable[..., Any], *arguments: Any) -> Answer:
        """Have a module-level function called there: what it cost, and what it returned.

        Raises:
            Failure: it raised, or the process ended.
        """
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        before = load.read(self.process.pid)
        try:
            pickle.dump((function, arguments), stdin)
            stdin.flush()
            seconds, result = pickle.load(stdout)
        except (EOFError, OSError, pickle.UnpicklingError):
            raise Failure(f"the {self.name} process ended with status {self.process.wait()}") from None
        if seconds is None:
            raise Failure(f"{self.name}: {result}")
        return Answer(load.between(before, load.read(self.process.pid), seconds), result)

    def close(self) -> None:
        """Let it end; it closes its own processes first."""
        with contextlib.suppress(OSError):
            if self.process.stdin is not None:
                self.process.stdin.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.terminate()
        if self.process.stdout is not None:
            self.process.stdout.close()


class Pool:
    """Warm processes by name, each started when first asked for."""

    def __init__(self) -> None:
        self.running: dict[str, Warm] = {}

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *error: object) -> None:
        for warm in self.running.values():
            warm.close()
        self.running.clear()

    def of(self, name: str, environment: Mapping[str, str] | None = None) -> Warm:
        """The process of that name; ``environment`` counts when it starts."""
        if name not in self.running:
            self.running[name] = Warm(name, environment or {})
        return self.running[name]


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    while True:
        try:
            function, arguments = pickle.load(requests)
        except EOFError:
            return
        except Exception as error:  # a function that cannot be imported here
            answer: tuple[float | None, Any] = None, f"{type(error).__name__}: {error}"
        else:
            answer = _called(function, arguments)
        answers.write(pickle.dumps(answer))
        answers.flush()


def _called(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[float | None, Any]:
    began = time.perf_counter()
    try:
        result = function(*arguments)
    except Exception as error:  # the measurement names the variant and goes on or stops
        lines = str(error).strip().splitlines()
        return None, f"{type(error).__name__}: {lines[0] if lines else ''}"
    return time.perf_counter() - began, result


def main() -> None:
    """Keep the pipe of answers to ourselves: libraries may print."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))  # so that temporary folders are removed
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with contextlib.suppress(BrokenPipeError):  # who asked has ended meanwhile
        serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
