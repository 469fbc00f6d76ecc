"""What a run leaves, and what must agree within it before it is trusted."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from harness.spec.untrusted import decoded

RECORD, WEIGHTS = "record.json", "weights.safetensors"
OUTCOMES = ("fitted", "budget", "diverged", "solved")
DIGEST = re.compile(r"[0-9a-f]{64}")
PLAIN_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")
MOST_REPLICATES = 2**31
"""More than anybody computes; a number beyond it is a slip or a hoax."""

Kind = TypeVar("Kind")


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What a run leaves.

    Attributes:
        key: the run's name, 64 hex digits.
        address: of the experiment; replicate: which repetition.
        what: the experiment in one line.
        finals: name -> number after the last epoch (None where it diverged).
        curves: name -> number per epoch (None where it diverged); or any array, flattened.
        shapes: name -> shape, for curves that are arrays of more than one dimension.
        resolutions: name -> the smallest step the measure can take.
        outcome: "fitted", "budget", "diverged" or "solved".
        steps_per_epoch: gradient steps in an epoch (0 for what is solved).
        seconds: of the processor, or on a GPU by the clock (in a fleet: its share); epochs: trained.
        peak_bytes: largest memory of the process, or of a GPU's tensors, while it (and its fleet) trained;
            where several shared a training, of the largest.
        provenance: device, kernel, fleet size, versions, commit, time, and the session that computed it; of
            images on disk also the digests of some.
        files: sibling file -> SHA-256.
    """

    key: str
    address: str
    replicate: int
    what: str
    finals: dict[str, float | None]
    curves: dict[str, tuple[float | None, ...]]
    resolutions: dict[str, float]
    outcome: str
    seconds: float
    provenance: dict[str, str]
    shapes: dict[str, tuple[int, ...]] = {}
    steps_per_epoch: int = 0
    epochs: int = 0
    peak_bytes: int = 0
    files: dict[str, str] = {}


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """How far a training came: what its checkpoint says beside its arrays.

    Attributes:
        epoch: epochs trained; curves: name -> a number for each of them.
        step: steps taken of the epoch under way; total: the sum of the losses of their examples.
        seconds: that they took; session: the name of the session that trained them.
        code: SHA-256 (hex) of the code of a solver's checkpoints; empty for a training.
    """

    epoch: int = 0
    curves: dict[str, list[float | None]] = {}
    step: int = 0
    total: float = 0.0
    seconds: float = 0.0
    session: str = ""
    code: str = ""


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What a checkpoint's seal covers: whose it is, how far it came, and the SHA-256 of its arrays."""

    key: str
    state: Reached
    arrays: str


class Sealed(msgspec.Struct, frozen=True):
    """A body with the SHA-256 of its bytes."""

    sha256: str
    record: msgspec.Raw


def sealed(body: msgspec.Struct) -> bytes:
    """The bytes of a file that holds a body and its seal."""
    encoded = msgspec.json.encode(body)
    return msgspec.json.encode(Sealed(hashlib.sha256(encoded).hexdigest(), msgspec.Raw(encoded)))


def unsealed(data: bytes, kind: type[Kind]) -> Kind | None:
    """The body of such a file; None where it is torn, of another kind, or nested too deeply to be either."""
    try:
        outer = decoded(data, Sealed)
        if hashlib.sha256(bytes(outer.record)).hexdigest() != outer.sha256:
            return None
        return decoded(outer.record, kind)
    except ValueError:
        return None


def unsound(record: Record) -> str:
    """The first thing of a record that cannot be as it says, whoever sealed it; empty where all agrees."""
    return next(_discrepancies(record), "")


def left_by(data: bytes, key: str) -> Checkpoint | None:
    """The checkpoint of a run in the bytes of a file; None where it is torn, or another's."""
    body = unsealed(data, Checkpoint)
    return None if body is None or body.key != key or unfit(body.state) else body


def unfit(state: Reached) -> bool:
    """Whether a checkpoint's curves and epochs do not fit each other."""
    numbers = [
        state.seconds,
        state.total,
        *(x for curve in state.curves.values() for x in curve if x is not None),
    ]
    wrong = min(state.epoch, state.step, state.seconds) < 0 or not all(map(math.isfinite, numbers))
    return wrong or any(len(curve) != state.epoch for curve in state.curves.values())


def is_plain(name: str) -> bool:
    """Whether a sibling's name is a plain one: no path, no hidden file, and not the record's own."""
    return bool(PLAIN_NAME.fullmatch(name)) and name != RECORD


def _discrepancies(record: Record) -> Iterator[str]:
    if not 0 <= record.replicate < MOST_REPLICATES:
        yield "its replicate is none"
    for name in ("epochs", "steps_per_epoch", "peak_bytes", "seconds"):
        if not 0 <= getattr(record, name) < math.inf:
            yield f"its {name} are no such number"
    if record.outcome not in OUTCOMES:
        yield f"its outcome is none of {', '.join(OUTCOMES)}"
    for name, digest in record.files.items():
        if not (is_plain(name) and DIGEST.fullmatch(digest)):
            yield f"{name[:40]!r} is no file beside it"
    if record.shapes.keys() - record.curves.keys():
        yield "it has a shape of a curve that it does not have"
    for name, curve in record.curves.items():
        shape: Any = record.shapes.get(name, (record.epochs,))
        if min(shape, default=0) < 0 or math.prod(shape) != len(curve):
            yield f"{name} has {len(curve)} numbers, which do not fill {list(shape)}"
        elif name not in record.shapes and not _ends_as_said(record, name):
            yield f"{name} ends with another number than its curve"


def _ends_as_said(record: Record, name: str) -> bool:
    """Whether a curve's last number is the final one; what diverged has none."""
    last = record.curves[name][-1:]
    return record.outcome == "diverged" or not last or record.finals.get(name, last[0]) == last[0]


def unchanging(record: Record) -> Record:
    """The same record, whose numbers nobody can change: all claims that ask for its run read this one."""
    held = ("finals", "curves", "shapes", "resolutions")
    return msgspec.structs.replace(record, **{n: MappingProxyType(getattr(record, n)) for n in held})


def merged(records: list[Record], replicates: int) -> list[Record]:
    """Each training's record with the numbers of its probes added."""
    each = []
    for r in range(replicates):
        whole, *probed = records[r::replicates]
        for other in probed:
            whole = msgspec.structs.replace(
                whole,
                finals=whole.finals | other.finals,
                curves=whole.curves | other.curves,
                shapes=whole.shapes | other.shapes,
                seconds=whole.seconds + other.seconds,
            )
        each.append(whole)
    return each
