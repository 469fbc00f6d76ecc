"""A script that ``store carry`` runs inside the tree of another commit, with that commit's own code.

It imports nothing of the tree it comes from, and finds what it needs wherever the other commit keeps it.

    python at_commit.py names DATA_ROOT                    that commit's name of every experiment, as JSON
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
    "functions": ("harness.suite.listing", "harness.catalogue"),
    "item_of": ("harness.suite.entries", "harness.entries"),
    "runnables": ("harness.judging.ladder", "harness.judging"),
    "parts": ("harness.lab.runs", "harness.lab"),
    "with_parents": ("harness.lab.runs", "harness.fleet.plan"),
    "specification": ("harness.lab.names", "harness.fleet.plan"),
    "Names": ("harness.lab.names",),
    "Catalogue": ("harness.fleet.plan",),
    "Lab": ("harness.lab.lab", "harness.lab"),
    "place": ("harness.lab.places", "harness.places"),
    "values_in": ("harness.spec",),
}
"""Name -> the modules that have had it, the youngest first."""


def named(name: str) -> Any:
    """What the commit around this calls so.

    Raises:
        SystemExit: it has no such thing (one line).
    """
    for module in PLACES[name]:
        with contextlib.suppress(ImportError, AttributeError):
            return getattr(importlib.import_module(module), name)
    raise SystemExit(f"that commit has no {name} in any of {', '.join(PLACES[name])}")


def runs(names: Any) -> Iterator[Any]:
    """The run of replicate 0 of everything that the commit's claims read, probes and parents included."""
    parts, runnables, item_of = named("parts"), named("runnables"), named("item_of")
    seen: set[str] = set()
    for function in named("functions")(Path.cwd()):
        for world in item_of(function).worlds():
            for value in (
                part for declared in world.values() for v in runnables(declared) for part in parts(v)
            ):
                with contextlib.suppress(ValueError, LookupError):  # its data is not here
                    for run in named("with_parents")([names.run(value, 0)]):
                        if run.key not in seen:
                            seen.add(run.key)
                            yield run


def main() -> None:
    """Print what was asked for as one line of JSON."""
    action, root, *more = sys.argv[1:]
    try:
        names = named("Names")(Path(root))
    except SystemExit:
        names = named("Catalogue")(Path(root))
    if action == "names":
        print(json.dumps(listed(names)))
    else:
        store, asked, processes = more
        requests = json.loads(Path(asked).read_text())
        print(json.dumps(trained(names, Path(root), Path(store), requests, int(processes))))


def listed(names: Any) -> dict[str, Any]:
    """Specification -> address and data, and class -> fields."""
    known: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    for run in runs(names):
        one = names.named(run.value)
        known[named("specification")(run.value)] = {"address": one.address, "sources": one.sources}
        fields |= {type(v).__name__: v.__struct_fields__ for v in named("values_in")(run.value)}
    return {"names": known, "fields": fields}


def trained(names: Any, root: Path, store: Path, requests: list[Any], processes: int) -> dict[str, str]:
    """Compute what was asked for; "address replicate" -> the key of its record in the store."""
    cells = {run.address: run.value for run in runs(names)}
    place = named("place")(store=store, data_root=root if root.is_dir() else None)
    lab = named("Lab")(place, processes=processes)
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
