"""Whether what people add keeps its contract, told in single lines before anything is trained.

In the manner of scikit-learn's ``check_estimator``: a value is looked at part by part. Every part must offer
what its contract (``harness.spec.contracts``) lists, with the right parameters; classes of the user's own are
tried out on small examples as well (``harness.lab.tryouts``), once per class, the value first met standing
for all others.
"""

from __future__ import annotations

import functools
import inspect
import math
import types
import typing
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from harness.lab import tryouts
from harness.lab.tryouts import Fault, TryoutSetting, calling
from harness.spec import Experiment, Runnable, Simulation, Solved, Tiers, Value, contracts, fields_of

OURS = "harness."
"""Modules of this package begin so; its own classes are tried out by its tests."""


class Role(NamedTuple):
    """One kind of thing that people add.

    Attributes:
        name: in words, with its article.
        contract: what it must offer.
        derived_from: what a class of one's own derives from.
    """

    name: str
    contract: type
    derived_from: str


ROLES = (
    Role("a data set", contracts.Dataset, "harness.data.Examples"),
    Role("a corruption of labels", contracts.Corruption, "harness.data.LabelChange"),
    Role("a corruption of images", contracts.InputCorruption, "harness.data.InputChange"),
    Role("an augmentation", contracts.Augmentation, "harness.data.ImageChange"),
    Role("a model", contracts.Model, "harness.models.Architecture"),
    Role("an optimizer", contracts.Optimizer, "harness.Sgd"),
    Role("a stopping rule", contracts.Stop, "harness.Value"),
    Role("a solver", contracts.Solver, "harness.Value"),
    Role("a probe", contracts.Probe, "harness.Value"),
    Role("a transform", contracts.Transform, "harness.Value"),
)
BY_CONTRACT = {role.contract: role for role in ROLES}
BY_CONTRACT[contracts.Joining] = BY_CONTRACT[contracts.Transform]  # called alike


class Part(NamedTuple):
    """A value inside another one, what it is there for, and the examples that it is used with."""

    value: object
    role: Role
    setting: TryoutSetting


def faults(value: object, root: Path | None = None) -> list[str]:
    """What keeps a value from being planned and trained, a line each; empty if nothing does.

    Nothing that a value of the user's does raises here. Behaviour is tried for classes of modules outside
    the harness only, and only once per class and role.

    Args:
        value: what a claim names (an experiment, a solution, a simulation, a probing, a tuple of them, tiers
            of them), or a part of it.
        root: the data root, for data sets that read files.
    """
    lines: list[str] = []
    for one in members(value):
        if id(one) not in _asked:
            _asked[id(one)] = one, list(_told_of(one, TryoutSetting(root=root), every=False))
        lines += _asked[id(one)][1]
    return list(dict.fromkeys(lines))


_asked: dict[int, tuple[object, list[str]]] = {}
"""Faults by identity: claims share their values. The value is kept, so that its identity stays its own."""


def examined(value: object, root: Path | None = None, setting: TryoutSetting | None = None) -> list[str]:
    """The faults with every part tried out, of whatever module, and the value itself in its own role.

    Args:
        value: as for ``faults``.
        root: as for ``faults``.
        setting: the examples by which a part is tried that is in no experiment.
    """
    setting = (setting or TryoutSetting())._replace(root=root)
    lines = (line for one in members(value) for line in _told_of(one, setting, every=True))
    return list(dict.fromkeys(lines))


def _told_of(value: object, setting: TryoutSetting, *, every: bool) -> Iterator[str]:
    """The faults of a single value: of its parts, of itself, and of planning it where its parts have none."""
    try:
        with calling(f"{type(value).__name__} cannot be looked at"):
            parts = list(_parts_of(value, setting))
            role = role_of(value)
    except Fault as fault:
        yield str(fault)
        return
    if every and role:
        parts.append(Part(value, role, setting))
    told = [line for part in parts for line in _faults_of(part, examine=every or not _is_ours(part.value))]
    if isinstance(value, Simulation):
        told += _uncallable(value)
    yield from told
    theirs = every or not all(_is_ours(part.value) for part in parts)  # of ours the lab tells when it plans
    if not told and theirs and isinstance(value, Runnable) and (why := unplannable(value)):
        yield why


