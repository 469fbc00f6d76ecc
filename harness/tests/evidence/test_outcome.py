"""How several checks, and the worlds they are tried in, become one verdict."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from harness.evidence.outcome import ControlOutcome, Evidence, conjunction, uncovered, with_controls
from harness.spec.verdict import Verdict

REPRODUCED, REFUTED, INCONCLUSIVE = Verdict.REPRODUCED, Verdict.REFUTED, Verdict.INCONCLUSIVE
JUDGED = (REPRODUCED, REFUTED, INCONCLUSIVE)


TWO = tuple(
    Evidence(relation="above", statement=f"{x} > 0", verdict=REPRODUCED, n=5, level=0.032, because="any")
    for x in "xy"
)
ONE = TWO[:1]


def outcome(
    verdict: Verdict, discriminates: bool, *, positive: bool = False, failing: tuple[int, ...] = ()
) -> ControlOutcome:
    return ControlOutcome(
        says="labels are true",
        positive=positive,
        verdict=verdict,
        discriminates=discriminates,
        how="it differs",
        failing=failing,
    )


@pytest.mark.parametrize("verdicts", [v for k in (1, 2, 3) for v in itertools.product(JUDGED, repeat=k)])
def test_conjunction_is_all_reproduced_or_any_refuted(verdicts: tuple[Verdict, ...]) -> None:
    verdict = conjunction(verdicts)
    assert (verdict is REFUTED) == (REFUTED in verdicts)
    assert (verdict is REPRODUCED) == all(v is REPRODUCED for v in verdicts)
    assert verdict is conjunction(reversed(verdicts))


def test_a_body_without_checks_is_an_error() -> None:
    assert conjunction(()) is Verdict.ERROR


def test_a_reproduction_needs_a_negative_control_that_discriminates() -> None:
    seen = outcome(REFUTED, True, failing=(0,))
    assert with_controls(REPRODUCED, ONE, [seen]) == (REPRODUCED, "")
    verdict, reason = with_controls(REPRODUCED, ONE, [])
    assert (verdict, "no control" in reason) == (INCONCLUSIVE, True)
    verdict, reason = with_controls(REPRODUCED, ONE, [seen, outcome(REPRODUCED, False)])
    assert (verdict, "does not discriminate" in reason) == (INCONCLUSIVE, True)
    positive = outcome(REPRODUCED, True, positive=True, failing=(0,))
    assert with_controls(REPRODUCED, ONE, [positive])[0] is INCONCLUSIVE


def test_every_check_of_a_reproduction_fails_in_a_control_or_says_why_none_can() -> None:
    first, second = (outcome(REFUTED, True, failing=(i,)) for i in (0, 1))
    assert uncovered(TWO, [first]) == (1,)
    assert uncovered(TWO, [first, second]) == ()
    assert uncovered(TWO, [first, outcome(REPRODUCED, True, positive=True, failing=(1,))]) == (1,)
    verdict, reason = with_controls(REPRODUCED, TWO, [first])
    assert verdict is INCONCLUSIVE
    assert "no control makes a check fail (y > 0)" in reason
    assert with_controls(REPRODUCED, TWO, [first, second]) == (REPRODUCED, "")
    said = (TWO[0], msgspec.structs.replace(TWO[1], uncontrolled="both worlds are chosen to fit"))
    assert with_controls(REPRODUCED, said, [first]) == (REPRODUCED, "")


def test_no_control_is_not_enough_even_where_none_could_make_a_check_fail() -> None:
    said = tuple(msgspec.structs.replace(check, uncontrolled="chosen to fit") for check in TWO)
    assert with_controls(REPRODUCED, said, [])[0] is INCONCLUSIVE
    assert with_controls(REPRODUCED, said, [outcome(REFUTED, True)])[0] is REPRODUCED


def test_a_refutation_needs_a_positive_control_that_holds_unless_it_is_a_proof() -> None:
    holds = outcome(REPRODUCED, True, positive=True)
    assert with_controls(REFUTED, TWO, [holds]) == (REFUTED, "")
    assert with_controls(REFUTED, ONE, [outcome(REFUTED, True)])[0] is INCONCLUSIVE
    failed = outcome(INCONCLUSIVE, False, positive=True)
    assert with_controls(REFUTED, ONE, [holds, failed])[0] is INCONCLUSIVE
    assert with_controls(REFUTED, ONE, [], proof=True) == (REFUTED, "")


@pytest.mark.parametrize("judged", [INCONCLUSIVE, Verdict.NOT_RUN, Verdict.ERROR])
def test_controls_never_raise_a_verdict(judged: Verdict) -> None:
    controls = [outcome(REFUTED, True, failing=(0,)), outcome(REPRODUCED, True, positive=True)]
    assert with_controls(judged, ONE, controls) == (judged, "")


def test_every_verdict_has_its_own_letter_and_symbol() -> None:
    assert len({v.letter for v in Verdict}) == len({v.symbol for v in Verdict}) == len(Verdict) == 5
