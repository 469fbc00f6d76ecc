"""``@claim``, ``@trained`` and ``@control``: data about a test function, which they leave as it is."""

from __future__ import annotations

import functools
import inspect
import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

import msgspec

from harness.spec import TIERS, Anew, Runnable, Tiers, Value
from harness.spec.said import Change, Saying, Unprinted, require_ledger, require_said
from harness.spec.verdict import Expected

F = TypeVar("F", bound=Callable[..., Any])
MOST = 100
"""Replicates that a verdict may read; others are for calibration (``harness.lab.replicates``)."""
JUDGE = "harness.suite.plugin"
"""What judges claims, once pytest has loaded it."""


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """A source, cited by ``key`` (``ZHANG2017``); ``year`` is None where the source bears no date."""

    key: str
    authors: str
    title: str
    venue: str
    year: int | None
    url: str


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """A world whose outcome is known: the claim must fail there, or hold if ``positive``.

    ``trivial`` is the reason why it compares a world with itself, or exchanges two; "" if it does neither.
    """

    says: str
    positive: bool
    worlds: Mapping[str, Any]
    trivial: str = ""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """One statement of a paper; see ``claim`` for the fields."""

    paper: Paper
    where: str
    says: str
    adapted: Mapping[str, str]
    reported: Mapping[str, float | str]
    expected: Mapping[str, tuple[Expected, str]]
    replicates: int | dict[str, int] | None
    contested: str
    kind: Saying = Saying.STATEMENT
    changed: tuple[Change, ...] = ()
    unprinted: Unprinted | None = None

    @property
    def tiers(self) -> tuple[str, ...]:
        return tuple(tier for tier in TIERS if tier in self.adapted)

    def expects(self, tier: str) -> tuple[Expected, str]:
        """The verdict or verdicts expected at a tier and, if it is not just reproduced, why."""
        return self.expected.get(tier, (Expected.REPRODUCED, ""))

    def replicates_at(self, tier: str) -> int | None:
        """The fixed number of replicates at a tier; None for the ladder."""
        return self.replicates.get(tier) if isinstance(self.replicates, dict) else self.replicates

    def but(self, **changes: Any) -> Claim:
        """The claim with other fields, checked as ``claim`` checks them.

        Raises:
            TypeError, ValueError: as ``claim``.
        """

        def unmarked() -> None:
            """Take the mark, which is read off again."""

        fields = msgspec.structs.asdict(self)
        unprinted = fields.pop("unprinted")
        fields["reported"] = fields["reported"] or unprinted
        marked: Any = claim(**{**fields, **changes})(unmarked)
        return cast(Claim, marked.claim)


def claim(
    paper: Paper,
    where: str,
    *,
    adapted: Mapping[str, str],
    says: str = "",
    reported: Mapping[str, float | str] | str | None = None,
    expected: Mapping[str, tuple[str, str]] | None = None,
    replicates: int | Mapping[str, int] | None = None,
    contested: str = "",
    kind: str = "statement",
    changed: Sequence[Change] = (),
) -> Callable[[F], F]:
    """Declare that a test function is a paper's claim; its docstring is the statement, in our words.

    Args:
        paper: the source, from ``claims.papers``.
        where: section, table or figure of the source.
        adapted: tier -> what we changed from the paper's setting, or "none"; its keys are the tiers.
        says: the statement, where it is put together and so cannot be the docstring.
        reported: the source's own numbers (or words) by name, shown beside ours. Or why there is none:
            "theorem", "figure" or "words", none of which has a number at that place, which was read; or
            "unconfirmed", where it could not be read. A statement needs one of these.
        expected: tier -> (verdict, reason), where it is not "reproduced"; two verdicts where chance decides
            between them: ("inconclusive or reproduced", reason).
        replicates: a fixed number of replicates, or one for each tier named, instead of the ladder 5, 10, 20.
        contested: what another source says instead, for claims on which sources disagree.
        kind: who says it. "statement": the source. "printed": the source prints a number; every check is
            ``matches`` against a number of ``reported``. "retold": people retell it of the source, which does
            not say it. "counter": only we do, and the paper is ``OVERCLAIM``.
        changed: the ledger, a ``Change`` for each thing that was changed after a verdict had been seen.

    Raises:
        TypeError, ValueError: at import, for an unknown tier or kind, a kind that does not go with the paper
            or the reported numbers, a verdict that cannot be expected, a missing reason, or something else
            than words and numbers where the report shows words and numbers.
    """
    _warn_where_nothing_judges()
    _require_tiers(adapted=adapted, expected=expected or {})
    _require_counts(replicates)
    if not adapted or not where:
        raise ValueError("a claim needs where and adapted= with at least one tier")
    _require_tested(adapted, [*(expected or {}), *(replicates if isinstance(replicates, Mapping) else ())])
    if not isinstance(paper, Paper):
        raise TypeError(f"a claim is of a Paper, not of {paper!r:.100}")
    says_who, ledger = Saying.of(kind), require_ledger(changed)
    unprinted = Unprinted.of(reported) if isinstance(reported, str) else None
    printed = {} if reported is None or isinstance(reported, str) else dict(reported)
    verdicts = {tier: _expected(tier, pair) for tier, pair in (expected or {}).items()}

    def mark(function: F) -> F:
        if isinstance(function, type):
            raise TypeError(f"@claim marks test functions, and {function.__name__} is a class")
        if hasattr(function, "claim"):
            raise TypeError(f"{function.__name__} is a claim already: the other @claim would be lost")
        declared = Claim(
            paper=paper,
            where=where,
            says=says or _docstring_of(function),
            adapted=dict(adapted),
            reported=printed,
            expected=verdicts,
            replicates=dict(replicates) if isinstance(replicates, Mapping) else replicates,
            contested=contested,
            kind=says_who,
            changed=ledger,
            unprinted=unprinted,
        )
        _require_shown(declared)
        require_said(says_who, paper.key, declared.reported, unprinted)
        function.claim = declared  # type: ignore[attr-defined]
        return function

    return mark