TELLING = (
    ("split", contracts.Dataset), ("build", contracts.Model), ("update", contracts.Optimizer),
    ("settle", contracts.Augmentation), ("reached", contracts.Stop), ("solve", contracts.Solver),
    ("measure", contracts.Probe), ("apply", contracts.InputCorruption), ("apply", contracts.Corruption),
    ("apply", contracts.Transform),
)  # fmt: skip
"""The method by which each role is told, and of those called ``apply`` what else the contract lists."""


def role_of(value: object) -> Role | None:
    """What a value can be used as, told by the method that its class has; None if nothing tells."""
    kind = type(value)
    if kind not in _roles:
        _roles[kind] = _role_told_by(kind)
    return _roles[kind]


_roles: dict[type, Role | None] = {}


def _role_told_by(kind: type) -> Role | None:
    alike: list[Role] = []
    for name, contract in TELLING:
        member = inspect.getattr_static(kind, name, None)
        if callable(member):
            alike.append(BY_CONTRACT[contract])
            if name != "apply" or _says_more(kind, contract):
                return alike[-1]
    if not alike:
        return None
    member = inspect.getattr_static(kind, "apply")
    asked = {role: dict(_offered(role.contract))["apply"] for role in alike}
    by_name = [role for role in alike if _takes_first(member) == _takes_first(asked[role])]
    by_number = [role for role in alike if not _misfit(member, asked[role])]
    return (by_name or by_number or alike)[0]


def _takes_first(method: Any) -> str:
    """The name of the first parameter after self, which is what a method changes; empty if there is none."""
    try:
        return next(iter(list(inspect.signature(method).parameters)[1:]), "")
    except (TypeError, ValueError):
        return ""


def _says_more(kind: type, contract: type) -> bool:
    """Whether a class has all that a contract lists beside methods, if it lists something."""
    said = [name for name, member in _offered(contract) if not callable(member)]
    return bool(said) and all(inspect.getattr_static(kind, name, None) is not None for name in said)


def unplannable(value: Runnable) -> str:
    """Why a value cannot be planned, in one line; empty if it can. Nothing is trained to find out."""
    from harness.fleet.memory import needed
    from harness.lab.durations import estimate
    from harness.lab.pace import described
    from harness.lab.plan import shape_of
    from harness.spec import abbreviated

    try:
        with calling(f"{type(value).__name__} cannot be planned"):
            for asked in (abbreviated, described, shape_of, needed):
                asked(value)
            if not math.isfinite(seconds := estimate(value)):
                raise ValueError(f"by its cost it takes {seconds} s")
    except Fault as fault:
        return str(fault)
    return ""


# -- the parts of a value ----------------------------------------------------------------------------------


def members(value: object) -> Iterator[object]:
    """The single values of a sweep or of tiers."""
    if isinstance(value, Tiers):
        for tier in (value.quick, value.standard, value.full):
            yield from members(tier) if tier is not None else ()
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from members(item)
    elif isinstance(value, dict):
        yield from members(list(value.values()))
    else:
        yield value


def _parts_of(value: object, setting: TryoutSetting) -> Iterator[Part]:
    """Everything inside a value that has a role there, what lies deepest first."""
    if not isinstance(value, Value):
        return
    if isinstance(value, Experiment | Solved):
        setting = _used_with(setting, value.data, value.data)
    elif role_of(value) is BY_CONTRACT[contracts.Dataset]:
        setting = _used_with(setting, getattr(value, "data", value), value)
    for name, role in _roles_in(type(value)):
        inner = getattr(value, name)
        for item in inner if isinstance(inner, (tuple, list)) else (inner,):
            if item is None:
                continue
            yield from _parts_of(item, setting)
            if role is not None:
                yield Part(item, role, setting)
            if role is BY_CONTRACT[contracts.Augmentation]:
                setting = _after(item, setting)


@functools.cache
def _roles_in(kind: type) -> tuple[tuple[str, Role | None], ...]:
    """The fields of a class that hold values, and the role that their annotations give what they hold."""
    named = []
    for field in fields_of(kind):
        roles = [BY_CONTRACT[inner] for inner in _alternatives(field.type) if inner in BY_CONTRACT]
        inside = any(isinstance(k, type) and issubclass(k, Value) for k in _alternatives(field.type))
        if roles or inside or field.type is Any:
            named.append((field.name, roles[0] if roles else None))
    return tuple(named)


