"""Files as nobody wrote them: bytes changed by chance, and things in a file's place that are none."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable
from pathlib import Path

Mutation = Callable[[bytes, random.Random], bytes]


def _place(data: bytes, chance: random.Random) -> tuple[int, int]:
    """Two places in it, in order."""
    first, second = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    return first, second


def flipped(data: bytes, chance: random.Random) -> bytes:
    """One bit is another."""
    changed = bytearray(data)
    changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def truncated(data: bytes, chance: random.Random) -> bytes:
    """The end is missing."""
    return data[: chance.randrange(len(data))]


def zeroed(data: bytes, chance: random.Random) -> bytes:
    """A part is zeros."""
    a, b = _place(data, chance)
    return data[:a] + bytes(b - a) + data[b:]


def doubled(data: bytes, chance: random.Random) -> bytes:
    """A part is there twice."""
    a, b = _place(data, chance)
    return data[:b] + data[a:]


def swapped(data: bytes, chance: random.Random) -> bytes:
    """Two parts have changed places."""
    a, b = _place(data, chance)
    return data[b:] + data[a:b] + data[:a]


def removed(data: bytes, chance: random.Random) -> bytes:
    """A part is missing."""
    a, b = _place(data, chance)
    return data[:a] + data[b:]


def drowned(data: bytes, chance: random.Random) -> bytes:
    """A part is noise."""
    a = chance.randrange(len(data))
    return data[:a] + chance.randbytes(chance.randrange(1, 200)) + data[a + 20 :]


def enlarged(data: bytes, chance: random.Random) -> bytes:
    """A number has 1 to 5,000 digits more; in a binary file, four bytes say 4 billion."""
    numbers = list(re.finditer(rb"(?<=[:,\[(])-?[0-9]+", data))
    if not numbers:
        a = chance.randrange(len(data))
        return data[:a] + b"\xff\xff\xff\xff" + data[a + 4 :]
    end = chance.choice(numbers).end()
    return data[:end] + b"9" * chance.choice([1, 20, 400, 5000]) + data[end:]


def nested(data: bytes, chance: random.Random) -> bytes:
    """A hundred thousand brackets where a value was."""
    places = [m.end() for m in re.finditer(rb"[:,\[]", data)] or [0]
    a = chance.choice(places)
    return data[:a] + chance.choice([b"[", b'{"a":', b"("]) * 100_000 + data[a:]


BYTES: tuple[Mutation, ...] = (
    flipped, truncated, zeroed, doubled, swapped, removed, drowned, enlarged, nested,
)  # fmt: skip


def linked_to_itself(file: Path) -> None:
    """A link that leads nowhere."""
    file.symlink_to(file)


def linked_away(file: Path) -> None:
    """A link to a file of the system's."""
    file.symlink_to("/etc/passwd")


def a_device(file: Path) -> None:
    """A link to what never ends."""
    file.symlink_to("/dev/zero")


def a_pipe(file: Path) -> None:
    """A pipe that nobody writes to."""
    os.mkfifo(file)


def a_folder(file: Path) -> None:
    """A folder that is not empty."""
    (file / "inside").mkdir(parents=True)


def nothing(file: Path) -> None:
    """It is missing."""


PLACES: tuple[Callable[[Path], None], ...] = (
    linked_to_itself, linked_away, a_device, a_pipe, a_folder, nothing,
)  # fmt: skip


def mutate(file: Path, chance: random.Random) -> str:
    """Change a file, or what lies in its place; says how."""
    if chance.random() < 0.15:
        place = chance.choice(PLACES)
        file.unlink()
        place(file)
        return place.__name__
    mutation = chance.choice(BYTES)
    file.write_bytes(mutation(file.read_bytes(), chance))
    return mutation.__name__
