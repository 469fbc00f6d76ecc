"""What the system's control groups leave to this process: cores and memory of a container or batch system.

Groups are nested, and each may be limited. Of version 2 there is one tree, of version 1 one for a resource.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path

MOUNTED, MEMBER = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
UNLIMITED = 2**60
"""Bytes from which on a limit of version 1 means none: it is then the largest number of whole pages."""


def cores() -> float:
    """Cores that the groups of this process may use at a time; infinite where none is limited."""
    limits = [math.inf]
    for folder in _folders("cpu"):
        words = _text(folder / "cpu.max").split()
        quota = words[0] if words else _text(folder / "cpu.cfs_quota_us")
        period = words[1] if words[1:] else _text(folder / "cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit() and int(period):  # neither "max" nor -1
            limits.append(int(quota) / int(period))
    return min(limits)


def whole_cores() -> int:
    """Cores that this process may use, at least one: by Python's own count, its affinity, and its groups."""
    count: Callable[[], int | None] = getattr(os, "process_cpu_count", os.cpu_count)
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else math.inf
    return max(1, int(min(count() or 1, affinity, cores())))


def memory() -> float:
    """Bytes that the groups of this process leave it; infinite where none is limited.

    Files that the system could forget count as left.
    """
    left = [math.inf]
    for folder in _folders("memory"):
        limit = _text(folder / "memory.max") or _text(folder / "memory.limit_in_bytes")
        used = _text(folder / "memory.current") or _text(folder / "memory.usage_in_bytes")
        if limit.isdigit() and used.isdigit() and int(limit) < UNLIMITED:
            left.append(max(0, int(limit) - int(used) + _forgettable(folder / "memory.stat")))
    return min(left)


def _forgettable(file: Path) -> int:
    """Bytes of files that lie in memory and were not read lately."""
    counts = dict(row.split(maxsplit=1) for row in _text(file).splitlines() if " " in row)
    counted = counts.get("total_inactive_file") or counts.get("inactive_file", "")
    return int(counted) if counted.isdigit() else 0


def _folders(resource: str) -> Iterator[Path]:
    """The groups of this process that may limit a resource, the innermost first, each once."""
    seen: set[Path] = set()
    for row in _text(MEMBER).splitlines():
        _, resources, member = (*row.split(":", 2), "", "")[:3]
        if resources and resource not in resources.split(","):
            continue
        root = MOUNTED / (resource if resources else "")
        inner = root / member.lstrip("/")
        for folder in (inner, *inner.parents):
            if folder.is_relative_to(root) and folder not in seen:
                seen.add(folder)
                yield folder


def _text(file: Path) -> str:
    """What is written there; empty where nothing is, or nothing that can be read."""
    try:
        return file.read_text(errors="replace").strip()
    except (OSError, ValueError):
        return ""
