"""Items are judged beside the training, and told in the order in which they are written."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.lab.lab import Lab
from harness.lab.runs import Run
from harness.suite.ahead import Ahead
from harness.tests.suites import inside, run, write

pytest_plugins = ["pytester"]

BESIDE = '''
import pathlib


def waits(generator, seconds):
    """A number, once an exact claim that is written further below was judged."""
    until = time.monotonic() + 30
    while not pathlib.Path("judged").exists():
        assert time.monotonic() < until, "nothing is judged beside the training"
        time.sleep(0.01)
    return draw(generator, 1.0, 0.0)


@pytest.fixture(scope="module")
def opened():
    with open("fixtures", "a") as file:
        file.write("opened ")
    yield
    with open("fixtures", "a") as file:
        file.write("closed ")


@claim(PAPER, "S1", says="x is large", reported="words", adapted=SMALL)
@trained(x=Simulation(waits, {"seconds": 0.0}))
@control(says="no shift", x=NULL)
def test_large(x, check, opened):
    large(x, check)


@claim(PAPER, "S2", says="x is large here too", reported="words", adapted=SMALL)
@trained(x=about(0.9))
@control(says="no shift", x=NULL)
def test_larger(x, check):
    large(x, check)


def test_of_no_claim(opened):
    pass


@claim(PAPER, "T1", says="squares are not negative", reported="words", adapted=SMALL)
@trained(least=0)
@control(says="a square is more than one", least=1)
@given(n=st.integers(-5, 5))
def test_exact(n, least):
    pathlib.Path("judged").touch()
    assert n * n >= least
'''


@pytest.mark.usefixtures("warm")
def test_exact_claims_are_judged_while_others_train_and_told_in_their_order(tmp_path: Path) -> None:
    write(tmp_path, BESIDE)
    conftest = tmp_path / "conftest.py"
    conftest.write_text(conftest.read_text().replace("cores = lambda: 1", "cores = lambda: 2"))
    done = run(tmp_path, "-v")
    assert done.status == 0, done.text
    rows = [row.partition("::")[2].split("[")[0].split()[0] for row in done.text.splitlines() if "::" in row]
    assert rows == ["test_large", "test_larger", "test_of_no_claim", "test_exact"]
    assert (tmp_path / "fixtures").read_text() == "opened closed opened closed "


class Numbered:
    """The part of an item that is asked for."""

    def __init__(self, nodeid: str, ihook: Any) -> None:
        self.nodeid, self.ihook = nodeid, ihook


def test_the_item_that_pytest_was_told_of_is_the_next_whatever_arrives_meanwhile() -> None:
    """Fixtures of a module stay open for the item that is said to come next, and for no other."""
    order: list[tuple[str, str | None]] = []
    open_runs = {"a"}

    def judged(item: Any, nextitem: Any) -> bool:
        order.append((item.nodeid, nextitem and nextitem.nodeid))
        open_runs.clear()  # what trained meanwhile
        return True

    hook = SimpleNamespace(pytest_runtest_protocol=judged)
    ready = SimpleNamespace(holds=lambda keys: bool(open_runs & set(keys)))
    lab = SimpleNamespace(beside=contextlib.nullcontext, ready=ready)
    items = [cast(pytest.Item, Numbered(name, hook)) for name in "xyz"]
    Ahead(cast(Lab, lab)).judge(items, {"x": [cast(Run, SimpleNamespace(key="a"))]})
    assert order == [("y", "z"), ("z", "x"), ("x", None)]


CLIMBING = """
@claim(PAPER, "S1", says="x is large", reported="words", adapted=SMALL)
@trained(x=about(0.5))
@control(says="no shift", x=NULL)
def test_one(x, check):
    large(x, check)


@claim(PAPER, "S2", says="x is small", reported="words", adapted=SMALL)
@trained(x=about(0.501))
@control(says="a shift", x=about(0.6))
def test_other(x, check):
    check(below(x.final("x"), 0.5, because="half of what was reported"))
"""


def test_further_replicates_of_all_claims_are_trained_together(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(pytester.path, CLIMBING)
    begun: list[list[Run]] = []
    begin = Lab.begin

    def noting(lab: Lab, runs: Iterable[Run], **more: Any) -> None:
        runs = list(runs)
        begun.append(runs)
        begin(lab, runs, **more)

    monkeypatch.setattr(Lab, "begin", noting)
    done = inside(pytester, monkeypatch, "-q")
    assert len(begun[0]) == 20
    together = {run.value.params[0][1] for run in begun[1]}
    assert {0.5, 0.501} <= together, done.text
    assert {run.replicate for run in begun[1]} == set(range(10))


LARGE = """
@claim(PAPER, "S1", says="x is large", reported="words", adapted=SMALL)
@trained(x=about(0.9))
@control(says="no shift", x=NULL)
def test_large(x, check):
    large(x, check)


@claim(PAPER, "S2", says="x is larger", reported="words", adapted=SMALL)
@trained(x=about(1.1))
@control(says="no shift", x=NULL)
def test_larger(x, check):
    large(x, check)
"""


def test_files_are_left_exactly_though_what_could_be_next_changes(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An item of the same file is said to come next, then one of another file could: its run has arrived."""
    for name in ("test_more.py", "test_tiny.py"):
        write(pytester.path, LARGE, name=name)
    ends = itertools.cycle((min, min, max, max))

    def next_one(ahead: Ahead) -> pytest.Item | None:
        if not all(map(ahead._are_there, ahead._missing.values())):
            return None
        return next(ends)(ahead._missing, key=lambda item: item.nodeid, default=None)

    monkeypatch.setattr(Ahead, "_next", next_one)
    done = inside(pytester, monkeypatch, "-q")
    assert done.status == 0, done.text
