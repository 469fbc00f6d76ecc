"""Records and checkpoints: bound to their names, plain beside each other, and at one with themselves."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from harness.lab.records import Checkpoint, Reached, Record, Sealed, is_plain, sealed, unsealed, unsound
from harness.lab.store import RECORD, WEIGHTS, Store
from harness.tests.simulated import record

KEY = "ab" * 32
SHA = "0" * 64
WEIGHED = {"w": np.ones(3)}


def test_a_record_that_agrees_with_itself_is_sound() -> None:
    table: dict[str, Any] = {
        "curves": {"table": (1.0,) * 6, "list": (2.0, 3.0), "none": ()},
        "finals": {"x": 1.0},
        "epochs": 0,
    }
    shapes = {"table": (2, 3), "list": (2,), "none": (0, 4)}
    assert unsound(record()) == ""
    assert unsound(record(**table, shapes=shapes, outcome="solved")) == ""
    diverged: dict[str, Any] = {"outcome": "diverged", "curves": {"train_error": (0.5, None, 0.25)}}
    assert unsound(record(**diverged, finals={"train_error": None})) == ""


HOSTILE: dict[str, dict[str, Any]] = {
    "an absolute path": {"files": {"/etc/passwd": SHA}},
    "a path": {"files": {"../x/record.json": SHA}},
    "another path": {"files": {"a\\b": SHA}},
    "the folder": {"files": {".": SHA}},
    "the folder above": {"files": {"..": SHA}},
    "no name": {"files": {"": SHA}},
    "a long name": {"files": {"w" * 300: SHA}},
    "a name with an end": {"files": {"weights\0.safetensors": SHA}},
    "a name with a line": {"files": {"weights\n": SHA}},
    "itself": {"files": {RECORD: SHA}},
    "no digest": {"files": {WEIGHTS: "123"}},
    "a negative replicate": {"replicate": -1},
    "a long replicate": {"replicate": 10**400},
    "negative epochs": {"epochs": -5, "curves": {}},
    "negative seconds": {"seconds": -0.5},
    "negative steps": {"steps_per_epoch": -1},
    "negative memory": {"peak_bytes": -1},
    "another outcome": {"outcome": "splendid"},
    "a curve too short": {"curves": {"train_error": (0.5, 0.25)}},
    "more epochs than points": {"epochs": 4},
    "no epochs": {"epochs": 0},
    "a shape that is too large": {"shapes": {"train_error": (2, 2)}},
    "a negative shape": {"shapes": {"train_error": (-1, -3)}},
    "a shape without curve": {"shapes": {"other": (3,)}},
    "another end": {"finals": {"train_error": 0.125}},
}


@pytest.mark.parametrize("how", HOSTILE)
def test_a_record_that_contradicts_itself_is_not_trusted_however_well_sealed(
    tmp_path: Path, how: str
) -> None:
    store = Store(tmp_path)
    store.publish(record())
    hostile = record(**HOSTILE[how])
    assert unsound(hostile)
    (store.path(KEY) / RECORD).write_bytes(sealed(hostile))
    assert store.peek(KEY) is None
    assert not store.verify(KEY)
    assert [path.name[:64] for path in (store.root / "aside").iterdir()] == [KEY]


def deep(record_file: Path) -> None:
    nested = b'{"a":' * 100_000
    record_file.write_bytes(
        b'{"sha256":"%s","record":%s' % (hashlib.sha256(nested).hexdigest().encode(), nested)
    )


def deep_and_sealed(record_file: Path) -> None:
    nested = b"[" * 100_000 + b"]" * 100_000
    body = b'{"key":' + nested + b"}"
    record_file.write_bytes(msgspec.json.encode(Sealed(hashlib.sha256(body).hexdigest(), msgspec.Raw(body))))


def fifo(record_file: Path) -> None:
    record_file.unlink()
    os.mkfifo(record_file)


def link_to_itself(record_file: Path) -> None:
    record_file.unlink()
    record_file.symlink_to(record_file)


def link_elsewhere(record_file: Path) -> None:
    elsewhere = record_file.parents[3] / "elsewhere.json"
    record_file.rename(elsewhere)
    record_file.symlink_to(elsewhere)


def enormous(record_file: Path) -> None:
    os.truncate(record_file, 2**40)  # a hole: it takes no room


STRANGE = (deep, deep_and_sealed, fifo, link_to_itself, link_elsewhere, enormous)


@pytest.mark.parametrize("make", STRANGE)
def test_whatever_lies_in_the_place_of_a_record_is_set_aside_and_nobody_waits(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    store = Store(tmp_path / "store")
    store.publish(record(), WEIGHED)
    make(store.path(KEY) / RECORD)
    assert store.peek(KEY) is None
    assert store.read(KEY) is None
    assert not store.has(KEY)
    assert len(list((store.root / "aside").iterdir())) == 1
    store.publish(record())
    assert store.read(KEY) == record()


@pytest.mark.parametrize("make", STRANGE)
def test_whatever_lies_in_the_place_of_a_checkpoint_is_dropped(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    store = Store(tmp_path / "store")
    store.checkpoint(KEY, {"epoch": 1}, WEIGHED)
    make(store.root / "partial" / KEY / RECORD)
    assert store.resume(KEY) is None
    store.checkpoint(KEY, {"epoch": 2}, WEIGHED)
    resumed = store.resume(KEY)
    assert resumed is not None
    assert resumed[0]["epoch"] == 2


@pytest.mark.parametrize("content", [b"", b"\0" * 64, b"{}", b"\xff" * 200, b'\x08\0\0\0\0\0\0\0{"a":1}}'])
def test_weights_with_the_right_digest_that_are_none_are_set_aside(tmp_path: Path, content: bytes) -> None:
    store = Store(tmp_path)
    store.publish(record(), WEIGHED)
    (store.path(KEY) / WEIGHTS).write_bytes(content)
    files = {WEIGHTS: hashlib.sha256(content).hexdigest()}
    (store.path(KEY) / RECORD).write_bytes(sealed(record(files=files)))
    assert store.weights(KEY) is None
    assert not store.has(KEY)


STATES: dict[str, Any] = {
    "epochs that are none": {"epoch": -1},
    "words": {"epoch": "two"},
    "half an epoch": {"epoch": 1.5},
    "curves of another length": {"epoch": 2, "curves": {"train_loss": [1.0]}},
    "curves of words": {"epoch": 1, "curves": {"train_loss": ["low"]}},
    "a list": [1, 2],
    "negative seconds": {"epoch": 1, "seconds": -3.0},
}


@pytest.mark.parametrize("how", STATES)
def test_a_sealed_checkpoint_that_makes_no_sense_is_dropped(tmp_path: Path, how: str) -> None:
    store = Store(tmp_path)
    store.checkpoint(KEY, {"epoch": 1}, WEIGHED)
    file = store.root / "partial" / KEY / RECORD
    good = unsealed(file.read_bytes(), Checkpoint)
    assert good is not None
    body = msgspec.json.encode({"key": KEY, "state": STATES[how], "arrays": good.arrays})
    file.write_bytes(msgspec.json.encode(Sealed(hashlib.sha256(body).hexdigest(), msgspec.Raw(body))))
    assert store.resume(KEY) is None


def test_a_checkpoint_before_keys_were_in_the_seal_is_dropped(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.checkpoint(KEY, {"epoch": 1}, WEIGHED)
    file = store.root / "partial" / KEY / RECORD
    state = {"epoch": 1, "curves": {}}
    digest = hashlib.sha256(msgspec.json.encode(state, order="sorted")).hexdigest()
    arrays = hashlib.sha256((file.parent / WEIGHTS).read_bytes()).hexdigest()
    file.write_bytes(msgspec.json.encode({"state": state, "sha256": arrays, "state_sha256": digest}))
    assert store.resume(KEY) is None


@pytest.mark.parametrize("hours", [-1000, 0, 1000])
def test_what_is_trained_anew_resumes_checkpoints_of_its_own_session_alone(
    tmp_path: Path, hours: int
) -> None:
    store = Store(tmp_path)
    store.checkpoint(KEY, {"epoch": 1, "session": "here"}, WEIGHED)
    moment = time.time() + 3600 * hours
    os.utime(store.root / "partial" / KEY / RECORD, (moment, moment))
    assert store.resume(KEY, session="here") is not None
    assert store.resume(KEY) is not None
    assert store.resume(KEY, session="there") is None
    assert store.resume(KEY) is None  # dropped: what is trained now writes its own


def test_a_checkpoint_of_another_run_is_dropped(tmp_path: Path) -> None:
    store, other = Store(tmp_path), "cd" * 32
    store.checkpoint(other, {"epoch": 1}, WEIGHED)
    shutil.copytree(store.root / "partial" / other, store.root / "partial" / KEY)
    assert store.resume(KEY) is None
    assert store.resume(other) is not None


def test_a_seal_covers_every_byte() -> None:
    for body in (record(), Checkpoint(key=KEY, state=Reached(epoch=3), arrays=SHA)):
        data = sealed(body)
        assert unsealed(data, type(body)) == body
        for i in range(data.index(b'"record"') + len('"record":'), len(data) - 1):
            assert unsealed(data[:i] + bytes([data[i] ^ 1]) + data[i + 1 :], type(body)) is None
    assert unsealed(sealed(record()), Checkpoint) is None
    assert unsealed(sealed(Checkpoint(key=KEY, state=Reached(), arrays=SHA)), Record) is None


def test_plain_names() -> None:
    assert all(map(is_plain, (WEIGHTS, "a", "A-1_b.c")))
    assert not any(map(is_plain, ("a/b", ".a", "..", "", "a b", "é", RECORD)))
