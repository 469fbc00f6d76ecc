"""Hostile files: refused in one line or read as what they were before; nothing in them is ever run.

A mutation may leave the content as it was (a blank between two names of JSON, a time in gzip's head): then it
is read, and must give what the whole file gave. A report bears no seal: there, whatever is rendered must be
harmless.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from harness.data import decoding, readers, soundness, sources
from harness.data.archives import DataError
from harness.data.npz import npz_arrays
from harness.evidence import schema
from harness.lab.names import Names
from harness.lab.records import RECORD, WEIGHTS, Reached, Sealed
from harness.lab.shipped import Shipped, encode
from harness.lab.store import Store, StoreError
from harness.report import render
from harness.tests.reports import HOSTILE, report
from harness.tests.simulated import record
from harness.tests.tiny import TINY, write_npz
from harness.tests.torture.mutations import mutate
from harness.tests.torture.tally import Fault, Tally

KEY = "ab" * 32
ARRAYS: dict[str, np.ndarray] = {"w": np.arange(6, dtype=np.float32), "b": np.ones(2)}
ACTIVE = re.compile(
    r"<script|<iframe|<object|\son\w+\s*=\s*[\"']|(?:href|src)\s*=\s*[\"']?\s*javascript:", re.I
)
"""What a page must not hold outside its text, where < is written as &lt;."""


def require(holds: bool, fault: str) -> None:
    """Raise it as a fault unless something holds."""
    if not holds:
        raise Fault(fault)


def one_line(error: Exception) -> None:
    """Require that a refusal is a line."""
    require("\n" not in str(error) and bool(str(error)), f"not one line: {str(error)[:80]!r}")


def _same(arrays: Any) -> bool:
    return arrays.keys() == ARRAYS.keys() and all(np.array_equal(arrays[n], a) for n, a in ARRAYS.items())


NEVER_WRITTEN: list[Any] = [
    None, -1, 10**30, 1e308, "", "/etc/passwd", [], {}, {"../../x": KEY}, {"x": [1, 2]}, [[[]]], HOSTILE,
]  # fmt: skip


# -- records and checkpoints ----------------------------------------------------------------------------


def records(folder: Path, chance: random.Random, tally: Tally) -> None:
    """A record or its weights, mutated, and all ways of reading it."""
    store = Store(folder / "store")
    store.publish(record(), ARRAYS)
    before = store.read(KEY)
    how = mutate(store.path(KEY) / chance.choice([RECORD, WEIGHTS]), chance)
    with tally.attempt("record", how):
        for way in chance.sample(["has", "peek", "read", "verify", "weights", "keys", "size"], 7):
            answer: Any = getattr(store, way)(*() if way == "keys" else (KEY,))
            if way in ("peek", "read"):
                require(answer in (None, before), f"{way} gives another record")
            if way == "weights":
                require(answer is None or _same(answer), "gives other weights")
        store.publish(record(), ARRAYS)
        require(store.verify(KEY), "cannot be published anew")


def resealed(folder: Path, chance: random.Random, tally: Tally) -> None:
    """A record with a field that nobody writes, sealed as if it were right."""
    plain = msgspec.to_builtins(record())
    name = chance.choice(list(plain))
    plain[name] = chance.choice(
        [
            None,
            -1,
            10**30,
            1e308,
            "",
            "/etc/passwd",
            [],
            {},
            {"../../x": "ab" * 32},
            {"x": [1, 2]},
            [[[]]],
            HOSTILE,
        ]
    )
    store = Store(folder / "store")
    store.publish(record())
    body = json.dumps(plain).encode()
    outer = Sealed(hashlib.sha256(body).hexdigest(), msgspec.Raw(body))
    (store.path(KEY) / RECORD).write_bytes(msgspec.json.encode(outer))
    with tally.attempt("record, sealed anew", f"{name} = {str(plain[name])[:20]!r}"):
        for way in ("peek", "read", "verify", "weights"):
            getattr(store, way)(KEY)
        seen = store.peek(KEY)
        require(seen is None or not [f for f in seen.files if "/" in f], "a file elsewhere is trusted")
        require(seen is None or seen.key == KEY, "another run's record is trusted")


def checkpoints(folder: Path, chance: random.Random, tally: Tally) -> None:
    """A checkpoint or its arrays, mutated, or another run's."""
    store = Store(folder / "store")
    state = msgspec.structs.asdict(Reached(epoch=2, curves={"loss": [1.5, 1.25]}, seconds=3.0))
    store.checkpoint(KEY, state, ARRAYS)
    whole = store.resume(KEY)
    place = store.root / "partial" / KEY
    if chance.random() < 0.1:
        store.checkpoint("cd" * 32, state, ARRAYS)
        shutil.rmtree(place)
        shutil.copytree(place.parent / ("cd" * 32), place)
        whole, how = None, "another run's"
    else:
        how = mutate(place / chance.choice([RECORD, WEIGHTS]), chance)
    with tally.attempt("checkpoint", how):
        resumed = store.resume(KEY)
        right = resumed is None or (whole is not None and resumed[0] == whole[0] and _same(resumed[1]))
        require(right, "another state is resumed")


