"""Exact claims under hypothesis: a counterexample is proof, anything else that is raised an error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from harness.judging.check import Check
from harness.judging.ladder import Item, Judgement, judged
from harness.lab.lab import Lab
from harness.spec.claim import Control
from harness.spec.verdict import Verdict
from harness.tests.items import item

EXAMPLES = settings(
    derandomize=True, deadline=None, database=None, max_examples=40, phases=(Phase.generate, Phase.shrink)
)


def counterexample(body: Callable[..., None], lab: Lab, *controls: Control, world: Any = 0) -> Judgement:
    """What becomes of an exact claim about an integer n in a world."""
    tried: list[int] = []

    @EXAMPLES
    @given(n=st.integers(-1000, 1000))
    def test(world: int, n: int) -> None:
        tried.append(n)
        body(world, n)

    made = item(lambda world, check: None, *controls, world=world)
    fields = {name: getattr(made, name) for name in made.__struct_fields__}

    def call(check: Check, worlds: Mapping[str, Any]) -> None:
        test(world=worlds["world"])

    return judged(Item(**fields | {"call": call, "examples": lambda: len(tried)}), lab)


def spoiled(world: int) -> Control:
    return Control(says="spoiled", positive=False, worlds={"world": world})


def test_no_counterexample_reproduces_and_one_refutes_by_proof(lab: Lab) -> None:
    def body(world: int, n: int) -> None:
        assert n + world <= n, "it grew"

    holds = counterexample(body, lab, spoiled(1))
    assert holds.verdict is Verdict.REPRODUCED
    assert holds.checks[0].n >= 40
    assert holds.checks[0].level == 0
    assert holds.runs == ()
    assert holds.controls[0].verdict is Verdict.REFUTED
    fails = counterexample(body, lab, world=1)
    assert fails.verdict is Verdict.REFUTED  # no positive control is needed
    assert fails.reason.startswith("it grew")
    assert "n=0" in fails.reason  # the shrunk example is the evidence


def test_an_assertion_without_a_message_refutes_all_the_same(lab: Lab) -> None:
    def body(world: int, n: int) -> None:
        if n > 10:
            raise AssertionError

    judgement = counterexample(body, lab)
    assert judgement.verdict is Verdict.REFUTED
    assert "an assertion failed" in judgement.reason
    assert "n=11" in judgement.reason


def test_two_different_counterexamples_refute_as_one_does(lab: Lab) -> None:
    def body(world: int, n: int) -> None:
        assert n % 2, "even"
        assert n % 2 == 0, "odd"

    assert counterexample(body, lab).verdict is Verdict.REFUTED


def crashes(world: int, n: int) -> None:
    raise ZeroDivisionError


def crashes_and_fails(world: int, n: int) -> None:
    assert n % 2
    raise ZeroDivisionError


@pytest.mark.parametrize("body", [crashes, crashes_and_fails])
def test_any_other_exception_under_hypothesis_is_an_error(lab: Lab, body: Callable[..., None]) -> None:
    with pytest.raises((ZeroDivisionError, ExceptionGroup)) as raised:
        counterexample(body, lab)
    errors = raised.value.exceptions if isinstance(raised.value, ExceptionGroup) else (raised.value,)
    assert any(isinstance(error, ZeroDivisionError) for error in errors)
