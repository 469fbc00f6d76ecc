"""Makes an item to judge of a collected pytest function, and an entry of the report of its judgement."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeGuard

import msgspec
import pytest
from _pytest.pathlib import resolve_package_path

from harness.evidence.measured import Slip
from harness.evidence.outcome import ControlOutcome, Evidence
from harness.evidence.schema import ClaimReport
from harness.judging.check import Check
from harness.judging.ladder import Item, Judgement, is_counterexample, told
from harness.judging.lines import ClaimLines, written
from harness.judging.rehearsal import Body, said, unprinted
from harness.judging.unshared import unshared
from harness.lab import leftovers
from harness.lab.exact import ExactOutcome, ExactOutcomes
from harness.spec import TIERS
from harness.spec.claim import Claim
from harness.spec.verdict import Verdict
from harness.suite import kept

PLUGIN = "harness.suite.plugin"
"""The name by which pytest loads what judges claims."""
LONGEST = 4_000
"""Characters of a reason; the terminal has the rest."""
REPEATED = "__pytest_repeat_step_number"
"""The parameter that pytest-repeat adds to an item."""


class Mistake(ValueError):
    """The claim is not written as a claim must be; the message is one line, no traceback is needed."""


def is_claim(item: Any) -> TypeGuard[pytest.Function]:
    """Is a collected item a test function that ``@claim`` marked?"""
    return isinstance(getattr(getattr(item, "function", None), "claim", None), Claim)


def claim_of(item: pytest.Function) -> Claim:
    """What an item judges: the test's claim, in which ``pytest.mark.claimed`` on a parameter replaces fields.

    A mark that says what ``claim`` would refuse replaces nothing; ``marked_wrongly`` says so.
    """
    declared: Claim = item.function.claim
    try:
        return _as_marked(item)
    except (TypeError, ValueError):
        return declared


def _as_marked(item: pytest.Function) -> Claim:
    declared: Claim = item.function.claim
    changes = {field: value for mark in item.iter_markers("claimed") for field, value in mark.kwargs.items()}
    return declared.but(**changes) if changes else declared


def marked_wrongly(item: pytest.Function) -> str:
    """What is wrong with the marks on an item's parameters, in one line; empty if nothing is."""
    if unknown := _marked_tiers(item) - set(TIERS):
        return f"tiers({', '.join(sorted(unknown))}): one of {', '.join(TIERS)}"
    try:
        _as_marked(item)
    except (TypeError, ValueError) as error:
        changes = dict.fromkeys(field for mark in item.iter_markers("claimed") for field in mark.kwargs)
        return f"claimed({', '.join(changes)}): {error}"
    return ""


def _marked_tiers(item: pytest.Function) -> set[str]:
    return {str(tier) for mark in item.iter_markers("tiers") for tier in mark.args}


def is_tested(item: pytest.Function) -> bool:
    """Is this parameter tested at this tier? ``pytest.mark.tiers`` may leave out some of its claim's."""
    return tier_of(item) in tiers_of(item)


def tiers_of(item: pytest.Function) -> tuple[str, ...]:
    """The tiers at which an item's claim is tested with the item's parameters."""
    named = _marked_tiers(item)
    if not named <= set(TIERS):  # told as a mistake of this claim, at all of its tiers
        named = set()
    adapted = claim_of(item).adapted
    return tuple(tier for tier in TIERS if tier in adapted and (not named or tier in named))


def tier_of(item: pytest.Function) -> str:
    """The tier at which an item judges its claim."""
    return str(item.callspec.params["tier"])


def claim_id(item: pytest.Function) -> str:
    """A claim's file, function and parameters: the node id without the tier, which is the first parameter.

    A file of a package is named from the package's top on, wherever pytest was started. What repeats items
    (pytest-repeat) adds a parameter that is none of the claim's.
    """
    head = _at_top(item).removesuffix(item.name) + item.originalname
    rest = item.callspec.id.removeprefix(tier_of(item)).removeprefix("-")
    if REPEATED in item.callspec.params:
        rest = re.sub(r"-?\d+-\d+$", "", rest)
    return f"{head}[{rest}]" if rest else head


def command_of(item: pytest.Function) -> str:
    """What judges an item again, on the same replicates: at the top of a checkout, or what is installed."""
    first = item.config.getoption("first_replicate")
    name = item.name
    if REPEATED in item.callspec.params:
        name = re.sub(r"-\d+-\d+\]$", "]", name)
    again = f'python -m pytest "{_at_top(item).removesuffix(item.name)}{name}"'
    if item.config.getoption("pyargs"):
        again = f'python -m pytest -p {PLUGIN} --pyargs "{item.module.__name__}::{name}"'
    return f"{again} --first-replicate {first}" if first else again