def shipped(folder: Path, chance: random.Random, tally: Tally) -> None:
    """A file of shipped records."""
    from harness.commands.exporting import header_of

    file = folder / "records.jsonl.gz"
    several = [record(key=f"{i:02x}" * 32) for i in range(4)]
    file.write_bytes(encode(header_of(report().provenance, Names(Path()), []), several))
    whole = Shipped(file)
    how = mutate(file, chance)
    with tally.attempt("file of shipped records", how):
        try:
            read = Shipped(file)
        except StoreError as error:
            one_line(error)
        else:
            require(read.header == whole.header, "another header is read")
            require(all(read.read(k) == whole.read(k) for k in whole.keys() + read.keys()), "other records")


# -- reports --------------------------------------------------------------------------------------------


def reports(folder: Path, chance: random.Random, tally: Tally) -> None:
    """A report.json with other bytes, or with hostile text for some of its texts."""
    file = folder / "report.json"
    data = schema.encode(report())
    if chance.random() < 0.5:
        file.write_bytes(json.dumps(_poisoned(json.loads(data), chance)).encode())
        how = "hostile text"
    else:
        file.write_bytes(data)
        how = mutate(file, chance)
    with tally.attempt("report", how):
        try:
            written = render.write(render.load([file]), folder / "rendered")
        except ValueError as error:
            one_line(error)
        else:
            page = next(path for path in written if path.suffix == ".html").read_text()
            active = ACTIVE.search(page)
            require(active is None, f"the page holds {active and active.group(0)!r}")


def _poisoned(value: Any, chance: random.Random) -> Any:
    """Plain data in which a tenth of all texts are hostile."""
    if isinstance(value, dict):
        return {name: _poisoned(inner, chance) for name, inner in value.items()}
    if isinstance(value, list):
        return [_poisoned(inner, chance) for inner in value]
    return HOSTILE + value if isinstance(value, str) and chance.random() < 0.1 else value


# -- data -----------------------------------------------------------------------------------------------


def data_files(folder: Path, chance: random.Random, tally: Tally) -> None:
    """An npz file of a collection of images."""
    file = write_npz(folder, TINY) / "cifar10.npz"
    whole = readers.read_npz(TINY, file)
    if chance.random() < 0.5:
        np.savez_compressed(file, **whole._asdict())
    how = mutate(file, chance)
    with tally.attempt("npz file", how):
        try:
            soundness.require_readable(TINY, folder)
            read = sources.find(TINY, folder).read()
        except DataError as error:
            one_line(error)
        else:
            require(all(map(np.array_equal, read, whole)), "other images are read")


class Planted:
    """What leaves a mark where it is unpickled."""

    def __init__(self, call: Callable[..., Any], *arguments: object) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return self.call, self.arguments


def pickles(folder: Path, chance: random.Random, tally: Tally) -> None:
    """A pickle that calls something, or one that was mutated; and an npz file with one inside."""
    mark = folder / "executed"
    code = f"open({str(mark)!r}, 'w')"
    planting: list[tuple[Any, ...]] = [(os.mkdir, str(mark)), (os.system, f"touch {mark}"), (exec, code)]
    planted = Planted(*chance.choice([*planting, (open, str(mark), "w")]))
    content: Any = chance.choice([planted, {b"data": planted}, [np.zeros(2), planted]])
    data = pickle.dumps(content, protocol=chance.choice([2, 4]))
    with tally.attempt("pickle", "a planted call"):
        try:
            readers.unpickled(data)
        except Exception as error:
            one_line(error)
        buffer = io.BytesIO()
        np.savez(buffer, x=np.array([planted], dtype=object))
        (folder / "data.npz").write_bytes(buffer.getvalue())
        try:
            npz_arrays(folder / "data.npz")
        except (ValueError, OSError) as error:
            one_line(error)
        require(not mark.exists(), "it was executed")


def images(folder: Path, chance: random.Random, tally: Tally) -> None:
    """An image with other bytes; without a checksum other pixels cannot be told from the right ones."""
    from PIL import Image

    file = folder / chance.choice(["a.png", "a.jpg"])
    pixels = np.random.default_rng(chance.randrange(99)).integers(256, size=(20, 24, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file)
    how = mutate(file, chance)
    with tally.attempt("image", how):
        try:
            decoding.decoded(file, 16)
        except DataError as error:
            one_line(error)


KINDS = (records, resealed, checkpoints, shipped, reports, data_files, pickles, images)


def attack(folder: Path, chance: random.Random, tally: Tally, ended: Callable[[], bool]) -> None:
    """One mutation of each kind after another, until the time is over."""
    number = 0
    while not number or not ended():
        number += 1
        for kind in KINDS:
            if kind is reports and number % 5 != 1:  # they take twenty times as long as all others
                continue
            place = folder / f"{kind.__name__}-{number}"
            place.mkdir(parents=True)
            kind(place, chance, tally)
            shutil.rmtree(place, ignore_errors=True)
