"""Hostile claims: whatever a claim's file holds, the session goes on, and the other claims are judged."""

from __future__ import annotations

from typing import Any

import pytest

from harness.tests.suite.test_collection import SOUND, VOCABULARY
from harness.tests.suites import run, write

HOSTILE = """
class Loud(Value, frozen=True):
    what: object = None

    def __repr__(self):
        raise RuntimeError("no words")

    def solve(self, split, generator):
        return {"x": 1.0}


class Weird:
    __hash__ = None

    def __getattr__(self, name):
        raise RuntimeError("weird")

    def __eq__(self, other):
        raise RuntimeError("weird")


class Odd(BaseException):
    pass


def ends(generator):
    raise SystemExit(3)


def odd(generator):
    raise Odd("odd")


def deep():
    return deep()


def odd_lambda(**_):
    raise Odd("\\ud800")


LOOP = [NULL]
LOOP.append(LOOP)
WORLDS = {
    "loud": Solved(Digits(n=60), Loud()), "louder": Solved(Digits(n=60), Loud(Weird())), "weird": Weird(),
    "many": [Weird()], "ends": Simulation(ends), "odd": Simulation(odd), "deep": lambda: deep(),
    "half": odd_lambda, "loop": LOOP, "kind": Experiment, "none": lambda: None, "huge": "x" * 10**6,
    "data": lambda: Experiment("digits", Mlp(4), Sgd(lr=0.1, epochs=1)),
    "model": lambda: Experiment(Digits(n=60), 5, Sgd(lr=0.1, epochs=1)),
}


@claim(PAPER, "S", says="hostile", reported="words", adapted=SMALL)
@pytest.mark.parametrize("kind", WORLDS)
@trained(x=lambda kind: WORLDS[kind]() if callable(WORLDS[kind]) else WORLDS[kind])
@control(says="no shift", x=NULL)
def test_world(x, check, kind):
    large(x, check)


BODIES = {
    "figure": lambda x, check: check.draw(5, series=6, x=[1], y=[[1]]),
    "because": lambda x, check: check(above(x.final("x"), 0.5, because=5)),
    "half": lambda x, check: check(above(x.final("x").named("\\ud800"), 0.5, because="\\ud800")),
    "raises": lambda x, check: (_ for _ in ()).throw(ValueError("\\ud800")),
    "ends": lambda x, check: ends(x),
    "series": lambda x, check: check.series.append(5),
    "relations": lambda x, check: check.relations.append(5),
}


@claim(PAPER, "S", says="hostile", reported="words", adapted=SMALL)
@pytest.mark.parametrize("kind", BODIES)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_body(x, check, kind):
    large(x, check)
    BODIES[kind](x, check)


@claim(PAPER, "S", says="hostile", reported="words", adapted=SMALL)
@pytest.mark.parametrize("what", [10**40, "\\ud800", "y" * 5000, float("nan"), Loud(), object(), b"\\xff"])
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_parameter(x, check, what):
    large(x, check)
"""


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_no_internal_error_is_reachable_from_a_claim_file(workers: tuple[str, ...], tmp_path: Any) -> None:
    write(tmp_path, VOCABULARY + HOSTILE + SOUND)
    hostile = run(tmp_path, "--report", "rep", *workers)
    assert hostile.status == 1
    assert "INTERNAL" not in hostile.text
    verdicts = {name: verdict for name, verdict in hostile.verdicts.items() if verdict != "error"}
    good = [name for name in hostile.verdicts if name.startswith("parameter")]
    assert verdicts == dict.fromkeys([*good, "sound", "world[loud]"], "reproduced")
    assert len(good) == 7
    assert len(hostile.verdicts) == 29
    assert not [c.reason for c in hostile.report.claims if "\n" in c.reason]


