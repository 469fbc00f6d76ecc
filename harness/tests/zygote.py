"""A process that has imported pytest and the harness, and becomes any session that is asked of it.

To start Python and to import both costs more than most little sessions take. A copy of a process that has
done so (a fork) is a process of its own all the same: with its own folder, environment, arguments, output
and end. Torch is not imported beforehand, but for commands that import it whatever is asked of them: those
are copies of another process.

Run as a script it listens for the workers of one session of tests. For each a copy reads a request a line,
forks, and answers with the status: minus the signal that killed the session, as ``subprocess`` does. With
torch, it is where processes of ``multiprocessing`` are copied from as well (``harness.tests.warm``). It ends
when the last of its workers has.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import math
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, TextIO

from harness.tests import nursery, warm

FIRST = """
import hypothesis
import hypothesis.internal.conjecture.engine
import hypothesis.strategies


@hypothesis.given(hypothesis.strategies.integers())
@hypothesis.settings(max_examples=1, database=None)
def test_first(number):
    pass
"""
"""The tests of the session that imports."""
LATER = (
    "_pytest.stepwise", "filelock", "getpass", "harness.models", "harness.suite.listing",
    "harness.suite.session", "harness.suite.terminal", "hypothesis.extra", "numpy.fft", "numpy.linalg",
    "numpy.random", "scipy.special", "tarfile", "termios", "tomllib", "xdist.dsession",
)  # fmt: skip
"""What many sessions import later than pytest does."""
WITH_TORCH = (
    "harness.fleet._pretended", "harness.fleet.streamed", "harness.fleet.trainer", "harness.lab.crew",
    "harness.models._nets", "torch._dynamo", "torch.distributed", "torch.fx.experimental.symbolic_shapes",
    "torch.nn.parallel", "torch.onnx", "torchvision",
)  # fmt: skip
"""What rehearsals, crews and ranks import, and what torch itself does in a process's first step."""
CREWS = "-crews"
"""End of the address of the copies for ``multiprocessing``."""
TRAINING = ("rehearse",)
"""Commands of the harness that import torch in any case."""
MOST_SECONDS = 120
"""A session that takes longer hangs."""
AT_START = ("LD_", "MKL_", "NPY_", "OMP_", "OPENBLAS_", "PYTHON")
"""Beginnings of the variables that are read when a process starts, and that a fork would not heed."""
LIBRARIES = ("MKL_", "OMP_", "OPENBLAS_")
"""Beginnings of the variables that libraries read when they are imported."""

PATIENCE = 60.0
"""Seconds in which whoever started a process that becomes sessions asks it for the first."""
LOOK = 1.0
"""Seconds between two looks at whether anybody still wants sessions."""
ROOT = Path(__file__).parents[2]

_lock = threading.Lock()
_started: list[subprocess.Popen[bytes]] = []
_connections: dict[bool, TextIO] = {}
warm_sessions = False
"""Whether sessions have torch already, and their crews too: the fixture ``warm`` says so."""


def run(module: str, arguments: tuple[str, ...], folder: Path, env: Mapping[str, str], output: Path) -> int:
    """Runs ``python -B -m module`` in a folder, with what it prints in a file; the status.

    Raises:
        TimeoutError: it took longer than any of these may, and was killed.
    """
    with_torch = warm_sessions or (module == "harness" and arguments[:1] in [(name,) for name in TRAINING])
    asked = {
        "module": module, "arguments": arguments, "folder": str(folder), "env": dict(env),
        "output": str(output), "crews": _name(True) + CREWS if warm_sessions else "",
    }  # fmt: skip
    with _lock:
        connection = connected(with_torch)
        connection.write(json.dumps(asked) + "\n")
        connection.flush()
        pid = int(connection.readline())
        late = threading.Event()

        def end() -> None:
            late.set()
            os.kill(pid, signal.SIGKILL)

        timer = threading.Timer(MOST_SECONDS, end)
        timer.start()
        status = int(connection.readline())
        timer.cancel()
    if late.is_set():
        said = output.read_text(errors="replace")
        raise TimeoutError(f"{module} {' '.join(arguments)} took more than {MOST_SECONDS} s:\n{said}")
    return status


def crews() -> str:
    """Where copies that have torch are had for ``multiprocessing``: an address that is none of the disk's."""
    connected(with_torch=True)
    return _name(True) + CREWS


def connected(with_torch: bool) -> TextIO:
    """The line to one of each kind, which all workers of xdist share; it is started when first needed."""
    attempts = 0
    while with_torch not in _connections:
        ours = socket.socket(socket.AF_UNIX)
        try:
            ours.connect(_name(with_torch))
        except ConnectionRefusedError:
            _start(with_torch)
            continue
        line = ours.makefile("rw")
        try:
            line.readline()
        except ConnectionResetError:  # the last worker before this one has just gone
            attempts += 1
            if attempts > 2:
                raise
        else:
            _connections[with_torch] = line
    return _connections[with_torch]


