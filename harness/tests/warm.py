"""Processes as ``multiprocessing`` spawns them, but copies of one that has imported torch and the harness.

To import both takes longer than what most little crews of the tests do. What a process is started with (its
environment) is that of whoever starts it, as it is of a process that was spawned; it is a process of its own,
which ends and is killed like any other.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from multiprocessing import context, forkserver
from typing import Any
from unittest import mock

IMPORTED = (
    "harness.fleet.streamed", "harness.lab.crew", "torch._dynamo", "torch.distributed", "torch.nn.parallel",
    "torch.onnx", "torchvision",
)  # fmt: skip
"""What crews and ranks import, and what torch itself does in a process's first step."""
FIRST = ("MKL_", "OMP_", "OPENBLAS_")
"""Beginnings of the variables that libraries read when they are imported."""

_default = context._default_context


class WarmProcess(context.ForkServerProcess):
    """A copy, with the environment of its starter."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.environment = dict(os.environ)

    def _bootstrap(self, parent_sentinel: int | None = None) -> int:
        os.environ.clear()
        os.environ.update(self.environment)
        run: Callable[..., int] = super()._bootstrap  # type: ignore[misc]
        return run(parent_sentinel)


class WarmContext(context.ForkServerContext):
    """Starts copies in the place of processes that are spawned."""

    Process = WarmProcess


@functools.cache
def copies() -> WarmContext:
    """The context, whose first process imports everything, with one thread as crews have."""
    ready = WarmContext()
    ready.set_forkserver_preload([*IMPORTED])
    one_thread = {name: value for name, value in os.environ.items() if not name.startswith(FIRST)}
    with mock.patch.dict(os.environ, {**one_thread, "OMP_NUM_THREADS": "1"}, clear=True):
        forkserver.ensure_running()
    return ready


def get_context(method: str | None = None) -> Any:
    """What ``multiprocessing.get_context`` is replaced by."""
    return copies() if method == "spawn" else _default.get_context(method)
