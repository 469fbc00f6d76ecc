"""Records that travel: what a report read, in one small file, judged anywhere without training or data.

The file is gzip over JSON lines. The first line is a header: the format, where the records come from, and
the address of every specification, which otherwise has to be computed from code and data. Each further
line is a record without its weights. Every line is sealed by its SHA-256, and the header counts them.
"""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NoReturn

import msgspec

from harness.lab.names import Addressed, Names, specification
from harness.lab.records import Record, unsound
from harness.lab.store import Store, StoreError
from harness.spec import Runnable
from harness.spec.untrusted import contents, decoded, unpacked
from harness.spec.watched import NOTHING, Watched

FORMAT = 1
CONTENT = "overclaim records"
GZIP = b"\x1f\x8b"
UNSHIPPED = "needs runs that were not shipped: run without --store FILE"
UNNAMED = Addressed(address="")


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """Where shipped records come from.

    Attributes:
        content, format: what the file is, and the version of its layout.
        commit: of the report whose records these are; dirty: whether the tree differed from it.
        device, processor, cores, memory_gib, versions: what that report was judged on.
        records: how many follow.
        names: specification (``harness.lab.names.specification``) -> its address and data.
        fields: class -> its fields at that commit, so that fields added later do not hide what was meant.
    """

    content: str
    format: int
    commit: str
    dirty: bool
    device: str
    processor: str
    cores: int
    memory_gib: float
    versions: dict[str, str]
    records: int
    names: dict[str, Addressed]
    fields: dict[str, tuple[str, ...]]


class _Kind(msgspec.Struct):
    content: str
    format: int


class _Line(msgspec.Struct, frozen=True):
    sha256: str
    body: msgspec.Raw


def encode(header: Header, records: Iterable[Record]) -> bytes:
    """The file's bytes, equal for equal records and zlib; ``header.records`` is set to their number."""
    bare = (msgspec.structs.replace(record, files={}) for record in records)
    ordered = sorted(bare, key=lambda record: record.key)
    header = msgspec.structs.replace(header, records=len(ordered))
    target = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=target, mtime=0) as file:
        for part in (header, *ordered):
            body = msgspec.json.encode(part, order="sorted")
            line = _Line(hashlib.sha256(body).hexdigest(), msgspec.Raw(body))
            file.write(msgspec.json.encode(line) + b"\n")
    return target.getvalue()


def decode(data: bytes, name: str) -> tuple[Header, dict[str, Record]]:
    """Header, and records by key, every one verified.

    Raises:
        StoreError: not such a file, one of another format, or damaged; the line names it.
    """
    lines = _lines(data, name)
    try:
        kind = decoded(lines[0].body, _Kind)
    except (IndexError, ValueError):
        _foreign(name)
    if kind.content != CONTENT:
        _foreign(name)
    if kind.format != FORMAT:
        raise StoreError(
            f"{name} has format {kind.format}, this version reads {FORMAT}: use the version that wrote it"
        )
    try:
        header = decoded(lines[0].body, Header)
        records = [decoded(line.body, Record) for line in lines[1:]]
    except ValueError as error:
        _damaged(name, str(error))
    by_key = {record.key: record for record in records}
    if not len(by_key) == len(records) == header.records:
        _damaged(name, f"{len(by_key)} of {header.records} records")
    for record in records:
        if wrong := unsound(record):
            _damaged(name, f"the record {record.key[:12]!r}: {wrong}")
    return header, by_key


def _lines(data: bytes, name: str) -> list[_Line]:
    if data[:2] != GZIP:
        _foreign(name)
    try:
        plain = unpacked(data)
    except ValueError as error:
        _damaged(name, str(error))
    lines = []
    for number, text in enumerate(plain.splitlines(), start=1):
        try:
            line = decoded(text, _Line)
        except ValueError as error:
            if number > 1:
                _damaged(name, f"line {number}: {error}")
            _foreign(name)
        if hashlib.sha256(bytes(line.body)).hexdigest() != line.sha256:
            _damaged(name, f"checksum of line {number}")
        lines.append(line)
    return lines


def _foreign(name: str) -> NoReturn:
    command = "`python -m harness store export`"
    raise StoreError(f"{name} holds no records: give a directory, or a file written by {command}")


def _damaged(name: str, what: str) -> NoReturn:
    raise StoreError(f"{name} is damaged ({what}): fetch or export it again")


class Shipped(Store):
    """Shipped records in place of a store: nothing is added, nothing is computed.

    Raises:
        StoreError: the file cannot be read, or is not what it should be (one line).
    """

    def __init__(self, file: Path) -> None:
        self.root = file
        try:
            data = contents(file)
        except OSError as error:
            raise StoreError(f"{file.name} cannot be read: {error.strerror or error}") from None
        self.header, self._records = decode(data, file.name)

    @property
    def exists(self) -> bool:
        return True

    @property
    def foreign(self) -> str:
        return ""

    @property
    def commit(self) -> str:
        """The commit of the code whose records these are, with ``-dirty`` if the tree differed from it."""
        return (self.header.commit or "unknown") + ("-dirty" if self.header.dirty else "")

    def said(self, present: int, missing: int) -> str:
        """The line that pytest says after collection: how many runs there are to judge."""
        absent = f"; {missing} more are needed and not among them" if missing else ""
        at = (self.header.commit[:12] or "unknown") + (" and changes" if self.header.dirty else "")
        return f"shipped records of commit {at}: {present} runs to judge, nothing is trained{absent}"

    def names(self) -> Names:
        """The names that runs had where the records come from."""
        return _ShippedNames(self.header)

    def keys(self) -> list[str]:
        return sorted(self._records)

    def size(self, key: str) -> int:
        return len(msgspec.json.encode(self._records[key]))

    def prepare(self) -> NoReturn:
        raise StoreError(f"{self.root.name} holds shipped records, which are only read: give a directory")

    def has(self, key: str, session: str = "", watched: Watched = NOTHING) -> bool:
        return key in self._records

    def read(self, key: str) -> Record | None:
        return self._records.get(key)

    def peek(self, key: str) -> Record | None:
        return self._records.get(key)

    def verify(self, key: str) -> bool:
        return key in self._records

    def weights(self, key: str) -> None:
        return None

    def set_aside(self, key: str) -> bool:
        return False

    def unneeded(self, readable: Collection[str], before: float) -> NoReturn:
        self.prepare()

    def left(self) -> list[str]:
        return []

    def timings(self, kinds: Iterable[str]) -> dict[str, float]:
        return {}


class _ShippedNames(Names):
    """Names experiments as shipped; what was not has a name under which no record is."""

    def __init__(self, header: Header) -> None:
        super().__init__(Path())
        self.header = header

    def named(self, value: Runnable) -> Addressed:
        return self.header.names.get(specification(value, self.header.fields), UNNAMED)
