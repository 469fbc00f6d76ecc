"""A process that has imported pytest and the harness, and becomes any session that is asked of it.

To start Python and to import both costs more than most little sessions take. A copy of a process that has
done so (a fork) is a process of its own all the same: with its own folder, environment, arguments, output
and end. Torch is not imported beforehand, but for commands that import it whatever is asked of them: those
are copies of another process.

Run as a script it reads a request a line, forks, and answers with the status: minus the signal that killed
the session, as ``subprocess`` does.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from harness.tests import nursery

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
    "harness.fleet._pretended", "harness.fleet.trainer", "harness.models._nets", "torch._dynamo",
    "torch.distributed", "torch.fx.experimental.symbolic_shapes", "torchvision",
)  # fmt: skip
"""What a rehearsal imports, and what torch itself does in a process's first step."""
TRAINING = ("rehearse",)
"""Commands of the harness that import torch in any case."""
MOST_SECONDS = 120
"""A session that takes longer hangs."""
AT_START = ("LD_", "MKL_", "NPY_", "OMP_", "OPENBLAS_", "PYTHON")
"""Beginnings of the variables that are read when a process starts, and that a fork would not heed."""

_lock = threading.Lock()
_processes: dict[bool, subprocess.Popen[str]] = {}


def run(module: str, arguments: tuple[str, ...], folder: Path, env: Mapping[str, str], output: Path) -> int:
    """Runs ``python -B -m module`` in a folder, with what it prints in a file; the status.

    Raises:
        TimeoutError: it took longer than any of these may, and was killed.
    """
    asked = {"module": module, "arguments": arguments, "folder": str(folder), "env": dict(env)}
    with _lock:
        process = _started(with_torch=module == "harness" and arguments[:1] in [(name,) for name in TRAINING])
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({**asked, "output": str(output)}) + "\n")
        process.stdin.flush()
        pid = int(process.stdout.readline())
        late = threading.Event()

        def end() -> None:
            late.set()
            os.kill(pid, signal.SIGKILL)

        timer = threading.Timer(MOST_SECONDS, end)
        timer.start()
        status = int(process.stdout.readline())
        timer.cancel()
    if late.is_set():
        said = output.read_text(errors="replace")
        raise TimeoutError(f"{module} {' '.join(arguments)} took more than {MOST_SECONDS} s:\n{said}")
    return status


def _started(with_torch: bool) -> subprocess.Popen[str]:
    """One of each kind for the session, started when first needed."""
    process = _processes.get(with_torch)
    if process is None or process.poll() is not None:
        root = str(Path(__file__).parents[2])
        process = _processes[with_torch] = subprocess.Popen(
            [sys.executable, "-B", __file__, *WITH_TORCH * with_torch],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            env={
                **{n: v for n, v in os.environ.items() if not n.startswith("PYTEST_")},
                "PYTHONPATH": root,
                "OMP_NUM_THREADS": "1",
            },
        )
        atexit.register(process.kill)
    return process


def _asked() -> dict[str, Any]:
    """Serve requests; it returns in each copy, with what that copy is to become."""
    for line in sys.stdin:
        asked: dict[str, Any] = json.loads(line)
        pid = os.fork()
        if pid == 0:
            return asked
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    raise SystemExit


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
    if "-n" in asked["arguments"]:
        nursery.settle(_end)


def _end(status: int) -> None:
    """End as Python does, but free nothing that the system frees sooner: so multiprocessing's forks end."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _prepare(more: Sequence[str]) -> None:
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
    _prepare(sys.argv[1:])
    wanted = _asked()
    _become(wanted)
    try:
        runpy.run_module(wanted["module"], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, str):
            raise
        _end(int(end.code or 0))