def _require_tested(adapted: Mapping[str, str], named: Sequence[str]) -> None:
    """Refuse a tier that says nothing of its setting, or one of ``named`` that the claim is not tested at.

    Raises:
        ValueError: there is one.
    """
    if blank := [tier for tier, text in adapted.items() if isinstance(text, str) and not text.strip()]:
        raise ValueError(f"adapted= is blank for tier {blank[0]!r}: say what was changed, or 'none'")
    if idle := [tier for tier in named if tier not in adapted]:
        raise ValueError(f"tier {idle[0]!r} is not in adapted=, so the claim is not tested there")


def _docstring_of(function: Any) -> str:
    """The statement that a test function's docstring makes, in one line.

    Raises:
        ValueError: it says nothing.
    """
    statement = " ".join((function.__doc__ or "").split())
    if not statement:
        raise ValueError(f"{function.__name__} needs a docstring that states the claim")
    return statement


def _require_shown(declared: Claim) -> None:
    """Refuse what a report has no place for: it shows a claim whatever comes out.

    Raises:
        TypeError: something else than words and numbers.
    """
    try:
        msgspec.json.decode(msgspec.json.encode(declared), type=Claim)
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"@claim: {error}") from None


def _require_counts(replicates: int | Mapping[str, int] | None) -> None:
    """Refuse a number of replicates, or of those at a tier, below one or above those that verdicts read.

    Raises:
        ValueError: it is no such whole number, or is named for something else than a tier.
    """
    by_tier = replicates if isinstance(replicates, Mapping) else {}
    _require_tiers(replicates=by_tier)
    for count in by_tier.values() if by_tier else () if replicates is None else (replicates,):
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MOST:
            told = f"replicates={replicates!r:.100}: a whole number from 1 to {MOST}"
            raise ValueError(f"{told} is needed (verdicts read replicates 0 to {MOST - 1}), or leave it out")


def _warn_where_nothing_judges() -> None:
    """Warn where pytest collects claims, which it would only deselect, without what judges them."""
    collecting = "PYTEST_VERSION" in os.environ and "_pytest.main" in sys.modules
    if not collecting or JUDGE in sys.modules:
        return
    import multiprocessing

    if multiprocessing.parent_process() is None:  # in others, values are unpickled
        warnings.warn(
            f"nothing judges these claims: pytest_plugins = ['{JUDGE}'] is missing in the conftest.py beside "
            f"their folder, or -p {JUDGE} on the command line",
            stacklevel=3,
        )


def _require_tiers(**said: Mapping[str, object]) -> None:
    """Refuse what is no mapping of tiers.

    Raises:
        TypeError, ValueError: it is no mapping, or has something else than tiers as its keys.
    """
    for name, by_tier in said.items():
        if not isinstance(by_tier, Mapping):
            raise TypeError(f"{name}={by_tier!r:.100}: a mapping of tiers is needed")
        for tier in by_tier:
            if tier not in TIERS:
                raise ValueError(f"unknown tier {tier!r}: one of {', '.join(TIERS)}")


def _expected(tier: str, pair: object) -> tuple[Expected, str]:
    """What is expected at a tier, and why.

    Raises:
        TypeError, ValueError: it is no verdict, or two that go together, with a reason.
    """
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise TypeError(f"expected={{{tier!r}: {pair!r:.100}}}: a verdict and a reason are needed")
    verdict, because = pair
    if not isinstance(verdict, str):
        raise TypeError(f"expected={{{tier!r}: {pair!r:.100}}}: a verdict is a word, or two joined by 'or'")
    if not isinstance(because, str) or not because.strip():
        raise ValueError(f"expected {verdict!r} at tier {tier!r} needs a reason")
    try:
        return Expected.of(verdict), because
    except ValueError as error:
        raise ValueError(f"expected at tier {tier!r}: {error}") from None


