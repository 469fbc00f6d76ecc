"""Sessions spread over xdist's workers: what is lost with a worker, what the terminal shows."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.suite.dispatch import OneByOne
from harness.tests.suites import environment, run, write

KILLED = """
@pytest.mark.parametrize("nth", range(4))
@claim(PAPER, "S1", says="x is large", reported="words", adapted=SMALL)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_ok(x, check, nth):
    large(x, check)

@claim(PAPER, "S1", says="x is large", reported="words", adapted=SMALL)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_killed(x, check):
    large(x, check)
    if isinstance(x.records, list):  # in a rehearsal they are none
        os.kill(os.getpid(), signal.SIGKILL)
"""

SLOW = """
@claim(PAPER, "S1", says="x is large", reported="words", adapted=SMALL)
@trained(x=about(1.0, seconds=0.1))
@control(says="no shift", x=about(0.0, seconds=0.1))
def test_slow(x, check):
    large(x, check)

@claim(PAPER, "S1", says="at the edge", reported="words", adapted=SMALL,
       expected={"quick": ("inconclusive", "edge")})
@trained(x=about(0.5, seconds=0.1))
@control(says="no shift", x=about(0.0, seconds=0.1))
def test_edge(x, check):
    large(x, check)
    print("said by the body")
    if os.environ.get("BREAK") and len(x.records) != 5:
        raise RuntimeError("broken")
"""


def test_an_item_that_kills_its_worker_is_an_error_and_the_others_are_judged(tmp_path: Path) -> None:
    write(tmp_path, KILLED)
    (tmp_path / "temporary").mkdir()
    session = run(tmp_path, "-n", "2", "--report", "rep", TMPDIR=str(tmp_path / "temporary"))
    assert session.verdicts == {"killed": "error"} | {f"ok[{i}]": "reproduced" for i in range(4)}
    killed = next(c for c in session.report.claims if c.id.endswith("killed"))
    assert (killed.unexpected, killed.reason) == (True, "its worker was lost")
    assert session.status == 1
    assert session.text.count("replacing crashed worker") == 2  # it was tried once more
    session.says("1 failed, 4 passed", "ERROR test_tiny.py::test_killed[quick]")
    assert not list((tmp_path / "temporary").glob("overclaim-*"))  # what workers left is gone


class Worker:
    """What a scheduler sees of an xdist worker."""

    def __init__(self) -> None:
        self.gateway = SimpleNamespace(id="gw")
        self.shutting_down = False
        self.given: list[int] = []

    def send_runtest_some(self, indices: list[int]) -> None:
        self.given += indices

    def shutdown(self) -> None:
        self.shutting_down = True


def test_an_item_whose_worker_was_lost_is_judged_again(tmp_path: Path) -> None:
    once = """if isinstance(x.records, list) and not os.path.exists("fuse"):
        open("fuse", "w").close()
        os.kill"""
    dying = "if isinstance(x.records, list):  # in a rehearsal they are none\n        os.kill"
    write(tmp_path, KILLED.replace(dying, once))
    session = run(tmp_path, "-n", "2", "--report", "rep")
    assert session.verdicts == {"killed": "reproduced"} | {f"ok[{i}]": "reproduced" for i in range(4)}
    assert session.status == 0
    session.says("replacing crashed worker", "5 passed")


def test_without_a_worker_in_its_place_a_lost_item_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, KILLED)
    session = run(tmp_path, "-n", "1", "--max-worker-restart", "0", "-k", "killed", "--report", "rep")
    assert session.status == 1
    session.says(
        "worker gw0 crashed and worker restarting disabled", "ERROR test_tiny.py::test_killed[quick]"
    )
    assert "INTERNAL" not in session.text


def scheduling(items: list[str]) -> tuple[OneByOne, Worker, Worker]:
    """A scheduler of these items for two workers, which have their first."""
    options = {"loadscopereorder": False, "tx": ["popen"] * 2, "maxworkerrestart": None, "numprocesses": 2}
    config = SimpleNamespace(option=SimpleNamespace(**options), getvalue=options.get)
    scheduler = OneByOne(config)
    workers = Worker(), Worker()
    for worker in workers:
        scheduler.add_node(worker)
        scheduler.add_node_collection(worker, items)
    scheduler.schedule()
    return scheduler, *workers


def test_what_a_lost_worker_had_goes_on_elsewhere() -> None:
    items = [f"test_a.py::test_{i}" for i in range(5)]
    scheduler, one, other = scheduling(items)
    spare = Worker()
    assert (one.given, other.given) == ([0, 2], [1, 3])
    assert scheduler.remove_node(one) is None
    assert other.given == [1, 3]  # which is enough until it has done one of them
    scheduler.add_node(spare)
    scheduler.add_node_collection(spare, items)
    scheduler.schedule()
    assert len(spare.given) == 2
    assert scheduler.remove_node(spare) == (items[0] if spare.given[0] == 0 else None)
    assert scheduler.remove_node(other) is None


def on_a_terminal(folder: Path, *arguments: str) -> str:
    """What a session writes on a terminal, its control sequences included."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        command = [sys.executable, "-B", "-m", "pytest", *arguments]
        os.execve(sys.executable, command, environment(folder, TERM="xterm"))
    shown = b""
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # the other side is closed
            break
        if not chunk:
            break
        shown += chunk
    os.waitpid(child, 0)
    os.close(terminal)
    return shown.decode()


