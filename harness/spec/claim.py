"""``@claim``, ``@trained`` and ``@control``: data about a test function, which they leave as it is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from harness.spec import TIERS, Tiers, Value
from harness.spec.verdict import Verdict

F = TypeVar("F", bound=Callable[..., Any])


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """A source, cited by ``key`` (``ZHANG2017``); ``year`` is None where the source bears no date."""

    key: str
    authors: str
    title: str
    venue: str
    year: int | None
    url: str


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """A world whose outcome is known: the claim must fail there, or hold if ``positive``."""

    says: str
    positive: bool
    worlds: Mapping[str, Any]


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """One statement of a paper; see ``claim`` for the fields."""

    paper: Paper
    where: str
    says: str
    adapted: Mapping[str, str]
    reported: Mapping[str, float | str]
    expected: Mapping[str, tuple[Verdict, str]]
    replicates: int | None
    contested: str

    @property
    def tiers(self) -> tuple[str, ...]:
        return tuple(tier for tier in TIERS if tier in self.adapted)

    def expects(self, tier: str) -> tuple[Verdict, str]:
        """The expected verdict at a tier and, if it is not reproduced, why."""
        return self.expected.get(tier, (Verdict.REPRODUCED, ""))


def claim(
    paper: Paper,
    where: str,
    *,
    says: str,
    adapted: Mapping[str, str],
    reported: Mapping[str, float | str] | None = None,
    expected: Mapping[str, tuple[str, str]] | None = None,
    replicates: int | None = None,
    contested: str = "",
) -> Callable[[F], F]:
    """Declare that a test function is a paper's claim.

    Args:
        paper: the source, from ``claims.papers``.
        where: section, table or figure of the source.
        says: the statement, in our words.
        adapted: tier -> what we changed from the paper's setting, or "none"; its keys are the tiers.
        reported: the source's own numbers, shown beside ours.
        expected: tier -> (verdict, reason), where it is not "reproduced".
        replicates: a fixed number of replicates instead of the ladder 5, 10, 20.
        contested: what another source says instead, for claims on which sources disagree.

    Raises:
        TypeError, ValueError: at import, for an unknown tier, an unknown verdict or a missing reason.
    """
    for tier in (*adapted, *(expected or ())):
        if tier not in TIERS:
            raise ValueError(f"unknown tier {tier!r}: one of {', '.join(TIERS)}")
    if not adapted or not says or not where:
        raise ValueError("a claim needs says=, where and adapted= with at least one tier")
    verdicts = {}
    for tier, (verdict, because) in (expected or {}).items():
        if not because:
            raise ValueError(f"expected {verdict!r} at tier {tier!r} needs a reason")
        verdicts[tier] = (Verdict(verdict), because)
    declared = Claim(
        paper=paper,
        where=where,
        says=says,
        adapted=dict(adapted),
        reported=dict(reported or {}),
        expected=verdicts,
        replicates=replicates,
        contested=contested,
    )

    def mark(function: F) -> F:
        function.claim = declared  # type: ignore[attr-defined]
        return function

    return mark


def trained(**worlds: Any) -> Callable[[F], F]:
    """What the test reads: ``runs.<name>`` for experiments, plain values as they are.

    A value may be ``Tiers``, an experiment, a plain value, or a function of the test's parameters
    (by name, ``tier`` among them) that returns one of these.
    """

    def mark(function: F) -> F:
        function.trained = dict(worlds)  # type: ignore[attr-defined]
        return function

    return mark


def control(*, says: str, positive: bool = False, **worlds: Any) -> Callable[[F], F]:
    """The same test in another world: ``worlds`` replaces some of what ``@trained`` names.

    Args:
        says: what is different there, and why the claim must fail (or hold, if ``positive``).
        positive: the claim must hold there; a claim that comes out refuted needs such a control.
    """

    def mark(function: F) -> F:
        others = getattr(function, "controls", ())
        control = Control(says=says, positive=positive, worlds=dict(worlds))
        function.controls = (control, *others)  # type: ignore[attr-defined]
        return function

    return mark


def resolved(value: Any, params: Mapping[str, Any], tier: str) -> Any:
    """What a value of ``@trained`` or ``@control`` stands for, given the item's parameters and tier.

    Raises:
        LookupError: the value has nothing for this tier, or wants a parameter that the test has not.
    """
    if callable(value) and not isinstance(value, (Value, type)):
        value = value(**_arguments(value, {**params, "tier": tier}))
    if isinstance(value, Tiers):
        if tier not in value:
            raise LookupError(f"no experiment is declared for tier {tier!r}")
        value = value[tier]
    return value


def _arguments(function: Callable[..., Any], known: Mapping[str, Any]) -> dict[str, Any]:
    wanted = inspect.signature(function).parameters
    missing = [n for n, p in wanted.items() if n not in known and p.default is p.empty]
    if missing:
        raise LookupError(
            f"{function.__name__} wants {', '.join(missing)}, which the test has no parameter for"
        )
    return {name: known[name] for name in wanted if name in known}
