"""A store that cannot be written: what it holds is listed, verified and judged; what it lacks is one line."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import scipy.stats  # noqa: F401  # sessions inside this process need it, and parts cannot be imported twice

from harness.__main__ import main
from harness.lab import durable
from harness.lab.lab import Failed, Lab
from harness.lab.store import RECORD, Store, StoreError
from harness.tests.simulated import at, drawn, named, record
from harness.tests.suites import Session, inside, run, run_harness, write

pytest_plugins = ["pytester"]

KEY = "ab" * 32
WRITING = [
    (os, "mkdir"), (os, "rename"), (os, "replace"), (os, "unlink"), (os, "rmdir"), (Path, "write_bytes"),
    (Path, "write_text"), (Path, "unlink"), (Path, "rmdir"), (durable, "write"), (durable, "exchanged"),
]  # fmt: skip
"""By these a store writes."""
REFUSED = r"^StoreError: cannot write to the store .*: Read-only file system; use another with --store DIR$"

Freeze = Callable[[Path], None]


@pytest.fixture
def freeze(monkeypatch: pytest.MonkeyPatch) -> Freeze:
    """Makes a folder one of a medium that is only read, as far as a store can tell."""

    def frozen(folder: Path) -> None:
        for owner, name in WRITING:
            once = getattr(owner, name)

            def refusing(*arguments: Any, _once: Any = once, **more: Any) -> Any:
                if any(folder in Path(str(a)).parents for a in arguments[:2] if isinstance(a, (str, Path))):
                    raise OSError(errno.EROFS, os.strerror(errno.EROFS))
                return _once(*arguments, **more)

            monkeypatch.setattr(owner, name, refusing)

    return frozen


def test_what_is_there_is_read_and_what_is_missing_fails_alone(tmp_path: Path, freeze: Freeze) -> None:
    before = Lab(at(tmp_path)).results("x", named(drawn), 3).final("x").values
    freeze(tmp_path / "store")
    lab = Lab(at(tmp_path))
    runs = [*lab.runs(named(drawn), 3), *lab.runs(named(drawn, shift=9.0), 2)]
    assert (lab.plan(runs).present, lab.plan(runs).missing) == (3, 2)
    lab.ensure(runs)
    assert lab.results("x", named(drawn), 3).final("x").values.tolist() == before.tolist()
    with pytest.raises(Failed, match=REFUSED):
        lab.results("x", named(drawn, shift=9.0), 2)
    with pytest.raises(Failed, match=REFUSED):
        lab.results("x", named(drawn), 4)


def test_it_is_listed_and_verified(
    tmp_path: Path, freeze: Freeze, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "store")
    store.publish(record())
    monkeypatch.chdir(tmp_path)
    freeze(tmp_path / "store")
    assert main(["store", "ls", "--store", "store"]) == 0
    assert main(["store", "verify", "--store", "store"]) == 0
    assert "1 records, 0 torn" in capsys.readouterr().out


def test_a_torn_record_stays_and_is_told(
    tmp_path: Path, freeze: Freeze, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path / "store")
    store.publish(record())
    (store.path(KEY) / RECORD).write_text("{")
    freeze(tmp_path / "store")
    assert main(["store", "verify", "--store", str(tmp_path / "store")]) == 1
    assert f"torn or unreadable, and cannot be set aside: {KEY}" in capsys.readouterr().out
    again = Store(tmp_path / "store")
    assert again.read(KEY) is again.weights(KEY) is again.resume(KEY) is None
    assert again.keys() == [KEY]


def test_everything_that_writes_says_so_in_one_line(tmp_path: Path, freeze: Freeze) -> None:
    Store(tmp_path / "store").publish(record())
    freeze(tmp_path / "store")
    store = Store(tmp_path / "store")

    def claim() -> None:
        with store.claimed(KEY):
            pass

    for write_ in (
        store.prepare,
        claim,
        lambda: store.publish(record()),
        lambda: store.checkpoint(KEY, {"epoch": 1}, {}),
        lambda: store.remove(next(iter(store.unneeded(set(), 1e12)))),
    ):
        with pytest.raises(StoreError, match=REFUSED.removeprefix("^StoreError: ")):
            write_()
    store.note_timing("a", 1.0)  # an estimate is no reason to stop
    store.forget(KEY)
    assert not store.set_aside(KEY)
    assert store.read(KEY) == record()


CLAIMS = """
@claim(PAPER, "S1", says="x is large", adapted=SMALL)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_large(x, check):
    large(x, check)

@claim(PAPER, "S1", says="x is larger", adapted=SMALL)
@trained(x=about(2.0))
@control(says="no shift", x=NULL)
def test_larger(x, check):
    large(x, check)
"""


def test_a_session_judges_what_is_there(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, freeze: Freeze
) -> None:
    write(pytester.path, CLAIMS)

    def session(*arguments: str) -> Session:
        return inside(pytester, monkeypatch, "--report", "rep", *arguments)

    assert session("-k", "test_large and not larger").status == 0
    freeze(pytester.path / "store")
    done = session("-k", "test_large and not larger")
    assert (done.status, done.verdicts) == (0, {"large": "reproduced"})
    both = session()
    assert (both.status, both.verdicts) == (1, {"large": "reproduced", "larger": "error"})
    both.says("Read-only file system; use another with --store DIR")
    assert "INTERNAL" not in both.text
    assert session("--fresh").verdicts == {"large": "error", "larger": "error"}


DEADLY = """
import os, signal

@claim(PAPER, "S1", says="x is large", adapted=SMALL)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
@pytest.mark.parametrize("nth", range(4))
def test_large(x, check, nth):
    check(above(x.final("x"), 0.5, because="half"))
    if nth == 2 and os.environ.get("DEADLY") and isinstance(x.records, list):
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_worker_that_dies_over_shipped_records_costs_its_item_alone(tmp_path: Path) -> None:
    write(tmp_path, "")
    (tmp_path / "test_tiny.py").unlink()
    write(tmp_path / "claims", DEADLY)
    for name in ("conftest.py", "pyproject.toml"):
        (tmp_path / "claims" / name).unlink()
    assert run(tmp_path, "claims", "-m", "quick", "--report", "rep").status == 0
    assert run_harness(tmp_path, "store", "export", "rep").status == 0
    shutil.rmtree(tmp_path / "store")
    (tmp_path / "temporary").mkdir()
    done = run(
        tmp_path, "claims", "-m", "quick", "--store", "rep/records.jsonl.gz", "--report", "rep", "-n", "2",
        DEADLY="1", TMPDIR=str(tmp_path / "temporary"),
    )  # fmt: skip
    assert done.status == 1, done.text
    expected = {f"large[{nth}]": "error" if nth == 2 else "reproduced" for nth in range(4)}
    assert done.verdicts == expected
    done.says("shipped records of commit unknown: 10 runs to judge, nothing is trained")
    assert "INTERNAL" not in done.text
    assert not list((tmp_path / "temporary").glob("overclaim-*"))
