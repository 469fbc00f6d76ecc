"""Frozen values that say what to compute, and the name each one gets from its content.

A value is equal to another exactly when its canonical form is; the canonical form is plain JSON
(class name and every field that changes the result), so names do not depend on the Python version,
on the order in which fields are written or on whether a learning rate was typed ``1`` or ``1.0``.
"""

from __future__ import annotations

import functools
import hashlib
import math
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

import msgspec

from harness.spec.contracts import Dataset, Joining, Model, Optimizer, Probe, Solver, Stop, Transform

TIERS = ("quick", "standard", "full")

SCALARS = (
    bool, int, float, str, int | None, float | None, str | None,
    tuple[int, ...], tuple[float, ...], tuple[str, ...],
)  # fmt: skip


class Named(msgspec.StructMeta):
    """Classes whose constructors answer a slip of the pen with their own name and fields.

    Raises:
        TypeError: a field that is not there, one that is missing, or too many values.
    """

    def __call__(cls, *values: Any, **named: Any) -> Any:
        try:
            return super().__call__(*values, **named)
        except TypeError as error:
            slip = _slip(cls, len(values), named)
            if not slip:
                raise
            raise TypeError(slip) from error


def _slip(kind: Any, positional: int, named: Mapping[str, Any]) -> str:
    """What is wrong with the arguments of a constructor, "" if it is none of their names and number."""
    fields: tuple[str, ...] = kind.__struct_fields__
    unknown = [name for name in named if name not in fields]
    if unknown:
        return f"{kind.__name__} has no field {unknown[0]!r}; it has {', '.join(fields) or 'none'}"
    if positional > len(fields):
        return f"{kind.__name__} got {positional} values for {len(fields)} fields; it has {', '.join(fields)}"
    twice = [name for name in fields[:positional] if name in named]
    if twice:
        return f"{kind.__name__}: {twice[0]!r} is given twice"
    defaults = (msgspec.NODEFAULT,) * (len(fields) - len(kind.__struct_defaults__)) + kind.__struct_defaults__
    required = [name for name, default in zip(fields, defaults, strict=True) if default is msgspec.NODEFAULT]
    missing = [name for name in required if name not in named and name not in fields[:positional]]
    return f"{kind.__name__} needs {', '.join(missing)}; it has {', '.join(fields)}" if missing else ""


class Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True, metaclass=Named):
    """A frozen description. Subclasses are data sets, corruptions, models, optimizers, experiments.

    Fields named in ``unaddressed`` are carried along but do not change the address (probes, say).

    Raises:
        TypeError: a scalar field got a value of another type.
    """

    unaddressed: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for name, kind in _scalar_fields(type(self)):
            passed = getattr(self, name)
            try:
                value = msgspec.convert(passed, kind)
            except msgspec.ValidationError as error:
                raise TypeError(f"{type(self).__name__}({name}={passed!r}): {error}") from None
            if value is not passed:  # 1 for a float field becomes 1.0: one value, one address
                msgspec.structs.force_setattr(self, name, value)

    def but(self, **changes: Any) -> Self:
        """The same value with some fields replaced; ``data__labels=...`` reaches into a field.

        Raises:
            TypeError: no such field; the message lists the fields there are.
        """
        return typing.cast(Self, _replaced(self, changes))


@functools.cache
def fields_of(kind: type) -> tuple[msgspec.structs.FieldInfo, ...]:
    """A value's fields, in order: msgspec resolves their annotations anew at every call."""
    return msgspec.structs.fields(kind)


@functools.cache
def _scalar_fields(kind: type) -> tuple[tuple[str, Any], ...]:
    return tuple((f.name, f.type) for f in fields_of(kind) if f.type in SCALARS)


def _replaced(value: Value, changes: Mapping[str, Any]) -> Value:
    known = value.__struct_fields__
    replaced: dict[str, Any] = {}
    nested: dict[str, dict[str, Any]] = {}
    for path, change in changes.items():
        name, deeper, rest = path.partition("__")
        if name not in known:
            raise TypeError(f"{type(value).__name__} has no field {name!r}; it has {', '.join(known)}")
        if deeper:
            nested.setdefault(name, {})[rest] = change
        else:
            replaced[name] = change
    for name, inner in nested.items():
        owner = replaced.get(name, getattr(value, name))
        if not isinstance(owner, Value):
            raise TypeError(f"{type(value).__name__}.{name} is {owner!r}, which has no fields to change")
        replaced[name] = owner.but(**inner)
    return msgspec.structs.replace(value, **replaced)