LEAVING = """
import io, sys
import numpy as np


@claim(PAPER, "S", says="leaving", reported="words", adapted=SMALL)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_leaving(x, check):
    np.seterr(all="raise")
    os.environ["HARNESS_KERNEL"] = "reference"
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.chdir("/")
    sys.stdout = io.TextIOWrapper(sys.stdout.buffer)
    sys.stdout.close()
    large(x, check)


@claim(PAPER, "S", says="next", reported="words", adapted=SMALL)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_next(x, check):
    print("heard")
    if "HARNESS_KERNEL" in os.environ or signal.getsignal(signal.SIGTERM) is signal.SIG_IGN:
        raise ValueError("left behind")
    np.float64(1.0) / np.float64(0.0)
    large(x, check)
"""


def test_what_a_body_leaves_behind_is_undone_before_the_next(tmp_path: Any) -> None:
    left = run(write(tmp_path, LEAVING), "--report", "rep")
    assert left.verdicts == {"leaving": "reproduced", "next": "reproduced"}
    names = "numpy.seterr, os.chdir, os.environ (HARNESS_KERNEL), signal.signal"
    left.says(f"note: test_tiny.py::test_leaving left {names} behind")


CHANGING = """
@claim(PAPER, "S", says="changing", reported="words", adapted=SMALL)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_changing(x, check):
    for record in x.records:
        record.finals["x"] = 9.0
    large(x, check)


@claim(PAPER, "S", says="next", reported="words", adapted=SMALL)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_next(x, check):
    large(x, check)
"""


def test_no_body_changes_what_another_one_reads(tmp_path: Any) -> None:
    changed = run(write(tmp_path, CHANGING), "--report", "rep")
    assert changed.verdicts == {"changing": "error", "next": "reproduced"}
    (error, _) = changed.report.claims
    assert "does not support item assignment" in error.reason


USING_UP = """
@claim(PAPER, "S", says="world", reported="words", adapted=SMALL)
@trained(x=about(1.0), margins=[0.5, 10.0], options={"most": [3.0]})
@control(says="as large", x=Anew(about(1.0)))
def test_world(x, check, margins, options):
    check(above(x.final("x"), margins.pop(0), because="a half, and nothing else in the control"))
    check(below(x.final("x"), options["most"].pop(), because="much more"), uncontrolled="it is always less")


@claim(PAPER, "S", says="parameter", reported="words", adapted=SMALL)
@pytest.mark.parametrize("margins", [[0.5, 10.0]])
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_parameter(x, check, margins):
    check(above(x.final("x"), margins.pop(0), because="a half, and nothing else in the control"))
"""


def test_a_body_that_uses_up_its_values_has_them_again_at_each_look(tmp_path: Any) -> None:
    """Else its rehearsal and its claim leave other margins, or none, to its controls."""
    used = run(write(tmp_path, USING_UP), "--report", "rep")
    assert used.verdicts == {"world": "inconclusive", "parameter[margins0]": "reproduced"}
    world, parameter = used.report.claims
    assert "its control does not discriminate" in world.reason
    seen = [check for claim in (world, parameter) for look in claim.controls for check in look.checks]
    assert [check.lower_bound for check in seen] == [0.5, None, 0.5]


UNCLEAR = """
@claim(PAPER, "S", says="long", reported="words", adapted=SMALL)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_long(x, check):
    large(x, check)
    raise ValueError("many " * 100_000)


@pytest.mark.usefixtures("nothing")
@claim(PAPER, "S", says="lacking", reported="words", adapted=SMALL)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_lacking(x, check):
    large(x, check)
"""


def test_a_reason_is_the_cause_and_as_short_as_a_line(tmp_path: Any) -> None:
    long, lacking = run(write(tmp_path, UNCLEAR), "--report", "rep", "--tb=no").report.claims
    assert long.reason.startswith("ValueError: many many")
    assert long.reason.endswith("... (500,011 characters)")
    assert len(long.reason) < 5_000
    assert lacking.reason == "fixture 'nothing' not found"
