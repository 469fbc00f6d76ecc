"""Limits of containers and batch systems are those of all groups around this process, of either version."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from harness.fleet import cgroups

GIB = 2**30


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree of groups of which this process is told to be a member."""
    monkeypatch.setattr(cgroups, "MOUNTED", tmp_path / "cgroup")
    monkeypatch.setattr(cgroups, "MEMBER", tmp_path / "member")
    return tmp_path


def write(root: Path, member: str, **files: str) -> None:
    """Say of which groups this process is, and what is written in them."""
    (root / "member").write_text(member)
    for name, text in files.items():
        path = root / "cgroup" / name.replace("__", "/").replace("_in_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_where_nothing_is_limited_there_is_no_limit(root: Path) -> None:
    assert (cgroups.cores(), cgroups.memory()) == (math.inf, math.inf)
    write(root, "0::/", cpu_in_max="max 100000", memory_in_max="max", memory_in_current="12")
    assert (cgroups.cores(), cgroups.memory()) == (math.inf, math.inf)


def test_the_narrowest_group_around_counts(root: Path) -> None:
    write(root, "0::/job/step\n")
    for name, cores, limit, used in (("", "max 100000", "max", 9), ("job", "400000 100000", f"{8 * GIB}", 5),
                                     ("job/step", "max 100000", f"{7 * GIB}", 3)):  # fmt: skip
        folder = root / "cgroup" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cpu.max").write_text(cores)
        (folder / "memory.max").write_text(limit)
        (folder / "memory.current").write_text(str(used * GIB))
    assert (cgroups.cores(), cgroups.memory()) == (4.0, 3 * GIB)
    (root / "cgroup/job/memory.stat").write_text(f"anon 1\ninactive_file {2 * GIB}\n")
    assert cgroups.memory() == 4 * GIB  # of the inner group now


def test_the_first_version_has_a_tree_for_each_resource(root: Path) -> None:
    write(root, "12:cpuset:/\n11:cpu,cpuacct:/slurm/job_5\n4:memory:/slurm/job_5\n1:name=systemd:/x\n")
    cpu, memory = root / "cgroup/cpu/slurm/job_5", root / "cgroup/memory/slurm/job_5"
    for folder in (cpu, memory):
        folder.mkdir(parents=True)
    (cpu / "cpu.cfs_quota_us").write_text("150000\n")
    (cpu / "cpu.cfs_period_us").write_text("100000\n")
    (memory / "memory.limit_in_bytes").write_text(f"{4 * GIB}\n")
    (memory / "memory.usage_in_bytes").write_text(f"{GIB}\n")
    (memory.parent / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    (memory.parent / "memory.usage_in_bytes").write_text("1\n")
    assert (cgroups.cores(), cgroups.memory()) == (1.5, 3 * GIB)
    (cpu / "cpu.cfs_quota_us").write_text("-1\n")
    assert cgroups.cores() == math.inf


@pytest.mark.parametrize(
    ("limit", "affinity", "python", "expected"),
    [(math.inf, 8, 8, 8), (1.5, 8, 8, 1), (0.2, 8, 8, 1), (4.0, 2, 8, 2), (math.inf, 8, 3, 3)],
)
def test_cores_are_those_that_all_who_limit_them_leave(
    limit: float, affinity: int, python: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroups, "cores", lambda: limit)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(affinity)), raising=False)
    monkeypatch.setattr(os, "process_cpu_count", lambda: python, raising=False)
    assert cgroups.whole_cores() == expected