def _at_top(item: pytest.Function) -> str:
    """The node id of an item as it is where pytest is started above its package."""
    file = _in_package(item.path)
    return f"{file}::{item.nodeid.partition('::')[2]}" if file else item.nodeid


@functools.cache
def _in_package(path: Path) -> str:
    """A file from the top of its package on, or from a folder ``claims`` around it; empty if in neither.

    Node ids begin at pytest's root, which of a repository without settings depends on the options there are.
    """
    package = resolve_package_path(path)
    package = package or next((folder for folder in path.parents if folder.name == "claims"), None)
    return path.relative_to(package.parent).as_posix() if package else ""


def item_of(item: pytest.Function, exact: ExactOutcomes | None = None) -> Item:
    """What there is to judge in a collected pytest function.

    Args:
        exact: where outcomes of exact bodies are kept; without, they are computed.
    """
    test = item.function
    return Item(
        claim=claim_of(item),
        trained=getattr(test, "trained", {}),
        controls=getattr(test, "controls", ()),
        params=_params(item),
        tier=tier_of(item),
        call=functools.partial(_call, item, exact),
        examples=_counting(test),
    )


def body_of(item: pytest.Function) -> Body:
    """The test function of an item, for a rehearsal."""
    fixtures = item._fixtureinfo
    return Body(
        function=item.obj,
        wants=tuple(fixtures.argnames),
        untaken=getattr(item.function, "untaken", ()),
        fixtures=frozenset(fixtures.name2fixturedefs),
        file=item.nodeid.partition("::")[0],
        hypothesis=hasattr(item.function, "hypothesis"),
    )


def slipped(item: pytest.Function, slip: Slip) -> str:
    """A slip that only real numbers showed, as a rehearsal would have told it."""
    body = body_of(item)
    source = ClaimLines(body.function, body.file)
    return source.raised(slip, said(slip), source.line)


def _params(item: pytest.Function) -> dict[str, Any]:
    return {name: value for name, value in item.callspec.params.items() if name not in ("tier", REPEATED)}


def _call(
    item: pytest.Function, exact: ExactOutcomes | None, check: Check, worlds: Mapping[str, Any]
) -> None:
    """Run the body with the worlds and ``check``; what else it takes comes from pytest.

    Raises:
        AssertionError: a counterexample found by hypothesis, told in one line.
        Mistake: the body checked nothing.
        Exception: whatever else the body raises.
    """
    known = {**item.callspec.params, **item.funcargs}  # of the latter there are none outside a session
    known |= {name: unshared(known[name]) for name in item.callspec.params}
    if unknown := sorted(set(item._fixtureinfo.argnames) - {"check", *known}):
        raise Mistake(f"it takes the fixture {unknown[0]}, which only a session of pytest makes")
    arguments = {name: check if name == "check" else known[name] for name in item._fixtureinfo.argnames}
    with leftovers.put_back(claim_id(item)):
        if hasattr(item.function, "hypothesis"):
            _call_exactly(item, exact, {**arguments, **worlds}, worlds)
        else:
            item.obj(**arguments, **worlds)
    if not check.relations and not hasattr(item.function, "hypothesis"):
        raise Mistake("the claim made no check: call check(...) in its body")
    if wrong := unprinted(claim_of(item), check.relations):
        raise Mistake(wrong)


def _call_exactly(
    item: pytest.Function,
    exact: ExactOutcomes | None,
    arguments: Mapping[str, Any],
    worlds: Mapping[str, Any],
) -> None:
    """Run a body by hypothesis, or come out as it did in an earlier session.

    Raises:
        AssertionError: a counterexample, told in one line.
        Exception: whatever else the body raises.
    """
    test = item.function.hypothesis.inner_test
    name = kept.name_of(item, worlds) if exact else ""
    outcome = exact.read(name) if exact and name else None
    if outcome is None:
        before, counterexample = test.examples, ""
        try:
            item.obj(**arguments)
        except (AssertionError, ExceptionGroup) as error:
            if not is_counterexample(error):
                raise
            counterexample = told(error) if isinstance(error, ExceptionGroup) else _counterexample(error)
        outcome = ExactOutcome(key=name, examples=test.examples - before, counterexample=counterexample)
        if exact and name:
            exact.keep(outcome)
    else:
        test.examples += outcome.examples
    if outcome.counterexample:
        raise AssertionError(outcome.counterexample)


def _counterexample(error: AssertionError) -> str:
    """The author's message, or pytest's account of the comparison with the arguments that fail it.

    pytest appends its own account to a message, on lines of its own; hypothesis leaves the arguments in
    a note (``Failing test case: test_x(`` and a line for each).
    """
    lines = str(error).strip().splitlines()
    first = lines[0].strip() if lines else "the assertion failed"
    if not first.startswith("assert ") and lines:
        return first
    notes = [note for note in getattr(error, "__notes__", ()) if "(" in note]
    arguments = " ".join(notes[0].partition("(")[2].rstrip(" )\n").split()).rstrip(",") if notes else ""
    return f"{first} for {arguments}" if arguments else first


