"""How several checks, and the worlds they are tried in, become one verdict."""

from __future__ import annotations

import itertools

import pytest

from harness.evidence.outcome import ControlOutcome, conjunction, with_controls
from harness.spec.verdict import Verdict

REPRODUCED, REFUTED, INCONCLUSIVE = Verdict.REPRODUCED, Verdict.REFUTED, Verdict.INCONCLUSIVE
JUDGED = (REPRODUCED, REFUTED, INCONCLUSIVE)


def outcome(verdict: Verdict, discriminates: bool, *, positive: bool = False) -> ControlOutcome:
    return ControlOutcome(
        says="labels are true",
        positive=positive,
        verdict=verdict,
        discriminates=discriminates,
        how="it differs",
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
    seen = outcome(REFUTED, True)
    assert with_controls(REPRODUCED, [seen]) == (REPRODUCED, "")
    verdict, reason = with_controls(REPRODUCED, [])
    assert (verdict, "no control" in reason) == (INCONCLUSIVE, True)
    verdict, reason = with_controls(REPRODUCED, [seen, outcome(REPRODUCED, False)])
    assert (verdict, "does not discriminate" in reason) == (INCONCLUSIVE, True)
    assert with_controls(REPRODUCED, [outcome(REPRODUCED, True, positive=True)])[0] is INCONCLUSIVE


def test_a_refutation_needs_a_positive_control_that_holds_unless_it_is_a_proof() -> None:
    holds = outcome(REPRODUCED, True, positive=True)
    assert with_controls(REFUTED, [holds]) == (REFUTED, "")
    assert with_controls(REFUTED, [outcome(REFUTED, True)])[0] is INCONCLUSIVE
    assert with_controls(REFUTED, [holds, outcome(INCONCLUSIVE, False, positive=True)])[0] is INCONCLUSIVE
    assert with_controls(REFUTED, [], proof=True) == (REFUTED, "")


@pytest.mark.parametrize("judged", [INCONCLUSIVE, Verdict.NOT_RUN, Verdict.ERROR])
def test_controls_never_raise_a_verdict(judged: Verdict) -> None:
    controls = [outcome(REFUTED, True), outcome(REPRODUCED, True, positive=True)]
    assert with_controls(judged, controls) == (judged, "")


def test_every_verdict_has_its_own_letter_and_symbol() -> None:
    assert len({v.letter for v in Verdict}) == len({v.symbol for v in Verdict}) == len(Verdict) == 5
