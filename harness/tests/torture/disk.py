"""A disk of which only what was synced outlasts a loss of power.

What processes see is a real folder. Beside it stands a model of what would be on the platter: a file has
the bytes that were last synced, a folder the entries. A call on entries (create, remove, rename, exchange) is
done whole or not at all, but those that were not synced yet reach the platter in any order, except that two
calls on the same entry keep theirs. That is less than journalling file systems promise, and about what POSIX
does. Lock files are left out: they hold nothing, and nobody holds one after a loss of power.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

UNWATCHED = "locks"


class StoredFile:
    """A file: the bytes that are on the platter, and those that processes see."""

    def __init__(self) -> None:
        self.synced = b""
        self.seen = b""

    def after_loss(self, chance: random.Random) -> bytes:
        """The bytes after a loss of power: what was not synced may be cut, zeros, whole or missing."""
        if self.seen == self.synced:
            return self.seen
        cut = self.seen[: chance.randrange(len(self.seen) + 1)]
        return chance.choice([self.synced, b"", cut, bytes(len(self.seen)), self.seen])


class StoredFolder:
    """A folder: the entries that are on the platter, and those that processes see."""

    def __init__(self) -> None:
        self.synced: dict[str, Stored] = {}
        self.seen: dict[str, Stored] = {}


Stored = StoredFile | StoredFolder


class Entry(NamedTuple):
    """A name in a folder, and what it leads to from now on (None: nothing)."""

    folder: StoredFolder
    name: str
    leads_to: Stored | None

    @property
    def place(self) -> tuple[int, str]:
        """What two calls on the same entry have in common."""
        return id(self.folder), self.name


class Disk:
    """A folder of this machine, and what of it would be there after a loss of power."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = StoredFolder()
        self.unsynced: list[tuple[Entry, ...]] = []

    def at(self, path: Path) -> Stored | None:
        """What processes see at a path; None where nothing is."""
        node: Stored | None = self.root
        for part in path.relative_to(self.folder).parts:
            node = node.seen.get(part) if isinstance(node, StoredFolder) else None
        return node

    def put(self, *changes: tuple[Path, Stored | None]) -> None:
        """Change entries by one call, at once for who looks and some day on the platter."""
        entries = []
        for path, leads_to in changes:
            folder = self.at(path.parent)
            assert isinstance(folder, StoredFolder), f"{path.parent} is no folder of the disk"
            entries.append(Entry(folder, path.name, leads_to))
        for entry in entries:
            _applied(entry.folder.seen, entry)
        self.unsynced.append(tuple(entries))

    def sync(self, path: Path) -> None:
        """Bring a file's bytes, or a folder's entries, to the platter."""
        node = self.at(path)
        if isinstance(node, StoredFile):
            node.synced = node.seen
        elif isinstance(node, StoredFolder):
            wanted = {entry.place for call in self.unsynced for entry in call if entry.folder is node}
            later = []
            for call in reversed(self.unsynced):  # what a call needs is earlier than the call
                if any(entry.place in wanted for entry in call):
                    wanted |= {entry.place for entry in call}
                    later.append(call)
            self._persist(reversed(later))

    def _persist(self, calls: Iterator[tuple[Entry, ...]]) -> None:
        done = set()
        for call in calls:
            done.add(id(call))
            for entry in call:
                _applied(entry.folder.synced, entry)
        self.unsynced = [call for call in self.unsynced if id(call) not in done]

    def lose_power(self, chance: random.Random, into: Path) -> Disk:
        """The disk that is there afterwards, in another folder of this machine."""
        missing: set[tuple[int, str]] = set()
        reached = []
        for call in self.unsynced:
            places = {entry.place for entry in call}
            if places & missing or chance.random() < 0.5:
                missing |= places
            else:
                reached.append(call)
        self._persist(iter(reached))
        after = Disk(into)
        into.mkdir()
        after.root = _restored(self.root, into, chance)
        return after

    def differences(self) -> list[str]:
        """Where the real folder is another than the model says: then a call went by unseen."""
        return sorted(_differences(self.root, self.folder))


def _applied(entries: dict[str, Stored], entry: Entry) -> None:
    if entry.leads_to is None:
        entries.pop(entry.name, None)
    else:
        entries[entry.name] = entry.leads_to


def _restored(folder: StoredFolder, into: Path, chance: random.Random) -> StoredFolder:
    """What is on the platter of a folder, written into a real one; all of it synced."""
    restored = StoredFolder()
    for name, stored in folder.synced.items():
        path = into / name
        if isinstance(stored, StoredFolder):
            path.mkdir()
            copy: Stored = _restored(stored, path, chance)
        else:
            copy = StoredFile()
            copy.seen = copy.synced = stored.after_loss(chance)
            path.write_bytes(copy.seen)
        restored.synced[name] = restored.seen[name] = copy
    return restored


def _differences(folder: StoredFolder, real: Path) -> Iterator[str]:
    if real.name == UNWATCHED:
        return
    names = {path.name for path in real.iterdir()}
    yield from (str(real / name) for name in names ^ folder.seen.keys())
    for name, stored in folder.seen.items():
        path = real / name
        if isinstance(stored, StoredFolder) and path.is_dir():
            yield from _differences(stored, path)
        elif isinstance(stored, StoredFile) and path.is_file() and path.read_bytes() != stored.seen:
            yield str(path)