def _alternatives(annotation: Any) -> Iterator[Any]:
    """The types that an annotation is made of: those of unions and of tuples."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType, tuple):
        for inner in typing.get_args(annotation):
            yield from _alternatives(inner)
    else:
        yield annotation


def _used_with(setting: TryoutSetting, images: Any, labels: Any) -> TryoutSetting:
    """The setting of what is used with a data set: its shape and classes, if it can tell them."""
    try:
        return TryoutSetting(tuple(images.shape), int(labels.classes), setting.root)
    except Exception:  # the fault is told where the data set itself is looked at
        return setting


def _after(augmentation: Any, setting: TryoutSetting) -> TryoutSetting:
    """The setting of the augmentations that follow one."""
    try:
        return setting._replace(shape=tuple(augmentation.shape(setting.shape)))
    except Exception:  # likewise
        return setting


# -- what a part offers ------------------------------------------------------------------------------------

_known: dict[tuple[type, Role, bool], list[str]] = {}
"""Faults by class and role, and by whether it was tried out: a class is asked once."""


def _faults_of(part: Part, *, examine: bool) -> list[str]:
    key = (type(part.value), part.role, examine)
    if isinstance(part.value, type):
        name = part.value.__name__
        return [f"{name} is a class: {part.role.name} is a value of it, {name}(...)"]
    if key not in _known:
        _known[key] = _missing(part)
        if examine and not _known[key]:
            _known[key] = tryouts.tried(part.value, part.role.contract, part.setting)
    return _known[key]


def _missing(part: Part) -> list[str]:
    """What a part does not offer of its contract, or offers with other parameters."""
    kind, role = type(part.value), part.role
    if not isinstance(part.value, Value):
        why = "so nothing names it by its content"
        return [f"{kind.__name__} is no harness.Value, {why}: derive it from {role.derived_from}"]
    if "<locals>" in kind.__qualname__:
        why = "where no other process can import it"
        return [f"{kind.__name__} is defined inside a function, {why}: define it at the top of its module"]
    absent, odd = [], []
    for name, expected in _offered(role.contract):
        member = inspect.getattr_static(kind, name, None)
        if member is None:
            absent.append(name)
        elif callable(expected) and (wrong := _misfit(member, expected)):
            odd.append(f"{kind.__name__}.{name} {wrong}")
    if absent:
        listed = ", ".join(absent)
        advice = (
            ""
            if role.derived_from == "harness.Value"
            else f": derive it from {role.derived_from}, or add what is missing"
        )
        return [f"{kind.__name__} is used as {role.name} and has no {listed}{advice}"]
    return odd[:1]


@functools.cache
def _offered(contract: type) -> tuple[tuple[str, Any], ...]:
    """The names that a contract lists, those of its own only, with their functions and properties."""
    kinds = [
        k for k in contract.__mro__ if k.__module__ == contracts.__name__ and k is not contracts.Described
    ]
    members = {n: m for k in reversed(kinds) for n, m in vars(k).items() if not n.startswith("_")}
    return tuple((n, m) for n, m in members.items() if callable(m) or isinstance(m, property))


def _misfit(method: Any, expected: Any) -> str:
    """The way in which a method cannot be called as the contract's is; empty if it can."""
    if isinstance(method, (staticmethod, classmethod)):
        return ""
    if not callable(method):
        return "is no method"
    wanted = list(inspect.signature(expected).parameters.values())
    positional = [p for p in wanted if p.kind is not p.KEYWORD_ONLY]
    named = {p.name: None for p in wanted if p.kind is p.KEYWORD_ONLY}
    try:
        signature = inspect.signature(method)
        signature.bind(*[None] * len(positional), **named)
    except (TypeError, ValueError):
        taken = ", ".join(str(p.name) for p in list(signature.parameters.values())[1:])
        called = ", ".join([p.name for p in positional[1:]] + [f"{n}=" for n in named])
        return f"takes ({taken}) and is called with ({called})"
    return ""


def _uncallable(value: Simulation) -> Iterable[str]:
    """Why a simulation's function cannot be called with its parameters."""
    names = dict(value.params)
    try:
        inspect.signature(value.function).bind(None, **names)
    except (TypeError, ValueError) as error:
        called = ", ".join(["generator", *(f"{name}=" for name in names)])
        yield f"{value.function.__name__} cannot be called with ({called}): {error}"


def _is_ours(value: object) -> bool:
    kind = value if isinstance(value, type) else type(value)
    return kind.__module__.startswith(OURS)