@pytest.mark.parametrize("more", [(), ("-n", "2")], ids=["alone", "workers"])
def test_a_live_line_moves_and_is_cleared_away(more: tuple[str, ...], tmp_path: Path) -> None:
    write(tmp_path, SLOW)
    shown = on_a_terminal(tmp_path, "-q", *more)
    hide, restore = "\x1b[?25l", "\x1b[?25h"
    assert shown.count("of 15 runs") > 2
    assert shown.count(hide) == shown.count(restore) > 0
    assert shown.rfind(restore) > shown.rfind(hide)
    assert "\x1b[2Ktrained 15 of 15 runs (100 %)" in shown
    assert "2 passed" in shown
    if not more:
        assert "trained 5 of 5 more runs (100 %)" in shown
    assert not list((tmp_path / "temporary").glob("overclaim-*"))  # what workers left is gone
    plan = ("data: none needed", "plan: 15 runs to train in ", "time: about ")
    assert not [text for text in plan if text in shown]  # -q


def test_the_plan_is_said_once_under_workers_too(tmp_path: Path) -> None:
    write(tmp_path, SLOW)
    session = run(tmp_path, "-n", "2")
    plan = r"plan: 15 runs to train in \d+ fleets, 0 in the store"
    for said in ("data: none needed", plan, "time: about "):
        assert len(re.findall(said, session.text)) == 1, session.text
    assert re.search(r"^trained here: 25 runs, \S+ core seconds, ", session.text, re.M)
    again = run(tmp_path, "-n", "2")
    again.says("plan: 0 runs to train, 15 in the store")
    assert "trained" not in again.text


@pytest.mark.parametrize("more", [(), ("-n", "2")], ids=["alone", "workers"])
def test_an_interrupt_says_how_far_training_came(more: tuple[str, ...], tmp_path: Path) -> None:
    write(tmp_path, SLOW.replace("0.1)", "0.4)"))
    # a shell's background processes ignore interrupts, and what they start inherits that
    heard = "import signal, sys, pytest; signal.signal(signal.SIGINT, signal.default_int_handler); "
    command = [sys.executable, "-B", "-c", heard + "sys.exit(pytest.main())", *more]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as session:
        deadline = time.monotonic() + 60
        while len(trained(tmp_path)) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.6)  # the controller looks twice a second
        session.send_signal(signal.SIGINT)
        shown = session.communicate(timeout=60)[0].decode()
    assert session.returncode == 2, shown
    assert re.search(r"^(stopped: )?trained \d+ of 15 runs \(\d+ %\), ", shown, re.M), shown
    assert "KeyboardInterrupt" in shown
    assert "INTERNAL" not in shown
    assert not list((tmp_path / "temporary").glob("overclaim-*"))  # what workers left is gone
    if not more:  # workers end what they are at first
        before = len(trained(tmp_path))
        assert before < 15
        assert run(tmp_path, "-k", "slow").status == 0
        assert len(trained(tmp_path)) <= 15  # what was done is kept


def trained(folder: Path) -> list[str]:
    """What simulations left."""
    file = folder / "draws"
    return file.read_text().split() if file.exists() else []


def test_progress_stays_out_of_what_a_test_printed(tmp_path: Path) -> None:
    write(tmp_path, SLOW)
    patience = "from harness.lab import progress\nprogress.PLAIN_SECONDS = 0.2\n"
    (tmp_path / "conftest.py").write_text(patience + (tmp_path / "conftest.py").read_text())
    session = run(tmp_path, BREAK="1")
    captured = session.text.partition("Captured stdout call")[2].partition("= verdicts =")[0]
    assert "said by the body" in captured
    assert "trained" not in captured
    before, letters, _ = session.text.partition("test_tiny.py .")
    assert letters
    assert before.count("of 15 runs") > 2
    session.says("\ntrained 5 of 5 more runs (100 %)")
