"""Every door to the file system fails, once or for good: a claim fails in a line, and the session goes on."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from harness.tests.suites import ROOT, write

TWO = """
@claim(PAPER, "S1", says="x is large", reported="words", adapted=SMALL)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_large(x, check):
    large(x, check)

@claim(PAPER, "S2", says="x is larger", reported="words", adapted=SMALL)
@trained(x=about(2.0))
@control(says="no shift", x=NULL)
def test_larger(x, check):
    large(x, check)
"""

PROGRAM = '''
import builtins, errno, io, json, os, sys
import pytest
from harness.lab import provenance
from harness.tests import zygote

provenance.cores = lambda: 1
WRITING = ("mkdir", "rename", "replace", "unlink", "rmdir", "utime", "chmod", "write")
calls = 0


def door(owner, name, kind, place, error, at, once):
    real = getattr(owner, name)

    def guarded(path, *arguments, **more):
        global calls
        doing = name
        if name == "open":
            mode = arguments[0] if arguments else more.get("mode", "r")
            writes = mode & (os.O_WRONLY | os.O_RDWR) if isinstance(mode, int) else set(mode) & set("wax+")
            doing = "write" if writes else "open"
        if not isinstance(path, int) and place in os.path.abspath(os.fsdecode(path)):
            if kind == "any" or (kind == "write") == (doing in WRITING):
                calls += 1
                if calls == at or (calls > at and not once):
                    raise OSError(error, os.strerror(error), os.fsdecode(path))
        return real(path, *arguments, **more)

    setattr(owner, name, guarded)


def session(folder, kind, error, at, once):
    """What a session says, in a process of its own, whose doors fail from a call on."""
    sys.stdout.flush()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(write, 1), os.dup2(write, 2)
        os.chdir(folder)
        os.environ["HARNESS_STORE"] = os.path.join(folder, "store")
        fault = kind, os.path.join(folder, "store"), error, at, once
        for name in ("stat", "lstat", "scandir", "listdir", "open", *WRITING[:-1]):
            door(os, name, *fault)
        door(io, "open", *fault)
        builtins.open = io.open
        status = int(pytest.main(["test_tiny.py", "-q", "--report", "rep"]))
        print("STATUS", status, calls, flush=True)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as said:
        text = said.read()
    os.waitpid(child, 0)
    return text


if __name__ == "__main__":
    zygote.prepare([])  # for all that each session would import and compile
    for line in sys.stdin:
        print(json.dumps(session(*json.loads(line))), flush=True)
'''


@pytest.mark.timeout(300)
def test_no_fault_of_the_store_takes_the_session_down(tmp_path: Path) -> None:
    """Forty sessions of one process, each with another fault at another call; pytest itself never fails."""
    import json
    import shutil
    import subprocess

    suite = write(tmp_path / "suite", TWO)
    (suite / "conftest.py").write_text('pytest_plugins = ["harness.suite.plugin"]\n')
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    faults = [
        (kind, error, at, once)
        for kind, error in (
            ("any", errno.EACCES),
            ("write", errno.ENOSPC),
            ("read", errno.EIO),
            ("any", errno.EMFILE),
        )
        for once in (True, False)
        for at in (1, 7, 40, 150, 400)
    ]
    folders = [shutil.copytree(suite, tmp_path / str(n)) for n in range(len(faults))]
    asked = [json.dumps([str(folder), *fault]) for folder, fault in zip(folders, faults, strict=True)]
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("PYTEST_", "HARNESS_"))}
    done = subprocess.run(
        [sys.executable, "-B", str(program)],
        input="\n".join(asked),
        capture_output=True,
        text=True,
        env={**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "150"},
        check=True,
    )
    texts = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(texts) == len(faults)
    judged = 0
    for fault, text in zip(faults, texts, strict=True):
        assert "INTERNALERROR" not in text, (fault, text)
        assert "Traceback" not in text, (fault, text)
        status = int(text.rpartition("STATUS")[2].split()[0])
        assert status in (0, 1, 4), (fault, text)  # as expected, an error of a claim, or refused with a line
        assert status != 4 or text.count("ERROR: ") == 1, (fault, text)
        judged += "2 claims judged" in text
    assert judged > len(faults) / 3
