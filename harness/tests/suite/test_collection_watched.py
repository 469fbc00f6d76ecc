"""Bodies are rehearsed for what they read: a session measures after every epoch no more than that."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.fleet import native
from harness.lab.store import Store
from harness.tests.suites import HEAD, inside, run_harness, write

pytest_plugins = ["pytester"]

NETS = """
from harness import Experiment, From, Sgd
from harness.data import Digits
from harness.models import Mlp
from harness.fleet.optimizers import Untrained

NET = Experiment(Digits(n=60), Mlp(8), Sgd(lr=0.5, epochs=2, batch=20))


def net(epochs):
    return NET.but(optimizer__epochs=epochs)


UNTRAINED = NET.but(optimizer=Untrained())

"""
CLAIMS = """
@claim(PAPER, "S", says="ends", reported="words", adapted=SMALL)
@trained(x=net(1), sweep=[net(2), net(3)], other=net(4))
@control(says="another", x=net(5))
def test_reads_ends_and_a_curve_of_a_sweep(x, sweep, other, check):
    check(below(x.final("test_error"), 0.99, because="why"))
    check.draw("F", series="s", x=sweep[1].epochs, y=sweep[1].curve("test_error"))
    check.draw("F", series="losses", x=other.epochs, y=other.curve("train_loss"))


@claim(PAPER, "S", says="sometimes", reported="words", adapted=SMALL)
@trained(x=net(6))
@control(says="another", x=net(7))
def test_reads_a_curve_that_no_rehearsal_sees(x, check):
    if "replicates of" in repr(x):
        check(below(x.best("train_error"), 0.99, because="why"))
    check(below(x.final("test_error"), 0.99, because="why"))


@claim(PAPER, "S", says="ends early", reported="words", adapted=SMALL)
@trained(x=net(8))
@control(says="another", x=net(9))
def test_has_a_rehearsal_that_ends_early(x, check):
    1 / int(x.final("test_error").values[0] * 0)
"""


def curves(folder: Path) -> dict[int, set[str]]:
    """Curves of the records of a session, by the number of epochs."""
    store = Store(folder / "store")
    records = [store.peek(key) for key in store.keys()]  # noqa: SIM118 - not a dict
    return {record.epochs: set(record.curves) for record in records if record is not None}


ENDS, TESTED, ALL = {"train_loss"}, {"train_loss", "test_error"}, {"train_loss", "test_error", "train_error"}
READ = {1: ENDS, 2: TESTED, 3: TESTED, 4: ENDS, 5: ENDS}


def test_a_session_measures_what_its_claims_read(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(pytester.path, CLAIMS, head=HEAD + NETS)
    monkeypatch.setattr(native, "_loaded", lambda: None)  # pytester's home has no library, and it takes long
    inside(pytester, monkeypatch)
    recorded = curves(pytester.path)
    assert {epochs: recorded[epochs] for epochs in READ} == READ
    assert [recorded[8], recorded[9]] == [ALL, ALL]
    assert [recorded[6], recorded[7]] == [ALL, ALL]


@pytest.mark.usefixtures("warm")
def test_training_beforehand_measures_the_same(tmp_path: Path) -> None:
    claims = tmp_path / "claims"
    claims.mkdir()
    write(claims, CLAIMS, head=HEAD + NETS)
    session = run_harness(
        tmp_path, "train", "quick", "-k", "reads or ends", "--store", "store", HARNESS_NATIVE="0"
    )
    assert session.status == 0, session.text
    recorded = curves(tmp_path)
    assert {epochs: recorded[epochs] for epochs in READ} == READ
    assert [recorded[6], recorded[8]] == [ENDS, ALL]