class Tiers(msgspec.Struct, frozen=True, metaclass=Named):
    """One value per tier; ``tiers["quick"]`` reads it, ``but`` changes all of them alike.

    In ``but`` a first step that names a tier changes that tier only (``quick__data__n=500``), and a
    change that is itself ``Tiers`` gives each tier its own (``model=Tiers(quick=..., full=...)``).
    """

    quick: Any = None
    standard: Any = None
    full: Any = None

    def __getitem__(self, tier: str) -> Any:
        value = getattr(self, tier)
        if value is None:
            raise KeyError(tier)
        return value

    def __contains__(self, tier: str) -> bool:
        return getattr(self, tier, None) is not None

    def but(self, **changes: Any) -> Tiers:
        """The same tiers with some fields of their values replaced."""
        return Tiers(**{t: self[t].but(**_for_tier(t, changes)) for t in TIERS if t in self})


def _for_tier(tier: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    for path, change in changes.items():
        first, _, rest = path.partition("__")
        if first in TIERS and not rest:
            raise TypeError(f"{path}=... names no field: write {path}__model=..., say")
        if first in TIERS and first != tier:
            continue
        name = rest if first == tier else path
        if isinstance(change, Tiers):
            if tier not in change:
                continue
            change = change[tier]
        chosen[name] = change
    return chosen


class Anew(msgspec.Struct, frozen=True, metaclass=Named):
    """The same experiment (or sweep, or tiers of them) at replicates of its own, for a control.

    What is read of it is independent of everything that the claim reads: where a control can only put one
    world on both sides, their difference is then noise, as it is between different worlds, and not zero.
    """

    of: Any

    def __post_init__(self) -> None:
        if isinstance(self.of, Anew):
            raise TypeError("Anew(Anew(...)): once is enough")


ANEW = 10_000_000
"""The first replicate of what is read anew: above all that claims, calibrations and fresh judgements read."""


def plain(value: Any) -> Any:
    """What has to be computed, without the word that it is read anew."""
    return value.of if isinstance(value, Anew) else value


class Experiment(Value, frozen=True):
    """A training by gradient descent: data, model and how; address excludes probes.

    Args:
        data: a data set with its corruptions (``harness.data``).
        model: a model (``harness.models``).
        optimizer: ``Sgd(...)``, with its budget in epochs.
        loss: ``"cross_entropy"`` or ``"squared"`` (mean over examples and classes, one-hot targets).
        stop: when to end before the budget; None trains all epochs.
        precision: ``"float32"`` or ``"bfloat16"`` (forward and backward under autocast).
        start: None for a fresh initialization, or ``From(parent, transform)``; of several parents, which
            are joined by a transform, one for each.
        probes: what is measured on the trained weights.

    What the parts must offer is written in ``harness.spec.contracts``.
    """

    unaddressed: ClassVar[tuple[str, ...]] = ("probes",)

    data: Dataset
    model: Model
    optimizer: Optimizer
    loss: str = "cross_entropy"
    stop: Stop | None = None
    precision: str = "float32"
    start: From | tuple[From, ...] | None = None
    probes: tuple[Probe, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.loss not in ("cross_entropy", "squared"):
            raise ValueError(f'loss={self.loss!r}: use "cross_entropy" or "squared"')
        if self.precision not in ("float32", "bfloat16"):
            raise ValueError(f'precision={self.precision!r}: use "float32" or "bfloat16"')

    @property
    def starts(self) -> tuple[From, ...]:
        """The parents it starts from: none, one, or several."""
        if self.start is None:
            return ()
        return self.start if isinstance(self.start, tuple) else (self.start,)


class Solved(Value, frozen=True):
    """A solver on data: ``solver.solve(split, generator)`` gives named numbers and curves."""

    data: Dataset
    solver: Solver


class Simulation(Value, frozen=True):
    """A module-level function of a random generator and parameters, run once per replicate.

    ``function(generator, **params)`` returns a mapping of names to numbers or sequences of numbers.

    Raises:
        TypeError: the function is a lambda or nested, so that no other process could import it.
    """

    function: Callable[..., Mapping[str, Any]]
    params: Mapping[str, object] | tuple[tuple[str, object], ...] = ()

    def __post_init__(self) -> None:
        name = getattr(self.function, "__qualname__", "")
        if not name.isidentifier():
            raise TypeError(f"Simulation needs a function at module level, not {name or self.function!r}")
        pairs = tuple(sorted(dict(self.params).items()))
        msgspec.structs.force_setattr(self, "params", pairs)


class From(Value, frozen=True):
    """Where a chained experiment starts: another's final weights, passed through a transform.

    A transform of None keeps them; that of one of several parents gets the weights of all.
    """

    parent: Experiment
    transform: Transform | Joining | None = None


class Probing(Value, frozen=True):
    """A probe of an experiment's final weights: its own record, so a new probe retrains nothing."""

    experiment: Experiment
    probe: Probe


Runnable = Experiment | Solved | Simulation | Probing


def values_in(value: Value) -> list[Value]:
    """The value itself and every value inside it that its address depends on, depth first."""
    values: list[Value] = []
    _gather(value, values)
    return values


def _gather(value: Value | Sequence[Any], values: list[Value]) -> None:
    inner: Iterable[Any]
    if isinstance(value, Value):
        values.append(value)
        inner = (getattr(value, name) for name in _addressed(type(value)))
    else:
        inner = value
    for item in inner:
        if isinstance(item, (Value, tuple, list)):
            _gather(item, values)


def canonical(value: Any) -> Any:
    """Plain JSON for a value: the same for equal values, on any Python.

    Raises:
        TypeError: something inside has no canonical form (an array, an open file, a numpy scalar, a
            lambda, a class, a number that is not finite: JSON would write it like None).
    """
    if value is None or type(value) in (str, int, bool):  # most of what is asked
        return value
    if isinstance(value, Value):
        kept = _addressed(type(value))
        if "value" in kept:
            raise TypeError(f"{type(value).__name__} has a field named value, which hides its class's name")
        return {"value": type(value).__name__, **{n: canonical(getattr(value, n)) for n in kept}}
    if isinstance(value, (tuple, list)):
        return [canonical(item) for item in value]
    if type(value) is float and math.isfinite(value):
        return value
    if callable(value) and getattr(value, "__qualname__", "").isidentifier() and not isinstance(value, type):
        return {"function": value.__qualname__}
    raise TypeError(f"{type(value).__name__} {value!r} has no canonical form")


@functools.cache
def _addressed(kind: type[Value]) -> tuple[str, ...]:
    return tuple(name for name in kind.__struct_fields__ if name not in kind.unaddressed)


def digest(plain: Any) -> str:
    """SHA-256 (hex) of plain JSON with sorted keys."""
    return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()


def address(value: Value, *, code: str, source: str, semantics: int) -> str:
    """The content address (64 hex digits) of what ``value`` computes.

    Args:
        value: what to compute.
        code: fingerprint of the code it runs (``harness.spec.fingerprint``).
        source: digest of the data files it reads, empty for embedded and generated data.
        semantics: version of the trainer's arithmetic (``harness.fleet.SEMANTICS``).
    """
    return digest({"spec": canonical(value), "code": code, "source": source, "semantics": semantics})


def abbreviated(value: Any, *, chained: bool = False) -> str:
    """One line for people: class names with the fields that differ from their defaults.

    Of a chain, its parents; theirs are left out (``chained``), or the line would double with every link.
    """
    if chained and isinstance(value, From):
        return "From(...)"
    if isinstance(value, Value):
        inner = chained or isinstance(value, From)
        shown = []
        for field in fields_of(type(value)):
            held = getattr(value, field.name)
            if held != field.default:
                text = abbreviated(held, chained=inner)
                shown.append(text if field.required else f"{field.name}={text}")
        return f"{type(value).__name__}({', '.join(shown)})"
    if isinstance(value, tuple):
        return f"({', '.join(abbreviated(item, chained=chained) for item in value)})"
    return getattr(value, "__name__", None) or repr(value)
