"""Names of exact bodies: what their outcome depends on, so that it can be kept from session to session."""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from harness.lab import provenance
from harness.spec import fingerprint
from harness.spec.values import Value, canonical, digest

COUNTED = "examples that were not given back"
"""What is counted as an example; outcomes that count otherwise have other names."""
PLAIN = (str, int, float, complex, bool, bytes, Fraction, Decimal, type(None))


def name_of(item: pytest.Function, worlds: Mapping[str, Any]) -> str:
    """The name (64 hex digits) of what a body by hypothesis computes in a world; empty if it has none.

    It is made of the code of the claim with its decorators and of all that this reaches, of the body's own
    text (by which hypothesis draws its examples), of what the body is called with, of hypothesis's settings,
    and of the versions and the processor that compute. A body that reads a fixture, trained results or
    something defined on the spot has no name, nor has one whose code cannot be seen.
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
        *(f"{name} {version}" for name, version in sorted(provenance.versions().items())),
    )


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
