"""The GPUs that this process may use, by the names under which ``CUDA_VISIBLE_DEVICES`` shows them.

Whoever started this process decides: a batch system that shows one of eight, a user who hides all. Only where
that variable is not set are all of the machine meant. Nothing here imports torch, for a process is shown its
GPU before it does.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

VISIBLE = "CUDA_VISIBLE_DEVICES"
DRIVER, NODES = Path("/proc/driver/nvidia/gpus"), Path("/dev")
NVML = "libnvidia-ml.so.1"
MOST_NAME = 96
"""Bytes of a UUID of NVML, with the zero at its end."""


def visible() -> tuple[str, ...]:
    """The GPUs, or parts of GPUs (MIG), that this process may use, in its order.

    ``CUDA_VISIBLE_DEVICES`` is read as CUDA reads it: numbers, UUIDs or their beginnings, and names of MIG's
    parts; what follows a number that no GPU has is not seen, and a GPU that is named twice hides all.
    """
    asked = os.environ.get(VISIBLE)
    return of_machine() if asked is None else _read(asked, of_machine())


def share(devices: Sequence[str], number: int, sharers: int) -> tuple[str, ...]:
    """The devices of one of so many who share them all; where they are more than devices, one, in turn."""
    if sharers > len(devices) > 0:
        return (devices[number % len(devices)],)
    return tuple(devices[number % sharers :: sharers])


def show(devices: Sequence[str]) -> None:
    """Show these to this process, and to those that it starts; what uses CUDA already has seen others."""
    os.environ[VISIBLE] = ",".join(devices)


def of_machine() -> tuple[str, ...]:
    """All there are: by NVML, which alone knows of MIG's parts, or as the driver lists them."""
    with contextlib.suppress(OSError, AttributeError):
        return tuple(_by_nvml(ctypes.CDLL(NVML)))
    if DRIVER.is_dir():
        return _numbered(len(list(DRIVER.iterdir())))
    return _numbered(len(list(NODES.glob("nvidia[0-9]*"))))  # all that a container may show of them


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(map(str, range(count)))


def _read(asked: str, there: Sequence[str]) -> tuple[str, ...]:
    devices: list[str] = []
    for name in (word.strip() for word in asked.split(",")):
        numbered = re.fullmatch(r"\d+", name, re.ASCII)
        beyond = numbered and there and all(d.isdigit() for d in there) and int(name) >= len(there)
        if beyond or not (numbered or re.match(r"(?:GPU|MIG)-", name)):
            break
        devices.append(name)
    return tuple(devices) if len(set(devices)) == len(devices) else ()


def _by_nvml(nvml: Any) -> Iterator[str]:
    """Each GPU by its number; where some are in parts, UUIDs of these and of the others.

    Raises:
        OSError: NVML cannot be used.
    """
    if nvml.nvmlInit_v2():
        raise OSError("NVML has no driver")
    try:
        count = ctypes.c_uint()
        if nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)):
            raise OSError("NVML counts nothing")
        names = [_names(nvml, i) for i in range(count.value)]
    finally:
        nvml.nvmlShutdown()
    parted = any(parts for _, parts in names)
    for i, (whole, parts) in enumerate(names):
        yield from (parts or (whole,)) if parted else (str(i),)


def _names(nvml: Any, index: int) -> tuple[str, tuple[str, ...]]:
    """The UUID of a GPU, and those of its parts if it is in parts."""
    device, part = ctypes.c_void_p(), ctypes.c_void_p()
    if nvml.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(device)):
        return str(index), ()
    current, pending, most = ctypes.c_uint(), ctypes.c_uint(), ctypes.c_uint()
    parts: list[str] = []
    if not nvml.nvmlDeviceGetMigMode(device, ctypes.byref(current), ctypes.byref(pending)) and current.value:
        nvml.nvmlDeviceGetMaxMigDeviceCount(device, ctypes.byref(most))
        parts = [_uuid(nvml, part) for i in range(most.value) if _has_part(nvml, device, i, part)]
    return _uuid(nvml, device), tuple(parts)


def _has_part(nvml: Any, device: Any, index: int, part: Any) -> bool:
    """Whether a GPU has a part of this number, whose handle is then in ``part``."""
    return not nvml.nvmlDeviceGetMigDeviceHandleByIndex(device, index, ctypes.byref(part))


def _uuid(nvml: Any, device: Any) -> str:
    name = ctypes.create_string_buffer(MOST_NAME)
    nvml.nvmlDeviceGetUUID(device, name, MOST_NAME)
    return name.value.decode("ascii", "replace")
