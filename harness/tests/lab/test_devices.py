"""GPUs are those that whoever started this process shows it, and each process gets one of them."""

from __future__ import annotations

import ctypes
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from harness.fleet import ranks
from harness.lab import devices, pinning, places
from harness.lab.crew import _enlist

EIGHT = tuple("01234567")
UUIDS = ("GPU-5c1b9b2a-1f61", "GPU-9e4f40c0-0b7d")
SLICES = tuple(f"MIG-{n}a2b-11ec" for n in range(7))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine of eight GPUs of which nobody hides any."""
    monkeypatch.setattr(devices, "of_machine", lambda: EIGHT)
    monkeypatch.delenv(devices.VISIBLE, raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        (None, EIGHT),  # bare
        ("", ()),  # hidden on purpose
        ("-1", ()),
        ("NoDevFiles", ()),
        ("5", ("5",)),  # Slurm, one of eight
        ("2,3", ("2", "3")),  # Slurm, two of eight
        (" 2, 3 ", ("2", "3")),
        (",".join(UUIDS), UUIDS),
        ("GPU-5c1b9b2a", ("GPU-5c1b9b2a",)),
        (",".join(SLICES), SLICES),
        ("MIG-GPU-5c1b/1/0", ("MIG-GPU-5c1b/1/0",)),
        ("0,1,-1,2", ("0", "1")),  # as CUDA reads it
        ("0,9,1", ("0",)),
        ("0,0", ()),
    ],
)
def test_what_is_shown_is_read_as_cuda_reads_it(
    asked: str | None, seen: tuple[str, ...], machine: pytest.MonkeyPatch
) -> None:
    if asked is not None:
        machine.setenv(devices.VISIBLE, asked)
    assert devices.visible() == seen
    assert places.processes("cuda") == max(1, len(seen))
    assert places.processes("cuda:1") == 1


class _Counting:
    """A number that a crew's processes count up."""

    def __init__(self) -> None:
        self.value = 0

    def get_lock(self) -> Any:
        return _Lock()


class _Lock:
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


def pinned(count: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What each of a crew's processes is shown, as it would be by itself."""
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("threading.Thread.start", lambda _: None)
    monkeypatch.setattr("harness.fleet.pausing.heed_resting", lambda: None)
    monkeypatch.setattr("harness.fleet.ranks._CoreSharers.processes", 1)  # put back at the end
    counting, before, shown = _Counting(), os.environ.get(devices.VISIBLE), []
    for _ in range(count):
        _enlist(counting, "cuda", count)
        shown.append(os.environ.get(devices.VISIBLE, "all"))
        os.environ.pop(devices.VISIBLE, None)
        if before is not None:
            os.environ[devices.VISIBLE] = before
    return shown


@pytest.mark.parametrize("asked", [None, "", "6", "2,3", ",".join(UUIDS), ",".join(SLICES)])
def test_each_process_of_a_crew_has_one_gpu_of_those_that_are_shown(
    asked: str | None, machine: pytest.MonkeyPatch
) -> None:
    if asked is not None:
        machine.setenv(devices.VISIBLE, asked)
    seen = devices.visible()
    assert pinned(places.processes("cuda"), machine) == list(seen or [""])
    assert ranks._CoreSharers.processes == places.processes("cuda")  # each has its part of the cores


@pytest.mark.parametrize("workers", range(1, 12))
@pytest.mark.parametrize("shown", [None, "2,3", ",".join(SLICES)])
def test_workers_share_all_gpus_evenly(workers: int, shown: str | None, machine: pytest.MonkeyPatch) -> None:
    """No GPU of eight stands still under ``-n`` 1 to 8, and with more workers than GPUs each has one."""
    if shown is not None:
        machine.setenv(devices.VISIBLE, shown)
    seen, used = devices.visible(), Counter[str]()
    for number in range(workers):
        machine.delenv(devices.VISIBLE, raising=False)
        if shown is not None:
            machine.setenv(devices.VISIBLE, shown)
        pinning.pin_share(number, workers)
        used.update(pinned(places.processes("cuda", workers), machine))
    assert set(used) == set(seen)
    assert max(used.values()) - min(used.values()) <= (1 if workers > len(seen) else 0)


class Nvml:
    """A library that knows two GPUs, the second in two parts if told so; it fails where it is told to."""

    def __init__(self, parted: bool = False, failing: str = "") -> None:
        self.parted, self.failing = parted, failing

    def __getattr__(self, name: str) -> Any:
        return lambda *asked: 1 if name == self.failing else self._call(name, *asked)

    def _call(self, name: str, *asked: Any) -> int:
        if name == "nvmlDeviceGetCount_v2":
            asked[0]._obj.value = 2
        elif name == "nvmlDeviceGetHandleByIndex_v2":
            asked[1]._obj.value = asked[0] + 1
        elif name == "nvmlDeviceGetMigMode":
            asked[1]._obj.value = self.parted and asked[0].value == 2
        elif name == "nvmlDeviceGetMaxMigDeviceCount":
            asked[1]._obj.value = 7
        elif name == "nvmlDeviceGetMigDeviceHandleByIndex":
            asked[2]._obj.value = 10 + asked[1]
            return int(asked[1] not in (1, 3))
        elif name == "nvmlDeviceGetUUID":
            number = asked[0].value
            asked[1].value = f"{'MIG' if number >= 10 else 'GPU'}-{number}".encode()
        return 0


def test_parts_of_gpus_are_devices_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(devices.VISIBLE, raising=False)
    monkeypatch.setattr(ctypes, "CDLL", lambda _: Nvml())
    assert devices.visible() == ("0", "1")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: Nvml(parted=True))
    assert devices.visible() == ("GPU-1", "MIG-11", "MIG-13")


@pytest.mark.parametrize("failing", ["nvmlInit_v2", "nvmlDeviceGetCount_v2"])
def test_without_nvml_the_driver_or_its_files_are_counted(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(devices.VISIBLE, raising=False)
    monkeypatch.setattr(ctypes, "CDLL", lambda _: Nvml(failing=failing))
    monkeypatch.setattr(devices, "DRIVER", tmp_path / "gpus")
    monkeypatch.setattr(devices, "NODES", tmp_path)
    assert devices.visible() == ()
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert devices.visible() == ("0", "1")
    (tmp_path / "gpus/0000:01:00.0").mkdir(parents=True)
    assert devices.visible() == ("0",)
