"""Processes as ``multiprocessing`` spawns them, but copies of one that has imported torch and the harness.

To import both takes longer than what most little crews of the tests do. What a process is started with (its
environment, and where what it prints goes) is that of whoever starts it, as it is of a process that was
spawned; it is a process of its own, which ends and is killed like any other. The copies are those of
``harness.tests.zygote``.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
from collections.abc import Callable
from multiprocessing import context, forkserver, reduction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

_default = context._default_context


class _Printing:
    """Where this process prints; unpickled in another, that prints there too."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _print_there, (reduction.DupFd(1), reduction.DupFd(2))


def _print_there(*there: Any) -> None:
    for number, held in enumerate(there, start=1):
        handle = held.detach()
        os.dup2(handle, number)
        os.close(handle)


class WarmProcess(context.ForkServerProcess):
    """A copy, with the environment of its starter."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.environment, self.printing = dict(os.environ), _Printing()

    def _bootstrap(self, parent_sentinel: int | None = None) -> int:
        os.environ.clear()
        os.environ.update(self.environment)
        run: Callable[..., int] = super()._bootstrap  # type: ignore[misc]
        return run(parent_sentinel)


class WarmContext(context.ForkServerContext):
    """Starts copies in the place of processes that are spawned."""

    Process = WarmProcess


@functools.cache
def copies(address: str) -> WarmContext:
    """The context of the copies that are had at an address."""
    server: Any = forkserver._forkserver
    server._forkserver_address = address
    server._forkserver_alive_fd = os.open(os.devnull, os.O_RDONLY)  # what tells others to go on is not ours
    server.ensure_running = lambda: None  # it is nobody's child here
    return WarmContext()


def get_context(address: str, method: str | None = None) -> Any:
    """What ``multiprocessing.get_context`` is replaced by."""
    return copies(address) if method == "spawn" else _default.get_context(method)


def settle(address: str, patch: pytest.MonkeyPatch) -> None:
    """Have this process get copies, and none spawned."""
    patch.setattr(multiprocessing, "get_context", functools.partial(get_context, address))