def _counting(test: Any) -> Callable[[], int] | None:
    """Counts the examples that a body is held to, or None for a claim without hypothesis.

    One that the body's own ``assume`` gives back says nothing, and is not counted.
    """
    inner = getattr(test, "hypothesis", None)
    if inner is None:
        return None
    if not hasattr(inner.inner_test, "examples"):
        from hypothesis.errors import UnsatisfiedAssumption

        plain = inner.inner_test

        @functools.wraps(plain)
        def counted(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            counted.examples += 1  # type: ignore[attr-defined]
            try:
                return plain(*args, **kwargs)
            except UnsatisfiedAssumption:
                counted.examples -= 1  # type: ignore[attr-defined]
                raise

        counted.examples = 0  # type: ignore[attr-defined]
        inner.inner_test = counted
    return lambda: inner.inner_test.examples


def entry(item: pytest.Function, judgement: Judgement, seconds: float = 0.0) -> ClaimReport:
    """The report's entry for an item."""
    claim = claim_of(item)
    tier = tier_of(item)
    expected, because = claim.expects(tier)
    thesis = str(item.module.__doc__ or "").strip().partition("\n\n")[0]
    return ClaimReport(
        id=claim_id(item),
        tier=tier,
        params={name: _plain(value) for name, value in _params(item).items()},
        paper=claim.paper.key,
        where=claim.where,
        says=claim.says,
        adapted=claim.adapted[tier],
        reported=dict(claim.reported),
        expected=expected,
        expected_because=because,
        verdict=judgement.verdict,
        unexpected=judgement.verdict is not Verdict.NOT_RUN and not expected.allows(judgement.verdict),
        reason=_bounded(written(judgement.reason)),
        checks=judgement.checks,
        controls=judgement.controls,
        figures=judgement.figures,
        runs=judgement.runs,
        control_runs=judgement.control_runs,
        chance=judgement.chance,
        command=command_of(item),
        seconds=round(seconds, 3),
        family=item.module.__name__.rpartition(".")[2].removeprefix("test_"),
        thesis=written(" ".join(thesis.split())),
        contested=claim.contested,
        kind=claim.kind,
        changed=claim.changed,
        unprinted=claim.unprinted,
    )


def _bounded(reason: str) -> str:
    """A reason that a table has room for: what a claim raises may hold all of its arrays."""
    return reason if len(reason) <= LONGEST else f"{reason[:LONGEST]}... ({len(reason):,} characters)"


def _plain(value: object) -> str | int | float | bool | None:
    """A parameter as the report shows it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < 2**53:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    try:
        return written(str(value))
    except Exception:  # a class of the claim's own
        return type(value).__name__


def encoded(report: ClaimReport) -> str:
    """An entry as JSON, as it crosses xdist.

    Raises:
        Mistake: it holds what the report's schema has no place for (a figure named by a number, say).
    """
    try:
        text = msgspec.json.encode(report)
        msgspec.json.decode(text, type=ClaimReport)
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError) as error:
        raise Mistake(f"the report has no place for something that the claim says: {error}") from None
    return text.decode()


def unjudged(item: pytest.Function, verdict: Verdict, why: str) -> ClaimReport:
    """The entry of an item without evidence: it raised, it was skipped, or its worker was lost."""
    nothing = Judgement(verdict=verdict, reason=why, checks=(), controls=(), figures=(), runs=())
    return entry(item, nothing)


def message(report: ClaimReport) -> str:
    """What a failing item prints instead of a traceback: verdict and why, statement, evidence, controls."""
    headline = f"{report.verdict.value}, expected {report.expected.value}"
    lines = [f"{headline}: {report.reason}" if report.reason else headline, f"the claim: {report.says}"]
    if report.expected_because:
        lines.append(f"expected because: {report.expected_because}")
    lines += map(_evidence, report.checks)
    for control in report.controls:
        lines += _control(control)
    return "\n".join(lines)


def _control(control: ControlOutcome) -> list[str]:
    kind = "positive control" if control.positive else "control"
    said = [f"{kind} ({control.says}): {control.verdict.value}; {control.how}"]
    return said + ([] if control.discriminates else [_evidence(e) for e in control.checks])


def _evidence(evidence: Evidence) -> str:
    head = f"  {evidence.verdict.symbol} {evidence.statement}"
    if evidence.estimate is None:
        return f"{head}, n={evidence.n}"
    numbers = (evidence.estimate, evidence.low, evidence.high)
    estimate, low, high = ("..." if number is None else f"{number:.4g}" for number in numbers)
    return f"{head}: {estimate} [{low}, {high}], n={evidence.n}"
