"""Clocks: processor seconds of a tree of processes, and what others took."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.benchmarks import load
from harness.benchmarks.load import Reading, Timing


def fake_process(proc: Path, pid: int, parent: int, ticks: tuple[int, int, int, int]) -> None:
    (proc / str(pid)).mkdir(parents=True)
    before = f"{pid} (a (b) c) S {parent} " + "0 " * 9
    (proc / str(pid) / "stat").write_text(before + " ".join(map(str, ticks)) + " 0" * 20)


def test_cpu_seconds_of_a_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "PROC", tmp_path)
    monkeypatch.setattr(load, "_ticks", lambda: 100)
    fake_process(tmp_path, 5, 1, (100, 20, 3, 4))
    fake_process(tmp_path, 6, 5, (200, 0, 0, 0))
    fake_process(tmp_path, 7, 6, (0, 50, 0, 0))
    fake_process(tmp_path, 8, 1, (9999, 0, 0, 0))
    (tmp_path / "stat").write_text("cpu  100 10 20 5000 7 1 2 60 500 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n")
    assert load.tree_seconds(5) == pytest.approx(3.77)
    assert load.busy_seconds() == pytest.approx(1.93)  # idle, waiting and guests do not count


def test_what_others_took(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    before, after = Reading(10.0, 100.0, 5.0), Reading(14.0, 106.0, 10.0)
    assert load.between(before, after, 3.9) == Timing(3.9, 5.0, 1 / 8)
    quiet = load.between(Reading(0.0, 0.0, 0.0), Reading(1.0, 0.0, 0.0), 1.0)
    assert quiet.foreign == 0.0
    assert quiet.cpu > 0  # a ratio has to be possible


def test_without_proc_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "PROC", tmp_path / "none")
    reading = load.read(os.getpid())
    assert (reading.busy, reading.tree) == (0.0, 0.0)
