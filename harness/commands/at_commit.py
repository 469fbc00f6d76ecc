"""A script that ``store carry`` and ``report audit`` run inside the tree of a commit, with its own code.

It imports nothing of the tree it comes from, and finds what it needs wherever the other commit keeps it.

    python at_commit.py names DATA_ROOT [TOLD]             that commit's name of every experiment, as JSON
    python at_commit.py train DATA_ROOT STORE REQUESTS N   compute [[address, replicate, epochs], ...]
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PLACES = {
    "functions": ("harness.suite.listing:functions", "harness.catalogue:functions"),
    "item_of": ("harness.suite.entries:item_of", "harness.entries:item_of"),
    "runnables": ("harness.judging.ladder:runnables", "harness.judging:runnables"),
    "parts": ("harness.lab.runs:parts", "harness.lab:parts"),
    "with_parents": ("harness.lab.runs:with_parents", "harness.fleet.plan:with_parents"),
    "specification": ("harness.lab.names:specification", "harness.fleet.plan:specification"),
    "names": ("harness.lab.names:Names", "harness.fleet.plan:Catalogue"),
    "lab": ("harness.lab.lab:Lab", "harness.lab:Lab"),
    "place": ("harness.lab.places:place", "harness.places:place"),
    "values_in": ("harness.spec:values_in",),
    "address": ("harness.spec:address",),
    "fingerprint": ("harness.spec.fingerprint:fingerprint", "harness.fingerprint:fingerprint"),
    "semantics": ("harness.fleet:SEMANTICS",),
    "sourced": ("harness.spec.contracts:Sourced",),
    "addressed": ("harness.lab.names:Addressed", "harness.fleet.plan:Addressed"),
}
"""What is needed here -> where commits have had it, the youngest first."""


def named(need: str) -> Any:
    """What the commit around this has for a need.

    Raises:
        SystemExit: it has no such thing (one line).
    """
    for address in PLACES[need]:
        module, _, name = address.partition(":")
        with contextlib.suppress(ImportError, AttributeError):
            return getattr(importlib.import_module(module), name)
    raise SystemExit(f"that commit has none of {', '.join(PLACES[need])}")


def values() -> Iterator[Any]:
    """Everything that the commit's claims have computed, probes apart from what they probe."""
    runnables, parts, item_of = named("runnables"), named("parts"), named("item_of")
    for function in named("functions")(Path.cwd()):
        with contextlib.suppress(ValueError, LookupError, TypeError):  # a claim that was wrong there
            for world in item_of(function).worlds():
                for declared in world.values():
                    for one in runnables(declared):
                        yield from parts(getattr(one, "of", one))  # what is read anew is named as itself


def runs(names: Any) -> Iterator[Any]:
    """The run of replicate 0 of everything that the commit's claims read, parents included."""
    seen: set[str] = set()
    for value in values():
        with contextlib.suppress(ValueError, LookupError):  # its data is not here
            for run in named("with_parents")([names.run(value, 0)]):
                if run.key not in seen:
                    seen.add(run.key)
                    yield run


def main() -> None:
    """Print what was asked for as one line of JSON."""
    action, root, *more = sys.argv[1:]
    names = named("names")(Path(root))
    if action == "names":
        print(json.dumps(listed(names, ShippedData(more[0]) if more else None)))
    else:
        store, asked, processes = more
        requests = json.loads(Path(asked).read_text())
        print(json.dumps(trained(names, Path(root), Path(store), requests, int(processes))))


class ShippedData:
    """What a file of shipped records says of its experiments' data: for what is not here to be read.

    Args:
        file: JSON: ``fields`` by class and, by specification with these fields, ``sources``.
    """

    def __init__(self, file: str) -> None:
        content = json.loads(Path(file).read_text())
        self.fields, self.sources = content["fields"], content["sources"]
        self.of_kind: dict[str, set[tuple[str, str]]] = {}
        self.believed: set[str] = set()

    def specified(self, value: Any) -> str:
        """The specification that a value had with the fields of that file."""
        return str(named("specification")(value, self.fields))

    def learn(self, value: Any) -> None:
        """Note what the file says of the data of an experiment, by the classes that read it."""
        read = _reading(value)
        for one, source in zip(read, self.sources.get(self.specified(value), ()), strict=False):
            self.of_kind.setdefault(type(one).__name__, set()).add(tuple(source))

    def data_of(self, value: Any) -> list[tuple[str, str]]:
        """(Name, digest) of each collection that an experiment reads, as the file tells; none if it does not.

        What starts a chain is named by the file only where it was read itself: the same class, the same data.
        """
        if told := self.sources.get(self.specified(value)):
            return [tuple(source) for source in told]
        known = [self.of_kind.get(type(one).__name__, set()) for one in _reading(value)]
        return [next(iter(each)) for each in known] if all(len(each) == 1 for each in known) else []

    def naming(self, names: Any) -> None:
        """Have what cannot be read here named by the digests that the file tells."""
        plainly = names.named
        for value in values():
            self.learn(value)

        def by_digest(value: Any) -> Any:
            try:
                return plainly(value)
            except (ValueError, LookupError):  # its data is not here
                sources = self.data_of(value)
                if not sources:
                    raise
                self.believed.add(self.specified(value))
                return named("addressed")(
                    named("address")(
                        value,
                        code=named("fingerprint")(value),
                        source=" ".join(digest for _, digest in sources),
                        semantics=named("semantics"),
                    ),
                    tuple(sources),
                )

        names.named = by_digest


def _reading(value: Any) -> list[Any]:
    """What inside an experiment reads files, in the order in which its sources are told."""
    return [one for one in named("values_in")(value) if isinstance(one, named("sourced"))]


def listed(names: Any, told: ShippedData | None = None) -> dict[str, Any]:
    """Specification -> address and data, and class -> fields.

    With what a file tells also the file's own specification of each, and whether its data was only told.
    """
    known: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    if told:
        told.naming(names)
    for run in runs(names):
        one = names.named(run.value)
        entry = {"address": one.address, "sources": one.sources}
        if told:
            before = told.specified(run.value)
            probed = getattr(run.value, "experiment", None)  # what a probe reads
            entry |= {
                "told": before,
                "believed": before in told.believed,
                "of": names.named(probed).address if probed is not None else one.address,
            }
        known[named("specification")(run.value)] = entry
        fields |= {type(v).__name__: v.__struct_fields__ for v in named("values_in")(run.value)}
    return {"names": known, "fields": fields}


def trained(names: Any, root: Path, store: Path, requests: list[Any], processes: int) -> dict[str, str]:
    """Compute what was asked for; "address replicate" -> the key of its record in the store."""
    cells = {run.address: run.value for run in runs(names)}
    place = named("place")(store=store, data_root=root if root.is_dir() else None)
    lab = named("lab")(place, processes=processes)
    computed = {}
    for address, replicate, epochs in requests:
        if address in cells:
            value = cells[address]
            value = value.but(optimizer__epochs=epochs) if epochs else value
            computed[f"{address} {replicate}"] = names.run(value, replicate)
    lab.ensure(computed.values())
    lab.close()
    return {request: run.key for request, run in computed.items()}


if __name__ == "__main__":
    main()
