"""``python -m harness store gc``: what no claim can read goes, and what is held or cannot be told stays."""

from __future__ import annotations

import time
from pathlib import Path

from harness.lab.store import Store
from harness.tests.simulated import record
from harness.tests.suites import run_harness


def test_gc_keeps_what_it_cannot_tell_for_lack_of_data(suite: Path) -> None:
    store = Store(suite / "store")
    experiment = "Experiment(Cifar10(n=100), Mlp(width=8), Sgd(0.1, 2))"
    store.publish(record(what=experiment))
    store.publish(record(key="ef" * 32, what="of last year"))
    done = run_harness(suite, "store", "gc", "--all", "--data-root", ".")
    assert done.status == 0, done.text
    done.says(f"kept, because its data is not here to tell whether a claim reads it: {experiment}")
    assert store.keys() == ["ab" * 32]
    run_harness(suite, "store", "gc", "quick", "--all", "--data-root", ".")
    assert store.keys() == []  # only what the quick tier reads was asked to be kept


def test_what_is_old_and_unneeded(tmp_path: Path) -> None:
    store = Store(tmp_path)
    keys = needed, done, other = [f"{i}{i}" * 32 for i in range(3)]
    store.publish(record(key=done))
    store.publish(record(key=other))
    for key in keys:
        store.checkpoint(key, {}, {})
        (store.root / "locks" / f"{key}.lock").touch()
    store.set_aside(other)
    draft = store.root / "tmp" / ("d" * 32)
    draft.mkdir()
    later = time.time() + 1
    names = {(u.kind, u.path.name[:64].removesuffix(".lock")) for u in store.unneeded({needed, done}, later)}
    of_other = {(kind, other) for kind in ("checkpoint", "lock", "set aside")}
    assert names == of_other | {("checkpoint", done), ("draft", draft.name)}
    assert list(store.unneeded({needed, done}, later - 3600)) == []
    for unneeded in list(store.unneeded({needed, done}, later)):
        store.remove(unneeded)
    assert list(store.unneeded({needed, done}, later)) == []
    assert store.resume(needed) is not None
    assert store.has(done)


def test_a_held_lock_is_not_removed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with Store(tmp_path).claimed("ab" * 32):
        (lock,) = store.unneeded(set(), time.time() + 1)
        store.remove(lock)
        with store.claimed("ab" * 32) as mine:
            assert not mine
