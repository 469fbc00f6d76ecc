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
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

import msgspec

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

    Fields named in ``unaddressed`` are carried along but do not change the address (probes, say). Fields
    named in ``later`` came when addresses had been given: they count only where they are not at their
    default, so that all earlier addresses stay what they were.

    Raises:
        TypeError: a scalar field got a value of another type.
    """

    unaddressed: ClassVar[tuple[str, ...]] = ()
    later: ClassVar[tuple[str, ...]] = ()

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


def values_in(value: Value) -> list[Value]:
    """The value itself and every value inside it that its address depends on, depth first."""
    values: list[Value] = []
    _gather(value, values)
    return values


def _gather(value: Value | Sequence[Any], values: list[Value]) -> None:
    inner: Iterable[Any]
    if isinstance(value, Value):
        values.append(value)
        inner = (getattr(value, name) for name in addressed(value))
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
        kept = addressed(value)
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


def addressed(value: Value) -> tuple[str, ...]:
    """The names of the fields on which a value's address depends, in order."""
    names, later = _addressed(type(value))
    if not later:
        return names
    default = {name for name, usual in later if getattr(value, name) == usual}
    return tuple(name for name in names if name not in default)


@functools.cache
def _addressed(kind: type[Value]) -> tuple[tuple[str, ...], tuple[tuple[str, Any], ...]]:
    """The fields of a class that addresses depend on, and the defaults of those that came later."""
    names = tuple(name for name in kind.__struct_fields__ if name not in kind.unaddressed)
    return names, tuple((f.name, f.default) for f in fields_of(kind) if f.name in kind.later)


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