def trained(**worlds: Any) -> Callable[[F], F]:
    """What the test reads, each under the name of one of its parameters, as fixtures arrive in pytest.

    An experiment arrives as its ``Results``; a mapping or list of experiments (a sweep) as a mapping or
    list of them; anything else as it is. A value may be ``Tiers``, one of these, or a function of the
    test's other parameters (by name, ``tier`` among them) that returns one of these.
    """

    def mark(function: F) -> F:
        if hasattr(function, "trained"):
            raise TypeError(
                f"{function.__name__} has @trained already: name all that it reads in one of them"
            )
        signature = inspect.signature(function)
        others = [p for name, p in signature.parameters.items() if name not in worlds]

        @functools.wraps(function)  # hypothesis asks its own function for the whole signature
        def taking(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            return function(*args, **kwargs)

        # pytest would look for fixtures of the worlds' names
        taking.__signature__ = signature.replace(parameters=others)  # type: ignore[attr-defined]
        taking.trained = dict(worlds)  # type: ignore[attr-defined]
        taking.untaken = _untaken(signature, worlds)  # type: ignore[attr-defined]
        return cast(F, taking)

    return mark


def _untaken(signature: inspect.Signature, worlds: Mapping[str, Any]) -> tuple[str, ...]:
    """The worlds that no parameter takes."""
    if any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values()):
        return ()
    return tuple(name for name in worlds if name not in signature.parameters)


def control(*, says: str, positive: bool = False, trivial: str = "", **worlds: Any) -> Callable[[F], F]:
    """The same test in another world: ``worlds`` replaces some of what ``@trained`` names.

    A near miss is asked for: a world that differs from the claim's in the one thing that the claim is about.

    Args:
        says: what is different there, and why the claim must fail (or hold, if ``positive``).
        positive: the claim must hold there; a claim that comes out refuted needs such a control.
        trivial: why no near miss can be thought of, where the control makes different worlds of the claim
            one, or exchanges them; such a control is refused without a reason (see ``Anew``).
    """

    def mark(function: F) -> F:
        others = getattr(function, "controls", ())
        if not isinstance(says, str) or not isinstance(positive, bool):
            raise TypeError(f"@control takes says= in words and positive= True or False, not {says!r:.100}")
        if not says.strip():
            raise ValueError("@control needs says=: what is different there, and why the claim must fail")
        if not isinstance(trivial, str):
            raise TypeError(f"@control takes trivial= as a reason in words, not {trivial!r:.100}")
        if trivial and not trivial.strip():
            raise ValueError("@control takes trivial= as a reason in words, and this one is blank")
        control = Control(says=says, positive=positive, worlds=dict(worlds), trivial=trivial)
        function.controls = (control, *others)  # type: ignore[attr-defined]
        return function

    return mark


def resolved(value: Any, params: Mapping[str, Any], tier: str) -> Any:
    """What a value of ``@trained`` or ``@control`` stands for, given the item's parameters and tier.

    The members of a sweep may be ``Tiers`` each.

    Raises:
        LookupError: the value has nothing for this tier, or wants a parameter that the test has not.
    """
    if isinstance(value, Anew):
        return _anew(resolved(value.of, params, tier))
    if callable(value) and not isinstance(value, (Value, type)):
        value = value(**_arguments(value, {**params, "tier": tier}))
    return _whole(value, tier)


def _whole(value: Any, tier: str) -> Any:
    """A value at a tier; of a sweep, each of its members."""
    if isinstance(value, Mapping):
        return {key: _at_tier(member, tier) for key, member in value.items()}
    if type(value) in (list, tuple):  # a named tuple is a plain value, and no sweep
        return type(value)(_at_tier(member, tier) for member in value)
    return _at_tier(value, tier)


def _anew(value: Any) -> Any:
    """A resolved value read anew: of a sweep, each of its members.

    Raises:
        TypeError: there is nothing in it to compute.
    """
    if isinstance(value, Mapping):
        return {key: _anew(member) for key, member in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_anew, value))
    if not isinstance(value, Runnable):
        raise TypeError(f"Anew({value!r:.60}): only what is computed can be read anew")
    return Anew(value)


def _at_tier(value: Any, tier: str) -> Any:
    if isinstance(value, Anew):
        return _anew(_whole(value.of, tier))
    if not isinstance(value, Tiers):
        return value
    if tier not in value:
        raise LookupError(f"no experiment is declared for tier {tier!r}")
    return value[tier]


def _arguments(function: Callable[..., Any], known: Mapping[str, Any]) -> dict[str, Any]:
    wanted = inspect.signature(function).parameters
    named = {n: p for n, p in wanted.items() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
    missing = [n for n, p in named.items() if n not in known and p.default is p.empty]
    if missing:
        raise LookupError(
            f"{function.__name__} wants {', '.join(missing)}, which the test has no parameter for; "
            f"it has {', '.join(known)}"
        )
    return {name: known[name] for name in named if name in known}
