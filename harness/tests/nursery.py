"""Workers of xdist as copies of the process that a session was copied from, before it became that session.

To start Python and to import pytest and the harness takes longer than what a worker of a little session does.
A session's process leaves a copy of itself behind, the nursery, which knows nothing of the session; asked for
a worker it makes a copy of itself, with the pipes, environment and folder that a worker would have.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any
from unittest import mock

MOST = 1 << 16
"""Bytes of a request: its command, environment and folder."""


class Copy:
    """What ``subprocess.Popen`` is of a worker, as far as execnet asks; pipes are its input and output."""

    def __init__(self, pid: int, stdin: int, stdout: int) -> None:
        self.pid, self.ended = pid, os.pidfd_open(pid)
        self.stdin, self.stdout = os.fdopen(stdin, "wb", -1), os.fdopen(stdout, "rb", -1)

    def wait(self) -> int:
        """Wait for its end; the system alone knows its status."""
        select.select([self.ended], [], [])
        return 0

    def kill(self) -> None:
        """End it at once."""
        signal.pidfd_send_signal(self.ended, signal.SIGKILL)


class Nursery:
    """The session's side: it asks for workers.

    Args:
        end: ends a process with a status.
    """

    def __init__(self, end: Callable[[int], object]) -> None:
        self.ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.fork() == 0:
            self.ours.close()
            _serve(theirs, end)
        theirs.close()

    def worker(self, code: str) -> Copy:
        """A worker that runs code."""
        their_input, our_output = os.pipe()
        our_input, their_output = os.pipe()
        asked = {"code": code, "env": dict(os.environ), "folder": os.getcwd()}
        socket.send_fds(self.ours, [json.dumps(asked).encode()], [their_input, their_output, 1, 2])
        os.close(their_input)
        os.close(their_output)
        return Copy(int(self.ours.recv(MOST)), our_output, our_input)


def _serve(asking: socket.socket, end: Callable[[int], object]) -> None:
    """Be the nursery until the session is over."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system buries the dead
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        request, pipes, *_ = socket.recv_fds(asking, MOST, 4)
        if not request:
            os._exit(0)
        pid = os.fork()
        if pid == 0:
            asking.close()
            _become(json.loads(request), pipes)
            end(0)
        for pipe in pipes:
            os.close(pipe)
        asking.send(str(pid).encode())


def _become(asked: dict[str, Any], pipes: Sequence[int]) -> None:
    """Run a worker's code with its pipes."""
    for number in (signal.SIGCHLD, signal.SIGINT):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    os.dup2(pipes[0], 0)
    os.dup2(pipes[1], 1)
    os.dup2(pipes[3], 2)
    for pipe in pipes:
        os.close(pipe)
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["folder"])
    sys.path[0] = ""
    sys.argv[:] = ["-c"]
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  # for as long as the process lives
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    exec(asked["code"], vars(main))


def settle(end: Callable[[int], object]) -> None:
    """Leave a nursery behind, and have execnet ask it for the workers of this process."""
    from execnet import gateway_io
    from execnet.gateway_base import Popen2IO

    nursery = Nursery(end)
    create = gateway_io.Popen2IOMaster.__init__

    def begun(io: Any, arguments: Sequence[str], execmodel: Any) -> None:
        if arguments[0] != sys.executable:
            create(io, arguments, execmodel)
            return
        io.popen = worker = nursery.worker(arguments[-1])
        Popen2IO.__init__(io, worker.stdin, worker.stdout, execmodel=execmodel)

    mock.patch.object(gateway_io.Popen2IOMaster, "__init__", begun).start()
