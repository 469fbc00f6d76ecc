"""Names by content: the address of an experiment, from its specification, its code and its data."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

import msgspec

from harness.data.archives import DataError
from harness.data.verified import named_source
from harness.fleet import SEMANTICS
from harness.lab.runs import Run, parents_of
from harness.spec import (
    Runnable,
    Simulation,
    Value,
    address,
    addressed,
    canonical,
    digest,
    fields_of,
    values_in,
)
from harness.spec.contracts import Dataset, Sourced
from harness.spec.fingerprint import fingerprint


class Addressed(msgspec.Struct, frozen=True):
    """What content addressing makes of an experiment.

    Attributes:
        address: its content address.
        sources: (honest name, digest) of each collection it reads; the digest of embedded data is "".
    """

    address: str
    sources: tuple[tuple[str, str], ...] = ()


class Names:
    """Names runs: computes addresses once per experiment, from specification, code and data.

    Args:
        presume: name also what lacks its data, by its specification alone: a name under which no store has
            a record, so that it is planned as missing.

    Attributes:
        absent: specification -> why its data cannot be used, of everything that was named so.
    """

    def __init__(self, data_root: Path, *, presume: bool = False) -> None:
        self.data_root, self.presume = data_root, presume
        self.absent: dict[str, str] = {}
        self._known: dict[str, Addressed] = {}
        # by identity, for 1 and 1.0 are equal and have other addresses; the value is kept, so that its
        # identity stays its own
        self._met: dict[int, tuple[Runnable, Addressed, str]] = {}
        self._runs: dict[tuple[int, int], Run] = {}

    def run(self, value: Runnable, replicate: int) -> Run:
        """The run of an experiment at a replicate, with its parents.

        Raises:
            DataError: data it needs is missing or corrupt (one line).
        """
        if id(value) not in self._met:
            self._met[id(value)] = (value, self.named(value), digest(canonical(value)))
        if (id(value), replicate) not in self._runs:
            self._runs[id(value), replicate] = self._run(value, replicate)
        return self._runs[id(value), replicate]

    def _run(self, value: Runnable, replicate: int) -> Run:
        """The run of an experiment that was met, which each body that reads it asks for anew."""
        _, named, kind = self._met[id(value)]
        return Run(
            value=value,
            replicate=replicate,
            address=named.address,
            key=digest({"address": named.address, "replicate": replicate}),
            kind=kind,
            source=named.sources[0][0] if named.sources else "",
            digests=tuple(digest for _, digest in named.sources),
            parents=tuple(self.run(parent, replicate) for parent in parents_of(value)),
        )

    def named(self, value: Runnable) -> Addressed:
        """Address and data of an experiment.

        Raises:
            DataError: data it needs is missing or corrupt (one line), and names are not presumed.
        """
        if id(value) in self._met:
            return self._met[id(value)][1]
        specified = specification(value)
        if specified in self.absent:
            return Addressed(address=specified)
        if specified not in self._known:
            try:
                self._known[specified] = self._addressed(value)
            except DataError as error:
                if not self.presume:
                    raise
                self.absent[specified] = str(error)
                return Addressed(address=specified)
        return self._known[specified]

    def _addressed(self, value: Runnable) -> Addressed:
        """The address by specification, code and data, computed anew."""
        sources = [named_source(v, self.data_root) for v in values_in(value) if _reads_files(v)]
        name = address(
            value,
            code=fingerprint(value),
            source=" ".join(s.digest for s in sources),
            semantics=SEMANTICS,
        )
        return Addressed(name, tuple((s.name, s.digest) for s in sources))


def digests_of(run: Run, data: Dataset) -> list[tuple[Sourced, str]]:
    """What a run's data reads from files, each with the digest by which the run is named."""
    inside = {id(value) for value in values_in(data)} if isinstance(data, Value) else set()
    read = [value for value in values_in(run.value) if _reads_files(value)]
    return [pair for pair in zip(read, run.digests, strict=False) if id(pair[0]) in inside]


def _reads_files(value: Value) -> TypeGuard[Sourced]:
    """Whether a value has a source."""
    return _is_sourced(type(value))


@functools.cache
def _is_sourced(kind: type[Any]) -> bool:
    """Whether values of a class have a source; asked once, because asking costs more than an address does."""
    return issubclass(kind, Sourced)


Fields = Mapping[str, tuple[str, ...]]


def specification(value: Runnable, fields: Fields | None = None) -> str:
    """Digest of what is asked for, without code and data: the same on any machine and after any commit.

    Two claim files may each have a function or class of the same name, so theirs count with the module.

    Args:
        fields: class -> the fields it had when the digest to compare with was taken; fields that it got
            since then do not count where they are at their default.
    """
    inner = values_in(value)
    named = {type(v) for v in inner} | {v.function for v in inner if isinstance(v, Simulation)}
    outside = sorted(
        f"{n.__module__}:{n.__qualname__}" for n in named if not n.__module__.startswith("harness.")
    )
    return digest([canonical(value) if fields is None else _earlier(value, fields), outside])


def _earlier(value: Any, fields: Fields) -> Any:
    """The canonical form a value had when its classes had only these fields."""
    if isinstance(value, (tuple, list)):
        return [_earlier(item, fields) for item in value]
    if not isinstance(value, Value):
        return canonical(value)
    name = type(value).__name__
    plain, counted = {"value": name}, addressed(value)
    for field in fields_of(type(value)):
        content = getattr(value, field.name)
        added = name in fields and field.name not in fields[name] and content == field.default
        if field.name in counted and not added:
            plain[field.name] = _earlier(content, fields)
    return plain
