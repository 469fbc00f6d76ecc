"""CPU seconds of a process and its descendants, and what the rest of the machine did meanwhile (Linux)."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

PROC = Path("/proc")
PARENT, SPENT = 1, slice(11, 15)  # after the name in /proc/PID/stat (proc(5)): ppid; utime to cstime


class Timing(msgspec.Struct, frozen=True):
    """One run of one variant.

    Attributes:
        seconds: wall clock; cpu: CPU seconds of its process and all below it (both per cell where said).
        foreign: share of the machine's CPU time that other processes (or the hypervisor) took meanwhile;
            0 where the system does not tell.
    """

    seconds: float
    cpu: float
    foreign: float


class Reading(msgspec.Struct, frozen=True):
    """Clocks at one moment: wall, the whole machine's busy CPU seconds, those of a process tree."""

    wall: float
    busy: float
    tree: float


def read(pid: int) -> Reading:
    """The clocks now; busy and tree are 0 where there is no /proc."""
    return Reading(time.perf_counter(), busy_seconds(), tree_seconds(pid))


def between(before: Reading, after: Reading, seconds: float) -> Timing:
    """What a run cost that took ``seconds`` somewhere between two readings; at least one tick of CPU time."""
    taken, wall = after.tree - before.tree, after.wall - before.wall
    other = max(0.0, after.busy - before.busy - taken)
    return Timing(
        seconds, max(taken, 1 / _ticks()), other / (wall * (os.cpu_count() or 1)) if wall > 0 else 0.0
    )


def busy_seconds() -> float:
    """CPU seconds since boot in which the machine was not idle, time stolen by a hypervisor included."""
    try:
        first = (PROC / "stat").read_text().splitlines()[0].split()[1:9]  # the line "cpu" of proc(5)
    except OSError:
        return 0.0
    user, nice, system, _, _, interrupts, soft_interrupts, stolen = map(int, first)
    return (user + nice + system + interrupts + soft_interrupts + stolen) / _ticks()


def tree_seconds(pid: int) -> float:
    """CPU seconds of a process, its living descendants, and those that they have waited for."""
    spent, children = {}, dict[int, list[int]]()
    for number, parent, seconds in _processes():
        spent[number] = seconds
        children.setdefault(parent, []).append(number)
    total, waiting = 0.0, [pid]
    while waiting:
        number = waiting.pop()
        total += spent.get(number, 0.0)
        waiting += children.get(number, [])
    return total


def _processes() -> list[tuple[int, int, float]]:
    """(number, parent, CPU seconds) of every process; those that end meanwhile are left out."""
    processes = []
    for entry in PROC.iterdir() if PROC.is_dir() else ():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks = sum(map(int, fields[SPENT]))
        processes.append((int(entry.name), int(fields[PARENT]), ticks / _ticks()))
    return processes


def _ticks() -> int:
    return os.sysconf("SC_CLK_TCK")
