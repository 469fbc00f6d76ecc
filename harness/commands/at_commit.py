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