def _name(with_torch: bool) -> str:
    """A name for the session's workers, and for one checkout's code."""
    session = os.environ.get("PYTEST_XDIST_TESTRUNUID") or os.getpid()
    return f"\0overclaim-{session}-{zlib.crc32(bytes(ROOT)):x}{'-torch' * with_torch}"


def _start(with_torch: bool) -> None:
    """Start one, unless another worker is about to."""
    with socket.socket(socket.AF_UNIX) as listening:
        try:
            listening.bind(_name(with_torch))
        except OSError:
            time.sleep(0.01)
            return
        listening.listen()
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("PYTEST_", *LIBRARIES))}
        number = str(listening.fileno())
        _started.append(
            subprocess.Popen(
                [sys.executable, "-B", __file__, number, *WITH_TORCH * with_torch],
                pass_fds=[listening.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd="/",
                env={**kept, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            )
        )


def _serve(listening: socket.socket) -> dict[str, Any]:
    """Have a copy answer each worker, as long as there are any; returns in copies that become sessions."""
    answering: set[int] = set()
    began = time.monotonic()
    while answering or time.monotonic() - began < PATIENCE:
        if select.select([listening], [], [], LOOK)[0]:
            line = listening.accept()[0]
            pid = os.fork()
            if pid == 0:
                listening.close()
                return _asked(line)
            line.close()
            answering.add(pid)
            began = -math.inf
        answering -= {pid for pid in answering if os.waitpid(pid, os.WNOHANG)[0]}
    raise SystemExit


def _asked(line: socket.socket) -> dict[str, Any]:
    """Serve requests; it returns in each copy, with what that copy is to become."""
    with line, line.makefile("rw") as worker:
        print("ready", file=worker, flush=True)
        for request in worker:
            asked: dict[str, Any] = json.loads(request)
            pid = os.fork()
            if pid == 0:
                return asked
            print(pid, file=worker, flush=True)
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), file=worker, flush=True)
    os._exit(0)


def _serve_crews(name: str, listening: socket.socket) -> None:
    """Have a copy be the server of which ``multiprocessing`` gets its processes."""
    from multiprocessing import forkserver

    alive, living = os.pipe()  # whose other end this process and its copies hold until they end
    with socket.socket(socket.AF_UNIX) as crews:
        crews.bind(name)
        crews.listen()
        if os.fork() == 0:
            listening.close()
            os.close(living)
            forkserver.main(os.dup(crews.fileno()), alive, [])
            os._exit(0)
    os.close(alive)


def _become(asked: dict[str, Any]) -> None:
    """Make this process look as if it had been started for the session."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    printed = os.open(asked["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["env"])
    sys.path[0] = os.getcwd()
    sys.argv[1:] = asked["arguments"]
    if asked["crews"]:
        import pytest

        warm.settle(asked["crews"], pytest.MonkeyPatch())
    if "-n" in asked["arguments"]:
        nursery.settle(_end)


def _end(status: int) -> None:
    """End as Python does, but free nothing that the system frees sooner: so multiprocessing's forks end."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def prepare(more: Sequence[str]) -> None:
    """Import what every session imports, by a session, so that pytest rewrites what it wants to; and more."""
    import tempfile

    import pytest

    from harness import commands
    from harness.lab import provenance
    from harness.report import html
    from harness.report.contents import gather
    from harness.tests.reports import claim, curve, report

    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as nowhere:
        os.chdir(folder)
        Path("test_first.py").write_text(FIRST)
        printing, sys.stdout = sys.stdout, nowhere
        pytest.main(["-p", "harness.suite.plugin", "-p", "no:cacheprovider", "-p", "no:harness"])
        sys.stdout = printing
        os.chdir("/")
    of_commands = (f"harness.commands.{module.name}" for module in iter_modules(commands.__path__))
    for name in (*LATER, *of_commands, *more):
        importlib.import_module(name)
    provenance.versions()
    html.site(gather([report(claim(figures=(curve(),)))]))  # compiles the templates, and finds the fonts
    gc.collect()
    gc.freeze()  # what lives now lives on: no copy looks through it, nor copies its pages for that


if __name__ == "__main__":
    import runpy

    sys.path[0] = "/"  # and not this file's folder, whose modules are no one's
    with socket.socket(fileno=int(sys.argv[1])) as asking:
        prepare(sys.argv[2:])
        if sys.argv[2:]:
            _serve_crews(str(asking.getsockname(), "ascii") + CREWS, asking)
        wanted = _serve(asking)
    _become(wanted)
    try:
        runpy.run_module(wanted["module"], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, str):
            raise
        _end(int(end.code or 0))
