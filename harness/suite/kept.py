"""Names of what is computed of a claim: what that depends on, to be kept from session to session."""

from __future__ import annotations

import functools
import hashlib
import inspect
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from harness.lab import pinning, provenance
from harness.spec import fingerprint
from harness.spec.values import Value, canonical, digest

COUNTED = "examples that were not given back"
"""What is counted as an example; outcomes that count otherwise have other names."""
PLAIN = (str, int, float, complex, bool, bytes, Fraction, Decimal, type(None))

CODE = (".py", ".cpp", ".h")
"""What the instrument is written in."""


def name_of(item: pytest.Function, worlds: Mapping[str, Any]) -> str:
    """The name (64 hex digits) of what a body by hypothesis computes in a world; empty if it has none.

    It is made of the code of the claim with its decorators and of all that this reaches, of the body's own
    text (by which hypothesis draws its examples), of what the body is called with, of hypothesis's settings,
    and of the versions, the processor and its kernels of OpenBLAS that compute. A body that reads a fixture,
    trained results or something defined on the spot has no name, nor has one whose code cannot be seen.
    """
    wanted = item._fixtureinfo.argnames
    asked = [item.config.getoption(name, None) for name in ("hypothesis_seed", "hypothesis_profile")]
    if asked != [None, None] or not set(wanted) <= set(item.callspec.params):
        return ""
    held = {name: item.callspec.params[name] for name in wanted} | dict(worlds)
    try:
        described = [(name, *_described(value)) for name, value in sorted(held.items())]
        code = fingerprint.of_definition(item.module.__name__, item.originalname)
        text = inspect.getsource(inspect.unwrap(item.function.hypothesis.inner_test))
    except (LookupError, OSError, TypeError, ValueError):
        return ""
    if fingerprint.unseen():
        return ""
    return digest([code, _short(text), described, *_surroundings()])


def name_with(item: pytest.Function, *more: Any) -> str:
    """The name (64 hex digits) of something else that is computed of a claim; empty if it has none.

    It is made of the code of the claim and of the whole instrument, of the item's parameters, of ``more``
    and of what computes. A claim that some fixture may touch has none, as nobody can say what that does.
    """
    if not set(item.fixturenames) <= {"check", *item.callspec.params}:
        return ""
    try:
        held = [(name, *_described(value)) for name, value in sorted(item.callspec.params.items())]
        code = fingerprint.of_definition(item.module.__name__, item.originalname, but="harness")
        name = digest([code, _instrument(), held, list(more), *_surroundings()])
    except (LookupError, OSError, TypeError, ValueError):
        return ""
    return "" if fingerprint.unseen() else name


@functools.cache
def _instrument() -> str:
    """SHA-256 (hex) of the code of this package without its tests.

    Raises:
        LookupError: it is not in files.
    """
    digested = hashlib.sha256()
    files = sorted(path for path in _files(provenance.HARNESS) if path.suffix in CODE)
    if not files:
        raise LookupError(provenance.HARNESS.name)
    for path in files:
        digested.update(f"{path.relative_to(provenance.HARNESS)}\n".encode())
        digested.update(path.read_bytes())
    return digested.hexdigest()


def _files(root: Path) -> Iterator[Path]:
    for folder, inside, names in os.walk(root):
        inside[:] = [name for name in inside if name not in ("tests", "__pycache__")]
        yield from (Path(folder, name) for name in names)


def _described(value: Any) -> Iterator[str]:
    """What a body is called with, in a few words that differ wherever it does.

    Raises:
        LookupError: it is something of which that cannot be said.
    """
    yield type(value).__name__
    if isinstance(value, PLAIN):
        yield repr(value)
    elif isinstance(value, tuple):
        for item in value:
            yield from _described(item)
        yield "."
    elif isinstance(value, Value):
        yield digest(canonical(value))
        yield fingerprint.fingerprint(value)
    elif callable(value) and _is_top(value):
        yield f"{value.__module__}:{value.__qualname__}"
        yield fingerprint.of_definition(value.__module__, value.__qualname__)
    else:
        raise LookupError(type(value).__name__)


def _is_top(function: Callable[..., Any]) -> bool:
    """Whether a function or class is what its module calls by its name."""
    name = getattr(function, "__qualname__", "")
    module = inspect.getmodule(function)
    return name.isidentifier() and getattr(module, name, None) is function


def _surroundings() -> Iterable[str]:
    """Versions, processor and settings; the latter are read anew, as a profile may be loaded meanwhile."""
    from hypothesis import settings

    return [COUNTED, *_machine(), repr(settings.default)]


@functools.cache
def _machine() -> tuple[str, ...]:
    import sys
    from importlib import metadata

    return (
        sys.version,
        metadata.version("hypothesis"),
        provenance.processor(),
        pinning.core(),
        *(f"{name} {version}" for name, version in sorted(provenance.versions().items())),
    )


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
